"""Finds the line of a key in a TOML file: `tomllib` does not tell."""

import re
from collections import Counter

Key = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_STRINGS = re.compile(r'"(?:\\.|[^"\\])*"|' + r"'[^']*'|#.*")


def index(text: str) -> dict[Key, int]:
    """Return the line number of every table and key at the start of a line of *text*."""
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
    """Return the line of *key*, or of the nearest table around it."""
    while key not in lines:
        key = key[:-1]
    return lines[key]


def _parts(dotted: str) -> Key:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _resolve(names: Key, counts: Counter[Key]) -> Key:
    """Return *names* with the index of the last element after each array of tables on the way."""
    resolved: Key = ()
    for name in names[:-1]:
        resolved = (*resolved, name)
        if counts[resolved]:
            resolved = (*resolved, counts[resolved] - 1)
    return (*resolved, *names[-1:])
