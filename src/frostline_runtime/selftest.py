"""The self-test of an artifact: `argo selftest`."""

import contextlib
import ctypes
import hashlib
import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from frostline_runtime.artifact.locations import Locations
from frostline_runtime.artifact.manifest import Manifest

# Seconds: a onefile artifact unpacks itself first.
_CHILD_TIMEOUT = 30.0

Finding = dict[str, str]
Problems = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What the self-test has found.

    *checked* is how many things each check has looked at. *facts* are compared with those of the
    source.
    """

    checked: dict[str, int]
    facts: dict[str, list[str]]
    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        """Tell whether there are no findings."""
        return not self.findings


def run(manifest: Manifest, locations: Locations) -> SelfTest:
    """Run all checks on the running artifact."""
    checks: dict[str, tuple[Collection[str], Callable[[], Problems]]] = {
        "module": (manifest.modules, lambda: _modules(manifest.modules)),
        "metadata": (manifest.distributions, lambda: _metadata(manifest)),
        "console-script": (manifest.console_scripts, lambda: _scripts(manifest)),
        "entry-points": (manifest.entry_points, lambda: _entry_points(manifest)),
        "file": (manifest.files, lambda: _files(manifest, locations.bundle)),
        "library": (manifest.libraries, lambda: _libraries(manifest, locations.bundle)),
        "child": (("multiprocessing",), _child),
        "tls-roots": (("default",), _tls),
        "writable": (("temporary folder", "storage"), lambda: _writable(locations)),
    }
    return SelfTest(
        checked={name: len(items) for name, (items, _) in checks.items()},
        facts={
            "python": [f"{sys.version_info.major}.{sys.version_info.minor}"],
            "entry-point": sorted(_all_entry_points(manifest)),
        },
        findings=tuple(
            {"check": name, "subject": subject, "reason": reason}
            for name, (_, check) in checks.items()
            for subject, reason in check()
        ),
    )


def find_script(name: str) -> metadata.EntryPoint:
    """Return the console script *name* of any bundled distribution. Raises LookupError."""
    for entry in metadata.entry_points(group="console_scripts", name=name):
        return entry
    raise LookupError(name)


def _modules(names: tuple[str, ...]) -> Problems:
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  # any failure of any module is a finding
            yield name, f"{type(error).__name__}: {error}"


def _metadata(manifest: Manifest) -> Problems:
    for name, version in manifest.distributions.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "its metadata is not in the bundle"
        else:
            if found != version:
                yield name, f"version {found}, built with {version}"


def _scripts(manifest: Manifest) -> Problems:
    for name in manifest.console_scripts:
        try:
            find_script(name).load()
        except Exception as error:  # noqa: BLE001  # any failure of any script is a finding
            yield name, f"{type(error).__name__}: {error}"


def _entry_points(manifest: Manifest) -> Problems:
    for group in manifest.entry_points:
        for entry in metadata.entry_points(group=group):
            try:
                entry.load()
            except Exception as error:  # noqa: BLE001  # any failure of any of them is a finding
                yield f"{group}: {entry.name}", f"{type(error).__name__}: {error}"


def _all_entry_points(manifest: Manifest) -> Iterator[str]:
    """Yield the entry points that the shipped distributions declare."""
    for name in manifest.distributions:
        with contextlib.suppress(metadata.PackageNotFoundError):
            for entry in metadata.distribution(name).entry_points:
                yield f"{name}: {entry.group}: {entry.name} = {entry.value}"


def _libraries(manifest: Manifest, bundle: Path) -> Problems:
    for name in manifest.libraries:
        try:
            ctypes.CDLL(str(bundle / name))
        except OSError as error:
            yield name, str(error)


def _child() -> Problems:
    """Start a child with the spawn method, the only one that all systems have."""
    import multiprocessing  # noqa: PLC0415  # importing it costs 15 ms

    try:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            parent = pool.apply_async(os.getppid).get(_CHILD_TIMEOUT)
    except (OSError, multiprocessing.TimeoutError) as error:
        yield "multiprocessing", str(error) or f"no answer within {_CHILD_TIMEOUT:g} s"
    else:
        if parent != os.getpid():
            yield "multiprocessing", "the child was not started by this process"


def _files(manifest: Manifest, bundle: Path) -> Problems:
    for name, digest in manifest.files.items():
        try:
            found = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
        except OSError as error:
            yield name, error.strerror or str(error)
        else:
            if found != digest:
                yield name, "its content is not what was built"


def _tls() -> Problems:
    try:
        import ssl  # noqa: PLC0415  # a product without TLS has no ssl

        ssl.create_default_context()
    except ImportError as error:
        if "ssl" in sys.modules or not isinstance(error, ModuleNotFoundError):
            yield "default", str(error)
    except OSError as error:
        yield "default", str(error)


def _writable(locations: Locations) -> Problems:
    for folder in filter(None, (Path(tempfile.gettempdir()), locations.storage)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            yield str(folder), error.strerror or str(error)
