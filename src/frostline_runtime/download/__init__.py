"""Downloads: a file is complete and checked under its name, or not there.

Knows no model and no manifest. Frozen only into artifacts that have something to download.
"""
