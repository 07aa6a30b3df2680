"""Output of the build side: results go to stdout, everything else to stderr.

No other module calls `print`. `cli/program.py` writes help and version itself.
"""

import io
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from frostline.core.errors import FrostlineError

# Importing rich takes 0.1 s, and `--help` does not need it: it is imported on first use.
if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

_LINE_EVERY = 10.0
_CALLED = re.compile(
    r"(?<=`)frostline (?=[a-z])|^( *(?:Examples?: +)?)frostline (?=[a-z])", re.MULTILINE
)

Json = str | int | float | bool | None | Mapping[str, "Json"] | Sequence["Json"]


@cache
def _err() -> "Console":
    from rich.console import Console

    class Err(Console):
        def on_broken_pipe(self) -> None:
            """Show nothing from now on: work does not end because nobody reads its progress."""
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

    return Err(stderr=True, highlight=False, emoji=False, soft_wrap=True)


@cache
def _out() -> "Console":
    from rich.console import Console

    class Out(Console):
        def on_broken_pipe(self) -> None:
            """Let the command line end: nobody reads its result."""
            raise BrokenPipeError

    return Out(highlight=False, emoji=False, soft_wrap=True)


def _animated() -> bool:
    """Return whether progress can be drawn over; FORCE_COLOR asks for colours, not for that."""
    return sys.stderr.isatty() and _err().is_terminal and not _err().is_dumb_terminal


def program() -> str:
    """Return the program that the user called: `invoke` or `frostline`."""
    path = Path(sys.argv[0])
    called = path.parent.name if path.stem == "__main__" else path.stem
    return "invoke" if called in {"invoke", "inv"} else "frostline"


def as_called(text: str) -> str:
    """Return *text* with `frostline` in its commands replaced by the program that was called.

    A command stands in backticks (messages) or at the start of a line (help texts).
    """
    return _CALLED.sub(lambda match: f"{match[1] or ''}{program()} ", text)


def open_streams() -> None:
    """Write to nowhere what would go to a stream that the caller has closed (`>&-`)."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # until the end
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # until the end


def accept_any_text() -> None:
    """Show `?` for a character that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def no_more_output() -> None:
    """Write to nowhere from now on: the reader, such as `head`, has ended, or the disk is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _say(text: str, mark: str = "    ", end: str = "") -> None:
    """Print *text* to stderr between *mark* and *end*, which are rich markup."""
    from rich.markup import escape

    _err().print(f"{mark}{escape(as_called(text))}{end}")


class Step:
    """A step in progress; *update* shows a detail, *ok* is false if the step failed."""

    def __init__(self, title: str) -> None:
        from rich.markup import escape

        self._title = title
        self._status = _err().status(escape(title)) if _animated() else None
        self._shown = ""
        self.ok = True

    def update(self, detail: str) -> None:
        """Show *detail*: in the spinner on a terminal, else on a separate line."""
        from rich.markup import escape

        if self._status:
            self._status.update(f"{escape(self._title)}: {escape(detail)}")
        elif detail != self._shown:
            _say(detail)
        self._shown = detail

    @property
    def spinner(self) -> bool:
        """Return whether the step is shown as a spinner."""
        return self._status is not None

    def start(self) -> None:
        """Show that the step has started."""
        if self._status:
            self._status.start()
        else:
            _say(self._title, "  … ")

    def stop(self) -> None:
        """Remove the spinner."""
        if self._status:
            self._status.stop()


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show *title* while the block runs, and its duration afterwards."""
    current = Step(title)
    started = time.monotonic()
    current.start()
    try:
        yield current
    except BaseException:
        current.stop()
        _say(title, "[red]  ✗[/red] ")
        raise
    current.stop()
    mark = "[green]  ✓[/green] " if current.ok else "[red]  ✗[/red] "
    _say(title, mark, f"  [dim]{time.monotonic() - started:.1f} s[/dim]")


class Downloads:
    """The progress of downloads: bars on a terminal, else a line every ten seconds."""

    def __init__(self) -> None:
        from rich import progress

        self.bars = progress.Progress(
            progress.TextColumn("    {task.description}"), progress.BarColumn(),
            progress.DownloadColumn(), progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(), console=_err(), transient=True,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._printed: dict[str, float] = {}
        self._lock = threading.Lock()

    def show(self, name: str, done: int, total: int) -> None:
        """Show that *done* of *total* bytes (0: unknown) of the file *name* are downloaded."""
        from rich.markup import escape

        with self._lock:
            if _animated():
                if name not in self._tasks:
                    self._tasks[name] = self.bars.add_task(escape(name), total=None)
                self.bars.update(self._tasks[name], completed=done, total=total or None)
                return
            now = time.monotonic()
            if now - self._printed.get(name, -_LINE_EVERY) >= _LINE_EVERY or done == total:
                self._printed[name] = now
                share = f" ({done * 100 // total} %)" if total else ""
                _say(f"{name}: {done / 1e6:.1f} MB{share}")


@contextmanager
def downloads() -> Iterator[Downloads]:
    """Show the progress of the downloads that the block makes."""
    shown = Downloads()
    if not _animated():
        yield shown
        return
    with shown.bars:
        yield shown


def note(text: str) -> None:
    """Print *text* as information."""
    _say(text)


def done(text: str) -> None:
    """Print *text* with a check mark: something is finished."""
    _say(text, "[green]  ✓[/green] ")


def warning(text: str) -> None:
    """Print *text* as a warning, on GitHub as an annotation."""
    if os.environ.get("GITHUB_ACTIONS"):
        print(f"::warning::{_one_line(text)}", file=sys.stderr)
    else:
        _say(text, "[yellow]  ![/yellow] ")


def ask(question: str) -> bool:
    """Print *question*, then ask whether to fetch anyway; return False unless the user says yes."""
    from rich.prompt import Confirm

    _say(question, "")
    return Confirm.ask("Fetch it anyway?", console=_err(), default=False)


def error(problem: FrostlineError) -> None:
    """Print *problem*: its tail, its message and its hint."""
    tail(problem.tail)
    _say(problem.message, "[red]error:[/red] ")
    if problem.hint:
        _say(problem.hint, "[cyan] hint:[/cyan] ")
    if os.environ.get("GITHUB_ACTIONS"):
        print(f"::error::{_one_line(problem.message)}", file=sys.stderr)


def tail(lines: Sequence[str]) -> None:
    """Print *lines*, the last output of a program that failed."""
    for line in lines:
        _say(line, "    [dim]│[/dim] ")


def result(text: str) -> None:
    """Print *text*, a result for programs, unchanged to stdout."""
    print(text.rstrip("\n"), flush=True)


def text(line: str) -> None:
    """Print *line*, a part of the result for people, to stdout."""
    print(as_called(line), flush=True)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table for people to stdout."""
    from rich.markup import escape
    from rich.table import Table

    grid = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(escape(as_called(cell)) for cell in row))
    _out().print(grid)


def _one_line(message: str) -> str:
    return as_called(message).replace("%", "%25").replace("\r", "").replace("\n", "%0A")
