"""What can go wrong."""


class StartError(Exception):
    """The server cannot start; the message says why."""
