"""Invoke's collection of this repository: frostline's own."""

from frostline.cli.verbs import namespace

__all__ = ["namespace"]
