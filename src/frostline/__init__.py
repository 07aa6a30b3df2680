"""Frozen, smoke-tested and orphan-free Python backends for every platform."""

__version__ = "0.1.0"
