"""The command line of an artifact that has services."""

import argparse
import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from frostline_runtime import exit_codes, serve, takeover
from frostline_runtime.artifact import frozen, override, runfile
from frostline_runtime.artifact.announce import Announcer, say
from frostline_runtime.artifact.locations import Locations, locate
from frostline_runtime.artifact.manifest import Manifest, Port
from frostline_runtime.exit_codes import EXIT_CODES
from frostline_runtime.supervision import launch, lifeline
from frostline_runtime.supervision.looplag import LoopLag
from frostline_runtime.supervision.ports import PortError

# Seconds in which a desktop shell can show why a service has failed, before the artifact ends.
FATAL_LINGER = 30.0


def main(manifest: Manifest, bundle: Path, argv: Sequence[str], started: float) -> int:
    """Run the command line *argv* and return the exit code; *started* is a monotonic time."""
    if argv[:1] == ["run"]:  # the arguments are parsed by the script
        return run_script(manifest, argv[1:])
    options = _parser(manifest).parse_args(argv)
    locations = locate(manifest, os.environ, bundle)
    match options.command:
        case "service":
            return run_service(manifest, options.name)
        case "selftest":
            return run_selftest(manifest, locations, as_json=options.json)
        case "model":
            from frostline_runtime.model import commands as models  # noqa: PLC0415  # downloads need TLS: 20 ms and more

            return models.main(manifest, options, locations)
        case "status" | "logs" | "stop" | "restart":
            from frostline_runtime import client  # noqa: PLC0415  # no other command needs it

            return client.main(manifest, options, locations)
        case _:
            return run_all(manifest, options, locations, started)


def run_all(
    manifest: Manifest, options: argparse.Namespace, locations: Locations, started: float
) -> int:
    """Run all services under supervision, unless another instance uses the same storage."""
    state = locations.state
    try:
        held = runfile.take(state)
        if held is None:
            held = takeover.take(state)
    except OSError as error:
        say(f"{manifest.product}: {state} cannot be used: {error.strerror}.")
        return exit_codes.CANNOT_START
    if held is None:
        return _already_running(manifest, runfile.read(state))
    code = exit_codes.FAILED
    try:
        code = _supervise(manifest, locations, options, started)
    except BaseException:  # noqa: BLE001  # the process ends below in any case
        import traceback  # noqa: PLC0415  # needed after an error only

        traceback.print_exc()
    # Not sys.exit: it flushes the streams, and a pipe that nobody reads would block it for ever.
    os._exit(code)


def _supervise(
    manifest: Manifest, locations: Locations, options: argparse.Namespace, started: float
) -> int:
    from frostline_runtime.supervision.supervisor import (  # noqa: PLC0415  # a service does not need it
        Options,
        Supervisor,
    )

    environ = dict(os.environ)
    shell = options.shell_pid or int(environ.pop("FROSTLINE_SHELL_PID", "0") or 0)
    asked = Options(
        control=Port(mode="fixed" if options.port else "prefer", number=options.port),
        watch_stdin=options.lifeline == "stdin" or (shell > 0 and _stdin_is_pipe()),
        shell_pid=shell,
        restart=not options.no_restart,
        linger=FATAL_LINGER if shell else 0.0,
        ready_file=environ.pop("FROSTLINE_READY_FILE", ""),
        token=environ.pop("FROSTLINE_TOKEN", ""),
    )
    manifest, problems = override.load(manifest, locations.storage)
    for problem in problems:
        say(f"{manifest.product}: {problem}")
    try:
        return Supervisor(manifest, locations, environ, asked, started).run()
    except PortError as error:
        say(f"{manifest.product}: control {error}")
        return exit_codes.CANNOT_START


def _stdin_is_pipe() -> bool:
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _already_running(manifest: Manifest, facts: runfile.Facts) -> int:
    announcer = Announcer()
    pid, url = runfile.number(facts, "pid"), str(facts.get("base_url", ""))
    announcer.emit("already_running", pid=pid, base_url=url)
    announcer.close()
    say(f"{manifest.product}: is running already (pid {pid}, {url}).")
    return exit_codes.ALREADY_RUNNING


def run_service(manifest: Manifest, name: str) -> int:
    """Run service *name* in this process and return its exit code."""
    names = [service.name for service in manifest.services if service.kind == "entry"]
    if name not in names:
        say(f"{manifest.product}: there is no service {name!r}; there is {', '.join(names)}.")
        return exit_codes.USAGE_ERROR
    service = manifest.service(name)
    lag = LoopLag()
    follow = os.environ.pop(launch.LIFELINE_FD, "")
    if follow:
        lifeline.follow(int(follow), lag.measure)
    if service.arguments:
        # Its working directory is the storage folder.
        places = {"{port}": os.environ.get(launch.PORT, ""), "{storage}": str(Path.cwd())}
        places["{bundle}"] = str(frozen.bundle())
        sys.argv[1:] = [_filled(argument, places) for argument in service.arguments]
    return serve.run(service.entry or manifest.entry, service.serve, lag)


