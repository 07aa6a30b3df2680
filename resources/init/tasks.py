"""frostline's verbs as Invoke tasks: `invoke build`, `invoke --list`."""

from frostline.cli.verbs import namespace

__all__ = ["namespace"]
