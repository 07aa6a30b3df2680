"""What a frozen artifact knows of itself: its manifest, variables, folders, and what it announces.

Imported before the first line of output, so nothing expensive may be imported here.
"""
