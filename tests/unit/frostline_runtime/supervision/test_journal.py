"""The history database: clean-up, views, damaged files."""

import os
import queue
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from frostline_runtime.supervision import journal

DAY = 24 * 3600.0


def test_tidy(tmp_path: Path) -> None:
    """Rows live for a month; old probes become one row a minute, failed if one has failed."""
    now = 100 * DAY
    with closing(journal.connect(tmp_path / "db", "app")) as database, database:
        insert = "INSERT INTO health (ts, service, ok, latency_ms) VALUES (?, 'a', ?, ?)"
        old = now - 2 * DAY
        rows = [(now - 40 * DAY, 1, 1.0), (old, 1, 1.0), (old + 5, 0, 3.0), (now - 5, 1, 2.0)]
        database.executemany(insert, rows)
        database.execute("INSERT INTO events VALUES (?, 'i', 'a', 'READY', '')", (now - 40 * DAY,))
        journal.tidy(database, now)
        kept = database.execute("SELECT ok, latency_ms, samples FROM health ORDER BY ts").fetchall()
        assert kept == [(0, 2.0, 2), (1, 2.0, 1)]
        assert database.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_status_is_the_last_state(tmp_path: Path) -> None:
    """The view `service_status` has one row per service, with its last state."""
    with closing(journal.connect(tmp_path / "db", "app")) as database:
        insert = "INSERT INTO events VALUES (?, 'i', ?, ?, '')"
        rows = [(1, "a", "STARTING"), (2, "b", "READY"), (3, "a", "FAILED"), (4, "a", "note")]
        database.executemany(insert, rows)
        found = database.execute("SELECT service, status FROM service_status ORDER BY service")
        assert found.fetchall() == [("a", "FAILED"), ("b", "READY")]


