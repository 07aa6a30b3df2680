"""The command line: the verbs by theme, their flags, and how results are shown.

A verb checks its flags, calls the function that does the work and returns its result.
"""