def _filled(argument: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        argument = argument.replace(name, value)
    return argument


def run_script(manifest: Manifest, argv: Sequence[str]) -> int:
    """Run a bundled console script: *argv* is `alembic upgrade head`, for example."""
    from frostline_runtime.selftest import find_script  # noqa: PLC0415  # importing it costs 20 ms

    known = ", ".join(manifest.console_scripts) or "none"
    if not argv or argv[0].startswith("-"):
        say(f"usage: {manifest.product} run SCRIPT [ARGUMENTS]; scripts: {known}")
        return exit_codes.USAGE_ERROR
    if argv[0] not in manifest.console_scripts:
        say(f"{manifest.product}: there is no script {argv[0]!r}; scripts: {known}.")
        return exit_codes.USAGE_ERROR
    sys.argv = list(argv)
    return serve.exit_code(find_script(argv[0]).load()())


def run_selftest(manifest: Manifest, locations: Locations, *, as_json: bool) -> int:
    """Run the self-test and print its findings; return the exit code."""
    from dataclasses import asdict  # noqa: PLC0415  # see below

    from frostline_runtime import selftest  # noqa: PLC0415  # importing it costs 20 ms

    report = selftest.run(manifest, locations)
    if as_json:
        body = {"ok": bool(report), **asdict(report)}
        print(json.dumps(body, indent=2))
    else:
        for name, number in report.checked.items():
            print(f"{name:16} {number} checked")
        for finding in report.findings:
            print(f"FAILED {finding['check']}: {finding['subject']}: {finding['reason']}")
        print("ok" if report else f"{len(report.findings)} findings")
    return exit_codes.OK if report else exit_codes.NEGATIVE_ANSWER


def _parser(manifest: Manifest) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=manifest.product,
        description=f"{manifest.name} {manifest.version}. Without a command it runs all services.",
        epilog="exit codes:\n" + "\n".join(f"  {code:3}  {text}" for code, _, text in EXIT_CODES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"{manifest.name} {manifest.version}"
    )
    parser.add_argument(
        "--lifeline", choices=["none", "stdin"], default="none", help="stop when stdin is closed"
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="control port, 1-65535 (default: any free one)"
    )
    parser.add_argument(
        "--shell-pid", type=int, default=0, metavar="PID", help="stop when this process ends"
    )
    parser.add_argument(
        "--no-restart", action="store_true", help="do not restart services that fail"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    service = commands.add_parser("service", help="run one service, without supervision")
    service.add_argument("name", metavar="NAME")
    commands.add_parser("run", help="run a bundled console script: run SCRIPT [ARGUMENTS]")
    status = commands.add_parser("status", help="show the services of the running instance")
    status.add_argument("--json", action="store_true", help="print the whole report as JSON")
    logs = commands.add_parser("logs", help="show the last lines that the services have written")
    logs.add_argument("name", metavar="SERVICE", nargs="?", default="")
    logs.add_argument("--follow", "-f", action="store_true", help="show new lines until Ctrl-C")
    commands.add_parser("stop", help="stop the running instance and wait for its end")
    again = commands.add_parser("restart", help="restart a service of the running instance")
    again.add_argument("name", metavar="SERVICE")
    if manifest.model_server or manifest.resources:
        _add_model(manifest, commands)
    check = commands.add_parser("selftest", help="check this artifact from the inside")
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def _add_model(
    manifest: Manifest, commands: "argparse._SubParsersAction[argparse.ArgumentParser]"
) -> None:
    model = commands.add_parser(
        "model", help="list, pull, check or remove files that are downloaded",
        epilog=f"example: {manifest.product} model pull",
    )  # fmt: skip
    model.add_argument("action", choices=["list", "pull", "check", "remove", "prepare"])
    model.add_argument("names", metavar="NAME", nargs="*", help="names of files (default: all)")
    model.add_argument("--json", action="store_true", help="print the list as JSON")


def _port(text: str) -> int:
    if not (text.isdigit() and 1 <= int(text) <= 65535):  # noqa: PLR2004  # the range of ports
        message = f"{text!r} is no port; expected 1-65535"
        raise argparse.ArgumentTypeError(message)
    return int(text)
