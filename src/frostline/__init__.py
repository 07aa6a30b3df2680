"""Builds Python backends into frozen, audited and smoke-tested artifacts for every platform."""

__version__ = "0.1.0"
