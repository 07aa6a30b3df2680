"""The state machine: each event, and what must hold after any events."""

from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from frostline_runtime.artifact.manifest import Probe, ProbeKind, Service
from frostline_runtime.supervision.events import (
    Abandon,
    Action,
    Actions,
    Ask,
    Boot,
    Event,
    Exited,
    Fetching,
    Prepared,
    Probed,
    Progressed,
    Role,
    Shutdown,
    Spawn,
    SpawnFailed,
    Stop,
    Suspended,
    Tick,
    Verb,
    Want,
)
from frostline_runtime.supervision.restarts import MOST_RESTARTS, WINDOW
from frostline_runtime.supervision.states import (
    State,
    StateMachine,
    Status,
    Unit,
    initial,
    overall,
    settled,
)
from frostline_runtime.supervision.transitions import advance, next_wake

DB = Service(name="db", startup=Probe())
API = Service(name="api", needs=("db",), startup=Probe(), readiness=Probe(path="/ready"))
LLM = Service(name="llm", required=False, startup=Probe())


class Clock:
    """Sends events to a machine at chosen times and collects the actions."""

    def __init__(self, *services: Service, restart: bool = True) -> None:
        self.machine = initial(services, restart=restart, linger=30.0)
        self.now = 100.0
        self.actions: list[Action] = []
        self.send(Boot())

    def send(self, event: Event, after: float = 0.0) -> Actions:
        """Send *event* after *after* seconds and return what must be done."""
        self.now += after
        self.machine, actions = advance(self.machine, event, self.now)
        self.actions += actions
        return actions

    def tick(self) -> Actions:
        """Go to the next time at which something is due."""
        due = next_wake(self.machine)
        assert due is not None
        self.now = max(self.now, due)
        return self.send(Tick())

    def unit(self, name: str = "db") -> Unit:
        """Return the unit called *name*."""
        return self.machine.units[name]

    def probed(self, name: str = "db", *, alive: bool = True, healthy: bool = True) -> Actions:
        """Send the result of a probe of *name*."""
        unit = self.unit(name)
        role: Role = "startup" if unit.state is State.STARTING else "liveness"
        return self.send(Probed(name, unit.run, role, alive, healthy, "no answer"))

    def exited(self, name: str = "db", code: int = 1, after: float = 0.0) -> Actions:
        """Send the end of the process of *name*."""
        return self.send(Exited(name, self.unit(name).run, code), after)


def ready(*services: Service) -> Clock:
    """Return a clock whose services are all ready."""
    clock = Clock(*services)
    for service in services:
        clock.probed(service.name)
        assert clock.unit(service.name).state is State.READY
    return clock


def test_services_start_in_order_of_need() -> None:
    """A service starts when those that it needs are ready."""
    clock = Clock(DB, API)
    assert [a for a in clock.actions if isinstance(a, Spawn)] == [Spawn("db", 1)]
    assert Spawn("api", 1) in clock.probed("db")


def test_the_first_restart_after_a_good_run() -> None:
    """The first restart after a good run follows without a delay."""
    clock = ready(DB)
    assert clock.exited(after=6) == (Spawn("db", 2), Ask("db", 2, "startup"))


@pytest.mark.parametrize("life", [0.05, 1.5, 61.0])
def test_a_crash_loop_is_given_up(life: float) -> None:
    """A service is given up after six starts in ten minutes, however long each run was."""
    clock = Clock(DB)
    while clock.unit().state is not State.FAILED:
        if clock.unit().state is State.BACKOFF:
            clock.tick()
        clock.probed()
        clock.exited(after=life)
    assert len([a for a in clock.actions if isinstance(a, Spawn)]) == 1 + MOST_RESTARTS
    assert "given up" in clock.unit().reason
    assert clock.machine.exit_code == 70


def test_old_restarts_are_forgotten() -> None:
    """A service that ends once in a quarter of an hour is restarted for ever."""
    clock = ready(DB)
    for _ in range(20):
        clock.exited(after=WINDOW * 1.5)
        clock.probed()
        assert clock.unit().state is State.READY
    assert clock.unit().restarts == (clock.now,)


def test_permanent_exit_code() -> None:
    """Exit code 78 is not followed by a restart."""
    clock = ready(DB)
    clock.exited(code=78)
    assert clock.unit().state is State.FAILED


