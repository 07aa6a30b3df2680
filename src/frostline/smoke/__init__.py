"""Launches a built artifact, isolated from network and source, and writes the verdict.

Checks that need no launch belong to `audit`.
"""
