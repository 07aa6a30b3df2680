"""Reports about the supervisor and its services: pure functions over a snapshot."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from frostline_runtime.artifact.announce import Value
from frostline_runtime.control.routes import Report
from frostline_runtime.supervision.states import State, StateMachine, Unit, overall

_TEN_MINUTES = 600
_BUCKETS = (0.005, 0.025, 0.1, 0.5, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """What is known about a service besides its state; times are monotonic."""

    url: str | None
    pid: int | None
    how: str | None
    started: float | None
    code: int | None
    asked_at: float | None
    problem: str
    lag: float | None
    usage: tuple[int, float] | None
    zombies: int
    probes: tuple[tuple[float, bool, float], ...]
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All facts that reports are made of."""

    machine: StateMachine
    instance: str
    version: str
    started: float
    since: str
    suspends: int
    free: int | None
    lag: float
    db: str
    services: Mapping[str, ServiceFacts]


def health(snapshot: Snapshot) -> Report:
    """Return the body of `/health` (docs/supervisor.md §14)."""
    now = time.monotonic()
    machine = snapshot.machine
    return {
        "status": overall(machine).value,
        "instance": snapshot.instance,
        "version": snapshot.version,
        "pid": os.getpid(),
        "since": snapshot.since,
        "uptime_s": round(now - snapshot.started, 1),
        "services": {
            name: _service(unit, snapshot.services[name], now)
            for name, unit in machine.units.items()
        },
        "supervisor": {
            "loop_lag_ms_max": round(snapshot.lag * 1000),
            "db": snapshot.db,
            "disk_free_bytes": snapshot.free,
            "suspends": snapshot.suspends,
            "log_dropped": sum(service.dropped for service in snapshot.services.values()),
        },
    }


def announced(snapshot: Snapshot) -> dict[str, Value]:
    """Return what the `ready` event says about each service."""
    return {
        name: {
            "state": unit.state.value,
            "required": unit.service.required,
            "url": snapshot.services[name].url,
            "pid": snapshot.services[name].pid,
            "reason": unit.reason or None,
        }
        for name, unit in snapshot.machine.units.items()
    }


def _service(unit: Unit, known: ServiceFacts, now: float) -> Report:
    ok = {State.READY: "ok", State.DISABLED: "ok", State.FAILED: "failed"}
    last = known.probes[-1] if known.probes else None
    restart = unit.due if unit.state is State.BACKOFF else None
    return {
        "status": ok.get(unit.state, "degraded"),
        "state": unit.state.value,
        "required": unit.service.required,
        "url": known.url,
        "pid": known.pid,
        "launch": known.how,
        "uptime_s": round(now - known.started, 1) if known.started else None,
        "restarts": max(unit.run - 1, 0),
        "restarts_10m": sum(now - at < _TEN_MINUTES for at in unit.restarts),
        "reason": unit.reason or None,
        "progress": None if unit.share is None else round(unit.share, 3),
        "rss_bytes": known.usage[0] if known.usage else None,
        "cpu_s": round(known.usage[1], 2) if known.usage else None,
        "zombies": known.zombies,
        "last_exit": known.code,
        "next_restart_in_s": None if restart is None else round(restart - now, 1),
        "probe": {
            "age_s": round(now - known.asked_at, 1) if known.asked_at else None,
            "latency_ms": round(last[2], 2) if last else None,
            "failures": unit.misses,
            "last_error": known.problem or None,
            "loop_lag_ms": round(known.lag * 1000) if known.lag is not None else None,
        },
    }


def metrics(snapshot: Snapshot) -> str:
    """Return the metrics in the Prometheus text format, version 0.0.4."""
    lines = [
        "# TYPE frostline_service_state gauge",
        *(
            f'frostline_service_state{{service="{name}",state="{state.value}"}} '
            f"{int(unit.state is state)}"
            for name, unit in snapshot.machine.units.items()
            for state in State
        ),
        "# TYPE frostline_restarts_total counter",
        *(
            f'frostline_restarts_total{{service="{name}"}} {max(unit.run - 1, 0)}'
            for name, unit in snapshot.machine.units.items()
        ),
        "# TYPE frostline_probe_seconds histogram",
    ]
    for name, service in snapshot.services.items():
        lines += _histogram(name, [latency / 1000 for _, _, latency in service.probes])
    used = {name: known.usage for name, known in snapshot.services.items() if known.usage}
    lines += [
        "# TYPE frostline_rss_bytes gauge",
        *(f'frostline_rss_bytes{{service="{name}"}} {usage[0]}' for name, usage in used.items()),
        "# TYPE frostline_cpu_seconds_total counter",
        *(
            f'frostline_cpu_seconds_total{{service="{name}"}} {usage[1]:.2f}'
            for name, usage in used.items()
        ),
        "# TYPE frostline_loop_lag_seconds gauge",
        f"frostline_loop_lag_seconds {snapshot.lag:.6f}",
        "# TYPE frostline_log_dropped_total counter",
        *(
            f'frostline_log_dropped_total{{service="{name}"}} {service.dropped}'
            for name, service in snapshot.services.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _histogram(name: str, seconds: list[float]) -> list[str]:
    buckets = [
        f'frostline_probe_seconds_bucket{{service="{name}",le="{limit:g}"}} '
        f"{sum(value <= limit for value in seconds)}"
        for limit in _BUCKETS
    ]
    return [
        *buckets,
        f'frostline_probe_seconds_bucket{{service="{name}",le="+Inf"}} {len(seconds)}',
        f'frostline_probe_seconds_sum{{service="{name}"}} {sum(seconds):.6f}',
        f'frostline_probe_seconds_count{{service="{name}"}} {len(seconds)}',
    ]
