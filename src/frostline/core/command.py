"""Starts every process of the build side: without a shell, with a log file, in a process group."""

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from frostline.core import interrupts
from frostline.core.errors import BuildError, StorageError

Environ = Mapping[str, str]

TAIL_LINES = 25
_DISK_FULL = ("No space left on device", "Disk quota exceeded", "There is not enough space")
_INTERRUPT_GRACE = 3.0
_TERMINATE_GRACE = 5.0


class CommandError(BuildError):
    """A command ended with an exit code other than 0."""

    def __init__(self, argv: Sequence[str], code: int, tail: Sequence[str], log: Path) -> None:
        super().__init__(
            f"{Path(argv[0]).name} ended with exit code {code}.",
            hint=f"its full output is in {log}",
            tail=tail,
        )
        self.code = code


class Process:
    """A running command in its own process group; leaving the `with` block ends the group."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        stdout: Callable[[str], None] | None = None,
    ) -> None:
        """Start *argv*; *on_line* gets each line of output.

        If *stdout* is given, it gets the lines of standard output instead. Raises BuildError if
        the command cannot be started.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        self.argv = tuple(argv)
        self.log = log
        self._log = log.open("a", encoding="utf-8")
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        try:
            with interrupts.delayed() as interrupted:
                self._start(env, cwd, on_line, stdout)
        except KeyboardInterrupt:  # Ctrl-C just after the handler was restored
            self.stop()
            raise
        if interrupted:
            self.stop()
            raise KeyboardInterrupt

    def _start(
        self,
        env: Mapping[str, str],
        cwd: Path | None,
        on_line: Callable[[str], None] | None,
        stdout: Callable[[str], None] | None,
    ) -> None:
        try:
            self._process = subprocess.Popen(
                self.argv,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if stdout else subprocess.STDOUT,
                encoding="utf-8",
                errors="backslashreplace",
                bufsize=1,
                process_group=0,
                creationflags=_NEW_GROUP,
            )
        except OSError as error:
            self._log.close()
            message = f"{self.argv[0]} cannot be started: {error.strerror}."
            raise BuildError(message) from error
        streams = ((self._process.stdout, stdout or on_line), (self._process.stderr, on_line))
        self._readers = [
            threading.Thread(target=self._drain, args=(stream, receive), daemon=True)
            for stream, receive in streams
            if stream
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        """Return the running process."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the group and close the log."""
        self.stop()
        for reader in self._readers:
            reader.join(1.0)
        self._log.close()

    @property
    def pid(self) -> int:
        """Return the process id of the group's leader."""
        return self._process.pid

    def close_stdin(self) -> None:
        """Close the standard input of the command."""
        if self._process.stdin:
            self._process.stdin.close()

    def poll(self) -> int | None:
        """Return the exit code, or None while the command runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once the command ends. Raises TimeoutError after *timeout* s."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            message = f"{Path(self.argv[0]).name} did not end within {timeout} s"
            raise TimeoutError(message) from None
        for reader in self._readers:
            reader.join(1.0)
        return code

    def tail(self) -> tuple[str, ...]:
        """Return the last lines of output."""
        return tuple(self._tail)

    def terminate(self) -> None:
        """Ask only the leader to stop, as a service manager does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """Kill the whole group."""
        _signal_group(self._process, _KILL)

    def stop(self) -> None:
        """Interrupt the group, then terminate its leader, then kill the group."""
        if self._process.poll() is None:
            _signal_group(self._process, _INTERRUPT)
            if not self._ended(_INTERRUPT_GRACE):
                self._process.terminate()
                self._ended(_TERMINATE_GRACE)
        _signal_group(self._process, _KILL)
        with contextlib.suppress(OSError, ValueError):
            self.close_stdin()
        self._process.wait()

    def _ended(self, timeout: float) -> bool:
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _drain(self, stream: IO[str], on_line: Callable[[str], None] | None) -> None:
        with stream:
            for line in stream:
                text = line.rstrip("\r\n")
                self._tail.append(text)
                with contextlib.suppress(OSError, ValueError):  # keep reading if the disk is full
                    self._log.write(text + "\n")
                    self._log.flush()
                if on_line:
                    on_line(text)


def run(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> tuple[str, ...]:
    """Run *argv* and return the last lines of its output.

    Raises CommandError with these lines if it fails, StorageError if the disk is full, BuildError
    if it cannot be started.
    """
    with Process(argv, log=log, env=env, cwd=cwd, on_line=on_line) as process:
        process.close_stdin()
        code = process.wait()
        tail = process.tail()
    if code == 0:
        return tail
    if any(mark in line for line in tail for mark in _DISK_FULL):
        message = f"the disk is full: {Path(argv[0]).name} could not write."
        raise StorageError(message, hint=f"free some space; the log is {log}", tail=tail[-3:])
    raise CommandError(argv, code, tail, log)


def output(
    argv: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path | None = None
) -> tuple[str, ...]:
    """Return the lines of *argv*'s standard output. Raises CommandError, BuildError."""
    lines: list[str] = []
    with Process(argv, log=log, env=env, cwd=cwd, stdout=lines.append) as process:
        process.close_stdin()
        code, tail = process.wait(), process.tail()
    if code:
        raise CommandError(argv, code, tail, log)
    return tuple(lines)


def captured(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, text: bytes = b""
) -> bytes | None:
    """Return the bytes that the short *argv* writes for the input *text*, None if it fails.

    Nothing is logged.
    """
    try:
        done = subprocess.run(
            argv, env=dict(env), cwd=cwd, input=text, capture_output=True, check=False
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


# Each name exists on POSIX or on Windows only; the other system gets a harmless default.
_NEW_GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
_INTERRUPT: int = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT)
_KILL: int = getattr(signal, "SIGKILL", signal.SIGTERM)
_kill_group: Callable[[int, int], None] = getattr(os, "killpg", os.kill)


def _signal_group(process: subprocess.Popen[str], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        _kill_group(process.pid, number)
