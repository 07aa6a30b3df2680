"""Invoke tasks whose arguments are converted and validated from their annotations."""

import inspect
import traceback
from collections.abc import Callable
from errno import EACCES, EDQUOT, ENOSPC, EROFS
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, Protocol, Union, get_args, get_origin, get_type_hints

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

from frostline.core import log
from frostline.core.errors import FrostlineError, StorageError, UsageError, did_you_mean

INTERRUPTED = 130


Body = Callable[..., object]  # type: ignore[explicit-any]  # any task's own flags


class Converter(Protocol):
    """Turns the text of an argument into its value. Raises UsageError."""

    def __call__(self, text: str, /) -> object:
        """Return the value of *text*."""


# Annotations that only the tasks' own modules know how to read, such as a platform.
converters: dict[object, Converter] = {}


class TypedTask(Task[Body]):
    """A task that reports a user's mistakes on one line and in its exit code."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:  # noqa: FBT001  # Invoke's signature
        """Return the arguments, each with the converter of its annotation."""
        hints = get_type_hints(self.body)
        arguments = super().get_arguments(ignore_unknown_help)
        for argument in arguments:
            name = str(argument.attr_name or argument.name)
            if hints[name] is not bool:
                argument.kind = _checked(name, _wanted(hints[name]))
                argument.default = _default(self.body, name)
        return arguments

    def __call__(self, *args: object, **kwargs: object) -> Body:
        """Run the body; the one place where errors are printed and become exit codes."""
        try:
            return super().__call__(*args, **kwargs)
        except KeyboardInterrupt:
            log.warning("interrupted")
            raise Exit(code=INTERRUPTED) from None
        except FrostlineError as error:
            raise _report(error) from None
        except OSError as error:
            if error.errno not in {EACCES, EDQUOT, ENOSPC, EROFS}:
                raise
            raise _report(_storage_error(error)) from None
        except Exit:
            raise
        except Exception:  # noqa: BLE001  # the edge: a mistake of ours, with its traceback
            traceback.print_exc()
            raise Exit(code=1) from None


def convert(name: str, kind: object, text: str) -> object:
    """Return *text* as *kind*: a Literal, int, Path or str. Raises UsageError."""
    flag = f"--{name.replace('_', '-')}"
    if kind in converters:
        return converters[kind](text)
    if get_origin(kind) is Literal:
        choices = tuple(map(str, get_args(kind)))
        if text in choices:
            return text
        message = f'{flag}: "{text}" is no choice.{did_you_mean(text, choices)}'
        raise UsageError(message, hint=f"choices: {', '.join(choices)}")
    if kind is int:
        try:
            return int(text)
        except ValueError:
            message = f'{flag}: "{text}" is no whole number.'
            raise UsageError(message, hint=f"for example {flag} 3") from None
    return Path(text) if kind is Path else text


def _checked(name: str, kind: object) -> Callable[[str], object]:
    def value(text: str) -> object:
        try:
            return convert(name, kind, text)
        except FrostlineError as error:  # while parsing, so before any task's own edge
            raise _report(error) from None

    return value


def _wanted(hint: object) -> object:
    """Return what *hint* asks for when a value is given: `X` for `X | None`."""
    if get_origin(hint) in {Union, UnionType}:
        return next(kind for kind in get_args(hint) if kind is not NoneType)
    return hint


def _default(body: Body, name: str) -> object:
    default = inspect.signature(body).parameters[name].default
    return None if default is inspect.Parameter.empty else default


def _report(error: FrostlineError) -> Exit:
    log.error(error)
    return Exit(code=error.exit_code)


def _storage_error(error: OSError) -> StorageError:
    hints = {ENOSPC: "free some space and try again", EDQUOT: "free some of your quota"}
    hint = hints.get(error.errno or 0, "make it writable, or build somewhere else")
    return StorageError(f"{error.filename or 'a file'}: {error.strerror}.", hint=hint)