@pytest.mark.parametrize("kind", ["garbage", "newer"])
def test_unusable_databases(tmp_path: Path, kind: str) -> None:
    """A damaged or newer database is renamed; the last two are kept."""
    path = tmp_path / "db"
    for number in range(4):
        if kind == "garbage":
            path.write_bytes(bytes([number]) * 5000)
        else:
            with closing(sqlite3.connect(path)) as database:
                database.execute(f"PRAGMA user_version = {99 + number}")
        with pytest.raises(sqlite3.DatabaseError):
            journal.connect(path, "app")
        journal.quarantine(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["db.corrupt-1", "db.corrupt-2"]


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    """Return all rows of *table* without the time in `ts` and `created`."""
    with closing(sqlite3.connect(path)) as database:
        found = database.execute(f"SELECT * FROM {table}")  # noqa: S608  # our own names
        names = [column[0] for column in found.description]
        return [
            tuple(value for name, value in zip(names, row, strict=True) if name not in TIMES)
            for row in found
        ]


TIMES = ("ts", "created")
RUN = ("i", "main", 2, 77, 1.0, "command", 4e9, "exited with code 1", 1, 4.0)


def test_what_is_recorded(tmp_path: Path) -> None:
    """Events, runs and probes are in the file when the journal is closed."""
    path, told = tmp_path / "db", list[str]()
    before = time.time()
    made = journal.Journal(path, "app", told.append)
    made.event("i", "main", "READY", "why")
    made.run(RUN)
    made.health("main", ok=True, latency_ms=1.5)
    made.health("main", ok=False, latency_ms=2.5)
    made.close(20.0)
    assert not made._thread.is_alive()
    assert (made.state, made.dropped, told) == ("ok", 0, [])
    assert rows(path, "meta") == [(1, "app")]
    assert rows(path, "events") == [("i", "main", "READY", "why")]
    assert rows(path, "runs") == [(1, *RUN)]
    assert rows(path, "health") == [("main", 1, 1.5, 1), ("main", 0, 2.5, 1)]
    with closing(sqlite3.connect(path)) as database:
        times = [time for (time,) in database.execute("SELECT ts FROM events")]
        times += [time for (time,) in database.execute("SELECT ts FROM health")]
        assert all(before <= time for time in times)
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_history_goes_on(tmp_path: Path) -> None:
    """A file of an earlier run is used again."""
    for kind in ("READY", "STOPPED"):
        made = journal.Journal(tmp_path / "db", "app", lambda _: None)
        assert made._thread.daemon
        made.event("i", "main", kind, "")
        made.close(20.0)
    assert [row[2] for row in rows(tmp_path / "db", "events")] == ["READY", "STOPPED"]
    assert len(rows(tmp_path / "db", "meta")) == 1


def test_old_rows_are_deleted_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that begins tidies its file, also if the computer has just been started."""
    monkeypatch.setattr(time, "monotonic", lambda: 5.0)
    with closing(journal.connect(tmp_path / "db", "app")) as database, database:
        database.execute("INSERT INTO events VALUES (5.0, 'i', 'a', 'READY', 'old')")
    made = journal.Journal(tmp_path / "db", "app", lambda _: None)
    made.event("i", "main", "READY", "new")
    made.close(20.0)
    assert [row[3] for row in rows(tmp_path / "db", "events")] == ["new"]


def test_a_full_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes are dropped when it is half full, other rows when it is full; nobody waits."""
    monkeypatch.setattr(journal, "QUEUE", 4)
    monkeypatch.setattr(threading.Thread, "start", lambda _: None)
    made = journal.Journal(tmp_path / "db", "app", lambda _: None)
    assert made.state == "starting"
    made.event("i", "main", "READY", "")
    made.event("i", "main", "READY", "")
    made.health("main", ok=True, latency_ms=1.0)
    assert (made._rows.qsize(), made.dropped) == (3, 0)
    made.health("main", ok=True, latency_ms=1.0)
    assert (made._rows.qsize(), made.dropped) == (3, 1)
    made.event("i", "main", "READY", "")
    assert (made._rows.qsize(), made.dropped) == (4, 1)
    made.event("i", "main", "READY", "")
    assert (made._rows.qsize(), made.dropped) == (4, 2)
    assert len(made._next_rows()) == 4


def test_a_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history is in memory, which is told, until the file can be opened."""
    path = tmp_path / "db"
    path.mkdir()
    told: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(journal, "_RETRY", 3600.0)
    made = journal.Journal(path, "app", told.put)
    assert told.get(timeout=20).endswith(
        "is a folder: " + repr(str(path)) + "; kept in memory for now"
    )
    made.event("i", "main", "READY", "")
    made.close(20.0)
    assert (made.state, told.empty()) == ("memory", True)
    assert path.is_dir()
    monkeypatch.setattr(journal, "_RETRY", 0.0)
    made = journal.Journal(path, "app", told.put)
    told.get(timeout=20)
    path.rmdir()
    made.event("i", "main", "READY", "")
    made.close(20.0)
    assert made.state == "ok"
    assert rows(path, "events") == [("i", "main", "READY", "")]


def test_a_file_that_breaks(tmp_path: Path) -> None:
    """An error while rows are written is told once; the history goes on in memory."""
    path, told = tmp_path / "db", queue.Queue[str]()
    with closing(journal.connect(path, "app")) as database, database:
        database.execute("DROP TABLE events")
    made = journal.Journal(path, "app", told.put)
    made.event("i", "main", "READY", "")
    assert told.get(timeout=20) == "history: no such table: events; kept in memory for now"
    made.event("i", "main", "READY", "")
    made.close(20.0)
    assert (made.state, told.empty(), made._thread.is_alive()) == ("memory", True, False)


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    """A new one is begun, and people are told."""
    path, told = tmp_path / "db", list[str]()
    path.write_bytes(b"garbage" * 1000)
    for suffix in ("-wal", "-shm"):
        path.with_name(f"db{suffix}").write_bytes(b"")
    made = journal.Journal(path, "app", told.append)
    made.event("i", "main", "READY", "")
    made.close(20.0)
    assert (made.state, told) == (
        "ok", ["history: file is not a database; set aside as db.corrupt-1"],
    )  # fmt: skip
    assert rows(path, "events") == [("i", "main", "READY", "")]
    assert path.with_name("db.corrupt-1").read_bytes() == b"garbage" * 1000


def test_wrong_notes_of_a_broken_file_go(tmp_path: Path) -> None:
    """What SQLite has noted beside it is not about the new file."""
    path = tmp_path / "db"
    for number in range(3):
        path.write_bytes(bytes([number]))
        for suffix in ("-wal", "-shm"):
            path.with_name(f"db{suffix}").write_bytes(b"")
        assert journal.quarantine(path) == tmp_path / "db.corrupt-1"
    left = {found.name: found.read_bytes() for found in tmp_path.iterdir()}
    assert left == {"db.corrupt-1": b"\2", "db.corrupt-2": b"\1"}


def test_messages_about_files(tmp_path: Path) -> None:
    """A newer file is told from a damaged one."""
    with closing(sqlite3.connect(tmp_path / "db")) as database:
        assert not journal.check(database, "db")
        database.execute("PRAGMA user_version = 1")
        assert journal.check(database, "db")
        database.execute("PRAGMA user_version = 2")
        with pytest.raises(sqlite3.DatabaseError) as caught:
            journal.check(database, "db")
    assert str(caught.value) == "db was written by a newer version (schema 2)"


def test_a_page_that_is_damaged(tmp_path: Path) -> None:
    """A file may begin well and be damaged later."""
    path = tmp_path / "db"
    with closing(journal.connect(path, "app")) as database, database:
        insert = "INSERT INTO events VALUES (1.0, 'i', 'a', 'READY', ?)"
        database.executemany(insert, [("x" * 500,) for _ in range(200)])
    data = path.read_bytes()
    half = len(data) // 2 // 4096 * 4096
    path.write_bytes(data[:half] + bytes(range(256)) * 16 + data[half + 4096 :])
    with pytest.raises(sqlite3.DatabaseError) as caught:
        journal.connect(path, "app")
    assert str(caught.value).startswith("db is damaged: ")


def test_when_rows_are_old(tmp_path: Path) -> None:
    """Rows live for thirty days, probes for a day as they are."""
    now = 100 * DAY
    with closing(journal.connect(tmp_path / "db", "app")) as database, database:
        ages = [30 * DAY + 1, 30 * DAY - 1]
        for age in ages:
            database.execute("INSERT INTO events VALUES (?, '', '', '', '')", (now - age,))
            database.execute("INSERT INTO runs (end_wall) VALUES (?)", (now - age,))
        insert = "INSERT INTO health (ts, service, ok, latency_ms) VALUES (?, 'a', 1, 1)"
        at = now - DAY
        probes = [at - 59, at - 1, at + 1, at + 2]
        database.executemany(insert, [(time,) for time in [*probes, now - ages[0]]])
        journal.tidy(database, now)
        for table, column in (("events", "ts"), ("runs", "end_wall")):
            found = database.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608
            assert found == [(now - ages[1],)]
        found = database.execute("SELECT ts, samples FROM health ORDER BY ts").fetchall()
        assert found == [(at - 59, 2), (at + 1, 1), (at + 2, 1)]
