"""The requests whose answers need all that a stranger's project ships."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import websocket

from frostline.launch.instance import ask

_WAIT = 60.0
# Streamlit's message that a browser sends first: run the page, with nothing chosen.
_RUN_PAGE = b"\x5a\x00"


def page(url: str, _: Path) -> str:
    """Return the page `/answer`."""
    return _found(f"{url}/answer")


def page_and_admin(url: str, _: Path) -> str:
    """Return the page `/answer`, if the admin's page and its style sheet are there."""
    assert "csrfmiddlewaretoken" in _found(f"{url}/admin/login/")
    assert "--primary" in _found(f"{url}/static/admin/css/base.css")
    return _found(f"{url}/answer")


def streamlit_page(url: str, _: Path) -> str:
    """Return what the page shows, as a browser gets it, from `hello` on."""
    until(lambda: ask("GET", f"{url}/_stcore/health")[0] == 200)
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    connection = websocket.create_connection(address, timeout=_WAIT, subprotocols=["streamlit"])
    seen = b""
    try:
        connection.send_binary(_RUN_PAGE)
        while b"True" not in seen:
            message = connection.recv()
            part = message if isinstance(message, bytes) else message.encode()
            seen = part[part.index(b"hello") :] if b"hello" in part else b""
    finally:
        connection.close()
    return seen[: seen.index(b"True") + 4].decode()


def task(_: str, folder: Path) -> str:
    """Return what the worker writes when it is sent a task through the folder *folder*."""
    from celery import Celery  # noqa: PLC0415  # only this request needs it

    place = {"data_folder_in": str(folder), "data_folder_out": str(folder)}
    app = Celery(broker="filesystem://", set_as_current=False)
    app.conf.broker_transport_options = place | {"control_folder": str(folder)}
    answer = folder / "answer"
    app.send_task("tell", [str(answer)])
    until(lambda: answer.is_file() and answer.stat().st_size > 0)
    return answer.read_text(encoding="utf-8")


def until(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds. Raises TimeoutError."""
    deadline = time.monotonic() + _WAIT
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.1)


def _found(url: str) -> str:
    status, text = ask("GET", url)
    assert status == 200, text
    return text


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of an artifact: nothing of this machine but what it needs."""
    root = os.environ.get("SYSTEMROOT")
    home = {"HOME": str(folder), "USERPROFILE": str(folder), "PATH": "", "TASKS": str(folder)}
    return home | ({"SYSTEMROOT": root} if root else {})
