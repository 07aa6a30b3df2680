"""The commands that talk to the running instance: `status`, `logs`, `stop`, `restart`."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import cast

from frostline_runtime import exit_codes
from frostline_runtime.artifact import runfile
from frostline_runtime.artifact.announce import say
from frostline_runtime.artifact.locations import Locations
from frostline_runtime.artifact.loopback import Answer, request
from frostline_runtime.artifact.manifest import Manifest

_TIMEOUT = 5.0
_STOP_TIMEOUT = 15.0
_FOLLOW_EVERY = 0.5

Ask = Callable[[str, str], Answer]


def main(manifest: Manifest, options: argparse.Namespace, locations: Locations) -> int:
    """Ask the running instance for what *options* say and return the exit code."""
    facts = runfile.read(locations.state)
    port = runfile.number(facts, "control")

    def ask(method: str, path: str) -> Answer:
        headers = f"Authorization: Bearer {facts.get('token')}\r\n"
        body = b"{}" if method == "POST" else b""
        return request(method, path, port, _TIMEOUT, headers=headers, body=body)

    try:
        if not facts or facts.get("ended"):
            raise ConnectionRefusedError
        match options.command:
            case "status":
                return _status(ask, as_json=options.json)
            case "logs":
                return _logs(ask, options.name, follow=options.follow)
            case "restart":
                return _said(ask("POST", f"/api/services/{options.name}/restart"))
            case _:
                return _stop(ask)
    except (OSError, ValueError):
        say(f"{manifest.product} is not running.")
        return exit_codes.NEGATIVE_ANSWER
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED


def _status(ask: Ask, *, as_json: bool) -> int:
    report = _object(ask("GET", "/health").body)
    if as_json:
        print(json.dumps(report, indent=2))
        return exit_codes.OK
    print(f"{report['status']}  up {report['uptime_s']} s")
    services = cast("dict[str, dict[str, object]]", report["services"])
    for name, facts in services.items():
        shown = [f"{key} {facts[key]}" for key in ("pid", "uptime_s", "url") if facts.get(key)]
        if facts["restarts"]:
            shown.append(f"restarts {facts['restarts']}")
        if facts["reason"]:
            shown.append(str(facts["reason"]))
        print(f"{name:16} {facts['state']!s:9} {', '.join(shown)}")
    return exit_codes.OK


def _logs(ask: Ask, name: str, *, follow: bool) -> int:
    services = cast("dict[str, object]", _object(ask("GET", "/health").body)["services"])
    if name and name not in services:
        say(f"there is no service {name!r}; there is {', '.join(services)}.")
        return exit_codes.USAGE_ERROR
    shown = dict.fromkeys([name] if name else services, 0)
    while True:
        for service, last in shown.items():
            answer = _object(ask("GET", f"/api/logs?service={service}&after={last}").body)
            for line in cast("list[dict[str, object]]", answer["lines"]):
                print(line["text"] if name else f"[{service}] {line['text']}", flush=True)
                shown[service] = cast("int", line["number"])
        if not follow:
            return exit_codes.OK
        time.sleep(_FOLLOW_EVERY)


def _stop(ask: Ask) -> int:
    code = _said(ask("POST", "/api/stop"))
    deadline = time.monotonic() + _STOP_TIMEOUT
    while not code and time.monotonic() < deadline:
        try:
            ask("GET", "/livez")
        except (OSError, ValueError):
            return exit_codes.OK
        time.sleep(0.05)
    return code or exit_codes.FAILED


def _said(answer: Answer) -> int:
    body = _object(answer.body)
    if "error" in body:
        print(body["error"], file=sys.stderr)
        return exit_codes.USAGE_ERROR
    return exit_codes.OK


def _object(body: bytes) -> dict[str, object]:
    return cast("dict[str, object]", json.loads(body))
