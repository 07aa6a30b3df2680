"""Starts, probes and stops the processes of services; what happens to them becomes events."""

import contextlib
import errno
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from frostline_runtime import exit_codes
from frostline_runtime.artifact.guardian import INSTANCE
from frostline_runtime.artifact.loopback import request
from frostline_runtime.artifact.manifest import Service
from frostline_runtime.model import llamafile
from frostline_runtime.supervision import launch, ports, prober, report, watchers
from frostline_runtime.supervision.events import (
    Ask,
    Event,
    Exited,
    Prepared,
    Probed,
    Progressed,
    Spawn,
    SpawnFailed,
)
from frostline_runtime.supervision.lifeline import Tether
from frostline_runtime.supervision.output import Log
from frostline_runtime.system import current

PROBES_KEPT = 360
_STOP_REQUEST = 1.0
_PORT_MARKS = (
    "EADDRINUSE",
    "address already in use",
    "Address already in use",
    "couldn't bind HTTP server socket",  # llama.cpp's server
)
# These pass; any other error means that this candidate will never start.
_PASSING = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY}
# The modes in which another port may be tried.
_CHOSEN = ("prefer", "ephemeral")


@dataclass(frozen=True, slots=True)
class Run:
    """A started process of a service."""

    number: int
    process: subprocess.Popen[bytes]
    how: launch.How
    tether: Tether | None = None
    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class ServiceRecord:
    """What is known about a service besides its state.

    *code* is its last exit code, *problem* what its last probe has found wrong, *elsewhere* the
    number of the run that listens on another port than it was given.
    """

    log: Log
    run: Run | None = None
    code: int | None = None
    asked_at: float | None = None
    problem: str = ""
    lag: float | None = None
    elsewhere: int = 0
    probes: deque[tuple[float, bool, float]] = field(
        default_factory=lambda: deque(maxlen=PROBES_KEPT)
    )


