"""Smoke-tests an artifact: copies it, sets its variables, asks for trials, writes the verdict.

The artifact is launched from another folder and isolated. It must become healthy, answer requests
and stop cleanly, and it must leave nothing behind when it or its shell is killed.
"""

import shutil
import statistics
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from frostline.core import archive, command, json_file, log, workspace
from frostline.profile.build import Build
from frostline.smoke import isolation
from frostline.smoke.result import TAG, Check, TrialRequest, TrialResult
from frostline.source import environment
from frostline.source.stage import Stage

# With spaces and a non-ASCII letter, as in the folders of users.
_PLACE = "frostline smøke "
# Checks that may fail because the artifact is isolated.
_MAY_FAIL_ISOLATED = {"smoke.command", "smoke.not-healthy", "smoke.unhealthy", "smoke.request"}
_KEPT = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "NUMBER_OF_PROCESSORS")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of a smoke test; times in milliseconds, sizes in bytes.

    *unproven*: what could not be tested on this machine, and why. *spread*: the least, median and
    most milliseconds to health over all rounds. *tail*: the artifact's last lines of output if it
    did not become healthy; *log* is the file with the full output.
    """

    product: str
    platform: str
    layout: str
    inputs: str
    ok: bool
    checks: tuple[Check, ...]
    unproven: tuple[str, ...]
    rounds: int
    ready_ms: int | None
    healthy_ms: int | None
    spread: tuple[int, ...]
    memory_bytes: int | None
    size_bytes: int
    log: str
    tail: tuple[str, ...]
    schema: Literal[2] = 2


@dataclass(frozen=True)
class SmokeTarget:
    """What is tested: the bundle of *build*, or the archive *packed*.

    *inputs* is the digest of its inputs, *size* its size in bytes.
    """

    build: Build
    inputs: str
    size: int
    packed: Path | None = None


def smoke(target: SmokeTarget, rounds: int) -> Verdict:
    """Make *rounds* trials, stopping at the first that fails; return the verdict.

    It is also written to `smoke.json`.
    """
    build = target.build
    workspace.remove(build.log("smoke"))
    workspace.remove(build.report("smoke"))  # an interrupted test must not leave an old verdict
    results: list[TrialResult] = []
    with log.step(f"smoke-testing {build.name}") as step:
        for number in range(rounds):
            prefix = f"round {number + 1}: " if rounds > 1 else ""
            results.append(attempt(target, step, prefix=prefix))
            if not results[-1].ok:
                results[-1] = _explained(target, step, results[-1])
                break
        verdict = _judge(target, results)
        step.ok = verdict.ok
    json_file.write(build.report("smoke"), verdict)
    return verdict


def attempt(target: SmokeTarget, step: log.Step, *, prefix: str, full: bool = True) -> TrialResult:
    """Return the result of one trial of *target*."""
    build, smoke = target.build, target.build.profile.smoke
    with workspace.temporary() as base:
        place = base / _PLACE
        installed = _install(target, place / "install")
        places = (place / "read only" / build.name, place / "moved elsewhere" / build.name)
        for folder in places:
            folder.mkdir(parents=True)
        request = TrialRequest(
            argv=(f"{{place}}/{build.executable.name}",), installed=str(installed),
            places=tuple(map(str, places)), offline=smoke.offline, read_only=smoke.read_only,
            full=full, environment=_environment(build, place), temporary=str(place / "tmp"),
            log=str(build.log("smoke")), profile=build.profile.model_dump_json(by_alias=True),
        )  # fmt: skip
        return _try(build, step, request, prefix)


def _install(target: SmokeTarget, place: Path) -> Path:
    """Unpack or copy the bundle into the new folder *place*; return the bundle's folder."""
    if target.packed:
        archive.unpack(target.packed, place)
        (installed,) = place.iterdir()
        return installed
    installed = place / target.build.name
    shutil.copytree(target.build.bundle, installed, symlinks=True)
    return installed


