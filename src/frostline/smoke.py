"""Proves an artifact: launched elsewhere, healthy, answering, stopped, nothing left behind."""

import json
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from frostline import log, play, workspace
from frostline.freeze import Bundle
from frostline.instance import Instance, NotHealthyError, ask
from frostline.profile import Command, Profile
from frostline.workspace import Target, Workspace

SCHEMA = 1
# Spaces and letters outside ASCII: where users really install things.
_PLACE = "frostline smøke "
_TAG = "FROSTLINE_SMOKE"
_LEFTOVER_PATIENCE = 2.0
_KEPT = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "NUMBER_OF_PROCESSORS")


@dataclass(frozen=True)
class Check:
    """One thing that was proven, or not."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of an artifact; figures in milliseconds and bytes.

    *tail* holds the artifact's last lines if it failed to become healthy; *log* has all.
    """

    product: str
    platform: str
    layout: str
    inputs: str
    ok: bool
    checks: tuple[Check, ...]
    ready_ms: int | None = None
    healthy_ms: int | None = None
    memory_bytes: int | None = None
    size_bytes: int = 0
    log: str = ""
    tail: tuple[str, ...] = ()
    schema: int = SCHEMA


@dataclass
class _Findings:
    checks: list[Check] = field(default_factory=list)
    tail: tuple[str, ...] = ()
    memory: int | None = None
    instance: Instance | None = None

    def add(self, name: str, problem: str, good: str = "") -> None:
        self.checks.append(Check(name, not problem, problem or good))


def smoke(
    paths: Workspace,
    target: Target,
    profile: Profile,
    bundle: Bundle,
    *,
    model_server: Path | None,
    environ: Mapping[str, str],
) -> Verdict:
    """Return the verdict on *bundle*, also written to `smoke.json`."""
    findings = _Findings()
    log_file = paths.log(target, "smoke")
    workspace.remove(log_file)
    workspace.remove(paths.report(target, "smoke"))  # an interrupted test leaves no verdict
    tag = uuid.uuid4().hex
    with log.step(f"smoke-testing {target.name}") as step, TemporaryDirectory() as base:
        place = Path(base, _PLACE)
        executable = _copy(paths.output(target), place) / paths.executable(target).name
        env = _clean_environment(place, tag, environ)
        if model_server and profile.model_server and profile.model_server.variable:
            env[profile.model_server.variable] = str(model_server)
        try:
            step.update("commands")
            _play_commands(executable, profile, env, log_file, findings)
            if profile.services:
                step.update("launch")
                _play_services(executable, profile, env, log_file, findings)
        except NotHealthyError as error:
            findings.add("healthy", error.message)
            findings.tail = error.tail
        findings.add("nothing is left", _leftovers(tag, place / "tmp", findings.instance))
        verdict = _judge(target, bundle, findings, log_file)
        step.ok = verdict.ok
    text = json.dumps(asdict(verdict), indent=2, ensure_ascii=False) + "\n"
    workspace.write(paths.report(target, "smoke"), text)
    return verdict


def _judge(target: Target, bundle: Bundle, findings: _Findings, log_file: Path) -> Verdict:
    running = findings.instance
    return Verdict(
        product=target.product,
        platform=target.platform.name,
        layout=target.layout,
        inputs=bundle.inputs,
        ok=all(check.ok for check in findings.checks),
        checks=tuple(findings.checks),
        ready_ms=_milliseconds(running.ready_after if running else None),
        healthy_ms=_milliseconds(running.healthy_after if running else None),
        memory_bytes=findings.memory,
        size_bytes=bundle.size,
        log=str(log_file),
        tail=findings.tail,
    )


def _copy(source: Path, place: Path) -> Path:
    destination = place / "install" / source.name
    shutil.copytree(source, destination, symlinks=True)
    return destination


