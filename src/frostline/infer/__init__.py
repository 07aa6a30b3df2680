"""Recognises a project: what runs, how it is served, what it needs; and opens builds with it.

It reads files and never imports the product; only finding a health path starts it. What is
decided from its results stands in `freeze`.
"""
