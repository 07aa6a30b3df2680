"""The only place of the build side that prints: results to stdout, everything else to stderr."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.prompt import Confirm
from rich.table import Table

from frostline.core.errors import FrostlineError

_err = Console(stderr=True, highlight=False, soft_wrap=True)
_out = Console(highlight=False, soft_wrap=True)

_LINE_EVERY = 10.0

Json = str | int | float | bool | None | Mapping[str, "Json"] | Sequence["Json"]


class Step:
    """A piece of work in progress; *update* says what it is at, *ok* how it went."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._status = _err.status(escape(title)) if _err.is_terminal else None
        self._shown = ""
        self.ok = True

    def update(self, detail: str) -> None:
        """Show *detail*: in the spinner on a terminal, as a line of its own elsewhere."""
        if self._status:
            self._status.update(f"{escape(self._title)}: {escape(detail)}")
        elif detail != self._shown:
            _err.print(f"    {escape(detail)}")
        self._shown = detail

    @property
    def spinner(self) -> bool:
        """Tell whether the step is shown as a spinner."""
        return self._status is not None

    def start(self) -> None:
        """Show that the work begins."""
        if self._status:
            self._status.start()
        else:
            _err.print(f"  … {escape(self._title)}")

    def stop(self) -> None:
        """Take the spinner away."""
        if self._status:
            self._status.stop()


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show *title* while the block runs and how long it took afterwards."""
    current = Step(title)
    started = time.monotonic()
    current.start()
    try:
        yield current
    except BaseException:
        current.stop()
        _err.print(f"[red]  ✗[/red] {escape(title)}")
        raise
    current.stop()
    mark = "[green]  ✓[/green]" if current.ok else "[red]  ✗[/red]"
    _err.print(f"{mark} {escape(title)}  [dim]{time.monotonic() - started:.1f} s[/dim]")


class Downloads:
    """Files on their way: bars on a terminal, a line each ten seconds elsewhere."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("    {task.description}"), BarColumn(), DownloadColumn(),
            TransferSpeedColumn(), TimeRemainingColumn(), console=_err, transient=True,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def show(self, name: str, done: int, total: int) -> None:
        """Show that *done* of *total* bytes (0: not known) of file *name* are there."""
        with self._lock:
            if _err.is_terminal:
                if name not in self._tasks:
                    self._tasks[name] = self._bars.add_task(escape(name), total=None)
                self._bars.update(self._tasks[name], completed=done, total=total or None)
                return
            now = time.monotonic()
            if now - self._said.get(name, -_LINE_EVERY) >= _LINE_EVERY or done == total:
                self._said[name] = now
                share = f" ({done * 100 // total} %)" if total else ""
                _err.print(f"    {escape(name)}: {done / 1e6:.1f} MB{share}")


@contextmanager
def downloads() -> Iterator[Downloads]:
    """Show what is fetched while the block runs."""
    shown = Downloads()
    if not _err.is_terminal:
        yield shown
        return
    with shown._bars:  # noqa: SLF001  # one module
        yield shown


def note(text: str) -> None:
    """Say something that people may want to know."""
    _err.print(f"    {escape(text)}")


def done(text: str) -> None:
    """Say that something was already done or is finished."""
    _err.print(f"[green]  ✓[/green] {escape(text)}")


def warning(text: str) -> None:
    """Say something that people should look at, as an annotation on GitHub."""
    if os.environ.get("GITHUB_ACTIONS"):
        print(f"::warning::{_one_line(text)}", file=sys.stderr)
    else:
        _err.print(f"[yellow]  ![/yellow] {escape(text)}")


def ask(question: str) -> bool:
    """Ask a person on the terminal; only a plain yes is one."""
    _err.print(escape(question))
    return Confirm.ask("Fetch it all the same?", console=_err, default=False)


def error(problem: FrostlineError) -> None:
    """Print *problem*: what was printed last, what is wrong, what to do next."""
    tail(problem.tail)
    _err.print(f"[red]error:[/red] {escape(problem.message)}")
    if problem.hint:
        _err.print(f"[cyan] hint:[/cyan] {escape(problem.hint)}")
    if os.environ.get("GITHUB_ACTIONS"):
        print(f"::error::{_one_line(problem.message)}", file=sys.stderr)


def tail(lines: Sequence[str]) -> None:
    """Print what a failed program has said last."""
    for line in lines:
        _err.print(f"    [dim]│[/dim] {escape(line)}")


def result(value: Json) -> None:
    """Print *value* as JSON for a machine."""
    print(json.dumps(value, indent=2, ensure_ascii=False), flush=True)


def text(line: str) -> None:
    """Print one line of the result for people."""
    _out.print(escape(line))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* under *columns* for people."""
    grid = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*map(escape, row))
    _out.print(grid)


def _one_line(message: str) -> str:
    return message.replace("%", "%25").replace("\r", "").replace("\n", "%0A")
