"""Writes the manifest `frostline.json`, which the run time reads, and the first runtime hook."""

import fnmatch
from collections.abc import Collection
from pathlib import Path

from packaging.utils import canonicalize_name

from frostline.core import digest, workspace
from frostline.profile.build import Build
from frostline.profile.profile import Executable, Profile
from frostline.profile.resources import Resource
from frostline.profile.services import Probe, Service
from frostline.source import distributions
from frostline.source.distributions import Installed
from frostline.source.stage import Stage
from frostline_runtime.artifact import manifest
from frostline_runtime.artifact.manifest import Manifest

_START_TIMEOUT = {"entry": 60.0, "command": 60.0, "llamafile": 300.0}


def is_excluded(module: str, excludes: Collection[str]) -> bool:
    """Return whether *module*, or a package that contains it, is in *excludes*."""
    return any(f"{module}.".startswith(f"{name}.") for name in excludes)


def write_runtime_hook(build: Build, stage: Stage, *, guarded: bool) -> Path:
    """Write the runtime hook that sets environment variables first of all; return its path.

    If *guarded* and the product has services, it starts the guardian before them.
    """
    path = build.work / "hooks" / f"frostline_environment{'' if guarded else '_of_programs'}.py"
    written = manifest.load(stage.folder)
    rules = written.environment
    guard = "from frostline_runtime.artifact import guardian\n\nguardian.begin(sys.argv[1:])\n\n"
    guard = guard if guarded and written.services else ""
    text = (
        f'"""Sets the environment of {build.product} before anything else runs. Generated."""\n\n'
        "import os\nimport sys\n\n"
        f"{guard}"
        "from frostline_runtime.artifact.environment import apply\n"
        "from frostline_runtime.artifact.manifest import Environment\n\n"
        f"apply({rules!r}, os.environ, sys._MEIPASS)\n"
    )
    workspace.write(path, text)
    return path


def write_program(build: Build, executable: Executable) -> Path:
    """Write the script that a further *executable* runs; return its path."""
    path = build.work / "programs" / f"{executable.name}.py"
    text = (
        f'"""Runs {executable.entry}. Generated."""\n\nimport sys\n\n'
        "from frostline_runtime.entry import run_program\n\n"
        f"sys.exit(run_program({executable.entry!r}))\n"
    )
    workspace.write(path, text)
    return path


def write_manifest(
    build: Build, stage: Stage, shipped: Installed, name: str, libraries: Collection[str]
) -> None:
    """Write `frostline.json` into *stage*.

    *shipped* are the product's distributions, *name* is its own, *libraries* are the shared
    libraries that the evidence adds.
    """
    product = shipped[canonicalize_name(name)]
    storage, server = build.profile.storage, build.profile.model_server
    value = Manifest(
        product=build.product,
        name=build.profile.title or name,
        version=product.version,
        layout=build.layout,
        entry=build.profile.entry,
        serve=build.profile.serve,
        environment=manifest.Environment(
            defaults=dict(sorted(build.profile.environment.defaults.items())),
            forced=dict(sorted(build.profile.environment.forced.items())),
            no_proxy=build.profile.environment.no_proxy,
            storage_variable=storage.variable if storage else "",
            storage_default=storage.default if storage else "",
            env_file=bool(storage and storage.env_file),
        ),
        services=tuple(_services(build.profile)),
        model_server=manifest.ModelServer(**server.model_dump(exclude={"smoke"}))
        if server
        else None,
        resources=tuple(
            _resource(resource) for resource in stage.resources if resource.when != "build"
        ),
        console_scripts=build.profile.console_scripts,
        working_directory=build.profile.working_directory,
        modules=checked_modules(stage.modules, build.profile),
        distributions={
            key: item.version
            for key, item in shipped.items()
            if key not in distributions.without_metadata(shipped, build)
        },
        entry_points=build.profile.smoke.entry_points,
        files={
            name: digest.of_file(stage.folder / name)
            for name in stage.data
            if (stage.folder / name).is_file()
            and not any(fnmatch.fnmatchcase(name, item) for item in build.profile.exclude_files)
        },
        libraries=tuple(sorted(libraries)),
    )
    workspace.write(stage.folder / manifest.FILE_NAME, manifest.dump(value))


def checked_modules(modules: tuple[str, ...], profile: Profile) -> tuple[str, ...]:
    """Return the modules that the self-test imports, of *modules* and the hidden imports.

    Those of the entries come first, as when the product runs: others may need what they set up,
    such as Django's applications.
    """
    entries = {entry.partition(":")[0] for entry in profile.entries}
    chosen = (module for module in modules if _is_importable(module, profile))
    first = sorted(chosen, key=lambda module: module not in entries)
    return (*first, *profile.hidden_imports)


def _is_importable(module: str, profile: Profile) -> bool:
    """Return whether the self-test may import *module*: it is not left out, and no script."""
    script = module in profile.scripts or module.rpartition(".")[2] == "__main__"
    return not script and not is_excluded(module, profile.excludes)


def _services(profile: Profile) -> list[manifest.Service]:
    fields = {"serve", "port", "startup", "readiness", "liveness", "start_timeout"}
    return [
        manifest.Service(
            **item.model_dump(exclude=fields),
            serve=item.serve or profile.serve,
            start_timeout=item.start_timeout or _START_TIMEOUT[item.kind],
            port=manifest.Port(**item.port.model_dump()) if item.port else None,
            startup=_probe(item.startup or _listens(item)),
            readiness=_probe(item.readiness),
            liveness=_probe(item.liveness),
        )
        for item in profile.services
    ]


def _resource(resource: Resource) -> manifest.Resource:
    return manifest.Resource(
        name=resource.name, urls=resource.urls, destination=resource.destination,
        when="asked" if resource.when == "asked" else "first-run", size=resource.size,
        sha256=resource.sha256,
        licence=resource.licence, executable=resource.executable, unverified=resource.unverified,
    )  # fmt: skip


def _listens(service: Service) -> Probe | None:
    """Return the startup probe of a service without one: whether it listens, if it has a port."""
    return Probe(kind="tcp") if service.port and service.kind != "llamafile" else None


def _probe(probe: Probe | None) -> manifest.Probe | None:
    return manifest.Probe(**probe.model_dump()) if probe else None
