"""Opens a build: reads the profile of a product, and infers what it does not say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from frostline.core.command import Environ
from frostline.core.errors import UsageError
from frostline.core.platforms import Platform, host
from frostline.core.workspace import Layout, Target, Workspace
from frostline.profile import configuration, reading
from frostline.profile.build import Build
from frostline.profile.profile import Profile
from frostline.source.metadata import project_metadata


def load(
    project: Workspace, product: str, platform: Platform, layout: Layout | None = None
) -> tuple[Target, Profile]:
    """Return the target and the whole profile of *product*; *layout* defaults to the profile's.

    Raises UsageError for an unknown product, TomlError with every mistake at once.
    """
    file = reading.written(project, product)
    target = Target(product, platform, layout or "onedir")
    raw = with_service(file.table)
    return reading.resolve(file, raw, project.root, target, fixed=layout is not None)


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

    Raises UsageError for an unknown product, or a *model_server* for a product that takes none;
    TomlError with every mistake at once.
    """
    target, profile = load(workspace, product, platform, layout)
    if model_server and not (profile.model_server and profile.model_server.variable):
        message = f"{product} takes no model server: its profile has no model_server.variable."
        raise UsageError(message, hint="leave out --model-server")
    return Build(
        workspace=workspace, target=target, profile=profile, environ=environ,
        model_server=model_server,
    )  # fmt: skip


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
