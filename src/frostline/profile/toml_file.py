"""Reads a TOML file and finds the line of each key, for error messages."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from frostline.core import text_file
from frostline.core.errors import Problem, TomlError, UsageError

Key = tuple[str | int, ...]
Mistake = tuple[Key, str]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_STRINGS = re.compile(r'"(?:\\.|[^"\\])*"|' + r"'[^']*'|#.*")


@dataclass(frozen=True)
class TomlFile:
    """A TOML file, or the table *key* of one.

    *name* is for messages, *page* describes the keys of *table*.
    """

    name: str
    text: str
    table: dict[str, object]
    page: str
    key: Key = ()

    def error(self, mistakes: Iterable[Mistake]) -> TomlError:
        """Return the TomlError that lists *mistakes* with their lines."""
        lines = index(self.text)
        problems = [
            Problem(self.name, find(lines, key), ".".join(map(str, key)), reason)
            for key, reason in (((*self.key, *key), why) for key, why in dict.fromkeys(mistakes))
        ]
        return TomlError(problems, self.page)


def read(path: Path, root: Path, page: str = "", key: Key = ()) -> TomlFile:
    """Return the TOML file at *path*, or its table *key*; *page* describes its keys.

    Its name is relative to *root*. Raises UsageError if it cannot be read, TomlError with the line
    of a syntax error, KeyError if it has no such table.
    """
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    try:
        text = text_file.read(path)
    except FileNotFoundError:
        message = f"{path} does not exist."
        raise UsageError(message, hint="write it, or remove the link to it") from None
    try:
        return TomlFile(name, text, _table(tomllib.loads(text), key), page, key)
    except tomllib.TOMLDecodeError as error:
        raise TomlError([_syntax_problem(name, text, error)], page) from None
    except RecursionError:
        problem = Problem(name, 1, "TOML", "tables and arrays are nested too deeply")
        raise TomlError([problem], page) from None


def _table(table: dict[str, object], key: Key) -> dict[str, object]:
    for part in key:
        inner = table[str(part)]
        if not isinstance(inner, dict):
            raise KeyError(part)
        table = inner
    return table


def _syntax_problem(name: str, text: str, error: tomllib.TOMLDecodeError) -> Problem:
    """Return *error* as a problem with its line, or the last line if it names none."""
    reason, _, place = str(error).partition(" (at line ")
    number = place.partition(",")[0]
    line = int(number) if number.isdigit() else text.count("\n") + 1
    return Problem(name, line, "TOML", reason)


def index(text: str) -> dict[Key, int]:
    """Return the line of every table and key of *text*, which `tomllib` does not keep."""
    lines: dict[Key, int] = {(): 1}
    counts: Counter[Key] = Counter()
    table: Key = ()
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if depth == 0 and (header := _HEADER.match(line)):
            table = _resolve(_parts(header[2]), counts)
            if header[1] == "[[":
                counts[table] += 1
                table = (*table, counts[table] - 1)
            lines.setdefault(table, number)
            continue
        if depth == 0 and (assignment := _ASSIGNMENT.match(line)):
            lines.setdefault((*table, *_parts(assignment[1])), number)
        bare = _STRINGS.sub("", line)
        depth += sum(map(bare.count, "[{")) - sum(map(bare.count, "]}"))
    return lines


def find(lines: dict[Key, int], key: Key) -> int:
    """Return the line of *key*, or of the closest table around it."""
    while key not in lines:
        key = key[:-1]
    return lines[key]


def _parts(dotted: str) -> Key:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _resolve(names: Key, counts: Counter[Key]) -> Key:
    """Return *names* with the index of the current element after each array of tables."""
    resolved: Key = ()
    for name in names[:-1]:
        resolved = (*resolved, name)
        if counts[resolved]:
            resolved = (*resolved, counts[resolved] - 1)
    return (*resolved, *names[-1:])
