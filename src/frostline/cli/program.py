"""The console script `frostline`: the verbs without a tasks.py."""

import sys

from frostline import __version__
from frostline.cli.storage import storage_error
from frostline.core import exit_codes, log


def main() -> None:
    """Run the verb that the command line names."""
    log.open_streams()
    log.accept_any_text()
    try:
        try:
            _run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        log.no_more_output()
        sys.exit(exit_codes.BUG)
    except OSError as error:
        problem = storage_error(error)
        if not problem:
            raise
        log.no_more_output()
        log.error(problem)
        sys.exit(problem.exit_code)


def _run() -> None:
    # Answered without Invoke, which takes 0.2 s to import.
    if sys.argv[1:] in (["--version"], ["-V"]):
        print_version()
    elif sys.argv[1:] in ([], ["--help"], ["-h"]):
        print_help()
    else:
        from frostline.cli.command_line import CommandLine
        from frostline.cli.verbs import namespace

        CommandLine(name="frostline", version=__version__, namespace=namespace).run()


def print_version() -> None:
    """Print the name and version."""
    sys.stdout.write(f"frostline {__version__}\n")


def print_help() -> None:
    """Print the verbs by group, each with the first line of its docstring."""
    from frostline.cli import build, llamafile, look, project, prove, ship  # noqa: F401  # records
    from frostline.cli.verb import GROUPS, VERBS

    lines = ["Usage: frostline VERB [--flag VALUE …]", "Examples: frostline VERB --help"]
    for group in GROUPS:
        verbs = [verb for verb in VERBS.values() if verb.group == group]
        lines += ["", f"{group}:", *(f"  {verb.name:<10} {verb.summary}" for verb in verbs)]
    sys.stdout.write("\n".join(lines) + "\n")
