"""Downloads: a file is complete and checked under its name, or not there.

Frozen only into artifacts that have something to download.
"""
