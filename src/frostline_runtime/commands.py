"""The command line of a frozen artifact that has services."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from frostline_runtime import serve
from frostline_runtime.announce import Announcer, say
from frostline_runtime.manifest import Manifest, Port
from frostline_runtime.ports import PortError

USAGE_ERROR = 2
FINDINGS = 3
BAD_CONFIGURATION = 76


def main(manifest: Manifest, bundle: Path, argv: Sequence[str], started: float) -> int:
    """Do what *argv* asks and return the exit code; *started* is a monotonic time."""
    if argv[:1] == ["run"]:  # the script's own arguments are not ours to parse
        return run_script(manifest, argv[1:])
    options = _parser(manifest).parse_args(argv)
    match options.command:
        case "service":
            return run_service(manifest, options.name)
        case "selftest":
            return run_selftest(manifest, bundle, as_json=options.json)
        case _:
            port = Port(mode="fixed" if options.port else "ephemeral", number=options.port)
            return run_all(manifest, port, started, watch_stdin=options.lifeline == "stdin")


def run_all(manifest: Manifest, control: Port, started: float, *, watch_stdin: bool) -> int:
    """Run all services under supervision."""
    from frostline_runtime.supervisor import Supervisor  # noqa: PLC0415  # a service needs none

    supervisor = Supervisor(manifest, Announcer(), dict(os.environ), started)
    try:
        return supervisor.run(control, watch_stdin=watch_stdin)
    except PortError as error:
        say(f"{manifest.product}: control {error}")
        return BAD_CONFIGURATION


def run_service(manifest: Manifest, name: str) -> int:
    """Run the one service *name* in this process."""
    names = [service.name for service in manifest.services if service.kind == "entry"]
    if name not in names:
        say(f"{manifest.product}: no service {name!r} here; there is {', '.join(names)}.")
        return USAGE_ERROR
    service = manifest.service(name)
    return serve.run(service.entry or manifest.entry, service.serve)


def run_script(manifest: Manifest, argv: Sequence[str]) -> int:
    """Run a bundled console script, as `alembic upgrade head` would outside."""
    from frostline_runtime.selftest import find_script  # noqa: PLC0415  # 20 ms that a service saves

    known = ", ".join(manifest.console_scripts) or "none"
    if not argv or argv[0].startswith("-"):
        say(f"usage: {manifest.product} run SCRIPT [ARGUMENTS]; scripts: {known}")
        return USAGE_ERROR
    if argv[0] not in manifest.console_scripts:
        say(f"{manifest.product}: no script {argv[0]!r} in this artifact; scripts: {known}.")
        return USAGE_ERROR
    sys.argv = list(argv)
    return serve.exit_code(find_script(argv[0]).load()())


def run_selftest(manifest: Manifest, bundle: Path, *, as_json: bool) -> int:
    """Check the artifact from the inside; 3 if something is wrong."""
    from frostline_runtime import selftest  # noqa: PLC0415  # 20 ms that a service saves

    report = selftest.run(manifest, bundle)
    if as_json:
        body = {"ok": bool(report), "checked": report.checked, "findings": report.findings}
        print(json.dumps(body, indent=2))
    else:
        for name, number in report.checked.items():
            print(f"{name:16} {number} checked")
        for finding in report.findings:
            print(f"FAILED {finding['check']}: {finding['subject']}: {finding['reason']}")
        print("ok" if report else f"{len(report.findings)} findings")
    return 0 if report else FINDINGS


def _parser(manifest: Manifest) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=manifest.product,
        description=f"{manifest.name} {manifest.version}. Without a command: run all services.",
        epilog="exit codes: 0 stopped as asked, 2 wrong usage, 3 selftest findings, "
        "70 a required service failed, 76 configuration (a taken control port)",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"{manifest.name} {manifest.version}"
    )
    parser.add_argument(
        "--lifeline", choices=["none", "stdin"], default="none", help="stop at the end of stdin"
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="control port, 1-65535 (default: any free one)"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    service = commands.add_parser("service", help="run one service in this process")
    service.add_argument("name", metavar="NAME")
    commands.add_parser("run", help="run a bundled console script: run SCRIPT [ARGUMENTS]")
    check = commands.add_parser("selftest", help="check this artifact from the inside")
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def _port(text: str) -> int:
    if not (text.isdigit() and 1 <= int(text) <= 65535):  # noqa: PLR2004  # the range of ports
        message = f"{text!r} is no port; expected 1-65535"
        raise argparse.ArgumentTypeError(message)
    return int(text)
