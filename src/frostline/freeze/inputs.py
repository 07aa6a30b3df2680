"""Computes the digest of everything that determines the content of a bundle."""

import sys

from frostline.core import digest, log, own_files
from frostline.freeze.bundle import Bundle, find_bundle
from frostline.profile import resources
from frostline.profile.build import Build
from frostline.source import environment, freezer
from frostline.source.product import product_lock
from frostline.source.wheelhouse import native_wheels


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
    named = [profile.source, *profile.hooks, *profile.runtime_hooks]
    named += [profile.icon.windows]
    named += [table.source for table in profile.data]
    named += [item for step in profile.before for item in (*step.inputs, step.requirements)]
    places = {name: build.root / name for name in named if name and "{work}" not in name}
    places |= {
        "frostline hooks": own_files.data("hooks"),
        "frostline spec": own_files.data("specs", "backend.spec"),
        "frostline_runtime": own_files.runtime_package(),
        "frostline": own_files.build_package(),
    }
    evidence = build.workspace.evidence(build.product)
    if evidence.is_file():
        places["evidence"] = evidence
    values = {wheel.name: wheel.sha256 for wheel in native_wheels(build)} | {
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
        values |= {f"{label}/{name}": value for name, value in found.items()}
    return digest.of_values(values)
