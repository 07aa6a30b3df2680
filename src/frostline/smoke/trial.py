"""Makes one trial of an artifact, in a separate process that isolates itself.

Run as `python -m frostline.smoke.trial REQUEST RESULT`; both are JSON files. It prints each step on
a line.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import psutil

from frostline.core import exit_codes, json_file
from frostline.core.errors import BuildError
from frostline.launch import exercise
from frostline.launch.announced import Event, HealthReport
from frostline.launch.exercise import Outcome
from frostline.launch.instance import Instance, NotHealthyError, ask
from frostline.profile.checks import Command
from frostline.profile.profile import Profile
from frostline.smoke import isolation
from frostline.smoke.result import TAG, Check, TrialRequest, TrialResult
from frostline_runtime.exit_codes import ALREADY_RUNNING

_LEFTOVER_TIMEOUT = 2.0
_STOP_TIMEOUT = 10.0
# Windows has no SIGKILL; there SIGTERM ends a process at once.
_KILL: int = getattr(signal, "SIGKILL", signal.SIGTERM)
# A stand-in for the desktop shell: it starts the artifact with a lifeline and is then killed.
_SHELL = (
    "import subprocess, sys; "
    "subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, process_group=0).wait()"
)


def main(request_file: str, result_file: str) -> int:
    """Make the trial that *request_file* describes and write its result to *result_file*."""
    trial = Trial(json_file.read(Path(request_file), TrialRequest))
    try:
        trial.run()
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    json_file.write(Path(result_file), trial.result)
    return 0


class Trial:
    """A running trial: its request and its result so far."""

    def __init__(self, request: TrialRequest) -> None:
        self.request = request
        self.profile = Profile.model_validate_json(request.profile)
        self.result = TrialResult()
        self._observed: dict[str, tuple[int | None, str]] = {}
        self._ports: dict[str, int] = {}
        self._step = ""
        # Services stop one after the other; each may take its grace before it is killed.
        self._stop_timeout = _STOP_TIMEOUT + sum(item.grace for item in self.profile.services)

    def run(self) -> None:
        """Run the commands, then start and stop the artifact in several ways."""
        request, unproven = self.request, ""
        places = [Path(name) for name in request.places] or [Path(request.installed)]
        shown = dict.fromkeys(places, Path(request.installed)) if request.read_only else {}
        try:
            isolation.enter(offline=request.offline, read_only=shown)
            moves = not shown and len(places) > 1
        except isolation.NotPossibleError as error:
            unproven, moves = str(error), len(places) > 1
        if moves:
            places[0] = Path(request.installed)
        self.result = replace(self.result, unproven=unproven)
        before = _tree(places[0])
        try:
            self._commands(places[0])
            if self.profile.services:
                self._first_launch(places[0])
                self._unchanged(places[0], before)
                if request.full:
                    if moves:
                        places[1].rmdir()
                        places[0].rename(places[1])
                    self._later_launches(places[-1])
            else:
                self._unchanged(places[0], before)
        except (BuildError, NotHealthyError) as error:  # it cannot be started, or it has died
            self._check("smoke.not-healthy", f"healthy ({self._step})", error.message)
            self.result = replace(self.result, tail=error.tail)
        self._check("smoke.left-behind", "nothing is left", self._leftovers())
        self.result = replace(self.result, observed=self._observed)

    def _tell(self, step: str) -> None:
        self._step = step
        sys.stdout.write(f"{step}\n")  # the parent process shows it
        sys.stdout.flush()

    def _check(self, name: str, title: str, problem: str, good: str = "") -> None:
        check = Check(name, title, not problem, problem or good)
        self.result = replace(self.result, checks=(*self.result.checks, check))

    def _observe(self, name: str, done: Outcome) -> None:
        self._observed[name] = (done.status, done.text)

    def _argv(self, place: Path) -> list[str]:
        return [word.replace("{place}", str(place)) for word in self.request.argv]

    def _commands(self, place: Path) -> None:
        commands = [*self.profile.smoke.commands]
        if self.profile.services:
            commands.insert(0, Command(arguments=("selftest", "--json"), contains='"ok": true'))
        log, timeout = Path(self.request.log), self.profile.smoke.timeout
        for item in commands:
            self._tell(" ".join(item.arguments) or "without arguments")
            argv = self._argv(place)
            done = exercise.run_command(argv, item, self.request.environment, place, log, timeout)
            self._observe(" ".join(item.arguments), done)
            good = done.good if len(done.good) > 1 else ""  # not the first brace of JSON
            self._check("smoke.command", done.name, done.problem, good)

    def _start(self, place: Path, *before: str) -> Instance:
        argv = [*before, *self._argv(place)]
        log = Path(self.request.log)
        return Instance(argv, env=self.request.environment, cwd=place, log=log)

    def _first_launch(self, place: Path) -> None:
        timeout = self.profile.smoke.timeout
        self._tell("launch")
        with self._start(place) as instance:
            instance.wait_healthy(timeout)
            ready = instance.wait_event("ready", timeout)
            problem = "" if ready else f"no ready line within {timeout:g} s"
            self._check("smoke.not-ready", "ready line", problem)
            report = instance.report()
            problem = "" if report.status == "ok" else _unhealthy(report)
            good = f"GET /health: {report.status}"
            self._check("smoke.unhealthy", "healthy", problem, good)
            urls = self._addresses(instance)
            for request in self.profile.smoke.requests:
                self._tell(request.name)
                done = exercise.make_request(request, urls)
                self._observe(request.name, done)
                self._check("smoke.request", request.name, done.problem, done.good)
            for name, url in urls.items():
                status, text = ask("GET", f"{url}/openapi.json", timeout=10)
                if text.startswith("{"):
                    self._observed[f"routes of {name}"] = (status, text)
            self.result = replace(
                self.result, ready=instance.ready_after, healthy=instance.healthy_after,
                memory=_memory(instance.process.pid),
            )  # fmt: skip
            if self.request.full:
                self._second_instance(place)
            self._stops(instance, "stops when its lifeline ends", instance.process.close_stdin)

    def _second_instance(self, place: Path) -> None:
        self._tell("a second instance")
        expected = Command(
            arguments=("--lifeline", "stdin"), exit_code=ALREADY_RUNNING,
            contains='"already_running"',
        )  # fmt: skip
        argv, log = self._argv(place), Path(self.request.log)
        done = exercise.run_command(
            argv, expected, self.request.environment, place, log, self._stop_timeout
        )
        good = "says that the first one runs"
        self._check("smoke.second-instance", "a second instance", done.problem, good)

    def _later_launches(self, place: Path) -> None:
        shell = (sys.executable, "-c", _SHELL)
        self._tell("moved, and its shell killed")
        self._killed(place, "moved, and its shell killed", "smoke.outlives-shell", *shell)
        self._tell("killed")
        self._killed(place, "killed itself", "smoke.outlives-kill")
        self._tell("started again")
        with self._start(place) as instance:
            self._healthy_again(instance)
            self._stops(instance, "started again, and stopped", instance.process.terminate)

    def _healthy_again(self, instance: Instance) -> None:
        instance.wait_healthy(self.profile.smoke.timeout)
        instance.wait_event("ready", self.profile.smoke.timeout)
        self._addresses(instance)

    def _killed(self, place: Path, title: str, name: str, *before: str) -> None:
        with self._start(place, *before) as instance:
            self._healthy_again(instance)
            started = time.monotonic()
            os.kill(instance.process.pid, _KILL)
            left = self._still_running(self._stop_timeout)
            problem = f"{', '.join(left)} after {self._stop_timeout:g} s" if left else ""
            good = f"all gone after {time.monotonic() - started:.1f} s"
            self._check(name, title, problem and f"still runs: {problem}", good)
            self._end_all()  # leftovers must not affect the next check

    def _stops(self, instance: Instance, title: str, stop: Callable[[], None]) -> None:
        self._tell("stop")
        started = time.monotonic()
        stop()
        try:
            code = instance.process.wait(self._stop_timeout)
        except TimeoutError as error:
            self._check("smoke.not-stopped", title, str(error))
            return
        stopped = instance.event("stopped") or Event(event="stopped")
        problem = f"exit code {code}" if code else ""
        if not problem and not stopped.clean:
            problem = f"it reports that it left {stopped.left}"
        seconds = time.monotonic() - started
        self._check("smoke.not-stopped", title, problem, f"{seconds:.1f} s, exit code 0")
        if stopped.forced:
            problem = f"{', '.join(stopped.forced)} did not stop when asked, and was killed"
            self._check("smoke.ignores-stop", title, problem)

    def _unchanged(self, place: Path, before: Mapping[str, object]) -> None:
        after = _tree(place)
        changed = sorted(
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        )
        problem = f"it changed {', '.join(changed[:5])}" if changed else ""
        self._check("smoke.writes-bundle", "writes nothing into its bundle", problem)

    def _addresses(self, instance: Instance) -> dict[str, str]:
        """Return the addresses of the services; note their ports, which must be free at the end."""
        urls = instance.service_urls()
        self._ports["control"] = instance.port
        self._ports |= {name: int(url.rpartition(":")[2]) for name, url in urls.items()}
        return urls

    def _leftovers(self) -> str:
        """Return what the artifact left behind, in words, or "" if nothing."""
        reasons = [f"process {item}" for item in self._still_running(_LEFTOVER_TIMEOUT)]
        self._end_all()  # do not leave them running on the user's machine
        temporary = Path(self.request.temporary)
        reasons += [f"temporary file {path.name}" for path in sorted(temporary.glob("*"))]
        for name, port in self._ports.items():
            if ask("GET", f"http://127.0.0.1:{port}/", timeout=1)[0]:
                reasons.append(f"port {port} of {name} still answers")
        return "left behind: " + ", ".join(reasons) if reasons else ""

    def _end_all(self) -> None:
        for process in tagged(self.request.environment[TAG]):
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _still_running(self, timeout: float) -> list[str]:
        deadline = time.monotonic() + timeout
        while (found := tagged(self.request.environment[TAG])) and time.monotonic() < deadline:
            time.sleep(0.02)
        return [f"{process.info['name']} ({process.pid})" for process in found]


def tagged(tag: str) -> list[psutil.Process]:
    """Return the running processes whose TAG variable is *tag*."""
    found = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(TAG) == tag and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _tree(place: Path) -> dict[str, tuple[int, int, int]]:
    """Return the size, time and mode of everything in *place*, by relative path."""
    tree = {}
    for path in place.rglob("*"):
        status = path.lstat()
        tree[path.relative_to(place).as_posix()] = (
            0 if path.is_dir() else status.st_size, status.st_mtime_ns, status.st_mode,
        )  # fmt: skip
    return tree


def _unhealthy(report: HealthReport) -> str:
    reasons = [
        f"service {name} {facts.reason or facts.state}"
        for name, facts in report.services.items()
        if facts.state != "READY"
    ]
    return "; ".join([f"status {report.status}", *reasons])


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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
