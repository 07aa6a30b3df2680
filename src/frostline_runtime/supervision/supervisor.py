"""The main loop: gives events to the state machine and carries out the actions that it asks for.

The main thread owns the state machine, takes events from a queue and starts processes. Other
threads wait for processes, probes, standard input and requests, and only put events.
"""

import contextlib
import os
import queue
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from frostline_runtime import exit_codes
from frostline_runtime.artifact import frozen, runfile
from frostline_runtime.artifact.announce import Announcer, Outlet, Value
from frostline_runtime.artifact.guardian import INSTANCE
from frostline_runtime.artifact.locations import Locations
from frostline_runtime.artifact.manifest import Manifest, Port
from frostline_runtime.control.httpd import Server
from frostline_runtime.control.routes import Report, Tokens
from frostline_runtime.supervision import lifeline, ports, signals
from frostline_runtime.supervision.events import (
    Abandon,
    Action,
    Ask,
    Boot,
    Event,
    Exited,
    Prepared,
    Shutdown,
    Spawn,
    SpawnFailed,
    Stop,
    Suspended,
    Tick,
    Verb,
    Want,
)
from frostline_runtime.supervision.launch import Context
from frostline_runtime.supervision.output import open_log
from frostline_runtime.supervision.processes import Processes
from frostline_runtime.supervision.report import Snapshot, announced, health, metrics
from frostline_runtime.supervision.states import (
    UP,
    State,
    StateMachine,
    Status,
    Unit,
    initial,
    overall,
    settled,
)
from frostline_runtime.supervision.transitions import advance, next_wake
from frostline_runtime.system import current

if TYPE_CHECKING:
    from frostline_runtime.supervision.journal import Journal

_SUSPEND_GAP = 3.0
_BOOT_TIME_GAP = 2.0
_JOURNAL_TIMEOUT = 1.0
_LONGEST_RELAYED = 16 * 1024  # an event has at most 64 KiB, and JSON makes text longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of this launch, from the command line and the environment."""

    control: Port = field(default_factory=lambda: Port(mode="prefer"))
    watch_stdin: bool = False
    shell_pid: int = 0
    restart: bool = True
    linger: float = 0.0
    ready_file: str = ""
    token: str = ""


