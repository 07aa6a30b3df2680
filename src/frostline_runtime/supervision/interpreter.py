"""Finds a Python interpreter for a service that is a script."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from frostline_runtime.artifact import frozen

_TIMEOUT = 5.0
_STORE_STUBS = "WindowsApps"
_QUESTION = """
import importlib.util, json, sys
missing = [n for n in sys.argv[1:] if importlib.util.find_spec(n) is None]
print(json.dumps({"version": "%d.%d" % sys.version_info[:2], "missing": missing}))
"""


@dataclass(frozen=True, slots=True)
class Search:
    """The first interpreter that fits, "" if none does, and why each other one does not."""

    found: str
    rejected: tuple[str, ...]


def search(
    version: str, modules: Sequence[str], bundle: Path, environ: Mapping[str, str]
) -> Search:
    """Return an interpreter of *version* ("3.12", "" for any) that has all *modules*."""
    rejected: list[str] = []
    for candidate in dict.fromkeys(_candidates(version, bundle, environ)):
        reason = reject(candidate, version, modules)
        if not reason:
            return Search(candidate, tuple(rejected))
        rejected.append(f"{candidate}: {reason}")
    return Search("", tuple(rejected))


def reject(candidate: str, version: str, modules: Sequence[str]) -> str:
    """Return why *candidate* does not fit, "" if it does."""
    if _STORE_STUBS in Path(candidate).parts:
        return "only opens the Microsoft Store"
    if frozen.is_same_executable(candidate):
        return "is this artifact, not an interpreter"
    try:
        done = subprocess.run(
            [candidate, "-I", "-c", _QUESTION, *modules],
            check=False, capture_output=True, timeout=_TIMEOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"did not answer within {_TIMEOUT:g} s"
    except OSError as error:
        return error.strerror or "cannot be started"
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return f"is not a Python (exit code {done.returncode})"
    if version and answer["version"] != version:
        return f"is {answer['version']}, not {version}"
    if answer["missing"]:
        return f"lacks {', '.join(answer['missing'])}"
    return ""


def _candidates(version: str, bundle: Path, environ: Mapping[str, str]) -> Iterator[str]:
    windows = os.name == "nt"
    named = environ.get("FROSTLINE_PYTHON")
    if named:
        yield named
    executable = "python.exe" if windows else "bin/python3"
    for folder in (bundle / "python", bundle.parent / "python"):
        if (folder / executable).is_file():
            yield str(folder / executable)
    if environ.get("VIRTUAL_ENV"):
        place = "Scripts/python.exe" if windows else "bin/python"
        yield str(Path(environ["VIRTUAL_ENV"], place))
    names = [f"python{version}", "python3", "python"] if version else ["python3", "python"]
    path = environ.get("PATH")
    for name in names:
        if found := shutil.which(name, path=path):
            yield found
    if not windows:
        yield from (f"/usr/bin/{name}" for name in names if Path("/usr/bin", name).is_file())
