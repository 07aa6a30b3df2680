"""Makes Invoke tasks of verbs: converts flags, shows results and reports errors."""

import traceback
from collections.abc import Callable, Generator
from contextlib import closing
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

from frostline.cli.flags import HELP, building_in, platform_named
from frostline.cli.storage import storage_error
from frostline.cli.verb import Body, Verb
from frostline.core import exit_codes, log
from frostline.core.errors import FrostlineError, UsageError, did_you_mean
from frostline.core.platforms import Platform

_JSON = Parameter("json", Parameter.KEYWORD_ONLY, default=False, annotation=bool)
_FOLDER = Parameter("build_folder", Parameter.KEYWORD_ONLY, default=None, annotation=Path | None)


class VerbTask(Task[Body]):
    """A verb as an Invoke task."""

    def __init__(self, verb: Verb) -> None:
        flags = signature(verb.body).parameters
        texts = {name: text for name, text in HELP.items() if name in flags}
        self.verb = verb
        texts |= {flag.name: HELP[flag.name] for flag in _common(verb)}
        super().__init__(verb.body, name=verb.name, auto_shortflags=False, help=texts)
        self.__doc__ = log.as_called(verb.body.__doc__ or "")

    def argspec(self, body: Body) -> Signature:
        """Return the signature of *body* with the flags of all verbs; they take no context."""
        known = signature(body)
        return known.replace(parameters=[*known.parameters.values(), *_common(self.verb)])

    def get_arguments(
        self,
        ignore_unknown_help: bool | None = None,  # noqa: FBT001  # Invoke's signature
    ) -> list[Argument]:  # Invoke's signature
        """Return the arguments, each with a converter for its annotation."""
        flags = self.argspec(self.body).parameters
        arguments = super().get_arguments(ignore_unknown_help)
        for argument in arguments:
            name = str(argument.attr_name or argument.name)
            if flags[name].annotation is not bool:
                argument.kind = _checked(name, _without_none(flags[name].annotation))
                argument.default = flags[name].default
        return arguments

    def __call__(self, *_: object, **flags: object) -> Body:
        """Run the verb; print errors and turn them into exit codes (nothing else does)."""
        log.accept_any_text()
        try:
            code = run(self.verb, flags)
        except KeyboardInterrupt:
            log.warning("interrupted")
            raise Exit(code=exit_codes.INTERRUPTED) from None
        except BrokenPipeError:
            log.no_more_output()
            raise Exit(code=exit_codes.BUG) from None
        except FrostlineError as error:
            raise _report(error) from None
        except OSError as error:
            problem = storage_error(error)
            if not problem:
                traceback.print_exc()
                raise Exit(code=exit_codes.BUG) from None
            if not error.filename:
                log.no_more_output()
            raise _report(problem) from None
        except Exception:  # noqa: BLE001  # a bug in frostline: show the traceback
            traceback.print_exc()
            raise Exit(code=exit_codes.BUG) from None
        if code:
            raise Exit(code=code)
        return self.body


def run(verb: Verb, flags: dict[str, object]) -> int:
    """Run *verb*, show its result as JSON or for people, and return its exit code."""
    as_json = bool(flags.pop("json", False))
    folder = flags.pop("build_folder", None)
    with building_in(folder if isinstance(folder, Path) else None):
        result = verb.body(**flags)
        if not isinstance(result, Generator):
            return _show(verb, result, as_json=as_json)
        code = 0
        with closing(result):
            for item in result:
                code = _show(verb, item, as_json=as_json)
        return code


def _common(verb: Verb) -> tuple[Parameter, ...]:
    """Return the flags that *verb* has beside those of its body."""
    return (_FOLDER, _JSON) if verb.project else (_JSON,)


def _show(verb: Verb, result: object, *, as_json: bool) -> int:
    if as_json:
        from frostline.core import json_file

        log.result(verb.as_json(result) if verb.as_json else json_file.dump(result))
    else:
        verb.show(result)
    return verb.code(result)


def convert(name: str, kind: object, text: str) -> object:
    """Return *text* as a *kind*: Platform, Literal, int, Path or str. Raises UsageError."""
    flag = f"--{name.replace('_', '-')}"
    if kind is Platform:
        return platform_named(text)
    if get_origin(kind) is Literal:
        choices = tuple(map(str, get_args(kind)))
        if text in choices:
            return text
        message = f'{flag}: invalid choice "{text}".{did_you_mean(text, choices)}'
        raise UsageError(message, hint=f"choices: {', '.join(choices)}")
    if kind is int:
        try:
            return int(text)
        except ValueError:
            message = f'{flag}: "{text}" is not a whole number.'
            raise UsageError(message, hint=f"for example {flag} 3") from None
    return Path(text).expanduser() if kind is Path else text


def _checked(name: str, kind: object) -> Callable[[str], object]:
    def value(text: str) -> object:
        try:
            return convert(name, kind, text)
        except FrostlineError as error:  # Invoke is still parsing: no task is running
            raise _report(error) from None

    return value


def _without_none(hint: object) -> object:
    """Return `X` for the type `X | None`, else *hint*."""
    if get_origin(hint) in {Union, UnionType}:
        return next(kind for kind in get_args(hint) if kind is not NoneType)
    return hint


def _report(error: FrostlineError) -> Exit:
    log.error(error)
    return Exit(code=error.exit_code)
