"""Invoke's parser, with frostline's messages and exit code for a wrong command line."""

import re

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from frostline.cli.verb import VERBS
from frostline.core import log
from frostline.core.errors import UsageError, did_you_mean


class CommandLine(Program):
    """The program `frostline`."""

    def parse_tasks(self) -> None:
        """Parse the verbs and their flags; if they are wrong, print why and raise Exit."""
        try:
            super().parse_tasks()
        except ParseError as error:
            problem = _usage_error(error)
            log.error(problem)
            raise Exit(code=problem.exit_code) from None


def _usage_error(error: ParseError) -> UsageError:
    """Return *error* in frostline's words; Invoke names the word in quotes or as an Argument."""
    verb = (error.context and error.context.name) or ""
    flags = list(error.context.flags) if error.context else []
    help_of_verb = f"run `frostline {verb} --help`" if verb else "run `frostline --help`"
    match re.findall(r"^No idea what '(.*)' is!|<Argument: (\S+)", str(error)):
        case [(str(word), "")] if word.startswith("-"):
            message = f"{verb or 'frostline'} has no flag {word}.{did_you_mean(word, flags)}"
            return UsageError(message, hint=help_of_verb)
        case [(str(word), "")]:
            message = f'there is no verb "{word}".{did_you_mean(word, [*VERBS])}'
            return UsageError(message, hint="run `frostline --help`")
        case [("", str(flag))]:
            return UsageError(f"--{flag} needs a value.", hint=help_of_verb)
        case _:
            return UsageError(str(error), hint=help_of_verb)