class Supervisor:
    """Runs the services of a manifest until it is asked to stop."""

    def __init__(
        self, manifest: Manifest, locations: Locations, environ: Mapping[str, str],
        options: Options, started: float,
    ) -> None:  # fmt: skip
        self._manifest = manifest
        self._locations = locations
        self._options = options
        self._started = started
        self._since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._instance = environ[INSTANCE]
        self._announcer = Announcer()
        self._stderr = Outlet(sys.stderr)
        self._tokens = Tokens(options.token or os.urandom(32).hex())
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._previous = runfile.read(locations.state)
        logs = {
            service.name: open_log(
                service.name,
                locations.state / "logs",
                partial(self._show, service.name),
                self._trouble,
            )
            for service in manifest.services
        }
        context = Context(
            manifest=manifest, locations=locations, environ=environ, key=os.urandom(24).hex()
        )
        self._processes = Processes(context, self._events.put, logs)
        self._machine = StateMachine({})
        self._relays = False
        self._suspends = 0
        self._base_url = ""
        self._announced = False
        self._slept = current.slept()
        self._shell_started = current.started(options.shell_pid) if options.shell_pid else ""
        self._lag = 0.0
        self._journal: Journal | None = None
        self._forced: set[str] = set()

    def run(self) -> int:
        """Run until a signal, the end of the shell or a fatal failure; return the exit code.

        Raises PortError if the control port is fixed and taken.
        """
        remembered = runfile.number(self._previous, "control")
        with ports.listen(self._options.control, remembered) as listener:
            self._base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self._install()
            self._announce_start()
            self._end_leftovers()
            self._machine = self._first_machine()
            self._handle(Boot())
            self._lag = 0.0  # the first starts are slow, and no service runs yet
            self._open_journal()
            Server(listener, self, self._tokens, Path(__file__).parents[1] / "web").start()
            try:
                while not self._machine.finished:
                    self._handle(self._next_event())
            finally:
                self._close([*self._processes.close()])
        return self._machine.exit_code or exit_codes.OK

    # The methods of control.routes.RunningArtifact; any thread may call them.

    def report(self) -> Report:
        """Return the whole body of `/health`."""
        return health(self._snapshot())

    def metrics(self) -> str:
        """Return the metrics in the Prometheus text format."""
        return metrics(self._snapshot())

    def lines(self, service: str, after: int) -> list[tuple[int, str]]:
        """Return the lines of *service* with a number above *after*. Raises KeyError."""
        return self._processes[service].log.after(after)

    def history(self, service: str) -> list[Report]:
        """Return the recent probes of *service*, oldest first. Raises KeyError."""
        probes = list(self._processes[service].probes)
        return [{"ts": ts, "ok": ok, "latency_ms": round(ms, 2)} for ts, ok, ms in probes]

    def stop(self, reason: str) -> None:
        """Ask the artifact to stop."""
        self._events.put(Shutdown(reason))

    def move(self, service: str, verb: Verb) -> None:
        """Ask for *service* to be started, stopped or restarted."""
        self._events.put(Want(service, verb))

    def _next_event(self) -> Event:
        """Wait for the next event, or until something is due.

        The time is computed after all actions, because an action can make something due.
        """
        while True:
            due = next_wake(self._machine)
            now = time.monotonic()
            if due is not None and due <= now:
                return self._due(now - due)
            with contextlib.suppress(queue.Empty):
                return self._events.get(timeout=None if due is None else due - now)

    def _due(self, late: float) -> Event:
        slept = current.slept()
        gap, self._slept = slept - self._slept, slept
        if late > _SUSPEND_GAP or gap > _BOOT_TIME_GAP:
            self._suspends += 1
            return Suspended(max(late, gap))
        self._lag = max(self._lag, late)
        return Tick()

    def _handle(self, event: Event) -> None:
        begun = time.monotonic()
        before = self._machine
        if isinstance(event, Shutdown) and not before.stopping:
            self._announcer.emit("stopping", reason=event.reason)
        if isinstance(event, Exited):
            self._note_end(event)
        if isinstance(event, Prepared | SpawnFailed):
            self._processes.forget(event)
        chance = os.urandom(1)[0] / 255
        self._machine, actions = advance(before, event, begun, chance)
        for action in actions:
            self._execute(action)
        self._announce(before)
        self._lag = max(self._lag, time.monotonic() - begun)

    def _execute(self, action: Action) -> None:
        match action:
            case Spawn():
                self._processes.spawn(action)
            case Ask():
                self._processes.ask(action)
            case Stop(name=name, force=force):
                self._forced |= {name} if force else set()
                self._processes.stop(name, force=force)
            case Abandon(name=name):
                self._announcer.emit("unkillable", service=name)
                self._processes.abandon(name)

    def _note_end(self, event: Exited) -> None:
        run = self._processes.ended(event)
        if run and self._journal:
            cause = self._machine.units[event.name].cause
            self._journal.run((
                self._instance, event.name, run.number, run.process.pid, run.started_at, run.how,
                time.time(), cause, event.code, time.monotonic() - run.started,
            ))  # fmt: skip

    def _first_machine(self) -> StateMachine:
        known = self._previous.get("ports")
        remembered = cast("dict[str, int]", known) if isinstance(known, dict) else {}
        return initial(
            self._manifest.services,
            self._processes.listen(remembered),
            restart=self._options.restart,
            linger=self._options.linger,
        )

    def _install(self) -> None:
        signals.listen(current.STOP_SIGNALS, lambda number: self.stop(number.name))
        if self._options.watch_stdin:
            lifeline.watch(0, partial(self._events.put, Shutdown("stdin_eof")), self._command)
        if self._options.shell_pid:
            gone = partial(self._events.put, Shutdown("shell_gone", exit_codes.LOST_PARENT))
            current.watch_process(self._options.shell_pid, gone)

    def _show(self, name: str, line: str) -> None:
        """Write a *line* of service *name* to standard error, and to the shell if it wants logs."""
        self._stderr.put(f"[{name}] {line}")
        if self._relays:
            self._announcer.emit("log", service=name, line=line[:_LONGEST_RELAYED])

    def _command(self, message: Mapping[str, object]) -> None:
        match message.get("cmd"):
            case "stop":
                self.stop(str(message.get("reason", "asked for")))
            case "restart":
                self.move(str(message.get("service")), "restart")
            case "log":
                self._relays = message.get("on", True) is True
            case "ping":
                self._announcer.emit("pong")
            case "status":
                self._announcer.emit("status", health=cast("Value", self.report()))
            case other:
                self._announcer.emit("unknown_command", cmd=str(other))

    def _announce_start(self) -> None:
        lifelines: list[Value] = ["stdin"] if self._options.watch_stdin else []
        lifelines += ["shell_pid"] if self._options.shell_pid else []
        self._announcer.emit(
            "hello",
            pid=os.getpid(),
            instance=self._instance,
            app=self._manifest.product,
            version=self._manifest.version,
            onefile=self._manifest.layout == "onefile",
            base_url=self._base_url,
            lifeline=lifelines or ["none"],
        )

    def _end_leftovers(self) -> None:
        """Kill processes that an earlier instance has left, killed together with its guardian."""
        earlier = self._previous.get("instance")
        if earlier and not self._previous.get("ended"):
            current.sweep({INSTANCE: str(earlier)})
        # Also after a good end: the bootloader may have been killed before it could clean up.
        runfile.remove_unpacked(str(self._previous.get("unpacked", "")))
        self._write_runfile()

    def _open_journal(self) -> None:
        from frostline_runtime.supervision.journal import Journal  # noqa: PLC0415  # the services are starting meanwhile

        self._journal = Journal(
            self._locations.state / "state.db", self._manifest.product, self._trouble
        )
        self._processes.probed = self._remember_probe
        self._remember(StateMachine({}))

    def _remember_probe(self, name: str, ok: bool, latency: float) -> None:  # noqa: FBT001  # a callback
        if self._journal:
            self._journal.health(name, ok=ok, latency_ms=latency)

    def _remember(self, before: StateMachine) -> None:
        for name, unit in self._machine.units.items():
            old = before.units.get(name)
            if self._journal and (not old or old.state is not unit.state):
                self._journal.event(self._instance, name, unit.state.value, unit.reason)

    def _announce(self, before: StateMachine) -> None:
        """Announce and record what has changed since *before*."""
        for name, unit in self._machine.units.items():
            old = before.units.get(name)
            same = old and (old.state, old.run, old.share) == (unit.state, unit.run, unit.share)
            if old and same:
                continue
            share = {} if unit.share is None else {"progress": round(unit.share, 3)}
            self._announcer.emit(
                "service", name=name, state=unit.state.value, attempt=unit.run,
                detail=unit.reason or None, **share,
            )  # fmt: skip
            if not old or old.state is not unit.state:
                self._explain(unit, old)
        self._remember(before)
        if not self._announced and settled(self._machine):
            self._announce_ready()

    def _explain(self, unit: Unit, old: Unit | None) -> None:
        product, name = self._manifest.product, unit.service.name
        known = self._processes[name]
        if unit.state is State.FAILED:
            tail: list[Value] = [*known.log.tail()]
            self._announcer.emit(
                "fatal" if unit.service.required else "degraded", service=name,
                reason=unit.reason, code=known.code, restarts=len(unit.restarts), tail=tail,
            )  # fmt: skip
            self._stderr.put(f"{product}: service {name} {unit.reason}")
        elif unit.state is State.BACKOFF:
            self._stderr.put(f"{product}: service {name} {unit.reason}; it is restarted")
        elif unit.state in UP and old and old.state is State.STARTING and unit.restarts:
            self._announcer.emit("recovered", service=name)

    def _announce_ready(self) -> None:
        if overall(self._machine) not in {Status.OK, Status.DEGRADED}:
            return
        self._announced = True
        self._write_runfile()
        facts: dict[str, Value] = {
            "product": self._manifest.product,
            "version": self._manifest.version,
            "pid": os.getpid(),
            "base_url": self._base_url,
            "token": self._tokens.token,
            "status_url": f"{self._base_url}/#{self._tokens.ticket()}",
            "services": announced(self._snapshot()),
            "took_ms": round((time.monotonic() - self._started) * 1000),
        }
        if self._options.ready_file:
            self._try_write(Path(self._options.ready_file), {"event": "ready", **facts})
        self._announcer.emit("ready", **facts)

    def _write_runfile(self, *, ended: bool = False) -> None:
        known = self._previous.get("ports")
        facts = {
            "product": self._manifest.product,
            "instance": self._instance,
            "pid": os.getpid(),
            "pid_started": current.started(os.getpid()),
            "shell_pid": self._options.shell_pid,
            "shell_started": self._shell_started,
            "base_url": self._base_url,
            "token": "" if ended else self._tokens.token,
            "control": int(self._base_url.rpartition(":")[2]),
            "ports": (known if isinstance(known, dict) else {}) | self._processes.numbers(),
            "ended": ended,
            "unpacked": str(self._locations.bundle) if frozen.is_onefile() else "",
        }
        self._try_write(self._locations.state / "instance.json", facts)

    def _try_write(self, path: Path, facts: Mapping[str, object]) -> None:
        try:
            runfile.write(path, facts)
        except OSError as error:
            self._trouble(f"{path}: {error.strerror}")

    def _trouble(self, text: str) -> None:
        """Announce that the supervisor cannot write a file; the services go on."""
        self._announcer.emit("trouble", detail=text)

    def _close(self, left: list[Value]) -> None:
        self._write_runfile(ended=True)
        if self._journal:
            self._journal.close(_JOURNAL_TIMEOUT)
        self._stderr.close()
        forced: list[Value] = [*sorted(self._forced)]
        self._announcer.emit("stopped", clean=not left, left=left, forced=forced)
        self._announcer.close()

    def _snapshot(self) -> Snapshot:
        """Return the facts for a report; the machine is a value, so no lock is needed."""
        return Snapshot(
            machine=self._machine,
            instance=self._instance,
            version=self._manifest.version,
            started=self._started,
            since=self._since,
            suspends=self._suspends,
            free=_free(self._locations.state),
            lag=self._lag,
            db=self._journal.state if self._journal else "starting",
            services=self._processes.facts(),
        )


def _free(place: Path) -> int | None:
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None
