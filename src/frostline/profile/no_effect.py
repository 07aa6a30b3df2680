"""Finds keys of a profile that would have no effect: they are refused, not ignored."""

from collections.abc import Iterator, Mapping

from frostline.core.errors import did_you_mean
from frostline.profile.mistakes import is_table, tables
from frostline.profile.toml_file import Key, Mistake

Raw = Mapping[str, object]

# By the value of `kind` or `mode`: the keys that this kind reads, of those that not all kinds read.
_SERVICES: Mapping[str, tuple[str, ...]] = {
    "entry": ("entry", "serve", "arguments", "script", "python", "import_check"),
    "command": ("command",),
    "llamafile": (),
}
_PROBES: Mapping[str, tuple[str, ...]] = {
    "http": ("path", "method", "statuses", "not_yet", "pointer", "equals"),
    "tcp": (),
    "line": ("pattern",),
    "descriptor": (),
}
_CHOSEN = ("number", "by", "variable")
_PORTS: Mapping[str, tuple[str, ...]] = {
    "fixed": _CHOSEN,
    "prefer": _CHOSEN,
    "ephemeral": ("by", "variable"),
    "announced": ("pattern",),
}
_ROLES = ("startup", "readiness", "liveness")
# What only the model server reads, as against the product's own code.
_MODEL_SERVER = (
    "executable", "model", "model_variable", "context", "gpu_layers", "predict", "arguments",
    "command", "addresses",
)  # fmt: skip


def find(raw: Raw) -> Iterator[Mistake]:
    """Yield every key of the profile *raw* that would have no effect, with the reason."""
    services = tables(raw.get("services"))
    for number, service in enumerate(services):
        yield from _of_service(("services", number), service)
    for number, request in enumerate(_tables_in(raw, "smoke", "requests")):
        yield from _of_request(("smoke", "requests", number), request, services)
    yield from _without_services(raw) if not services else ()
    if raw.get("layout") == "onefile":
        for name in ("executables", "contents_directory"):
            if name in raw:
                yield (name,), 'has no effect with layout "onefile"'
    server = raw.get("model_server")
    if is_table(server) and "llamafile" not in [service.get("kind") for service in services]:
        for name in _MODEL_SERVER:
            if name in server:
                reason = "has no effect: no service is of kind llamafile"
                yield ("model_server", name), reason


def _without_services(raw: Raw) -> Iterator[Mistake]:
    without = "has no effect: the product has no services"
    smoke = raw.get("smoke")
    for name in ("requests", "entry_points"):
        if is_table(smoke) and smoke.get(name):
            yield ("smoke", name), without
    for name in ("console_scripts", "working_directory"):
        if raw.get(name):
            yield (name,), without


def _of_service(place: Key, service: Raw) -> Iterator[Mistake]:
    yield from _of_kind(place, service, "kind", "entry", _SERVICES)
    for name in ("python", "import_check"):
        if name in service and not service.get("script"):
            yield (*place, name), "has no effect without script"
    port = service.get("port")
    if is_table(port):
        yield from _of_kind((*place, "port"), port, "mode", "prefer", _PORTS)
    for role in _ROLES:
        probe = service.get(role)
        if is_table(probe):
            yield from _of_kind((*place, role), probe, "kind", "http", _PROBES)
            if bool(probe.get("equals")) != bool(probe.get("pointer")):
                given, lacking = (
                    ("equals", "pointer") if probe.get("equals") else ("pointer", "equals")
                )
                yield (*place, role, given), f"has no effect without {lacking}"


def _of_kind(
    place: Key, table: Raw, key: str, default: str, kinds: Mapping[str, tuple[str, ...]]
) -> Iterator[Mistake]:
    """Yield the keys of *table* that only tables of another kind read; *key* names its kind."""
    kind = str(table.get(key, default))
    read = kinds.get(kind)
    if read is None:  # an unknown kind: another mistake
        return
    for name in table:
        others = [other for other, names in kinds.items() if name in names]
        if others and name not in read:
            yield (
                (*place, name),
                f'has no effect with {key} "{kind}", only with {" or ".join(others)}',
            )


def _of_request(place: Key, request: Raw, services: tuple[Raw, ...]) -> Iterator[Mistake]:
    for name in ("equals", "at_least"):
        if name in request and not request.get("pointer"):
            yield (*place, name), "has no effect without pointer"
    if request.get("equals") and "at_least" in request:
        yield (*place, "at_least"), "has no effect beside equals"
    names = [str(service.get("name")) for service in services]
    chosen = request.get("service", "api")
    if names and chosen not in names:
        hint = did_you_mean(str(chosen), names)
        yield (*place, "service"), f'there is no service "{chosen}".{hint}'


def _tables_in(raw: Raw, table: str, key: str) -> tuple[Raw, ...]:
    inner = raw.get(table)
    return tables(inner.get(key)) if is_table(inner) else ()
