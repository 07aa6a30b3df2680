"""Traces a product: runs and exercises it from source and records what it uses."""

import ast
import os
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from packaging.utils import canonicalize_name

from frostline.core import log, workspace
from frostline.core.command import Environ
from frostline.core.errors import BuildError
from frostline.launch import exercise, from_source, tracer
from frostline.launch.evidence import KINDS, PYTHON, Fact, Kind
from frostline.launch.exercise import Outcome
from frostline.launch.preflight import private
from frostline.profile.build import Build
from frostline.source import distributions, environment
from frostline.source.distributions import Installed
from frostline.source.stage import Stage
from frostline_runtime.artifact.manifest import FILE_NAME

_RUNTIME = "frostline_runtime"
_START, _STOP = "start", "stop"
_WORDS: Mapping[Kind, str] = {
    "module": "imported", "file": "opened", "folder": "listed", "library": "loaded",
    "metadata": "asked for", "entry-points": "asked for", "process": "started",
}  # fmt: skip


@dataclass(frozen=True, order=True)
class TraceLine:
    """One line of a trace: at *time*, the module *who* used *subject*."""

    time: float
    kind: Kind
    subject: str
    who: str


@dataclass
class _Timeline:
    """The start times of the run's steps."""

    begun: list[tuple[float, str]]

    def begin(self, name: str) -> None:
        self.begun.append((time.monotonic(), name))

    def at(self, when: float) -> str:
        return next((name for begin, name in reversed(self.begun) if begin <= when), _START)


def trace(build: Build, stage: Stage) -> tuple[Fact, ...]:
    """Return what the product uses when run from source. Raises BuildError if it fails."""
    work = build.work / "trace"
    workspace.remove(work)
    folders = {name: work / name for name in ("path", "lines", "home")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    shutil.copyfile(tracer.__file__, folders["path"] / "sitecustomize.py")
    packages = stage.environment.site_packages
    env = environment.child_environment(build.environ) | build.model_server_variables()
    env |= private(folders["home"], build.profile) | environment.of_source(
        stage.folder, build.profile
    )
    env |= {
        "PYTHONPATH": os.pathsep.join(map(str, (folders["path"], stage.folder))),
        "FROSTLINE_TRACE": str(folders["lines"]),
        "FROSTLINE_TRACE_ROOTS": os.pathsep.join(_roots(stage.folder, packages)),
    }
    timeline, log_file = _Timeline([]), build.log("trace")
    workspace.remove(log_file)
    with log.step(f"tracing {build.product} from source") as step:
        for outcome in _exercise(build, stage, env, timeline):
            step.update(outcome.name)
            if outcome.problem:
                message = f"{build.product} fails from source: {outcome.name}: {outcome.problem}"
                raise BuildError(message, hint=f"its output is in {log_file}")
    shipped = distributions.installed(packages, stage.folder)
    return facts(read(folders["lines"]), timeline.at, shipped, stage, build.platform.name)


def _roots(*folders: Path) -> dict[str, None]:
    """Return *folders* as given and with symbolic links resolved."""
    return dict.fromkeys(str(path) for folder in folders for path in (folder, folder.resolve()))


def _exercise(build: Build, stage: Stage, env: Environ, timeline: _Timeline) -> Iterator[Outcome]:
    """Run the smoke test's commands and requests; yield the outcome of each."""
    argv = environment.entry_argv(stage.environment.python)
    home, log_file, smoke = Path(env["HOME"]), build.log("trace"), build.profile.smoke
    for expected in smoke.commands:
        timeline.begin(" ".join([build.product, *expected.arguments]))
        done = exercise.run_command(argv, expected, env, home, log_file, smoke.timeout)
        yield replace(done, name=timeline.begun[-1][1])
    if not build.profile.services:
        return
    timeline.begin(_START)
    with from_source.running(build, stage.environment.python, env, home, log_file) as instance:
        instance.wait_event("ready", smoke.timeout)
        urls = instance.service_urls()
        for request in smoke.requests:
            timeline.begin(f"{request.method} {request.path}")
            yield exercise.make_request(request, urls)
        timeline.begin(_STOP)


def read(folder: Path) -> tuple[TraceLine, ...]:
    """Return the trace lines of all processes in *folder*, oldest first."""
    lines = []
    for path in folder.glob("*.trace"):
        for line in path.read_text(encoding="utf-8").splitlines():
            when, kind, subject, who = cast("tuple[float, Kind, str, str]", ast.literal_eval(line))
            assert kind in KINDS  # noqa: S101  # written by tracer.py
            lines.append(TraceLine(when, kind, subject, who))
    return tuple(sorted(lines))


def facts(
    lines: Iterable[TraceLine], step_at: Callable[[float], str], shipped: Installed, stage: Stage,
    platform: str,
) -> tuple[Fact, ...]:  # fmt: skip
    """Return the facts in *lines* about the distributions *shipped* and the files of *stage*."""
    owners = _Owners(shipped, stage)
    found: dict[tuple[str, str, str], Fact] = {}
    for item in lines:
        name = str(canonicalize_name(item.subject)) if item.kind == "metadata" else item.subject
        package = owners.package(item.kind, name, item.who)
        key = (package, item.kind, name)
        if package and key not in found:
            why = f"{_WORDS[item.kind]} by {item.who} at {step_at(item.time)}"
            found[key] = Fact(package, item.kind, name, why, (platform,))
    return tuple(sorted(found.values()))


class _Owners:
    """Maps a traced file or module to the distribution that owns it."""

    def __init__(self, shipped: Installed, stage: Stage) -> None:
        self._modules = {name for item in shipped.values() for name in distributions.modules(item)}
        self._files = {path.as_posix() for item in shipped.values() for path in item.files or ()}
        self._files |= {
            path.relative_to(stage.folder).as_posix() for path in stage.folder.rglob("*")
        }
        self._shipped, self._own = shipped, {*stage.modules}

    def package(self, kind: Kind, name: str, who: str) -> str:
        """Return the top-level package that owns *name*, or "" if the bundle does not need it."""
        asker = who.partition(".")[0]
        top = name.partition("." if kind == "module" else "/")[0]
        match kind:
            case "module":
                # runpy imports what frostline itself starts.
                return "" if asker == "runpy" else self._module(name, top, asker)
            case "file" | "folder":
                ours = top in {_RUNTIME, FILE_NAME} or top.endswith((".dist-info", ".pth"))
                bundled = name in self._files or (kind == "folder" and self._is_folder(name))
                return top if bundled and not ours else ""
            case "library":
                return top if "/" in name and name in self._files else asker
            case "metadata":
                return name if name in self._shipped else ""
            case "entry-points" | "process":
                return "" if asker == _RUNTIME else asker

    def _module(self, name: str, top: str, asker: str) -> str:
        if top == _RUNTIME or (name in self._own and asker == _RUNTIME):
            return ""  # collected in any case
        if name in self._modules or name in self._own:
            return top
        return PYTHON if _is_standard(name, top) else ""

    def _is_folder(self, name: str) -> bool:
        return any(file.startswith(f"{name}/") for file in self._files)


def _is_standard(name: str, top: str) -> bool:
    """Return whether the module is a file of the standard library."""
    if top not in sys.stdlib_module_names or top == "encodings":  # encodings is always collected
        return False
    library = Path(sysconfig.get_path("stdlib"))
    place = library.joinpath(*name.split("."))
    extensions = library / "lib-dynload"
    return (
        place.with_suffix(".py").is_file()
        or (place / "__init__.py").is_file()
        or any(extensions.glob(f"{name}.*"))
    )
