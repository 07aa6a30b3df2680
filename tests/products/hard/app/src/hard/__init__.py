"""A product of packages that are known to be hard to freeze."""