def _clean_environment(place: Path, tag: str, environ: Mapping[str, str]) -> dict[str, str]:
    folders = {name: place / name for name in ("home", "tmp", "nothing-on-path")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    home, temporary = str(folders["home"]), str(folders["tmp"])
    kept = {key: environ[key] for key in _KEPT if key in environ}
    return kept | {
        "PATH": str(folders["nothing-on-path"]),
        "HOME": home,
        "USERPROFILE": home,
        "APPDATA": home,
        "LOCALAPPDATA": home,
        "TMPDIR": temporary,
        "TEMP": temporary,
        "TMP": temporary,
        "LANG": "C.UTF-8",
        _TAG: tag,
    }


def _play_commands(
    executable: Path, profile: Profile, env: Mapping[str, str], log_file: Path,
    findings: _Findings,
) -> None:  # fmt: skip
    commands = [*profile.smoke.commands]
    if profile.services:
        commands.insert(0, Command(arguments=("selftest",), contains="ok"))
    for wanted in commands:
        argv, cwd = [str(executable)], executable.parent
        done = play.run_command(argv, wanted, env, cwd, log_file, profile.smoke.timeout)
        findings.add(done.name, done.problem, done.good)


def _play_services(
    executable: Path,
    profile: Profile,
    env: Mapping[str, str],
    log_file: Path,
    findings: _Findings,
) -> None:
    timeout = profile.smoke.timeout
    with Instance([str(executable)], env=env, cwd=executable.parent, log=log_file) as instance:
        findings.instance = instance
        instance.wait_healthy(timeout)
        ready = instance.wait_event("ready", timeout)
        findings.add("ready line", "" if ready else f"no ready line within {timeout:g} s")
        report = instance.report()
        wrong = "" if report.get("status") == "ok" else _unhealthy(report)
        findings.add("healthy", wrong, f"GET /health: {report.get('status')}")
        urls = instance.service_urls()
        for request in profile.smoke.requests:
            done = play.make_request(request, urls)
            findings.add(done.name, done.problem, done.good)
        findings.memory = _memory(instance.process.pid)
        _stop(instance, findings)


def _unhealthy(report: Mapping[str, object]) -> str:
    services = report.get("services")
    reasons = [f"status {report.get('status')}"]
    if isinstance(services, dict):
        reasons += [
            f"service {name} {facts.get('reason') or facts.get('state')}"
            for name, facts in services.items()
            if facts.get("state") != "READY"
        ]
    return "; ".join(reasons)


def _stop(instance: Instance, findings: _Findings) -> None:
    started = time.monotonic()
    try:
        code = instance.stop(30)
    except TimeoutError as error:
        findings.add("stops when its lifeline ends", str(error))
        return
    stopped = instance.event("stopped") or {}
    problem = f"exit code {code}" if code else ""
    if not problem and not stopped.get("clean"):
        problem = f"it says that it left {stopped.get('left')}"
    seconds = time.monotonic() - started
    findings.add("stops when its lifeline ends", problem, f"{seconds:.1f} s, exit code 0")


def _leftovers(tag: str, temporary: Path, instance: Instance | None) -> str:
    """Return what the artifact has left behind, in words; nothing if it left nothing."""
    deadline = time.monotonic() + _LEFTOVER_PATIENCE
    while (processes := _tagged(tag)) and time.monotonic() < deadline:
        time.sleep(0.02)
    reasons = [f"process {item}" for item in processes]
    reasons += [f"temporary file {path.name}" for path in temporary.glob("*")]
    urls = instance.service_urls() if instance else {}
    ports = [("control", instance.port)] if instance else []
    ports += [(name, int(url.rpartition(":")[2])) for name, url in urls.items()]
    for name, port in ports:
        if ask("GET", f"http://127.0.0.1:{port}/", timeout=1)[0]:
            reasons.append(f"port {port} of {name} still answers")
    return "left behind: " + ", ".join(reasons) if reasons else ""


def _tagged(tag: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(_TAG) == tag and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.name()} ({process.pid})")
        except (psutil.Error, OSError):
            continue
    return found


def _memory(pid: int) -> int:
    """Return the resident memory of *pid* and its descendants, in bytes."""
    try:
        leader = psutil.Process(pid)
        return sum(_rss(item) for item in (leader, *leader.children(recursive=True)))
    except psutil.Error:
        return 0


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