class Processes:
    """The processes, ports and logs of all services."""

    def __init__(
        self, context: launch.Context, put: Callable[[Event], None], logs: Mapping[str, Log]
    ) -> None:
        self._context = context
        self._manifest = context.manifest
        self._instance = context.environ[INSTANCE]
        self._put = put
        self._records = {name: ServiceRecord(log) for name, log in logs.items()}
        self._addresses: dict[str, launch.Address] = {}
        self.probed: Callable[[str, bool, float], None] = lambda *_: None

    def __getitem__(self, name: str) -> ServiceRecord:
        """Return the record of service *name*. Raises KeyError."""
        return self._records[name]

    def listen(self, remembered: Mapping[str, int]) -> frozenset[str]:
        """Open the listening sockets; return the services that are switched off."""
        disabled: set[str] = set()
        for service in self._manifest.services:
            name, port = service.name, launch.effective_port(service)
            unused = service.kind == "llamafile" and not self._is_configured()
            if unused or not service.enabled:
                disabled.add(name)
            elif port:
                with contextlib.suppress(ports.PortError):  # reported when the service is started
                    self._addresses[name] = launch.Address(port, remembered.get(name, 0))
        return frozenset(disabled)

    def numbers(self) -> dict[str, int]:
        """Return the ports of the services."""
        return {name: address.number for name, address in self._addresses.items() if address.number}

    def spawn(self, action: Spawn) -> None:
        """Start a process by the first candidate that works, or put SpawnFailed."""
        name = action.name
        record, service = self._records[name], self._manifest.service(name)
        failed = partial(SpawnFailed, name, action.run)
        try:
            with contextlib.ExitStack() as ends:  # descriptors that only the service keeps
                tether, inherited = self._connect(service, action.run, ends)
                self._prepare_address(service, new_port=action.new_port)
                candidates = launch.candidates(service, self._context, self._addresses, inherited)
                run = self._first_that_starts(candidates, name, action.run, tether)
        except (launch.LaunchError, llamafile.ModelServerError, ports.PortError) as error:
            self._put(failed(str(error), again=False))
            return
        except OSError as error:
            self._put(failed(f"cannot be started now: {error.strerror}", again=True))
            return
        record.run, record.code = run, None
        if run.process.stdout:
            watch = watchers.line_watcher(
                service, run.number, run.how, self._addresses.get(name), self._put,
                partial(self._end_elsewhere, record, run),
            )  # fmt: skip
            progressed = partial(self._put, Progressed(name, run.number))
            record.log.attach(run.process.stdout, progressed, watch)

    def ended(self, event: Exited) -> Run | None:
        """Record the end of a process and return its run, None if that is an older one."""
        record = self._records[event.name]
        run = record.run
        if not run or run.number != event.run:
            return None
        record.run, record.code = None, event.code
        if run.tether:
            run.tether.close()
        return run

    def forget(self, event: Prepared | SpawnFailed) -> None:
        """Record that the preparation of a run has ended."""
        record = self._records[event.name]
        if record.run and record.run.number == event.run:
            record.run = None

    def ask(self, action: Ask) -> None:
        """Probe a service from a thread, which puts the result as an event."""
        _thread(f"probe-{action.name}", partial(self._ask, action))

    def stop(self, name: str, *, force: bool) -> None:
        """Ask the processes of service *name* to stop, or kill them with *force*."""
        run = self._records[name].run
        if not run:
            return
        path = self._manifest.service(name).stop_path
        if force:
            current.kill(run.process)
            _thread(f"sweep-{name}", partial(current.sweep, self._tags(name, run.number)))
        elif path and name in self._addresses:
            _thread(f"stop-{name}", partial(self._stop_by_request, name, path, run))
        else:
            current.terminate(run.process)

    def abandon(self, name: str) -> None:
        """Forget a process that cannot be killed."""
        self._records[name].run = None

    def close(self) -> tuple[int, ...]:
        """Kill every process that is left, and return those that cannot be killed."""
        for address in self._addresses.values():
            address.close()
        return current.sweep({INSTANCE: self._instance})

    def facts(self) -> dict[str, report.ServiceFacts]:
        """Return the facts for reports about each service."""
        return {
            name: report.ServiceFacts(
                url=self._url(name),
                pid=record.run.process.pid if record.run else None,
                how=record.run.how if record.run else None,
                started=record.run.started if record.run else None,
                code=record.code,
                asked_at=record.asked_at,
                problem=record.problem,
                lag=record.lag,
                usage=current.usage(record.run.process.pid) if record.run else None,
                zombies=current.zombies(record.run.process.pid) if record.run else 0,
                probes=tuple(record.probes),
                dropped=record.log.dropped,
            )
            for name, record in self._records.items()
        }

    def _prepare_address(self, service: Service, *, new_port: bool) -> None:
        """Give *service* an address if it needs one. Raises PortError."""
        port = launch.effective_port(service)
        if port and service.name not in self._addresses:
            self._addresses[service.name] = launch.Address(port)
        elif new_port:
            self._addresses[service.name].renew()
        if port:
            self._addresses[service.name].forget()

    def _connect(
        self, service: Service, run: int, ends: contextlib.ExitStack
    ) -> tuple[Tether | None, dict[str, int]]:
        """Return the tether to a new run, and the descriptors that its process inherits."""
        tether, inherited = None, dict[str, int]()
        if service.kind == "entry" and current.can_inherit_sockets():
            tether = ends.enter_context(Tether())
            inherited[launch.LIFELINE_FD] = tether.fileno()
        if service.startup and service.startup.kind == "descriptor":
            reader, writer = os.pipe()
            ends.callback(os.close, writer)
            inherited[launch.READY_FD] = writer
            watch = partial(watchers.watch_descriptor, reader, service.name, run, self._put)
            _thread(f"ready-{service.name}", watch)
        return tether, inherited

    def _end_elsewhere(self, record: ServiceRecord, run: Run) -> None:
        """Stop a *run* that listens on another port than it was given; it gets a new one."""
        record.elsewhere = run.number
        current.terminate(run.process)

    def _first_that_starts(
        self, candidates: tuple[launch.Launch, ...], name: str, run: int, tether: Tether | None
    ) -> Run:
        """Return the run of the first candidate that can be started.

        Raises OSError if a later try may succeed, LaunchError otherwise.
        """
        reasons: list[str] = []
        for candidate in candidates:
            try:
                return Run(run, self._start(candidate, name, run), candidate.how, tether)
            except (OSError, subprocess.SubprocessError) as error:
                if isinstance(error, OSError) and error.errno in _PASSING:
                    raise
                said = getattr(error, "strerror", None) or str(error)
                reasons.append(f"{candidate.argv[0]}: {said}")
        message = f"cannot be started: {'; '.join(reasons)}"
        raise launch.LaunchError(message)

    def _start(self, candidate: launch.Launch, name: str, run: int) -> subprocess.Popen[bytes]:
        environ = {**candidate.environ, launch.RUN: str(run)}
        os.makedirs(candidate.cwd, exist_ok=True)  # noqa: PTH103  # it is a string already
        ended = partial(self._ended, name, run, candidate.how)
        return current.spawn(candidate.argv, environ, candidate.cwd, candidate.descriptors, ended)

    def _ended(self, name: str, run: int, how: str, code: int) -> None:
        """Put the end of a process as an event; runs in the thread that waits for it."""
        if how == "prepare":
            current.sweep(self._tags(name, run))  # now: the server gets the same tags
            self._put(self._after_preparation(name, run, code))
            return
        port = launch.effective_port(self._manifest.service(name))
        ours_to_choose = bool(port and port.mode in _CHOSEN and port.by != "socket")
        record = self._records[name]
        tail = record.log.tail(5)
        taken = code == exit_codes.PORT_TAKEN or record.elsewhere == run
        taken |= any(mark in line for line in tail for mark in _PORT_MARKS)
        meaning = llamafile.hint(tail) if how == "llamafile" else ""
        self._put(Exited(name, run, code, taken and ours_to_choose, meaning))
        # Processes that have left its group; the next run has another tag.
        _thread(f"sweep-{name}", partial(current.sweep, self._tags(name, run)))

    def _after_preparation(self, name: str, run: int, code: int) -> Event:
        if code == exit_codes.OK:
            return Prepared(name, run)
        last = self._records[name].log.tail(1)
        reason = last[0] if last else f"could not be prepared (exit code {code})"
        return SpawnFailed(name, run, reason, again=code == exit_codes.UNAVAILABLE)

    def _tags(self, name: str, run: int) -> dict[str, str]:
        return {INSTANCE: self._instance, launch.SERVICE: name, launch.RUN: str(run)}

    def _ask(self, action: Ask) -> None:
        record = self._records[action.name]
        begun = time.monotonic()
        found = prober.probe(self._probed_run(action.name), action.role)
        record.asked_at = time.monotonic()
        record.problem = "" if found.healthy else found.detail
        if action.role == "liveness":
            record.lag = found.lag
        if action.role != "startup" or found.healthy:
            latency = (record.asked_at - begun) * 1000
            record.probes.append((time.time(), found.healthy, latency))
            self.probed(action.name, found.healthy, latency)
        self._put(
            Probed(
                action.name, action.run, action.role, found.alive, found.healthy, found.detail,
                found.certain,
            )
        )  # fmt: skip

    def _probed_run(self, name: str) -> prober.ProbedRun:
        service = self._manifest.service(name)
        address, run = self._addresses.get(name), self._records[name].run
        return prober.ProbedRun(
            service=service,
            instance=self._instance,
            port=address.number if address else None,
            pid=run.process.pid if run else None,
            tether=run.tether if run else None,
            server=self._manifest.model_server if service.kind == "llamafile" else None,
        )

    def _stop_by_request(self, name: str, path: str, run: Run) -> None:
        with contextlib.suppress(OSError, ValueError):
            number = self._addresses[name].number
            request("POST", path, number, _STOP_REQUEST, body=b"{}")
            time.sleep(_STOP_REQUEST)
        current.terminate(run.process)

    def _url(self, name: str) -> str | None:
        address = self._addresses.get(name)
        return f"http://127.0.0.1:{address.number}" if address and address.number else None

    def _is_configured(self) -> bool:
        try:
            context = self._context
            return bool(llamafile.choose(context.manifest, context.environ, context.locations))
        except llamafile.ModelServerError:  # reported when it is started
            return True


def _thread(name: str, target: Callable[[], object]) -> None:
    threading.Thread(target=target, name=name, daemon=True).start()
