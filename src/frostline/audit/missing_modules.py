"""Compares the modules that PyInstaller did not find with the reviewed list."""

from collections.abc import Iterator

from frostline.audit.findings import Finding, finding
from frostline.core import text_file, workspace
from frostline.core.errors import UsageError
from frostline.freeze.bundle import Bundle
from frostline.profile.build import Build

_HEAD = """\
# Reviewed modules that PyInstaller does not find and the product does not need, by platform and
# Python. Written by `frostline audit --accept`; review every change.
"""


def reviewed(build: Build, bundle: Bundle) -> frozenset[str] | None:
    """Return the reviewed modules for *bundle*'s platform and Python, or None if there are none."""
    names = [name for where, name in _lines(build) if where == _platform_and_python(bundle)]
    return frozenset(names) if names else None


def accept(build: Build, bundle: Bundle) -> int:
    """Write the missing modules of *bundle* to the reviewed list; return how many are new."""
    before = reviewed(build, bundle) or frozenset()
    kept = {line for line in _lines(build) if line[0] != _platform_and_python(bundle)}
    lines = sorted(kept | {(_platform_and_python(bundle), name) for name in bundle.missing})
    text = "".join(f"{where} {name}\n" for where, name in lines)
    workspace.write(build.workspace.warnings(build.product), _HEAD + text)
    return len({*bundle.missing} - before)


def _platform_and_python(bundle: Bundle) -> str:
    # The standard library itself imports different modules on each system and in each version.
    return f"{bundle.platform}-{bundle.python}"


def find(build: Build, bundle: Bundle) -> Iterator[Finding]:
    """Yield a finding for each missing module of *bundle* that is not on the reviewed list."""
    known = reviewed(build, bundle)
    if known is None and bundle.missing:
        reason = f"modules that were not found, none of them reviewed: {len(bundle.missing)}"
        yield finding("freeze.not-reviewed", ".", reason)
        return
    for name in bundle.missing:
        if name not in (known or ()):
            reason = "is imported, but PyInstaller did not find it"
            yield finding("freeze.missing-module", name, reason)


def _lines(build: Build) -> set[tuple[str, str]]:
    path = build.workspace.warnings(build.product)
    try:
        text = text_file.read(path)
    except FileNotFoundError:
        return set()
    found = set()
    for number, line in enumerate(text.splitlines(), start=1):
        match line.partition("#")[0].split():
            case []:
                pass
            case [where, name]:
                found.add((where, name))
            case _:
                message = f"{path}:{number}: {line!r} is not a platform and a module."
                raise UsageError(message, hint="correct it, or run `frostline audit --accept`")
    return found
