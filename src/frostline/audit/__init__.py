"""Examines a bundle without running it, and explains why something is in it.

A new rule is a row of `rules.AUDIT` and a function that yields its findings. Nothing here starts
or changes a bundle.
"""
