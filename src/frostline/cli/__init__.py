"""The command line: the verbs by theme, their flags, and how results are shown.

Nothing is decided here: a verb calls one function and returns its result.
"""
