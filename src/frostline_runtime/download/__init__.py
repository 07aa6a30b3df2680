"""Fetching a file so that it is whole and right, or not there.

Only in bundles that have something to fetch.
"""