def test_a_hung_service_is_replaced() -> None:
    """Three misses, a request to stop, two seconds, then a kill."""
    clock = ready(DB)
    clock.tick()
    for _ in range(2):
        assert clock.probed(alive=False, healthy=False) == ()
        assert clock.tick() == (Ask("db", 1, "liveness"),)
    assert clock.probed(alive=False, healthy=False) == (Stop("db", 1, force=False),)
    hung = clock.now
    assert clock.tick() == (Stop("db", 1, force=True),)
    assert clock.now - hung == 2
    assert clock.exited(code=-9) == (Spawn("db", 2), Ask("db", 2, "startup"))
    assert "hung: no answer" in clock.unit().reason


def test_a_certain_result() -> None:
    """B4: a process without its main thread is stopped after one probe."""
    clock = ready(DB)
    clock.tick()
    gone = Probed("db", 1, "liveness", alive=False, healthy=False, certain=True)
    assert clock.send(gone) == (Stop("db", 1, force=False),)


def test_a_kill_from_outside() -> None:
    """F5: the reason guesses lack of memory; a kill by the supervisor is not taken for that."""
    clock = ready(DB)
    clock.exited(code=-9)
    assert clock.unit().reason.endswith("not by the supervisor: perhaps for lack of memory")
    clock = ready(DB)
    clock.send(Want("db", "stop"))
    clock.exited(code=-9)
    assert clock.unit().reason == "ended by signal SIGKILL"


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 4.5), (0.5, 5.0), (1.0, 5.5)])
def test_probes_are_spread(chance: float, pause: float) -> None:
    """Intervals vary by ten percent, so that services are not all probed at once."""
    clock = ready(DB)
    clock.tick()
    answer = Probed("db", 1, "liveness", alive=True, healthy=True)
    machine, _ = advance(clock.machine, answer, clock.now, chance)
    assert next_wake(machine) == pytest.approx(clock.now + pause)


@pytest.mark.parametrize("kind", ["line", "descriptor"])
def test_a_service_that_reports_ready(kind: ProbeKind) -> None:
    """A service that reports itself ready is not probed, neither at its start nor later."""
    clock = Clock(replace(DB, startup=Probe(kind=kind)))
    assert clock.actions == [Spawn("db", 1)]
    assert next_wake(clock.machine) == clock.now + DB.start_timeout
    clock.probed()
    assert clock.unit().state is State.READY
    assert next_wake(clock.machine) is None


def test_retry_after() -> None:
    """A failed service is started once more; a second failure is final again."""
    clock = ready(DB, replace(LLM, retry_after=300.0))
    clock.exited("llm", code=78)
    failed = clock.now
    clock.tick()  # db's probe
    clock.probed()
    while clock.unit("llm").state is State.FAILED:
        clock.tick()
        clock.probed()
    assert clock.now == failed + 300
    assert clock.unit("llm").state is State.STARTING
    clock.exited("llm", code=78)
    assert clock.unit("llm").state is State.FAILED


def test_any_answer_counts_for_liveness() -> None:
    """A busy service that answers 503 is not hung."""
    clock = ready(DB)
    for _ in range(10):
        clock.tick()
        clock.probed(healthy=False)
    assert clock.unit().state is State.READY


def test_readiness_restarts_nothing() -> None:
    """Two bad answers make a service unready, one good answer ready again."""
    clock = ready(DB, API)
    bad = Probed("api", 1, "readiness", alive=True, healthy=False, detail="503")
    clock.send(bad)
    assert clock.unit("api").state is State.READY
    clock.send(bad)
    assert clock.unit("api").state is State.UNREADY
    clock.send(replace(bad, healthy=True))
    assert clock.unit("api").state is State.READY
    assert not [a for a in clock.actions if isinstance(a, Stop)]


def test_a_start_may_take_long_while_it_progresses() -> None:
    """The time limit of a start counts from the last progress."""
    clock = Clock(DB)
    for _ in range(5):
        clock.send(Progressed("db", 1), after=50)
        assert clock.unit().state is State.STARTING
        clock.probed(alive=False, healthy=False)
    while clock.unit().state is State.STARTING:
        clock.tick()
        clock.probed(alive=False, healthy=False)
    assert clock.unit().state is State.STOPPING
    assert clock.now == 100 + 250 + 60
    clock.exited(code=-15)
    assert clock.unit().run == 2
    assert "not healthy after 310 s: no answer" in clock.unit().reason


