"""Builds on other machines: containers, images, cibuildwheel, GitHub's runners.

Decides where something is built, never what is built.
"""
