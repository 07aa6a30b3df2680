"""The history of all services in SQLite, written by its own thread.

The supervisor never reads it: if the database is full, locked or broken, only history is lost.
"""

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

SCHEMA = 1
QUEUE = 1000
KEPT_DAYS = 30
_MERGE_AFTER = 24 * 3600
_RETRY = 60.0
_TIDY_EVERY = 3600.0
_CORRUPT_KEPT = 2

_TABLES = """
CREATE TABLE meta (schema INTEGER, app TEXT, created REAL);
CREATE TABLE runs (id INTEGER PRIMARY KEY, instance TEXT, service TEXT, attempt INTEGER,
  pid INTEGER, start_wall REAL, launch TEXT, end_wall REAL, reason TEXT, code INTEGER,
  uptime_s REAL);
CREATE TABLE events (ts REAL, instance TEXT, service TEXT, kind TEXT, detail TEXT);
CREATE TABLE health (ts REAL, service TEXT, ok INTEGER, latency_ms REAL, samples INTEGER DEFAULT 1);
CREATE INDEX events_ts ON events (ts);
CREATE INDEX health_ts ON health (ts);
CREATE VIEW service_status AS
  SELECT service, kind AS status, detail, ts AS since FROM events e
  WHERE kind IN ('PENDING','STARTING','READY','UNREADY','STOPPING','BACKOFF','FAILED','STOPPED')
  AND rowid = (SELECT max(rowid) FROM events WHERE service = e.service AND kind IN
   ('PENDING','STARTING','READY','UNREADY','STOPPING','BACKOFF','FAILED','STOPPED'));
CREATE VIEW service_log AS SELECT ts, service, kind AS event, detail AS message FROM events;
CREATE VIEW health_check AS SELECT ts, service, ok AS healthy, latency_ms FROM health;
"""

Row = Sequence[str | float | int | None]


class Journal:
    """Queues rows without blocking; health samples are dropped first when the queue fills up."""

    def __init__(self, path: Path, app: str, trouble: Callable[[str], None]) -> None:
        self._path = path
        self._app = app
        self._trouble = trouble
        self._rows: queue.Queue[tuple[str, Row] | None] = queue.Queue(QUEUE)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self.state = "starting"
        self.dropped = 0
        self._thread.start()

    def event(self, instance: str, service: str, kind: str, detail: str) -> None:
        """Record an event of *service*."""
        sql = "INSERT INTO events VALUES (?, ?, ?, ?, ?)"
        self._put(sql, (time.time(), instance, service, kind, detail))

    def run(self, row: Row) -> None:
        """Record a run that has ended: the columns of `runs` without the first."""
        self._put("INSERT INTO runs VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def health(self, service: str, *, ok: bool, latency_ms: float) -> None:
        """Record one probe."""
        if self._rows.qsize() > QUEUE // 2:
            self.dropped += 1
            return
        sql = "INSERT INTO health (ts, service, ok, latency_ms) VALUES (?, ?, ?, ?)"
        self._put(sql, (time.time(), service, int(ok), latency_ms))

    def close(self, timeout: float) -> None:
        """Write the remaining rows, for at most *timeout* seconds."""
        with contextlib.suppress(queue.Full):
            self._rows.put_nowait(None)
            self._thread.join(timeout)

    def _put(self, sql: str, row: Row) -> None:
        try:
            self._rows.put_nowait((sql, row))
        except queue.Full:
            self.dropped += 1

    def _run(self) -> None:
        database, again = self._connect()
        tidied = float("-inf")  # the clock may begin with the computer
        while True:
            rows = self._next_rows()
            if time.monotonic() >= again:
                database.close()
                database, again = self._connect()
            try:
                with database:
                    for sql, row in (item for item in rows if item):
                        database.execute(sql, row)
                    if time.monotonic() - tidied > _TIDY_EVERY:
                        tidied = time.monotonic()
                        tidy(database, time.time())
            except sqlite3.Error as error:
                if self.state == "ok":
                    self._trouble(f"history: {error}; kept in memory for now")
                database.close()
                database, again = _memory(), time.monotonic() + _RETRY
                self.state = "memory"
            if None in rows:
                database.close()
                return

    def _next_rows(self) -> list[tuple[str, Row] | None]:
        rows = [self._rows.get()]
        with contextlib.suppress(queue.Empty):
            while len(rows) < QUEUE:
                rows.append(self._rows.get_nowait())
        return rows

    def _connect(self) -> tuple[sqlite3.Connection, float]:
        """Return a database, and when to try the file again if it is in memory."""
        try:
            database = connect(self._path, self._app)
        except (sqlite3.OperationalError, OSError) as error:  # locked, read-only, full
            self._trouble(f"history: {self._path}: {error}; kept in memory for now")
            self.state = "memory"
            return _memory(), time.monotonic() + _RETRY
        except sqlite3.DatabaseError as error:
            quarantined = quarantine(self._path)
            self._trouble(f"history: {error}; set aside as {quarantined.name}")
            return self._connect()
        self.state = "ok"
        return database, float("inf")


def connect(path: Path, app: str) -> sqlite3.Connection:
    """Open the database *path*, checked or new. Raises sqlite3.DatabaseError, OSError."""
    if path.is_dir():
        raise IsADirectoryError(21, "is a folder", str(path))
    database = sqlite3.connect(path, timeout=0.2, isolation_level="IMMEDIATE")
    try:
        path.chmod(0o600)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        if not check(database, path.name):
            create(database, app)
    except BaseException:
        database.close()
        raise
    return database


def check(database: sqlite3.Connection, name: str) -> bool:
    """Tell whether *database* has its tables. Raises sqlite3.DatabaseError if it is damaged."""
    found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    if found != "ok" or version > SCHEMA:
        message = f"{name} is damaged: {found}"
        if version > SCHEMA:
            message = f"{name} was written by a newer version (schema {version})"
        raise sqlite3.DatabaseError(message)
    return version == SCHEMA


def create(database: sqlite3.Connection, app: str) -> None:
    """Create all tables and views."""
    database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
    with database:
        database.execute("INSERT INTO meta VALUES (?, ?, ?)", (SCHEMA, app, time.time()))


def tidy(database: sqlite3.Connection, now: float) -> None:
    """Delete rows older than a month; merge probes older than a day into one per minute."""
    oldest = now - KEPT_DAYS * 24 * 3600
    for table, column in (("events", "ts"), ("health", "ts"), ("runs", "end_wall")):
        database.execute(f"DELETE FROM {table} WHERE {column} < ?", (oldest,))  # noqa: S608  # our own names
    before = now - _MERGE_AFTER
    merged = database.execute(
        "SELECT min(ts), service, min(ok), avg(latency_ms), sum(samples) FROM health"
        " WHERE ts < ? GROUP BY service, CAST(ts / 60 AS INTEGER)",
        (before,),
    ).fetchall()
    database.execute("DELETE FROM health WHERE ts < ?", (before,))
    database.executemany("INSERT INTO health VALUES (?, ?, ?, ?, ?)", merged)


def quarantine(path: Path) -> Path:
    """Rename a broken database, keep the last two, and return its new path."""
    for number in range(_CORRUPT_KEPT - 1, 0, -1):
        old = path.with_name(f"{path.name}.corrupt-{number}")
        if old.exists():
            old.replace(path.with_name(f"{path.name}.corrupt-{number + 1}"))
    aside = path.with_name(f"{path.name}.corrupt-1")
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside


def _memory() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    create(database, "")
    return database
