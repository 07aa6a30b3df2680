"""Proves an artifact: launched elsewhere, cut off, healthy, answering, killed, nothing left."""

import json
import shutil
import statistics
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from frostline.core import archive, command, log, workspace
from frostline.core.workspace import Target, Workspace
from frostline.profile.profile import Profile
from frostline.smoke import isolation, result, trial
from frostline.smoke.result import Check, Job, Result
from frostline.source import environment

SCHEMA = 2
# Spaces and letters outside ASCII: where users really install things.
_PLACE = "frostline smøke "
# What may fail because the artifact is cut off.
_FIRST_LIFE = {"smoke.command", "smoke.not-healthy", "smoke.unhealthy", "smoke.request"}
_KEPT = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "NUMBER_OF_PROCESSORS")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of an artifact; figures in milliseconds and bytes.

    *unproven*: what could not be tried here, and why. *spread*: least, median and most
    milliseconds to health over all rounds. *tail* holds the artifact's last lines if it failed to
    become healthy; *log* has all.
    """

    product: str
    platform: str
    layout: str
    inputs: str
    ok: bool
    checks: tuple[Check, ...]
    unproven: tuple[str, ...] = ()
    rounds: int = 1
    ready_ms: int | None = None
    healthy_ms: int | None = None
    spread: tuple[int, ...] = ()
    memory_bytes: int | None = None
    size_bytes: int = 0
    log: str = ""
    tail: tuple[str, ...] = ()
    schema: int = SCHEMA


@dataclass(frozen=True)
class Subject:
    """What is tried: the built bundle, or *packed*, an archive of one.

    *environ* is where the model server is named.
    """

    paths: Workspace
    target: Target
    profile: Profile
    environ: Mapping[str, str]
    packed: Path | None = None


def smoke(subject: Subject, inputs: str, size: int, rounds: int) -> Verdict:
    """Return the verdict after *rounds* trials, also written to `smoke.json`.

    *inputs* and *size* in bytes are those of what is tried.
    The first round that fails is the last one.
    """
    paths, target = subject.paths, subject.target
    workspace.remove(paths.log(target, "smoke"))
    workspace.remove(paths.report(target, "smoke"))  # an interrupted test leaves no verdict
    results: list[Result] = []
    with log.step(f"smoke-testing {target.name}") as step:
        for number in range(rounds):
            prefix = f"round {number + 1}: " if rounds > 1 else ""
            results.append(attempt(subject, step, prefix=prefix))
            if not results[-1].ok:
                results[-1] = _explained(subject, step, results[-1])
                break
        verdict = _judge(subject, inputs, size, results)
        step.ok = verdict.ok
    text = json.dumps(asdict(verdict), indent=2, ensure_ascii=False) + "\n"
    workspace.write(paths.report(target, "smoke"), text)
    return verdict


def attempt(subject: Subject, step: log.Step, *, prefix: str = "", lives: bool = True) -> Result:
    """Return the result of one trial of what was built."""
    paths, target, smoke = subject.paths, subject.target, subject.profile.smoke
    with workspace.temporary() as base:
        place = base / _PLACE
        installed = _install(subject, place / "install")
        places = (place / "read only" / target.name, place / "moved elsewhere" / target.name)
        for folder in places:
            folder.mkdir(parents=True)
        job = Job(
            argv=(f"{{place}}/{paths.executable(target).name}",), installed=str(installed),
            places=tuple(map(str, places)), offline=smoke.offline, read_only=smoke.read_only,
            lives=lives, environment=_environment(place, subject),
            temporary=str(place / "tmp"), log=str(paths.log(target, "smoke")),
            profile=subject.profile.model_dump_json(by_alias=True),
        )  # fmt: skip
        return _try(subject, step, job, prefix)


def _install(subject: Subject, place: Path) -> Path:
    """Return the folder of the bundle after it was put into the new folder *place*."""
    if subject.packed:
        archive.unpack(subject.packed, place)
        (installed,) = place.iterdir()
        return installed
    installed = place / subject.target.name
    shutil.copytree(subject.paths.output(subject.target), installed, symlinks=True)
    return installed


def attempt_from_source(
    subject: Subject, step: log.Step, python: Path, variables: Mapping[str, str]
) -> Result:
    """Return the result of a trial of the staged product, by the interpreter *python*.

    *variables* are what it needs to run from source.
    """
    paths, target = subject.paths, subject.target
    with workspace.temporary() as base:
        place = base / _PLACE
        job = Job(
            argv=(str(python), "-P", "-m", "frostline_runtime.entry"),
            installed=str(paths.work(target) / "stage"), places=(), offline=False,
            read_only=False, lives=False, environment={**_environment(place, subject), **variables},
            temporary=str(place / "tmp"), log=str(paths.log(target, "source")),
            profile=subject.profile.model_dump_json(by_alias=True),
        )  # fmt: skip
        return _try(subject, step, job, "from source: ")


def _try(subject: Subject, step: log.Step, job: Job, prefix: str) -> Result:
    with workspace.temporary() as folder:
        files = folder / "job.json", folder / "result.json"
        workspace.write(files[0], result.dump(job))
        argv = [sys.executable, "-P", "-m", "frostline.smoke.trial", *map(str, files)]
        env = environment.child_environment(subject.environ)
        log_file = subject.paths.log(subject.target, "trial")
        command.run(argv, log=log_file, env=env, on_line=lambda line: step.update(prefix + line))
        return result.load(files[1].read_text(encoding="utf-8"))


def _explained(subject: Subject, step: log.Step, failed: Result) -> Result:
    """Return *failed* with the reason named, if being cut off is the reason."""
    first = next(check for check in failed.checks if not check.ok)
    if failed.unproven or first.id not in _FIRST_LIFE:
        return failed
    reasons = (
        ("offline", "smoke.needs-network", "works without a network"),
        ("read_only", "smoke.writes-bundle", "writes nothing into its bundle"),
    )
    smoke = subject.profile.smoke
    for freedom, name, title in reasons:
        if not getattr(smoke, freedom):
            continue
        looser = subject.profile.model_copy(
            update={"smoke": smoke.model_copy(update={freedom: False})}
        )
        again = attempt(replace(subject, profile=looser), step, prefix=f"{title}? ", lives=False)
        if {check.id for check in again.checks if not check.ok} <= {name}:
            check = Check(name, title, ok=False, detail=f"{first.name}: {first.detail}")
            return replace(failed, checks=(*(c for c in failed.checks if c.ok), check))
    return failed


def _judge(subject: Subject, inputs: str, size: int, results: Sequence[Result]) -> Verdict:
    target, profile, last = subject.target, subject.profile, results[-1]
    healthy = sorted(_milliseconds(r.healthy) or 0 for r in results if r.healthy)
    offline = profile.smoke.offline and not isolation.is_alone()
    unproven = [f"without a network: {last.unproven}"] * offline
    unproven += [f"read-only: {last.unproven}"] * (profile.smoke.read_only)
    return Verdict(
        product=target.product,
        platform=target.platform.name,
        layout=target.layout,
        inputs=inputs,
        ok=all(result.ok for result in results),
        checks=last.checks,
        unproven=tuple(unproven) if last.unproven else (),
        rounds=len(results),
        ready_ms=_milliseconds(last.ready),
        healthy_ms=_milliseconds(last.healthy),
        spread=(healthy[0], round(statistics.median(healthy)), healthy[-1]) if healthy else (),
        memory_bytes=last.memory,
        size_bytes=size,
        log=str(subject.paths.log(target, "smoke")),
        tail=last.tail,
    )


def _environment(place: Path, subject: Subject) -> dict[str, str]:
    """Return a clean environment: an empty home, nothing on PATH, the model server."""
    folders = {name: place / name for name in ("home", "tmp", "nothing-on-path")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    home, temporary = str(folders["home"]), str(folders["tmp"])
    server, environ = subject.profile.model_server, subject.environ
    kept = (*_KEPT, server.variable) if server else _KEPT
    return {key: environ[key] for key in kept if environ.get(key)} | {
        "PATH": str(folders["nothing-on-path"]),
        "HOME": home,
        "USERPROFILE": home,
        "APPDATA": home,
        "LOCALAPPDATA": home,
        "TMPDIR": temporary,
        "TEMP": temporary,
        "TMP": temporary,
        "LANG": "C.UTF-8",
        trial.TAG: uuid.uuid4().hex,
    }


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
