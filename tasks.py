"""The Invoke collection of this repository: frostline's verbs."""

from frostline.cli.verbs import namespace

__all__ = ["namespace"]
