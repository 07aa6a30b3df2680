"""The bodies of /health and /metrics."""

import os
import time
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from frostline_runtime.artifact.manifest import Service
from frostline_runtime.supervision.report import (
    ServiceFacts,
    Snapshot,
    announced,
    health,
    metrics,
)
from frostline_runtime.supervision.states import State, initial

KNOWN = ServiceFacts(
    url="http://127.0.0.1:1", pid=7, how="command", started=1.0, code=None, asked_at=None,
    problem="", lag=0.004, usage=(4096, 1.25), zombies=0,
    probes=((1.0, True, 3.0), (2.0, False, 2000.5)), dropped=4,
)  # fmt: skip
SNAPSHOT = Snapshot(
    machine=initial((Service(name="main"),)), instance="i", version="1", started=0.0,
    since="2026-11-20T20:00:00Z", suspends=2, free=5, lag=0.012, db="ok", services={"main": KNOWN},
)  # fmt: skip


def test_metrics_parse() -> None:
    """Prometheus' own parser reads all values."""
    families = {family.name: family for family in text_string_to_metric_families(metrics(SNAPSHOT))}
    states = {s.labels["state"]: s.value for s in families["frostline_service_state"].samples}
    assert sum(states.values()) == states["STOPPED"] == 1
    buckets = [s.value for s in families["frostline_probe_seconds"].samples]
    assert buckets == [1, 1, 1, 1, 1, 2, 2.0035, 2]
    assert families["frostline_log_dropped"].samples[0].value == 4
    assert families["frostline_rss_bytes"].samples[0].value == 4096
    assert families["frostline_cpu_seconds"].samples[0].value == 1.25


def test_health_of_the_whole() -> None:
    """The pid, the start and the figures of the supervisor are in `/health`."""
    report = health(SNAPSHOT)
    assert (report["pid"], report["since"]) == (os.getpid(), "2026-11-20T20:00:00Z")
    supervisor = report["supervisor"]
    assert isinstance(supervisor, dict)
    assert (supervisor["disk_free_bytes"], supervisor["suspends"]) == (5, 2)


def test_health_counts_restarts() -> None:
    """The first run of a service is no restart; those of the last ten minutes are counted apart."""
    machine = initial((Service(name="main"), Service(name="other")))
    now = time.monotonic()
    runs = replace(machine.units["main"], run=4, restarts=(now - 700, now - 20, now - 10))
    units = {**machine.units, "main": runs, "other": replace(machine.units["other"], run=1)}
    snapshot = replace(
        SNAPSHOT, machine=replace(machine, units=units), services={"main": KNOWN, "other": KNOWN}
    )
    services = health(snapshot)["services"]
    assert isinstance(services, dict)
    assert (services["main"]["restarts"], services["main"]["restarts_10m"]) == (3, 2)
    assert (services["other"]["restarts"], services["other"]["restarts_10m"]) == (0, 0)


def test_health_has_the_last_probe() -> None:
    """Latency, lag, memory and processor time of a service are in it."""
    services = health(SNAPSHOT)["services"]
    assert isinstance(services, dict)
    assert services["main"]["probe"]["latency_ms"] == 2000.5
    assert services["main"]["pid"] == 7
    assert services["main"]["probe"]["loop_lag_ms"] == 4
    assert (services["main"]["rss_bytes"], services["main"]["cpu_s"]) == (4096, 1.25)


NOW = 5000.0
EMPTY = replace(
    KNOWN, url=None, pid=None, how=None, started=None, lag=None, usage=None, probes=(), dropped=0
)


