"""Checks whether this machine can build, with remedies for what is missing."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from frostline.core.errors import FrostlineError
from frostline.core.platforms import host
from frostline.core.workspace import Workspace
from frostline.hosts import engine
from frostline.infer import opening
from frostline.profile import configuration
from frostline.source import environment

_ENOUGH_BYTES = 3 * 1024**3


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check, with a remedy if one is needed."""

    subject: str
    state: Literal["ok", "note", "missing"]
    detail: str


def examine(project: Workspace, environ: Mapping[str, str]) -> tuple[Diagnosis, ...]:
    """Return the diagnosis of this machine for the project in *project*."""
    return (
        Diagnosis("platform", "ok", host().name),
        Diagnosis("python", "ok", f"{sys.version.split()[0]} at {environment.base_executable()}"),
        _libpython(),
        _tool("uv", environ, "venv and pip are used instead; uv is faster"),
        _tool("strip", environ, "bundles keep their symbol tables; install binutils"),
        _containers(project, environ),
        _disk(project),
        *(_product(project, name) for name in configuration.products(project)),
    )


def _product(project: Workspace, name: str) -> Diagnosis:
    subject = f"product {name}"
    try:
        _, profile = opening.load(project, name, host())
    except FrostlineError as error:
        return Diagnosis(subject, "note", error.message)
    return Diagnosis(subject, "ok", profile.layout)


def _libpython() -> Diagnosis:
    try:
        environment.check_interpreter()
    except FrostlineError as error:
        return Diagnosis("shared libpython", "missing", f"{error.message} {error.hint}")
    return Diagnosis("shared libpython", "ok", "found")


def _tool(name: str, environ: Mapping[str, str], without: str) -> Diagnosis:
    found = shutil.which(name, path=environ.get("PATH"))
    return (
        Diagnosis(name, "ok", found) if found else Diagnosis(name, "note", f"not found: {without}")
    )


def _containers(project: Workspace, environ: Mapping[str, str]) -> Diagnosis:
    try:
        found = engine.find(environ, project.build / "log" / "engine.log")
    except FrostlineError as error:
        return Diagnosis("containers", "note", f"{error.message} Other Linux platforms need one.")
    except OSError as error:  # the build folder cannot be written
        return Diagnosis("build folder", "missing", f"{error.filename}: {error.strerror}")
    return Diagnosis("containers", "ok", found.program)


def _disk(project: Workspace) -> Diagnosis:
    free = shutil.disk_usage(project.root).free
    text = f"{free / 1024**3:.1f} GiB free"
    if free < _ENOUGH_BYTES:
        return Diagnosis("disk", "missing", f"{text}; a build needs 3 GiB")
    return Diagnosis("disk", "ok", text)