def attempt_from_source(build: Build, stage: Stage, step: log.Step) -> TrialResult:
    """Return the result of a trial of the product from source, run from *stage*."""
    with workspace.temporary() as base:
        place = base / _PLACE
        variables = _environment(build, place) | environment.of_source(stage.folder, build.profile)
        request = TrialRequest(
            argv=environment.entry_argv(stage.environment.python),
            installed=str(stage.folder), places=(), offline=False, read_only=False, full=False,
            environment=variables, temporary=str(place / "tmp"), log=str(build.log("source")),
            profile=build.profile.model_dump_json(by_alias=True),
        )  # fmt: skip
        return _try(build, step, request, "from source: ")


def _try(build: Build, step: log.Step, request: TrialRequest, prefix: str) -> TrialResult:
    with workspace.temporary() as folder:
        files = folder / "request.json", folder / "result.json"
        json_file.write(files[0], request)
        argv = [sys.executable, "-P", "-m", "frostline.smoke.trial", *map(str, files)]
        env = environment.child_environment(build.environ)
        log_file = build.log("trial")
        command.run(argv, log=log_file, env=env, on_line=lambda line: step.update(prefix + line))
        return json_file.read(files[1], TrialResult)


def _explained(target: SmokeTarget, step: log.Step, failed: TrialResult) -> TrialResult:
    """Try again with less isolation; return *failed* with isolation as the reason if that works."""
    first = next(check for check in failed.checks if not check.ok)
    if failed.unproven or first.id not in _MAY_FAIL_ISOLATED:
        return failed
    reasons = (
        ("offline", "smoke.needs-network", "works without a network"),
        ("read_only", "smoke.writes-bundle", "writes nothing into its bundle"),
    )
    profile = target.build.profile
    for key, name, title in reasons:
        if not getattr(profile.smoke, key):
            continue
        smoke = profile.smoke.model_copy(update={key: False})
        less_isolated = replace(target.build, profile=profile.model_copy(update={"smoke": smoke}))
        again = attempt(replace(target, build=less_isolated), step, prefix=f"{title}? ", full=False)
        if {check.id for check in again.checks if not check.ok} <= {name}:
            check = Check(name, title, ok=False, detail=f"{first.name}: {first.detail}")
            return replace(failed, checks=(*(c for c in failed.checks if c.ok), check))
    return failed


def _judge(target: SmokeTarget, results: Sequence[TrialResult]) -> Verdict:
    build, last = target.build, results[-1]
    healthy = sorted(round(result.healthy * 1000) for result in results if result.healthy)
    offline = build.profile.smoke.offline and not isolation.is_alone()
    unproven = [f"without a network: {last.unproven}"] * offline
    unproven += [f"read-only: {last.unproven}"] * build.profile.smoke.read_only
    return Verdict(
        product=build.product,
        platform=build.platform.name,
        layout=build.layout,
        inputs=target.inputs,
        ok=all(result.ok for result in results),
        checks=last.checks,
        unproven=tuple(unproven) if last.unproven else (),
        rounds=len(results),
        ready_ms=_milliseconds(last.ready),
        healthy_ms=_milliseconds(last.healthy),
        spread=(healthy[0], round(statistics.median(healthy)), healthy[-1]) if healthy else (),
        memory_bytes=last.memory,
        size_bytes=target.size,
        log=str(build.log("smoke")),
        tail=last.tail,
    )


def _environment(build: Build, place: Path) -> dict[str, str]:
    """Return clean environment variables: an empty home, an empty PATH, the model server."""
    folders = {name: place / name for name in ("home", "tmp", "nothing-on-path")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    home, temporary = str(folders["home"]), str(folders["tmp"])
    kept = {key: build.environ.get(key, "") for key in _KEPT} | build.model_server_variables()
    known = build.profile.smoke.environment | {key: value for key, value in kept.items() if value}
    return known | {
        "PATH": str(folders["nothing-on-path"]),
        "HOME": home,
        "USERPROFILE": home,
        "APPDATA": home,
        "LOCALAPPDATA": home,
        "TMPDIR": temporary,
        "TEMP": temporary,
        "TMP": temporary,
        "LANG": "C.UTF-8",
        TAG: uuid.uuid4().hex,
    }


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
