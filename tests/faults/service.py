"""A service that misbehaves as its arguments say. Uses the standard library only."""

import argparse
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

assert sys.platform == "linux"


def main() -> None:
    """Serve /health on the handed-over socket or FROSTLINE_PORT, and misbehave."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen-after", type=float, default=0.0)
    parser.add_argument("--exit-after", type=float, default=None)
    parser.add_argument("--exit-code", type=int, default=1)
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--grandchild", choices=["group", "session", "double", "pipe", "refork"])
    parser.add_argument("--answer", default="200")
    parser.add_argument("--answer-file", help="read the status to answer from this file")
    parser.add_argument("--hang-after", type=int, default=None, help="requests")
    parser.add_argument("--garbage", choices=["slow", "endless", "redirect", "stranger", "http09"])
    parser.add_argument("--daemonise", action="store_true")
    parser.add_argument("--end-main-thread-after", type=float, default=None, help="seconds")
    parser.add_argument("--flood", type=int, default=0, help="bytes")
    parser.add_argument("--say", default="")
    parser.add_argument("--log", default="", help="append a line for each start here")
    parser.add_argument("--no-server", action="store_true")
    parser.add_argument("--ready-line", default="", help="say this when listening")
    parser.add_argument(
        "--ready-descriptor", action="store_true", help="tell by FROSTLINE_READY_FD"
    )
    parser.add_argument("--own-port", action="store_true", help="choose a port, and say it")
    parser.add_argument("--progress", type=float, default=0.0, help="say something this often")
    options = parser.parse_args()
    if options.log:
        with Path(options.log).open("a") as file:
            file.write(f"{os.getpid()} {time.monotonic()}\n")
    if options.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(options.say or f"service {os.environ.get('FROSTLINE_SERVICE')} started", flush=True)
    misbehave(options)
    time.sleep(options.listen_after)
    if options.ready_line:
        print(options.ready_line, flush=True)
    if options.ready_descriptor:
        os.write(int(os.environ["FROSTLINE_READY_FD"]), b"\n")
    if options.no_server:
        signal.pause()
    serve(options)


def misbehave(options: argparse.Namespace) -> None:
    """Misbehave before listening."""
    if options.daemonise and os.fork():
        os._exit(0)
    if options.daemonise:
        os.setsid()
    if options.end_main_thread_after is not None:
        threading.Thread(target=serve, args=(options,)).start()
        time.sleep(options.end_main_thread_after)
        exit_call = {"x86_64": 60, "aarch64": 93}[os.uname().machine]
        ctypes.CDLL(None).syscall(exit_call, 0)  # ends this thread alone
    if options.grandchild:
        grandchild(options.grandchild)
    if options.flood:
        line = b"x" * 1023 + b"\n"
        for _ in range(options.flood // len(line)):
            os.write(1, line)
    if options.exit_after is not None:
        threading.Timer(options.exit_after, os._exit, (options.exit_code,)).start()
    if options.progress:
        threading.Thread(target=chatter, args=(options.progress,), daemon=True).start()


def chatter(pause: float) -> None:
    """Write lines that count as progress."""
    while True:
        print("still loading", flush=True)
        time.sleep(pause)


def grandchild(kind: str) -> None:
    """Start a process that does not end by itself."""
    sleeper = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
    if kind in {"group", "pipe"}:
        subprocess.Popen(sleeper, stdin=subprocess.DEVNULL, start_new_session=kind == "pipe")
    elif kind == "session":
        subprocess.Popen(
            sleeper, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
    elif kind == "double":
        if not os.fork():
            os.setsid()
            subprocess.Popen(sleeper, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            os._exit(0)
    elif not os.fork():  # forks again and again for two seconds
        os.setsid()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            if os.fork():
                os._exit(0)
            time.sleep(0.001)
        time.sleep(600)


def serve(options: argparse.Namespace) -> None:
    """Answer every request as the options say."""
    number = os.environ.get("FROSTLINE_LISTEN_FD")
    if options.own_port:
        listener = socket.create_server(("127.0.0.1", 0))
        print(f'{{"port": {listener.getsockname()[1]}}}', flush=True)
    elif number:
        listener = socket.socket(fileno=int(number))
    else:
        listener = socket.create_server(("127.0.0.1", int(os.environ["FROSTLINE_PORT"])))
    count = 0
    while True:
        connection, _ = listener.accept()
        count += 1
        if options.hang_after is not None and count > options.hang_after:
            time.sleep(600)
        threading.Thread(target=answer, args=(connection, options), daemon=True).start()


def answer(connection: socket.socket, options: argparse.Namespace) -> None:
    """Answer one request."""
    try:
        path = connection.recv(65536).split(b" ")[1].decode()
        if options.garbage:
            garbage(connection, options.garbage)
            return
        status = options.answer
        if options.answer_file and path == "/ready":
            status = Path(options.answer_file).read_text().strip()
        if path == "/exit":
            connection.close()
            os._exit(options.exit_code)
        body = f'{{"status": "ok", "pid": {os.getpid()}}}'
        connection.sendall(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
    except (OSError, IndexError):
        pass
    finally:
        connection.close()


def garbage(connection: socket.socket, kind: str) -> None:
    """Send an answer that no probe may accept."""
    if kind == "http09":
        connection.sendall(b"hello\r\n\r\n")
    elif kind == "redirect":
        connection.sendall(b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\n\r\n")
    elif kind == "stranger":
        connection.sendall(
            b"HTTP/1.1 200 X\r\nX-Frostline-Instance: other\r\nContent-Length: 0\r\n\r\n"
        )
    elif kind == "endless":
        connection.sendall(b"HTTP/1.1 500 X\r\n\r\n")
        while True:
            connection.sendall(b"x" * 4096)
    else:
        for byte in b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n" + b"x" * 100:
            connection.sendall(bytes([byte]))
            time.sleep(1)


if __name__ == "__main__":
    main()