def test_a_start_has_a_longest_time() -> None:
    """Progress does not extend a start for ever."""
    clock = Clock(DB)
    for _ in range(13):
        clock.send(Progressed("db", 1), after=50)
        if clock.unit().state is State.STOPPING:
            break
    assert clock.now == 100 + 600


def test_taken_port_is_no_failure() -> None:
    """Three other ports are tried before it counts as a failure."""
    clock = Clock(DB)
    for run in (1, 2, 3):
        actions = clock.send(Exited("db", run, 98, port_taken=True))
        assert actions[0] == Spawn("db", run + 1, new_port=True)
        assert clock.unit().restarts == ()
    clock.send(Exited("db", 4, 98, port_taken=True))
    assert clock.unit().state is State.BACKOFF


def test_failed_spawns() -> None:
    """A missing program is final; a lack of resources is tried again."""
    clock = Clock(DB)
    clock.send(SpawnFailed("db", 1, "missing", again=False))
    assert clock.unit().state is State.FAILED
    clock = Clock(DB)
    clock.send(SpawnFailed("db", 1, "EAGAIN", again=True))
    assert clock.unit().state is State.BACKOFF


def test_a_failed_need() -> None:
    """A failed need makes the dependant fail; it starts again when the need is ready."""
    clock = Clock(DB, API)
    clock.exited(code=78)
    assert clock.unit("api").state is State.FAILED
    clock.send(Want("db", "start"))
    clock.probed()
    assert clock.unit("api").state is State.STARTING
    assert clock.machine.exit_code is None


def test_an_optional_service_that_fails() -> None:
    """The artifact goes on when an optional service fails."""
    clock = ready(DB, LLM)
    clock.exited("llm", code=78)
    assert clock.machine.exit_code is None


@pytest.mark.parametrize(
    ("verbs", "final", "spawned"),
    [
        (("stop",), State.STOPPED, 1),
        (("restart",), State.STARTING, 2),
        (("stop", "start"), State.STARTING, 2),
        (("stop", "start", "stop"), State.STOPPED, 1),
        (("restart", "stop"), State.STOPPED, 1),
        (("start",), State.READY, 1),
    ],
)
def test_the_last_request_counts(verbs: tuple[Verb, ...], final: State, spawned: int) -> None:
    """A request during a transition is carried out after it, and never twice."""
    clock = ready(DB)
    for verb in verbs:
        clock.send(Want("db", verb))
    if clock.unit().state is State.STOPPING:
        clock.exited(code=-15)
    assert clock.unit().state is final
    assert len([a for a in clock.actions if isinstance(a, Spawn)]) == spawned
    assert clock.unit().restarts == ()


def test_shutdown_stops_dependants_first() -> None:
    """A service stops after those that need it; then the machine is finished."""
    clock = ready(DB, API)
    assert clock.send(Shutdown("test")) == (Stop("api", 1, force=False),)
    assert clock.exited("api", code=0) == (Stop("db", 1, force=False),)
    clock.exited("db", code=0)
    assert (clock.machine.finished, clock.machine.exit_code) == (True, 0)


def test_a_second_shutdown() -> None:
    """A second request to stop kills every process at once."""
    clock = ready(DB, API)
    clock.send(Shutdown("test"))
    actions = clock.send(Shutdown("test"))
    assert set(actions) == {Stop("db", 1, force=True), Stop("api", 1, force=True)}


def test_whole_stop_is_limited() -> None:
    """A whole stop takes at most ten seconds, whatever the grace of each service."""
    clock = ready(replace(DB, grace=60.0))
    clock.send(Shutdown("test"))
    asked = clock.now
    assert clock.tick() == (Stop("db", 1, force=True),)
    assert clock.now - asked == 10
    assert clock.tick() == (Abandon("db", 1),)
    assert clock.machine.finished


def test_the_stop_after_lingering_is_limited() -> None:
    """An artifact that stops because a required service is lost keeps to the same limit."""
    slow = Service(name="slow", required=False, grace=60.0)
    clock = Clock(replace(DB, restart="never"), slow)
    clock.exited("db")
    lost = clock.machine.linger_until
    assert lost is not None
    times = {
        action.force: clock.now
        for _ in range(3)
        for action in clock.tick()
        if isinstance(action, Stop)
    }
    assert times == {False: lost, True: lost + 10}


