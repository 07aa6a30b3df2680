"""Environment variables of an artifact and of the processes that it starts."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, MutableMapping

from frostline_runtime.artifact.manifest import Environment

# PyInstaller's bootloader sets them for itself; other programs break with them.
_BOOTLOADER_PREFIXES = ("_PYI_", "_MEIPASS")
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH", "LIBPATH")

# What the bootloader had set: this executable needs it to start itself again.
bootloader: dict[str, str] = {}


def resolve(rules: Environment, environ: Mapping[str, str], bundle: str) -> dict[str, str]:
    """Return *environ* changed by *rules*; *bundle* is the folder of the bundle.

    Later ones win: defaults, the `.env` file in the storage folder, the user's variables, forced
    values. `{bundle}` and `{storage}` in values are replaced by those folders.
    """
    result = without_bootloader(environ)
    storage = storage_directory(rules, environ)
    places = {"{bundle}": bundle, "{storage}": storage}
    layers = [_fill(rules.defaults, places)]
    if rules.env_file and storage:
        layers.append(read_env_file(os.path.join(storage, ".env")))  # noqa: PTH118  # pathlib costs start-up time
    layers.append(result)
    if storage:
        layers.append({rules.storage_variable: storage})
    layers.append(_fill(rules.forced, places))
    merged = {key: value for layer in layers for key, value in layer.items()}
    if rules.no_proxy:
        known = merged.get("NO_PROXY") or merged.get("no_proxy") or ""
        merged["NO_PROXY"] = merged["no_proxy"] = _merge_list(known, rules.no_proxy)
    return merged


def apply(rules: Environment, environ: MutableMapping[str, str], bundle: str) -> None:
    """Change *environ*, usually `os.environ`, to what `resolve` returns."""
    bootloader.update(bootloader_values(environ))
    result = resolve(rules, environ, bundle)
    for key in [key for key in environ if key not in result]:
        del environ[key]
    environ.update(result)


@contextlib.contextmanager
def as_bootloader() -> Iterator[None]:
    """Restore in `os.environ` what the bootloader had set, to start this executable again."""
    before = {name: os.environ.get(name) for name in bootloader}
    os.environ.update(bootloader)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def storage_directory(rules: Environment, environ: Mapping[str, str]) -> str:
    """Return the absolute path of the storage folder, "" if the profile declares none."""
    if not rules.storage_variable:
        return ""
    chosen = environ.get(rules.storage_variable) or rules.storage_default
    return os.path.abspath(os.path.expanduser(chosen))  # noqa: PTH100, PTH111


def bootloader_values(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables in *environ* that PyInstaller's bootloader has set."""
    return {
        key: value
        for key, value in environ.items()
        if key.startswith(_BOOTLOADER_PREFIXES)
        or key in _LIBRARY_PATHS
        or key.removesuffix("_ORIG") in _LIBRARY_PATHS
    }


def without_bootloader(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* as it was before the bootloader changed it, for other programs.

    The bootloader saves a library path as `<name>_ORIG` if the user had set one (PyInstaller
    manual, "Launching external programs").
    """
    frozen = any(key.startswith(_BOOTLOADER_PREFIXES) for key in environ)
    result = {k: v for k, v in environ.items() if not k.startswith(_BOOTLOADER_PREFIXES)}
    for name in _LIBRARY_PATHS if frozen else ():
        result.pop(name, None)
        original = result.pop(f"{name}_ORIG", None)
        if original is not None:
            result[name] = original
    return result


def read_env_file(path: str) -> dict[str, str]:
    """Return the variables in the `.env` file *path*, none if it cannot be read."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:  # noqa: PTH123
            return parse_env_file(file.read())
    except OSError:
        return {}


def parse_env_file(text: str) -> dict[str, str]:
    """Return the variables in *text*: `KEY=value` lines, quotes, comments, `export`.

    Other lines are skipped; variables in values are not expanded.
    """
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.isidentifier():
            continue
        if value[:1] in {'"', "'"}:
            values[name] = value[1:].partition(value[0])[0]
        else:
            values[name] = value.partition(" #")[0].rstrip()
    return values


def _fill(values: Mapping[str, str], places: Mapping[str, str]) -> dict[str, str]:
    filled = {}
    for key, template in values.items():
        value = template
        for placeholder, folder in places.items():
            value = value.replace(placeholder, folder)
        # A profile writes paths with `/`; the system may use another separator.
        filled[key] = value if value == template else os.path.normpath(value)
    return filled


def _merge_list(known: str, more: Iterable[str]) -> str:
    items = [item.strip() for item in known.split(",") if item.strip()]
    return ",".join(dict.fromkeys([*items, *more]))
