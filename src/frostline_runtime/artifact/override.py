"""The user's settings: `settings.toml` or `settings.json` in the storage folder.

A wrong setting is reported and ignored; the shipped value is used.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from frostline_runtime.artifact.manifest import Manifest, ModelServer, Port, Service

NAMES = ("settings.toml", "settings.json")

Table = Mapping[str, object]


def _text(value: object) -> bool:
    return isinstance(value, str)


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= -1


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_text, value))


_LAST_PORT = 65535
_RESTART = ("always", "on-failure", "never")
# Each key, the test of its value, and what is expected in words.
_Rules = Mapping[str, tuple[Callable[[object], bool], str]]
_SERVICE: _Rules = {
    "enabled": (lambda value: isinstance(value, bool), "true or false"),
    "port": (lambda value: _whole(value) and 1 <= int(str(value)) <= _LAST_PORT, "1 to 65535"),
    "grace": (_seconds, "seconds"),
    "start_timeout": (_seconds, "seconds"),
    "restart": (lambda value: value in _RESTART, " or ".join(_RESTART)),
    "environment": (
        lambda value: isinstance(value, dict) and all(map(_text, value.values())),
        "a table of text",
    ),
}  # fmt: skip
_MODEL_SERVER: _Rules = {
    "executable": (_text, "a path"),
    "model": (_text, "a path"),
    "context": (_whole, "a whole number"),
    "gpu_layers": (_whole, "a whole number"),
    "predict": (_whole, "a whole number"),
    "arguments": (_texts, "an array of text"),
}


def load(manifest: Manifest, folder: Path | None) -> tuple[Manifest, list[str]]:
    """Return *manifest* changed by the settings in *folder*, and the mistakes in them."""
    paths = [folder / name for name in NAMES] if folder else []
    path = next(filter(Path.is_file, paths), None)
    if not path:
        return manifest, []
    try:
        settings = parse(path)
    except (OSError, ValueError) as error:
        return manifest, [f"{path}: {error}; it is not used"]
    changed, problems = apply(manifest, settings)
    return changed, [f"{path}: {problem}" for problem in problems]


def parse(path: Path) -> Table:
    """Return the settings in file *path*. Raises OSError, ValueError."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".json":
        found = json.loads(text)
    else:
        import tomllib  # noqa: PLC0415  # only for users with such a file

        found = tomllib.loads(text)
    if not isinstance(found, dict):
        message = "a table was expected"
        raise ValueError(message)  # noqa: TRY004  # one error for every kind of broken file
    return found


def apply(manifest: Manifest, settings: Table) -> tuple[Manifest, list[str]]:
    """Return *manifest* changed by *settings*, and every mistake in them."""
    problems = _unknown(settings, ("services", "model_server"), "")
    services = _table(settings, "services", problems)
    names = [service.name for service in manifest.services]
    problems += _unknown(services, names, "services.")
    changed = tuple(_service(item, services, problems) for item in manifest.services)
    server = manifest.model_server
    if server:
        values = _table(settings, "model_server", problems)
        server = _model_server(server, _checked(values, _MODEL_SERVER, "model_server", problems))
    return replace(manifest, services=changed, model_server=server), problems


def _service(service: Service, tables: Table, problems: list[str]) -> Service:
    place = f"services.{service.name}"
    values = _checked(_table(tables, service.name, problems), _SERVICE, place, problems)
    if "port" in values:
        port = service.port or Port(by="environment")
        values["port"] = replace(port, number=int(str(values["port"])))
    if "environment" in values and isinstance(values["environment"], dict):
        values["environment"] = {**service.environment, **values["environment"]}
    return replace(service, **values)  # type: ignore[arg-type]  # checked above


def _model_server(server: ModelServer, values: dict[str, object]) -> ModelServer:
    if isinstance(values.get("arguments"), list):
        values["arguments"] = tuple(str(item) for item in values["arguments"])  # type: ignore[attr-defined]  # a list
    return replace(server, **values)  # type: ignore[arg-type]  # checked above


def _checked(values: Table, rules: _Rules, place: str, problems: list[str]) -> dict[str, object]:
    problems += _unknown(values, tuple(rules), f"{place}.")
    good: dict[str, object] = {}
    for key, value in values.items():
        if key not in rules:
            continue
        test, expected = rules[key]
        if test(value):
            good[key] = value
        else:
            problems.append(f"{place}.{key} is {value!r}, expected {expected}")
    return good


def _table(values: Table, key: str, problems: list[str]) -> Table:
    value = values.get(key, {})
    if isinstance(value, dict):
        return value
    problems.append(f"{key} is {value!r}, expected a table")
    return {}


def _unknown(values: Table, known: tuple[str, ...] | list[str], place: str) -> list[str]:
    problems = []
    for key in values:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f" Did you mean {place}{near[0]}?" if near else ""
            problems.append(f"{place}{key} is unknown.{hint}")
    return problems