def test_a_suspended_computer() -> None:
    """Misses are reset, the next probe waits, a start gets its time back."""
    clock = ready(DB)
    clock.tick()
    clock.probed(alive=False, healthy=False)
    clock.send(Suspended(3600), after=3600)
    assert clock.unit().misses == 0
    assert next_wake(clock.machine) == clock.now + 5
    clock = Clock(DB)
    clock.probed(alive=False, healthy=False)
    clock.send(Suspended(3600), after=3600)
    assert clock.unit().state is State.STARTING


def test_without_restarts_a_failure_is_final() -> None:
    """With `--no-restart` no service is started again."""
    clock = Clock(DB, restart=False)
    clock.exited()
    assert clock.unit().state is State.FAILED


def test_a_download_does_not_count_as_start() -> None:
    """A download takes no time from the start, and there are no probes before its end."""
    clock = Clock(DB)
    for share in (0.1, 0.5, 0.9):
        clock.send(Fetching("db", 1, share, "fetching m"), after=500.0)
        assert clock.unit().share == share
        assert clock.probed(alive=False, healthy=False) == ()
        assert clock.unit().reason == "fetching m"
    assert clock.send(Prepared("db", 1)) == (Spawn("db", 1), Ask("db", 1, "startup"))
    assert (clock.unit().share, clock.unit().reason) == (None, "")
    while clock.unit().state is State.STARTING:
        clock.tick()
        if clock.unit().state is State.STARTING:
            clock.probed(alive=False, healthy=False)
    assert clock.now - clock.unit().started == pytest.approx(60.0, abs=1.5)


def test_a_download_that_stalls_is_a_failed_start() -> None:
    """A download without progress fails at the time limit of the start."""
    clock = Clock(DB)
    clock.send(Fetching("db", 1, 0.1, "fetching m"), after=500.0)
    clock.tick()
    assert clock.unit().cause == "not healthy after 60 s: fetching m"


def test_a_stop_during_a_download() -> None:
    """After a stop during a download the service is STOPPED, however the preparation ends."""
    for end in (Prepared("db", 1), SpawnFailed("db", 1, "killed", again=True)):
        clock = Clock(DB)
        clock.send(Fetching("db", 1, 0.1, "fetching m"))
        assert clock.send(Want("db", "stop")) == (Stop("db", 1, force=False),)
        assert clock.send(end) == ()
        assert clock.unit().state is State.STOPPED


@pytest.mark.parametrize("required", [True, False])
def test_the_status_during_a_download(required: bool) -> None:  # noqa: FBT001  # a parameter
    """The artifact waits for a required service, not for an optional one."""
    clock = Clock(DB, replace(LLM, required=required))
    clock.probed("db")
    clock.send(Fetching("llm", 1, 0.1, "fetching m"))
    assert settled(clock.machine) is not required
    assert overall(clock.machine) is (Status.STARTING if required else Status.DEGRADED)
    clock.send(Prepared("llm", 1))
    assert not settled(clock.machine)
    clock.probed("llm")
    assert overall(clock.machine) is Status.OK


