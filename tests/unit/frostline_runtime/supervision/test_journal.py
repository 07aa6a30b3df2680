"""The history database: clean-up, views, damaged files."""

import sqlite3
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
