"""A product of plain files: a finished bundle that no freeze made, and a program to put into it."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from frostline.core import json_file
from frostline.core.platforms import Platform, host
from frostline.core.workspace import Target, Workspace
from frostline.freeze.bundle import Bundle, describe_files
from frostline.profile.build import Build
from frostline.profile.profile import Profile

# Starts, serves HTTP and stops as an artifact does; WRONG names what it does wrong.
SERVER = """#!{python} -IS
import fcntl, json, os, signal, socket, sys, threading, time
WRONG = "{wrong}"
place = os.path.dirname(os.path.abspath(__file__))
if "selftest" in sys.argv:
    sys.exit(print('{{"ok": ' + ("false" if WRONG == "selftest" else "true") + "}}"))
def say(event, **facts):
    print(json.dumps({{"event": event, **facts}}), flush=True)
lock = os.path.join(os.environ["HOME"], "lock")
held = open(lock, "w")
try:
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    say("already_running")
    sys.exit(0 if WRONG == "second" else 75 if sys.argv[-2:] == ["--lifeline", "stdin"] else 3)
with open(os.path.join(os.environ["HOME"], "places"), "a") as file:
    file.write(place + "\\n")
if os.path.exists(lock + ".clean"):
    os.unlink(lock + ".clean")
if WRONG == "exits":
    sys.exit("it has no database")
if WRONG == "writes":
    os.chmod(os.path.join(place, "_internal", "data.txt"), 0o600)
if WRONG == "temporary":
    os.mkdir(os.path.join(os.environ["TMPDIR"], "forgotten"))
port = int(sys.argv[sys.argv.index("--port") + 1])
def stop(*asked):
    open(lock + ".clean", "w").close()
    if WRONG == "exit-code":
        os._exit(1)
    if WRONG == "never-stops":
        return
    if (WRONG == "port" or WRONG == "late-port" and asked) and not os.fork():
        os.environ.clear()
        os.setsid()
        os.closerange(0, 3)
        os.execv(sys.executable, [sys.executable, "-IS", "-c", AFTER, str(server.fileno())])
    left = ["worker"] if WRONG == "unclean" else []
    forced = ["api"] if WRONG == "forced" else []
    say("stopped", clean=not left, left=left, forced=forced)
    os._exit(0)
def lifeline():
    shell = os.getppid()
    while sys.stdin.read(1):
        pass
    time.sleep(0.1)
    if WRONG != "outlives-shell" or os.getppid() == shell:
        stop()
AFTER = '''
import socket, sys, time
server = socket.socket(fileno=int(sys.argv[1]))
server.settimeout(1)
while True:
    connection, _ = server.accept()
    if connection.recv(9999).startswith(b"GET / "):
        connection.sendall(b"HTTP/1.0 200 OK\\\\r\\\\nContent-Length: 0\\\\r\\\\n\\\\r\\\\n")
    connection.close()
'''
signal.signal(signal.SIGTERM, stop)
if WRONG in ("outlives-kill", "leaves-child") and not os.fork():
    held.close()
    os.close(1)
    os.close(2)
    os.setsid()
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.02)
    if WRONG == "leaves-child" or not os.path.exists(lock + ".clean"):
        time.sleep(9)
    os._exit(0)
server = socket.create_server(("127.0.0.1", port))
os.set_inheritable(server.fileno(), WRONG.endswith("port"))
url = "http://127.0.0.1:" + str(port)
state = "FAILED" if WRONG == "unhealthy" else "READY"
services = {{"api": {{"url": url, "state": state, "reason": None}}, "idle": {{"state": "READY"}}}}
answers = {{
    "/health": {{"status": "degraded" if WRONG == "unhealthy" else "ok", "services": services}},
    "/openapi.json": {{"paths": {{}}}},
}}
def answer(connection):
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        piece = connection.recv(9999)
        if not piece:
            return connection.close()
        head += piece
    method, path = head.decode().split(" ")[:2]
    hidden = WRONG == "no-routes" and "openapi" in path
    found = method == "GET" and path in answers and not hidden
    status = 200 if found else 404
    body = json.dumps(answers[path]) if found else "no such page"
    head = "HTTP/1.0 %d X\\r\\nContent-Length: %d\\r\\n\\r\\n" % (status, len(body))
    connection.sendall((head + body).encode())
    connection.close()
def serve():
    while True:
        connection, _ = server.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()
threading.Thread(target=serve, daemon=True).start()
threading.Thread(target=lifeline, daemon=True).start()
time.sleep(0.1 if WRONG == "late-port" else 0)
if WRONG != "not-ready":
    say("ready", token="x", services=services)
while True:
    time.sleep(1)
"""


def server(wrong: str = "") -> str:
    """Return the program of a product with a service, which does something *wrong*."""
    return SERVER.format(python=sys.executable, wrong=wrong)


def profile(**tables: object) -> Profile:
    """Return a profile with some *tables*."""
    needed = {"source": "app", "requirements": "lock.txt", "entry": "tool:main"}
    return Profile.model_validate_json(json.dumps(needed | tables))


def bundled(
    root: Path, program: str = "#!/bin/sh\necho done\n", *, platform: Platform | None = None,
    environ: Mapping[str, str] | None = None, files: Mapping[str, bytes] | None = None,
    tables: Mapping[str, object] | None = None,
) -> Build:  # fmt: skip
    """Return the build of a product `tool` in *root* whose executable is the text *program*.

    *tables* are those of its profile.
    """
    build = Build(
        workspace=Workspace(root), target=Target("tool", platform or host()),
        profile=profile(**(tables or {})), environ=os.environ if environ is None else environ,
    )  # fmt: skip
    content = {build.executable.name: program.encode(), "_internal/data.txt": b"data"}
    for name, data in (content | dict(files or {})).items():
        path = build.bundle / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    build.executable.chmod(0o755)
    described(build)
    return build


def described(build: Build) -> Bundle:
    """Write `bundle.json` for the files of *build*; return it."""
    files = describe_files(build.bundle)
    bundle = Bundle(
        product="tool", version="1.0", platform=build.platform.name, layout="onedir",
        inputs="inputs", path=str(build.bundle), executable=build.executable.name,
        size=sum(size for _, size, _ in files.values()), distributions={}, files=files, missing=(),
        python="3.11", collected={}, libraries={}, owners={}, pruned=(0, 0), parts={},
    )  # fmt: skip
    json_file.write(build.report("bundle"), bundle)
    return bundle
