"""Probes a run of a service: chooses the probe, and checks who has answered."""

import json
from dataclasses import dataclass, replace

from frostline_runtime.artifact.json_pointer import resolve_pointer
from frostline_runtime.artifact.loopback import request
from frostline_runtime.artifact.manifest import ModelServer, Probe, Service
from frostline_runtime.model.llamafile import MODELS
from frostline_runtime.supervision.events import Role
from frostline_runtime.supervision.lifeline import Tether
from frostline_runtime.supervision.looplag import LAG_TIMEOUT
from frostline_runtime.supervision.probe import ProbeResult, apply_lag, ask
from frostline_runtime.system import current

_PREFIX_FLAGS = ("--api-prefix", "--url-prefix")
_LIST_OF_MODELS = Probe(path=MODELS)
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedRun:
    """What a probe needs to know of a service and its present run.

    *port* is None for a service without one, 0 until the service has announced it. *pid* and
    *tether* are None if no process runs. *server* is set for a model server only.
    """

    service: Service
    instance: str
    port: int | None
    pid: int | None
    tether: Tether | None
    server: ModelServer | None


def probe(run: ProbedRun, role: Role) -> ProbeResult:
    """Probe *run* in *role* and return the result."""
    if run.pid and current.main_thread_exited(run.pid):
        detail = "its main thread has ended"
        return ProbeResult(healthy=False, alive=False, detail=detail, certain=True)
    question = _question(run, role)
    if not question or run.port is None:
        return ProbeResult(healthy=True)
    if not run.port:
        return ProbeResult(healthy=False, alive=False, detail="has not announced its port yet")
    if role == "liveness" and run.tether:
        return _ask_with_lag(question, run.port, run.instance, run.tether)
    result = ask(question, run.port, run.instance)
    if role == "startup" and result.healthy:
        return _confirm(run, run.port, result)
    return result


def _question(run: ProbedRun, role: Role) -> Probe | None:
    service = run.service
    asked = {
        "startup": service.startup,
        "liveness": service.liveness or service.startup,
        "readiness": service.readiness,
    }[role]
    return as_served(asked, run.server) if asked and run.server else asked


def as_served(asked: Probe, server: ModelServer) -> Probe:
    """Return the probe *asked* with the path at which the model *server* answers it."""
    arguments = [*server.command, *server.arguments]
    if "--v2" in arguments and asked.path == "/health":  # the old server has no such path
        asked = replace(asked, path=MODELS)
    for flag in _PREFIX_FLAGS:
        if flag in arguments[:-1]:
            prefix = arguments[arguments.index(flag) + 1].rstrip("/")
            return replace(asked, path=f"{prefix}{asked.path}")
    return asked


def _ask_with_lag(question: Probe, port: int, instance: str, tether: Tether) -> ProbeResult:
    """Probe the service, and ask at the same time how long its event loop has been blocked."""
    tether.ask()
    result = ask(question, port, instance)
    lag = tether.answer(LAG_TIMEOUT)
    return replace(apply_lag(result, lag), lag=lag)


def _confirm(run: ProbedRun, port: int, result: ProbeResult) -> ProbeResult:
    """Return *result*, unless another process has answered or no model is loaded."""
    declared = run.service.port
    handed_over = declared and declared.by == "socket" and declared.mode != "announced"
    if not run.pid or handed_over:
        return result
    if current.owns_port(run.pid, port) is False:
        owner = current.port_owner(port) or "another process"
        return ProbeResult(healthy=False, alive=False, detail=f"port {port} is taken by {owner}")
    return _has_model(as_served(_LIST_OF_MODELS, run.server), port) if run.server else result


def _has_model(question: Probe, port: int) -> ProbeResult:
    try:
        answer = request("GET", question.path, port, question.timeout)
    except (OSError, ValueError) as error:
        return ProbeResult(healthy=False, detail=f"{question.path}: {error}")
    return judge_models(answer.status, answer.body)


def judge_models(status: int, body: bytes) -> ProbeResult:
    """Return that no model is loaded if the server's list of models is empty.

    A newer server runs without a model, too. Any answer that is not a list passes: an old server
    asks for its key first.
    """
    try:
        listed = resolve_pointer(json.loads(body), "/data") if status == _OK else None
    except (ValueError, LookupError):
        return ProbeResult(healthy=True)
    if listed == []:
        return ProbeResult(healthy=False, detail=f"{MODELS}: it runs, but has loaded no model")
    return ProbeResult(healthy=True)
