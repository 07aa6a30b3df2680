"""The console script `frostline`: the same tasks without a tasks.py."""

from invoke.program import Program

from frostline import __version__
from frostline.cli.verbs import namespace


def main() -> None:
    """Run the task that the command line names."""
    Program(name="frostline", version=__version__, namespace=namespace).run()
