"""What an artifact knows about itself: manifest, variables, folders, and what it announces.

Imported before the first line of output, so nothing expensive may be imported here.
"""
