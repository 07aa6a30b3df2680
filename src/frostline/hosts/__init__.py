"""Other machines that build: containers, images, cibuildwheel, GitHub's runners.

Nothing here decides what is built, only where.
"""
