"""Computes the digest of everything that determines the content of a bundle."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from frostline.core import digest, log, own_files
from frostline.freeze.bundle import Bundle, find_bundle
from frostline.profile import resources
from frostline.profile.build import Build
from frostline.source import (
    environment,
    freezer,
    history,
    metadata,
    product_files,
    script_project,
    tree,
)
from frostline.source.product import product_lock, wheels


def find_current(build: Build, *, debug: bool) -> Bundle | None:
    """Return the bundle of *build* if it is there, unchanged and made of the present inputs."""
    with build.exclusively():
        bundle = find_bundle(build)
        if not bundle or bundle.inputs != inputs_digest(build, debug=debug):
            return None
    log.done(f"{build.name} is up to date: {bundle.executable}")
    return bundle


def inputs_digest(build: Build, *, debug: bool) -> str:
    """Return the digest of all inputs of *build*; equal inputs make identical bundles.

    The folders of the project and of frostline are no inputs: a copy has the same digest.
    """
    profile = build.profile
    places = {
        "frostline hooks": own_files.data("hooks"),
        "frostline spec": own_files.data("specs", "backend.spec"),
        "frostline_runtime": own_files.runtime_package(),
        "frostline": own_files.build_package(),
    }
    evidence = build.workspace.evidence(build.product)
    if evidence.is_file():
        places["evidence"] = evidence
    values = {wheel.name: wheel.sha256 for wheel in wheels(build)} | {
        "lock": product_lock(build).text,
        "freezer": freezer.lock().text,
        "profile": profile.model_dump_json(),
        "target": build.name,
        "resources": "\n".join(item.model_dump_json() for item in resources.wanted(build)),
        "debug": str(debug),
        "interpreter": f"{sys.version} {environment.base_executable()}",
    }
    for label, place in places.items():
        found = digest.of_tree(place) if place.is_dir() else {"": digest.of_file(place)}
        values |= _below(label, found)
    return digest.of_values(values | _project_files(build))


def _project_files(build: Build) -> dict[str, str]:
    """Return the digests of the files of the project that the profile names."""
    profile, output = build.profile, build.workspace.build
    source = build.root / profile.source
    values = _below("source", product_files.digests(build)) | {"version": _version(build, source)}
    named = {*profile.hooks, *profile.runtime_hooks, profile.icon.windows}
    named |= {profile.windows.manifest, profile.windows.version_file}
    for step in profile.before:
        named |= {*step.inputs, step.requirements}
    for name in (name for name in named if name and "{work}" not in name):
        place = build.root / name
        if place.is_dir():
            found = tree.digests(place, environ=build.environ, output=output)
        else:
            found = {"": digest.of_file(place)}
        values |= _below(name, found)
    for data in profile.data:
        place = build.root / data.source
        chosen = place.glob(data.glob) if place.is_dir() else (place,)
        values |= _below(f"{data.source} {data.glob}", _digests(build, data.source, place, chosen))
    for binary in profile.binaries:
        place = (build.root / binary.source).parent
        chosen = place.glob(Path(binary.source).name)
        values |= _below(binary.source, _digests(build, binary.source, place, chosen))
    return values


def _version(build: Build, source: Path) -> str:
    """Return the version of *source*, or the state of its git history if it may come from there."""
    if not metadata.has_backend(source):
        return script_project.version(source, build.environ)
    _, written = metadata.project_metadata(source)
    return history.state(source, build.environ) if written == "dynamic" else written


def _digests(build: Build, source: str, folder: Path, chosen: Iterable[Path]) -> dict[str, str]:
    """Return the digests of the files *chosen* in *folder*, unless the build makes *source*."""
    if "{work}" in source:
        return {}
    return {
        path.relative_to(folder).as_posix(): tree.digest_of(path)
        for path in chosen
        if path.is_file() and "__pycache__" not in path.parts
        if not path.is_relative_to(build.workspace.build)
    }


def _below(label: str, found: Mapping[str, str]) -> dict[str, str]:
    return {f"{label}/{name}": value for name, value in found.items()}
