"""Modules that PyInstaller did not find, compared with the reviewed list."""

from collections.abc import Iterator

from frostline.audit.findings import Finding, finding
from frostline.core import workspace
from frostline.freeze.bundle import Bundle
from frostline.profile.build import Build

_HEAD = """\
# Modules that PyInstaller does not find, by platform and Python: reviewed, and not needed there.
# Written by `frostline audit --accept`; look at what changes.
"""


def reviewed(build: Build, bundle: Bundle) -> frozenset[str] | None:
    """Return the reviewed modules, None if nobody has reviewed any for platform and Python."""
    mine = [name for where, name in _lines(build) if where == _platform_and_python(bundle)]
    return frozenset(mine) if mine else None


def accept(build: Build, bundle: Bundle) -> int:
    """Write the missing modules of *bundle* as reviewed; return how many are new."""
    before = reviewed(build, bundle) or frozenset()
    kept = {line for line in _lines(build) if line[0] != _platform_and_python(bundle)}
    lines = sorted(kept | {(_platform_and_python(bundle), name) for name in bundle.missing})
    text = "".join(f"{where} {name}\n" for where, name in lines)
    workspace.write(build.workspace.warnings(build.product), _HEAD + text)
    return len({*bundle.missing} - before)


def _platform_and_python(bundle: Bundle) -> str:
    # The standard library itself imports other things in each version, on each system.
    return f"{bundle.platform}-{bundle.python}"


def find(build: Build, bundle: Bundle) -> Iterator[Finding]:
    """Yield the missing modules of *bundle* that nobody has reviewed."""
    known = reviewed(build, bundle)
    if known is None and bundle.missing:
        reason = f"{len(bundle.missing)} modules were not found, and nobody has reviewed that"
        yield finding("freeze.not-reviewed", ".", reason)
        return
    for name in bundle.missing:
        if name not in (known or ()):
            reason = "is imported and was not found when the product was frozen"
            yield finding("freeze.missing-module", name, reason)


def _lines(build: Build) -> set[tuple[str, str]]:
    try:
        text = build.workspace.warnings(build.product).read_text(encoding="utf-8")
    except FileNotFoundError:
        return set()
    words = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {(where, name) for where, name in words}
