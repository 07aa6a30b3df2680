"""Finds mistakes in a profile that its types do not catch, such as missing files.

It takes the raw TOML data, whose types may be wrong, so that all mistakes are reported at once.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeGuard

from pydantic import ValidationError

from frostline.core.errors import did_you_mean
from frostline.core.platforms import PLATFORMS
from frostline.profile.table import Table, keys_at
from frostline.profile.toml_file import Key, Mistake

_FILE_KEYS = ("source", "requirements")
_FILE_LISTS = ("hooks", "runtime_hooks")
_FILE_TABLES = (("data", "source"), ("before", "requirements"))
_SINGLE_FILES = (("windows", "manifest"), ("windows", "version_file"))


def of_fields(error: ValidationError, table: type[Table]) -> Iterator[Mistake]:
    """Yield the mistakes that pydantic found in *table* in plain words, with similar keys."""
    for item in error.errors(include_url=False, include_context=False):
        loc = item["loc"]
        if item["type"] == "extra_forbidden":
            yield loc, _unknown_key(loc, keys_at(table, loc[:-1]))
        elif item["type"] == "missing":
            yield loc, "is required and missing"
        else:
            yield loc, f"{item['msg']}, got {_shown(item['input'])}"


def _unknown_key(key: Key, known: tuple[str, ...]) -> str:
    """Return the reason why *key* is unknown; some keys have a reason of their own."""
    match key:
        case ("icon", "linux" | "darwin"):
            return "is not supported: only executables for Windows contain an icon."
        case _:
            return f"unknown key.{did_you_mean(str(key[-1]), known)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  # fits a line


def find(raw: Mapping[str, object], root: Path) -> Iterator[Mistake]:
    """Yield missing files, unknown platforms and wrong services of the profile *raw*."""
    for key, name in _named_files(raw):
        if isinstance(name, str) and name and "{" not in name and not (root / name).exists():
            yield key, f"no such file or folder: {name}"
        elif isinstance(name, str) and key == ("source",) and (root / name).is_file():
            yield key, f"must be a folder with a pyproject.toml, not a file: {name}"
        elif (
            isinstance(name, str) and name and key[-1] == "requirements" and (root / name).is_dir()
        ):
            yield key, f"must be a file, not a folder: {name}"
    for number, name in enumerate(strings(raw.get("platforms"))):
        if name not in PLATFORMS:
            yield ("platforms", number), f"unknown platform.{did_you_mean(name, (*PLATFORMS,))}"
    yield from _service_mistakes(raw)


def _named_files(raw: Mapping[str, object]) -> Iterator[tuple[Key, object]]:
    for key in _FILE_KEYS:
        yield (key,), raw.get(key)
    for key in _FILE_LISTS:
        for number, name in enumerate(strings(raw.get(key))):
            yield (key, number), name
    for key, field in _FILE_TABLES:
        for number, table in enumerate(tables(raw.get(key))):
            yield (key, number, field), table.get(field)
    for key, field in _SINGLE_FILES:
        holder = raw.get(key)
        if is_table(holder):
            yield (key, field), holder.get(field)
    icon = raw.get("icon")
    if is_table(icon):
        for system, file in icon.items():
            yield ("icon", system), file


def _service_mistakes(raw: Mapping[str, object]) -> Iterator[Mistake]:
    services = tables(raw.get("services"))
    names = [str(service.get("name")) for service in services]
    ports: dict[int, str] = {}
    for number, service in enumerate(services):
        name = names[number]
        if name in names[:number]:
            yield ("services", number, "name"), f'another service is already called "{name}"'
        for need in strings(service.get("needs")):
            if need not in names:
                hint = did_you_mean(need, names)
                yield ("services", number, "needs"), f'there is no service "{need}".{hint}'
        yield from _port_mistakes(number, service.get("port"), name, ports)
        if service.get("kind") == "llamafile" and not raw.get("model_server"):
            yield ("services", number, "kind"), "a llamafile needs a [model_server] table"
        if service.get("kind") == "command" and not service.get("command"):
            yield ("services", number, "command"), "a service of kind command needs a command"
        yield from _probe_mistakes(number, service)
    if cycle := _cycle({str(s.get("name")): strings(s.get("needs")) for s in services}):
        yield ("services",), f"services need each other in a cycle: {' → '.join(cycle)}"


def _port_mistakes(
    number: int, port: object, name: str, ports: dict[int, str]
) -> Iterator[Mistake]:
    if not is_table(port):
        return
    pattern = port.get("pattern", "(.)")
    if isinstance(pattern, str) and not _finds_one(pattern):
        key = ("services", number, "port", "pattern")
        yield key, "must be a regular expression with one group, the port"
    chosen = port.get("number")
    if not isinstance(chosen, int):
        return  # of the wrong type: another mistake
    if chosen and chosen in ports:
        yield ("services", number, "port"), f"{ports[chosen]} already has port {chosen}"
    elif chosen:
        ports[chosen] = name


def _finds_one(pattern: str) -> bool:
    try:
        return re.compile(pattern).groups == 1
    except re.error:
        return False


def _probe_mistakes(number: int, service: Mapping[str, object]) -> Iterator[Mistake]:
    for role in ("startup", "readiness", "liveness"):
        probe = service.get(role)
        if not is_table(probe):
            continue
        place = ("services", number, role)
        kind = str(probe.get("kind", "http"))
        if kind == "line":
            try:
                re.compile(str(probe.get("pattern", "")))
            except re.error as error:
                yield (*place, "pattern"), f"is not a regular expression: {error}"
            if not probe.get("pattern"):
                yield (*place, "pattern"), "a probe of kind line needs a pattern"
        if kind in {"line", "descriptor"} and role != "startup":
            yield (*place, "kind"), f"{kind} works for startup only; use http or tcp"
        listens = service.get("port") or service.get("kind") == "llamafile"
        if kind in {"http", "tcp"} and not listens:
            yield place, "an http or tcp probe needs a service with a port"


def _cycle(needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    def walk(name: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if name in path:
            return (*path[path.index(name) :], name)
        for need in needs.get(name, ()):
            if found := walk(need, (*path, name)):
                return found
        return ()

    for name in needs:
        if found := walk(name, ()):
            return found
    return ()


def is_table(value: object) -> TypeGuard[dict[str, object]]:
    """Return whether *value* is a TOML table."""
    return isinstance(value, dict)


def tables(value: object) -> tuple[dict[str, object], ...]:
    """Return the tables in the array *value*; nothing if it is not an array."""
    return tuple(item for item in value if is_table(item)) if isinstance(value, list) else ()


def strings(value: object) -> tuple[str, ...]:
    """Return the strings in the array *value*; nothing if it is not an array."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
