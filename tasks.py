"""Invoke's collection of this repository: frostline's own."""

from frostline.tasks import namespace

__all__ = ["namespace"]
