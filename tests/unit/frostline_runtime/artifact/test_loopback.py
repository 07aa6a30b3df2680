"""Requests to a port of this machine."""

import socket
import threading
from contextlib import closing

from frostline_runtime.artifact.loopback import request


def test_an_answer_ends_with_its_length() -> None:
    """A server that keeps the connection open after Content-Length bytes is not waited for."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def keep() -> None:
            with closing(listener.accept()[0]) as connection:
                connection.recv(65536)
                connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"ok"}')
                ended.wait(10)

        keeping = threading.Thread(target=keep, daemon=True)
        keeping.start()
        answer = request("GET", "/", listener.getsockname()[1], 5)
        ended.set()
        keeping.join(5)
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')
