"""Starts the services in order of need, waits until each answers, and stops them all.

One thread owns all state and takes events from a queue; threads that wait for processes,
probes, standard input and signals only put events there. First version: a service that dies
is not restarted.
"""

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from frostline_runtime import health, launch, lifeline, llamafile, ports, probe
from frostline_runtime.announce import Announcer, Value, say
from frostline_runtime.manifest import Manifest, Port, Service
from frostline_runtime.output import Output
from frostline_runtime.states import State, Status, blocked, overall, settled, startable, stop_order
from frostline_runtime.system import current

STOPPED_AS_ASKED = 0
REQUIRED_SERVICE_FAILED = 70
_FIRST_INTERVAL = 0.02
_LONGEST_INTERVAL = 0.5
_KILL_CONFIRM = 2.0


@dataclass(frozen=True, slots=True)
class Exited:
    """The process of a service has ended."""

    name: str
    code: int


@dataclass(frozen=True, slots=True)
class Probed:
    """A service has answered its startup probe, or will not any more."""

    name: str
    ready: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody asks the artifact to stop."""

    reason: str


Event = Exited | Probed | Stop


@dataclass(slots=True)
class Run:
    """A started process of a service."""

    process: subprocess.Popen[bytes]
    output: Output
    done: threading.Event


class Supervisor:
    """Runs the services of one manifest until it is told to stop."""

    def __init__(
        self, manifest: Manifest, announcer: Announcer, environ: Mapping[str, str], started: float
    ) -> None:
        self._manifest = manifest
        self._announcer = announcer
        self._environ = environ
        self._started = started
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._services = manifest.services
        self._states = {service.name: State.PENDING for service in self._services}
        self._reasons: dict[str, str] = {}
        self._addresses: dict[str, launch.Address] = {}
        self._runs: dict[str, Run] = {}
        self._stopping = False
        self._announced = False
        self._fatal = False

    def run(self, control: Port, *, watch_stdin: bool) -> int:
        """Serve until a signal, the end of standard input or a fatal failure; return the exit code.

        Raises PortError if the control port is fixed and taken.
        """
        with ports.listen(control) as listener:
            self._install(watch_stdin=watch_stdin)
            self._choose_ports()
            self._start_what_can()
            server = health.serve(listener, self.report)
            base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            try:
                code = self._loop(base_url)
            finally:
                left = self._stop_all()
                threading.Thread(target=server.shutdown, daemon=True).start()
                self._announcer.emit("stopped", clean=not left, left=[*left])
        return code

    def report(self) -> health.Report:
        """Return the body of `/health`."""
        status = overall(self._services, self._states, stopping=self._stopping)
        return {
            "status": status.value,
            "version": self._manifest.version,
            "services": {service.name: self._describe(service) for service in self._services},
        }

    def _loop(self, base_url: str) -> int:
        while not self._fatal:
            self._announce_if_ready(base_url)
            event = self._next_event()
            if isinstance(event, Stop):
                self._stopping = True
                self._announcer.emit("stopping", reason=event.reason)
                return STOPPED_AS_ASKED
            self._handle(event)
        return REQUIRED_SERVICE_FAILED

    def _handle(self, event: Exited | Probed) -> None:
        if self._states[event.name] is State.FAILED:
            return
        if isinstance(event, Exited):
            self._fail(event.name, f"exited with {describe_exit(event.code)}")
        elif not event.ready:
            self._fail(event.name, event.detail)
        else:
            self._states[event.name] = State.READY
        self._start_what_can()

    def _next_event(self) -> Event:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._events.get(timeout=current.WAKE_EVERY)

    def _install(self, *, watch_stdin: bool) -> None:
        for number in current.STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        if watch_stdin:
            lifeline.watch(0, partial(self._events.put, Stop("stdin_eof")))

    def _on_signal(self, number: int, _frame: object) -> None:
        if self._stopping:  # asked twice: no more grace
            for run in self._runs.values():
                current.kill(run.process)
        self._events.put(Stop(signal.Signals(number).name))

    def _choose_ports(self) -> None:
        for service in self._services:
            if service.kind == "llamafile" and not self._is_configured():
                self._states[service.name] = State.DISABLED
                continue
            port = launch.effective_port(service)
            if not port:
                continue
            try:
                self._addresses[service.name] = launch.Address(port)
            except ports.PortError as error:
                self._fail(service.name, str(error))

    def _is_configured(self) -> bool:
        server = self._manifest.model_server
        if not server:
            return False
        variable = self._environ.get(server.variable) if server.variable else None
        return bool(variable or server.executable)

    def _start_what_can(self) -> None:
        """Start every service whose needs are met; fail those whose needs have failed."""
        while not self._fatal:
            lost = blocked(self._services, self._states)
            for service in lost:
                self._fail(service.name, "was not started: a service that it needs has failed")
            ready = startable(self._services, self._states)
            for service in ready:
                self._start(service)
            if not (lost or ready):
                return

    def _start(self, service: Service) -> None:
        name = service.name
        self._states[name] = State.STARTING
        try:
            plan = launch.prepare(service, self._manifest, self._addresses, self._environ)
            os.makedirs(plan.cwd, exist_ok=True)  # noqa: PTH103  # a string all the way
            process = current.spawn(plan.argv, plan.environ, plan.cwd, plan.descriptors)
        except (launch.LaunchError, llamafile.ModelServerError) as error:
            self._fail(name, str(error))
            return
        except OSError as error:
            self._fail(name, f"cannot be started: {error}")
            return
        if name in self._addresses:
            self._addresses[name].close()
        assert process.stdout  # noqa: S101  # spawn gives one
        run = Run(process, Output(name, process.stdout), threading.Event())
        self._runs[name] = run
        _thread(f"wait-{name}", partial(self._wait, name, run))
        _thread(f"probe-{name}", partial(self._probe, service, run))

    def _wait(self, name: str, run: Run) -> None:
        code = run.process.wait()
        run.done.set()
        self._events.put(Exited(name, code))

    def _probe(self, service: Service, run: Run) -> None:
        address = self._addresses.get(service.name)
        if not (service.probe and address):
            self._events.put(Probed(service.name, ready=True))
            return
        deadline = time.monotonic() + service.start_timeout
        interval = _FIRST_INTERVAL
        detail = "never asked"
        while time.monotonic() < deadline:
            verdict = probe.ask(service.probe, address.number)
            if verdict.healthy:
                self._events.put(Probed(service.name, ready=True))
                return
            detail = verdict.detail
            if run.done.wait(interval):  # it has ended: `Exited` tells
                return
            interval = min(interval * 1.5, _LONGEST_INTERVAL)
        detail = f"not healthy after {service.start_timeout:g} s: {detail}"
        self._events.put(Probed(service.name, ready=False, detail=detail))

    def _fail(self, name: str, reason: str) -> None:
        """Record that service *name* has failed; a required one ends the artifact."""
        self._states[name] = State.FAILED
        self._reasons[name] = reason
        run = self._runs.get(name)
        tail: list[Value] = [*(run.output.tail() if run else ())]
        if run:
            current.kill(run.process)
        required = self._manifest.service(name).required
        self._fatal |= required
        event = "fatal" if required else "degraded"
        self._announcer.emit(event, service=name, reason=reason, tail=tail)
        say(f"frostline: service {name} {reason}")

    def _announce_if_ready(self, base_url: str) -> None:
        if self._announced or not settled(self._states):
            return
        if overall(self._services, self._states, stopping=False) not in {
            Status.OK,
            Status.DEGRADED,
        }:
            return
        self._announced = True
        self._announcer.emit(
            "ready",
            product=self._manifest.product,
            version=self._manifest.version,
            pid=os.getpid(),
            base_url=base_url,
            services={service.name: self._describe(service) for service in self._services},
            took_ms=round((time.monotonic() - self._started) * 1000),
        )

    def _describe(self, service: Service) -> dict[str, Value]:
        name = service.name
        address, run = self._addresses.get(name), self._runs.get(name)
        return {
            "state": self._states[name].value,
            "required": service.required,
            "url": f"http://127.0.0.1:{address.number}" if address else None,
            "pid": run.process.pid if run else None,
            "reason": self._reasons.get(name),
        }

    def _stop_all(self) -> tuple[str, ...]:
        """Stop all services, dependants first; return the names of those that live on."""
        self._stopping = True
        for group in stop_order(self._services):
            runs = {name: self._runs[name] for name in group if name in self._runs}
            for run in runs.values():
                current.terminate(run.process)
            for name, run in runs.items():
                grace = self._manifest.service(name).grace
                if not run.done.wait(grace):
                    say(f"frostline: service {name} did not stop within {grace:g} s: killed")
                current.kill(run.process)  # also what it has left in its group
                run.done.wait(_KILL_CONFIRM)
        for address in self._addresses.values():
            address.close()
        return tuple(name for name, run in self._runs.items() if _survives(run))


def _survives(run: Run) -> bool:
    deadline = time.monotonic() + _KILL_CONFIRM
    while current.group_alive(run.process):  # killed, and not reaped by its new parent yet
        if time.monotonic() > deadline:
            return True
        time.sleep(0.005)
    return False


def describe_exit(code: int) -> str:
    """Return *code* of an ended process in words."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"code {code}"


def _thread(name: str, target: Callable[[], None]) -> None:
    threading.Thread(target=target, name=name, daemon=True).start()
