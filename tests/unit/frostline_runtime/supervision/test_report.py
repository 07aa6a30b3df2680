"""The bodies of /health and /metrics."""

import os
import time
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from frostline_runtime.artifact.manifest import Service
from frostline_runtime.supervision.report import ServiceFacts, Snapshot, health, metrics
from frostline_runtime.supervision.states import initial

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
