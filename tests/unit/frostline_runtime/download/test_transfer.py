"""What a server offers, and whether there is room for it."""

import http.client
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from frostline_runtime.download import parts, transfer
from frostline_runtime.download.http_get import Response
from frostline_runtime.download.transfer import DownloadError, LaterError, Wanted, WrongError

WANTED = Wanted(name="model", urls=(), size=100)
MARGIN = 16 * 1024 * 1024


def offer(status: int, asked: int = 0, **headers: str) -> tuple[int, int, str]:
    """Return what a response offers: the first byte, the size in all, the ETag."""
    named: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Response(status, named, cast("http.client.HTTPResponse", None))
    made = transfer._read_offer(answer, asked)
    return made.start, made.total, made.etag


def test_offers() -> None:
    """A whole file or the part that was asked for; only a strong ETag counts."""
    assert offer(200, content_length="5", etag='"a"') == (0, 5, '"a"')
    assert offer(200, 3, content_length="5", etag='W/"a"') == (0, 5, "")
    assert offer(200) == (0, 0, "")
    assert offer(200, content_length="x", content_encoding="identity") == (0, 0, "")
    assert offer(206, 3, content_range="bytes 3-9/10", etag='"a"') == (3, 10, '"a"')
    assert offer(206, 3, content_range="bytes 3-9/*") == (3, 0, "")


@pytest.mark.parametrize("content_range", ["", "bytes 4-9/10", "items 3-9/10", "bytes */10"])
def test_another_part(content_range: str) -> None:
    """A part that was not asked for is asked for again, at once."""
    with pytest.raises(LaterError, match="another part than was asked for") as caught:
        offer(206, 3, content_range=content_range)
    assert caught.value.wait == 0


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_work_later(status: int) -> None:
    """The server may say how long to wait, up to a minute."""
    for said, wait in (("7", 7.0), ("600", 60.0), ("Sat, 1 Jan", None)):
        with pytest.raises(LaterError, match=f"it answered {status}") as caught:
            offer(status, retry_after=said)
        assert caught.value.wait == wait
    with pytest.raises(LaterError) as caught:
        offer(status)
    assert caught.value.wait is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "it wants a login"), (403, "access is denied"), (404, "it has no such file"),
        (410, "it is gone"), (418, "not expected"), (204, "not expected"), (300, "not expected"),
    ],
)  # fmt: skip
def test_what_does_not_work(status: int, words: str) -> None:
    """The message says what the status means."""
    with pytest.raises(WrongError, match=f"^it answered {status}: {words}$"):
        offer(status)
    with pytest.raises(WrongError, match="compressed"):
        offer(200, content_encoding="gzip")


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Have *size* bytes free on every disk."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=size))


def look(place: Path, start: int, total: int, wanted: Wanted = WANTED) -> None:
    """Check the offer of a file of *total* bytes from *start* on."""
    transfer._look(wanted, place, transfer._Offer(start, total))


def test_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A margin stays free; a part that is overwritten counts as free, one that is kept does not."""
    place = tmp_path / "model"
    free(monkeypatch, MARGIN + 100)
    look(place, 0, 0)
    free(monkeypatch, MARGIN + 99)
    with pytest.raises(DownloadError, match=rf"model needs 100 bytes in .*, and {MARGIN + 99} are"):
        look(place, 0, 0)
    unknown = Wanted(name="model", urls=())
    with pytest.raises(DownloadError, match="model needs 101 bytes"):
        look(place, 0, 101, unknown)
    look(place, 0, 0, unknown)
    parts.part_of(place).write_bytes(b"x")
    look(place, 0, 100)
    free(monkeypatch, MARGIN + 60)
    look(place, 40, 100)
    with pytest.raises(DownloadError, match="model needs 61 bytes"):
        look(place, 39, 100)
    free(monkeypatch, MARGIN - 2)
    look(place, 0, 0, unknown)


def test_a_file_that_has_changed(tmp_path: Path) -> None:
    """A part of another version is thrown away; it is asked for again at once."""
    place = tmp_path / "model"
    parts.part_of(place).write_bytes(b"x")
    parts.sidecar_of(place).write_text('{"total": 90}', encoding="utf-8")
    look(place, 0, 100)
    look(place, 1, 90)
    with pytest.raises(LaterError, match="has changed") as caught:
        look(place, 1, 100)
    assert caught.value.wait == 0
    assert not parts.part_of(place).exists()


@pytest.mark.parametrize(
    ("notes", "resumed"),
    [
        ({"url": "u", "sha256": "s", "etag": '"e"'}, (3, '"e"')),
        ({"url": "v", "sha256": "s", "etag": '"e"'}, (0, "")),
        ({"url": "u", "sha256": "t", "etag": '"e"'}, (0, "")),
        ({"url": "u", "sha256": "s", "etag": ""}, (0, "")),
        ({"url": "u", "sha256": "s"}, (0, "")),
        ({}, (0, "")),
    ],
)
def test_what_can_be_resumed(
    tmp_path: Path, notes: dict[str, str], resumed: tuple[int, str]
) -> None:
    """The part must be of the same address, file and version."""
    place = tmp_path / "model"
    parts.part_of(place).write_bytes(b"abc")
    if notes:
        parts.sidecar_of(place).write_text(json.dumps(notes), encoding="utf-8")
    wanted = Wanted(name="model", urls=("u",), sha256="s")
    assert transfer._resumable("u", wanted, place) == resumed
