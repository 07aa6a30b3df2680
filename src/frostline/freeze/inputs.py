"""Computes the digest of everything that determines the content of a bundle."""

import sys
from collections.abc import Sequence

from frostline.core import digest, own_files
from frostline.profile.build import Build
from frostline.profile.resources import Resource
from frostline.source import environment
from frostline.source.product import native_wheels


def inputs_digest(build: Build, resources: Sequence[Resource], *, debug: bool) -> str:
    """Return the digest of all inputs of *build*; equal inputs make identical bundles."""
    profile = build.profile
    named = [profile.source, profile.requirements, *profile.hooks, *profile.runtime_hooks]
    named += [profile.icon.windows]
    named += [table.source for table in profile.data]
    named += [item for step in profile.before for item in (*step.inputs, step.requirements)]
    places = [build.root / name for name in named if name and "{work}" not in name]
    places += [own_files.data("hooks"), own_files.data("specs", "backend.spec")]
    places += [own_files.runtime_package(), own_files.build_package()]
    places += [path for path in [build.workspace.evidence(build.product)] if path.is_file()]
    values = {wheel.name: wheel.sha256 for wheel in native_wheels(build)} | {
        "profile": profile.model_dump_json(),
        "target": build.name,
        "resources": "\n".join(resource.model_dump_json() for resource in resources),
        "debug": str(debug),
        "interpreter": f"{sys.version} {environment.base_executable()}",
    }
    for place in dict.fromkeys(places):
        found = digest.of_tree(place) if place.is_dir() else {"": digest.of_file(place)}
        values |= {f"{place}/{name}": value for name, value in found.items()}
    return digest.of_values(values)
