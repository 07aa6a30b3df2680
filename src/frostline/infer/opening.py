"""Opens a build: reads the profile of a product, and infers what it does not say."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from frostline.core.command import Environ
from frostline.core.errors import UsageError
from frostline.core.platforms import Platform, host
from frostline.core.workspace import Layout, Target, Workspace
from frostline.infer.inference import Inference, infer
from frostline.profile import configuration, reading
from frostline.profile.build import Build, Inferred
from frostline.profile.mistakes import is_table
from frostline.profile.profile import Profile
from frostline.source import tree
from frostline.source.metadata import project_metadata


def load(
    project: Workspace, product: str, platform: Platform, layout: Layout | None = None,
    environ: Environ = os.environ,
) -> tuple[Target, Profile]:  # fmt: skip
    """Return the target and the whole profile of *product*; *layout* defaults to the profile's.

    Raises UsageError for an unknown product, TomlError with every mistake at once.
    """
    target, profile, _ = _load(project, Target(product, platform), layout, environ)
    return target, profile


def _load(
    project: Workspace, target: Target, layout: Layout | None, environ: Environ
) -> tuple[Target, Profile, Inference]:
    file = reading.written(project, target.product)
    found = inferred(project, file.table, environ)
    raw = with_service(_completed(file.table, found.values))
    reading.check(file, raw, project.root)
    if not raw.get("entry"):
        notes = "".join(f"\n  {note}" for note in found.notes)
        message = f"nothing says what {target.product} runs: no entry is written or found.{notes}"
        raise UsageError(message, hint='write `entry = "module:attribute"` (docs/profile.md)')
    target = replace(target, layout=layout or target.layout)
    return *reading.resolve(raw, target, fixed=layout is not None), found


def inferred(project: Workspace, written: Mapping[str, object], environ: Environ) -> Inference:
    """Return what the files of *project* say of the keys that the profile *written* lacks.

    Where the entry is written, only how it is served is inferred; else all that can be.
    """
    if written.get("entry") and "serve" in written:
        return Inference((), ())
    folder = project.root / str(written.get("source", "."))
    files = tree.files(folder, environ=environ, output=project.build) if folder.is_dir() else ()
    found = infer(folder, files, written)
    if written.get("entry"):
        return Inference(tuple(value for value in found.values if value.key == "serve"), ())
    known = tuple(value for value in found.values if _top(value) in Profile.model_fields)
    unknown = (value for value in found.values if value not in known)
    notes = tuple(f"{value.reason}: there is no key for {value.key}" for value in unknown)
    return Inference(known, (*found.notes, *notes))


def _top(value: Inferred) -> str:
    """Return the key of the profile that *value* belongs to."""
    return value.key.partition(".")[0]


def _completed(written: Mapping[str, object], values: Sequence[Inferred]) -> dict[str, object]:
    """Return the profile *written* with *values*, whose keys may be dotted."""
    raw: dict[str, object] = dict(written)
    for value in values:
        *outer, name = value.key.split(".")
        table = raw
        for part in outer:
            inner = table.get(part)
            table[part] = inner = dict(inner) if is_table(inner) else {}
            table = inner
        table[name] = value.value
    return raw


def with_service(raw: Mapping[str, object]) -> dict[str, object]:
    """Return the profile *raw*; an application that a server runs implies the service `api`."""
    if raw.get("serve") not in ("asgi", "wsgi") or "services" in raw:
        return dict(raw)
    return {**raw, "services": [{"name": "api", "port": {"mode": "ephemeral"}}]}


def open_build(
    workspace: Workspace, product: str, platform: Platform, environ: Environ, *,
    layout: Layout | None = None, model_server: Path | None = None,
) -> Build:  # fmt: skip
    """Return the build of *product*; *layout* defaults to the profile's.

    Raises UsageError for an unknown product, a build folder that is not frostline's, or a
    *model_server* for a product that takes none; TomlError with every mistake at once.
    """
    require_own_folder(workspace, environ)
    target, profile, found = _load(workspace, Target(product, platform), layout, environ)
    if model_server and not (profile.model_server and profile.model_server.variable):
        message = f"{product} takes no model server: its profile has no model_server.variable."
        raise UsageError(message, hint="leave out --model-server")
    return Build(
        workspace=workspace, target=target, profile=profile, environ=environ,
        model_server=model_server, inferred=found.values, notes=found.notes,
    )  # fmt: skip


def require_own_folder(workspace: Workspace, environ: Environ) -> None:
    """Raise UsageError if git tracks files in the build folder: they are the user's."""
    folder = workspace.build
    tracked = tree.git(workspace.root, "ls-files", "-z", "--", str(folder), environ=environ)
    if tracked:
        name = os.fsdecode(tracked.split(b"\0")[0])
        message = f"{folder} is not frostline's: git tracks {name}. Builds write and remove there."
        hint = "give another folder: --build-folder FOLDER, or set FROSTLINE_BUILD_FOLDER"
        raise UsageError(message, hint=hint)


@dataclass(frozen=True)
class ProductSummary:
    """A product of a project, with the name and version of its pyproject.toml."""

    product: str
    name: str
    version: str
    layout: str


def summaries(project: Workspace) -> tuple[ProductSummary, ...]:
    """Return every product of the project. Raises TomlError, UsageError."""
    found = []
    for product in configuration.products(project):
        _, profile = load(project, product, host())
        name, version = project_metadata(project.root / profile.source)
        found.append(ProductSummary(product, name, version, profile.layout))
    return tuple(found)