def described(state: State, known: ServiceFacts = EMPTY, **facts: object) -> dict[str, object]:
    """Return what `/health` says about a service."""
    machine = initial((Service(name="main", required=False),))
    unit = replace(machine.units["main"], state=state, **facts)  # type: ignore[arg-type]
    machine = replace(machine, units={"main": unit})
    report = health(replace(SNAPSHOT, machine=machine, services={"main": known}))
    services = report["services"]
    assert isinstance(services, dict)
    found: dict[str, object] = services["main"]
    return found


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the clock show NOW."""
    monkeypatch.setattr(time, "monotonic", lambda: NOW)


@pytest.mark.usefixtures("now")
def test_all_of_health() -> None:
    """Each figure has its name and its unit."""
    started = replace(KNOWN, started=NOW - 61.27)
    snapshot = replace(SNAPSHOT, started=NOW - 90.27, lag=0.5004, services={"main": started})
    report = health(snapshot)
    services = report.pop("services")
    assert report == {
        "status": "failed", "instance": "i", "version": "1", "pid": os.getpid(),
        "since": "2026-11-20T20:00:00Z", "uptime_s": 90.3,
        "supervisor": {
            "loop_lag_ms_max": 500, "db": "ok", "disk_free_bytes": 5, "suspends": 2,
            "log_dropped": 4,
        },
    }  # fmt: skip
    assert isinstance(services, dict)
    assert services["main"]["uptime_s"] == 61.3


@pytest.mark.usefixtures("now")
def test_a_service_of_which_nothing_is_known() -> None:
    """What is not known is null."""
    assert described(State.STOPPED) == {
        "status": "degraded", "state": "STOPPED", "required": False, "url": None, "pid": None,
        "launch": None, "uptime_s": None, "restarts": 0, "restarts_10m": 0, "reason": None,
        "progress": None, "rss_bytes": None, "cpu_s": None, "zombies": 0, "last_exit": None,
        "next_restart_in_s": None,
        "probe": {
            "age_s": None, "latency_ms": None, "failures": 0, "last_error": None,
            "loop_lag_ms": None,
        },
    }  # fmt: skip


@pytest.mark.usefixtures("now")
def test_a_service_of_which_all_is_known() -> None:
    """Times are rounded."""
    known = replace(
        KNOWN, started=NOW - 61.27, code=3, asked_at=NOW - 2.27, problem="no answer", lag=0.5004,
        usage=(4096, 1.2567), zombies=2, probes=((1.0, True, 3.0), (2.0, True, 4.0),
                                                 (3.0, True, 5.1267)),
    )  # fmt: skip
    assert described(
        State.BACKOFF, known, due=NOW + 7.27, share=0.12345, reason="why", misses=2, run=3,
        restarts=(NOW - 601, NOW - 600, NOW - 599.5),
    ) == {
        "status": "degraded", "state": "BACKOFF", "required": False, "url": "http://127.0.0.1:1",
        "pid": 7, "launch": "command", "uptime_s": 61.3, "restarts": 2, "restarts_10m": 1,
        "reason": "why", "progress": 0.123, "rss_bytes": 4096, "cpu_s": 1.26, "zombies": 2,
        "last_exit": 3, "next_restart_in_s": 7.3,
        "probe": {
            "age_s": 2.3, "latency_ms": 5.13, "failures": 2, "last_error": "no answer",
            "loop_lag_ms": 500,
        },
    }  # fmt: skip
    assert described(State.READY, due=NOW + 7)["next_restart_in_s"] is None
    assert described(State.BACKOFF, due=None)["next_restart_in_s"] is None


def test_the_status_of_a_service() -> None:
    """It is ok, degraded or failed."""
    found = {state: described(state)["status"] for state in State}
    told = {State.READY: "ok", State.DISABLED: "ok", State.FAILED: "failed"}
    assert found == {state: told.get(state, "degraded") for state in State}


def test_what_the_ready_event_says() -> None:
    """A service has its address and its process; without a reason there is none."""
    expected = {
        "state": "STOPPED", "required": True, "url": "http://127.0.0.1:1", "pid": 7, "reason": None,
    }  # fmt: skip
    assert announced(SNAPSHOT) == {"main": expected}
    unit = replace(SNAPSHOT.machine.units["main"], reason="why")
    machine = replace(SNAPSHOT.machine, units={"main": unit})
    assert announced(replace(SNAPSHOT, machine=machine)) == {"main": {**expected, "reason": "why"}}


def test_the_steps_of_the_histogram() -> None:
    """They are those that dashboards know."""
    families = {family.name: family for family in text_string_to_metric_families(metrics(SNAPSHOT))}
    samples = families["frostline_probe_seconds"].samples
    steps = [sample.labels["le"] for sample in samples if "le" in sample.labels]
    assert steps == ["0.005", "0.025", "0.1", "0.5", "2", "+Inf"]