class Kernel(RuleBasedStateMachine):
    """Random events against a fake kernel (row P of docs/supervisor.md)."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.machine: StateMachine = initial((DB, API, LLM))
        self.alive: dict[str, int] = {}
        self.asked: dict[str, tuple[int, str]] = {}
        self.starts: dict[str, list[float]] = {name: [] for name in self.machine.units}
        self.human: set[str] = set()
        self.prepared: set[tuple[str, int]] = set()
        self.spawned = self.ended = 0
        self.send(Boot())

    def send(self, event: Event, chance: float = 0.5) -> None:
        """Send *event* and do what must be done, as the executor would."""
        self.machine, actions = advance(self.machine, event, self.now, chance)
        for action in actions:
            match action:
                case Spawn(name, run):
                    assert name not in self.alive, "two processes of one service"
                    self.alive[name] = run
                    self.spawned += 1
                    again = (name, run) in self.prepared
                    if self.machine.units[name].ports_tried == 0 and not again:
                        self.starts[name].append(self.now)
                case Stop(name, run):
                    assert self.alive.get(name) == run, "a signal to nobody"
                case Ask(name, run, role):
                    assert self.alive.get(name) == run, "a question to nobody"
                    self.asked[name] = (run, role)
                case Abandon(name):
                    self.alive.pop(name)
                    self.ended += 1

    def gone(self, name: str, code: int, *, port_taken: bool = False) -> None:
        """Send the end of the process of *name*."""
        run = self.alive.pop(name)
        self.ended += 1
        self.send(Exited(name, run, code, port_taken))

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 4.0, 70.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        """Send a tick at each time that is due, as the main loop does."""
        end = self.now + seconds
        for _ in range(100):
            due = next_wake(self.machine)
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.send(Tick())
        self.now = max(self.now, end)

    @rule(
        name=st.sampled_from(["db", "api", "llm"]),
        code=st.sampled_from([0, 1, 78, 98, -9]),
        taken=st.booleans(),
    )
    def process_ends(self, name: str, code: int, *, taken: bool) -> None:
        """A process ends by itself, or because it was asked to."""
        if name in self.alive:
            self.gone(name, code, port_taken=taken)

    @rule(name=st.sampled_from(["db", "api", "llm"]), again=st.booleans())
    def spawn_fails(self, name: str, *, again: bool) -> None:
        """The system refuses to start a process."""
        unit = self.machine.units[name]
        if unit.state in {State.STARTING, State.STOPPING} and name in self.alive:
            run = self.alive.pop(name)
            self.ended += 1
            self.send(SpawnFailed(name, run, "EAGAIN", again))

    @rule(name=st.sampled_from(["db", "api", "llm"]), share=st.sampled_from([0.0, 0.5, 1.0]))
    def something_is_fetched(self, name: str, share: float) -> None:
        """A current or an old run reports the progress of a download."""
        run = self.alive.get(name, self.machine.units[name].run)
        self.send(Fetching(name, run, share, "fetching m"))

    @rule(name=st.sampled_from(["db", "api", "llm"]))
    def preparation_ends(self, name: str) -> None:
        """The preparation of a run ends, and its own process is started."""
        unit = self.machine.units[name]
        key = (name, unit.run)
        starting = unit.state in {State.STARTING, State.STOPPING}
        if starting and name in self.alive and key not in self.prepared:
            self.prepared.add(key)
            self.alive.pop(name)
            self.ended += 1
            self.send(Prepared(name, unit.run))

    @rule(name=st.sampled_from(["db", "api", "llm"]), alive=st.booleans(), healthy=st.booleans())
    def probe_answers(self, name: str, *, alive: bool, healthy: bool) -> None:
        """A probe ends, perhaps of an old run."""
        if name in self.asked:
            run, role = self.asked.pop(name)
            assert role in {"startup", "liveness", "readiness"}
            self.send(Probed(name, run, role, alive or healthy, healthy))  # type: ignore[arg-type]

    @rule(
        name=st.sampled_from(["db", "api", "llm"]),
        verb=st.sampled_from(["start", "stop", "restart"]),
    )
    def user_asks(self, name: str, verb: Verb) -> None:
        """A user asks for a service."""
        self.human.add(name)
        self.send(Want(name, verb))

    @rule(gap=st.sampled_from([3.0, 600.0]))
    def computer_sleeps(self, gap: float) -> None:
        """The computer is suspended."""
        self.now += gap
        self.send(Suspended(gap))

    @rule()
    def shut_down(self) -> None:
        """The artifact is asked to stop."""
        self.send(Shutdown("test"))

    @invariant()
    def states_and_processes_agree(self) -> None:
        """A running state has a process, a state at rest has none."""
        for name, unit in self.machine.units.items():
            running = unit.state in {
                State.STARTING, State.READY, State.UNREADY, State.STOPPING,
            }  # fmt: skip
            assert running == (name in self.alive), (name, unit.state)

    @invariant()
    def no_storm(self) -> None:
        """Without a user there are at most six starts in ten minutes (G3)."""
        for name in set(self.starts) - self.human:
            recent = [time for time in self.starts[name] if self.now - time < WINDOW]
            assert len(recent) <= 1 + MOST_RESTARTS

    @invariant()
    def every_run_has_an_end(self) -> None:
        """Each process that was started is alive or has ended."""
        assert self.spawned == self.ended + len(self.alive)

    @invariant()
    def something_will_happen(self) -> None:
        """A service that waits has a time at which it goes on."""
        for name, unit in self.machine.units.items():
            if unit.state in {State.BACKOFF, State.STOPPING}:
                assert unit.due is not None, name
        if self.machine.finished:
            assert not self.alive


TestKernel = Kernel.TestCase
