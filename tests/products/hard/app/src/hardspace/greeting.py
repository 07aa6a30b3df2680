"""Found by its entry point only, in a package without `__init__.py`."""


def greet() -> str:
    """Return a greeting."""
    return "hello from a plugin"
