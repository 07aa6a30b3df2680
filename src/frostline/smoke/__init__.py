"""Launching what was built, cut off from network and source, and the verdict on it.

What can be seen without launching belongs to `audit`.
"""
