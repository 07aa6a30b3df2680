"""Reads and checks the files that users write: profile, resources and policy.

Reports every mistake with file and line. Nothing here runs, fetches or builds anything.
"""
