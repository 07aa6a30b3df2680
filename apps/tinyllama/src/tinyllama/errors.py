"""The errors of tinyllama."""


class StartError(Exception):
    """The server cannot start; the message says why."""
