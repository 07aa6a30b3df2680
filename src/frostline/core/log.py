"""The only place of the build side that prints: results to stdout, everything else to stderr."""

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

# rich costs 0.1 s to import, and `--help` needs none of it: it is imported when something is shown.
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
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True, highlight=False, soft_wrap=True)


@cache
def _out() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(highlight=False, soft_wrap=True)


def program() -> str:
    """Return the name by which the user called us: `invoke` or `frostline`."""
    called = Path(sys.argv[0]).stem
    return "invoke" if called in {"invoke", "inv"} else "frostline"


def as_called(text: str) -> str:
    """Return *text* with each command `frostline VERB` as the user would type it here.

    Messages write commands in backticks, help texts at the start of a line.
    """
    return _CALLED.sub(lambda found: f"{found[1] or ''}{program()} ", text)


def _say(text: str, mark: str = "    ", end: str = "") -> None:
    """Print *text* for people after *mark* and before *end*, which are rich's markup."""
    from rich.markup import escape  # noqa: PLC0415

    _err().print(f"{mark}{escape(as_called(text))}{end}")


class Step:
    """A piece of work in progress; *update* says what it is at, *ok* how it went."""

    def __init__(self, title: str) -> None:
        from rich.markup import escape  # noqa: PLC0415

        self._title = title
        self._status = _err().status(escape(title)) if _err().is_terminal else None
        self._shown = ""
        self.ok = True

    def update(self, detail: str) -> None:
        """Show *detail*: in the spinner on a terminal, as a line of its own elsewhere."""
        from rich.markup import escape  # noqa: PLC0415

        if self._status:
            self._status.update(f"{escape(self._title)}: {escape(detail)}")
        elif detail != self._shown:
            _say(detail)
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
            _say(self._title, "  … ")

    def stop(self) -> None:
        """Remove the spinner."""
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
        _say(title, "[red]  ✗[/red] ")
        raise
    current.stop()
    mark = "[green]  ✓[/green] " if current.ok else "[red]  ✗[/red] "
    _say(title, mark, f"  [dim]{time.monotonic() - started:.1f} s[/dim]")


class Downloads:
    """Files that are being fetched: bars on a terminal, a line every ten seconds elsewhere."""

    def __init__(self) -> None:
        from rich import progress  # noqa: PLC0415

        self.bars = progress.Progress(
            progress.TextColumn("    {task.description}"), progress.BarColumn(),
            progress.DownloadColumn(), progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(), console=_err(), transient=True,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def show(self, name: str, done: int, total: int) -> None:
        """Show that *done* of *total* bytes (0: not known) of file *name* are there."""
        from rich.markup import escape  # noqa: PLC0415

        with self._lock:
            if _err().is_terminal:
                if name not in self._tasks:
                    self._tasks[name] = self.bars.add_task(escape(name), total=None)
                self.bars.update(self._tasks[name], completed=done, total=total or None)
                return
            now = time.monotonic()
            if now - self._said.get(name, -_LINE_EVERY) >= _LINE_EVERY or done == total:
                self._said[name] = now
                share = f" ({done * 100 // total} %)" if total else ""
                _say(f"{name}: {done / 1e6:.1f} MB{share}")


@contextmanager
def downloads() -> Iterator[Downloads]:
    """Show what is fetched while the block runs."""
    shown = Downloads()
    if not _err().is_terminal:
        yield shown
        return
    with shown.bars:
        yield shown


def note(text: str) -> None:
    """Say something that people may want to know."""
    _say(text)


def done(text: str) -> None:
    """Say that something is finished, or was finished before."""
    _say(text, "[green]  ✓[/green] ")


def warning(text: str) -> None:
    """Say something that people should look at, as an annotation on GitHub."""
    if os.environ.get("GITHUB_ACTIONS"):
        print(f"::warning::{_one_line(text)}", file=sys.stderr)
    else:
        _say(text, "[yellow]  ![/yellow] ")


def ask(question: str) -> bool:
    """Ask a person on the terminal; everything but a plain yes means no."""
    from rich.prompt import Confirm  # noqa: PLC0415

    _say(question, "")
    return Confirm.ask("Fetch it anyway?", console=_err(), default=False)


def error(problem: FrostlineError) -> None:
    """Print *problem*: what was printed last, what is wrong, what to do next."""
    tail(problem.tail)
    _say(problem.message, "[red]error:[/red] ")
    if problem.hint:
        _say(problem.hint, "[cyan] hint:[/cyan] ")
    if os.environ.get("GITHUB_ACTIONS"):
        print(f"::error::{_one_line(problem.message)}", file=sys.stderr)


def tail(lines: Sequence[str]) -> None:
    """Print the last lines of a program that has failed."""
    for line in lines:
        _say(line, "    [dim]│[/dim] ")


def result(text: str) -> None:
    """Print *text*, the result for a machine, as it is."""
    print(text.rstrip("\n"), flush=True)


def text(line: str) -> None:
    """Print one line of the result for people."""
    from rich.markup import escape  # noqa: PLC0415

    _out().print(escape(as_called(line)))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* under *columns* for people."""
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    grid = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(escape(as_called(cell)) for cell in row))
    _out().print(grid)


def _one_line(message: str) -> str:
    return as_called(message).replace("%", "%25").replace("\r", "").replace("\n", "%0A")
