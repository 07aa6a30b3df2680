"""Finds and runs the container engine, podman or docker."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from frostline.core import command
from frostline.core.errors import HostError, UsageError
from frostline.core.platforms import Machine, Platform, host

NAMES = ("podman", "docker")  # in this order: podman needs no daemon and no root
# The kernel's names for emulators, by the machine that they emulate.
_FOREIGN: Mapping[Machine, tuple[str, ...]] = {
    "arm64": ("qemu-aarch64",), "x86_64": ("qemu-x86_64", "rosetta"),
}  # fmt: skip
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_NO_ENGINE = 125


@dataclass(frozen=True)
class Engine:
    """A working container engine; *environ* are its environment variables, *log* its log file."""

    name: str
    program: str
    environ: Mapping[str, str]
    log: Path

    def has(self, image: str) -> bool:
        """Return whether the engine has *image*."""
        try:
            self.run(["image", "inspect", image])
        except command.CommandError:
            return False
        return True

    def run(self, arguments: Sequence[str], on_line: Callable[[str], None] | None = None) -> None:
        """Run the engine with *arguments*. Raises CommandError."""
        argv = [self.program, *arguments]
        command.run(argv, log=self.log, env=self.environ, on_line=on_line)

    def remove(self, container: str) -> None:
        """Kill and remove *container*."""
        with contextlib.suppress(command.CommandError):  # already removed
            self.run(["rm", "--force", container])


def find(environ: Mapping[str, str], log: Path, name: str = "") -> Engine:
    """Return the engine *name*, or podman if it works, else docker.

    Raises HostError, UsageError.
    """
    if name and name not in NAMES:
        message = f'unknown container engine "{name}".'
        raise UsageError(message, hint=f"engines: {', '.join(NAMES)}")
    reasons = []
    for each in (name,) if name else NAMES:
        program = shutil.which(each, path=environ.get("PATH"))
        if not program:
            reasons.append(f"{each} is not on PATH")
            continue
        engine = Engine(each, program, environ, log)
        try:
            engine.run(["info"])
        except command.CommandError as error:
            lines = [line for line in error.tail if line.strip()]
            reasons.append(f"{each} does not answer ({lines[-1] if lines else error.message})")
        else:
            return engine
    message = f"no container engine: {'; '.join(reasons)}."
    raise HostError(message, hint="install podman, start docker, or use --where remote")


def require_machine(platform: Platform, binfmt: Path = _BINFMT) -> None:
    """Raise HostError unless containers of *platform* can run on this machine."""
    here = host()
    if here.system != "linux" or here.machine == platform.machine:
        return  # on other systems the engine's virtual machine has an emulator
    for name in _FOREIGN[platform.machine]:
        try:
            lines = (binfmt / name).read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        flags = next((line for line in lines if line.startswith("flags:")), "")
        # F: the kernel keeps the emulator open, so that it works inside containers.
        if lines[:1] == ["enabled"] and "F" in flags.removeprefix("flags:"):
            return
    message = f"this machine ({here.name}) cannot run executables of {platform.machine}."
    raise HostError(
        message,
        hint="install qemu-user-static and binfmt-support (Debian), or run the image "
        "tonistiigi/binfmt once, privileged, with --install all; or --where remote",
    )


def explain(error: command.CommandError, what: str) -> Exception:
    """Return a HostError if the engine itself failed, else *error*."""
    if error.code == _NO_ENGINE:
        return HostError(
            f"{what}: the engine could not start the container.", hint=error.hint, tail=error.tail
        )
    return error


def containerfile(base: str, setup: str) -> str:
    """Return a Containerfile: the image *base* with the shell script *setup* run in it."""
    lines = [f"FROM {base}"]
    if setup:
        lines.append(f"RUN {json.dumps(['/bin/sh', '-euc', setup])}")
    return "\n".join(lines) + "\n"


def user(engine: Engine) -> tuple[str, ...]:
    """Return the options with which files that a container writes belong to the user.

    Root in podman is the user outside; root in docker is root outside.
    """
    ids: tuple[int, int] | None = _ids()
    if engine.name == "podman" or not ids or not ids[0]:
        return ()
    return ("--user", f"{ids[0]}:{ids[1]}")


def _ids() -> tuple[int, int] | None:
    who: Callable[[], int] | None = getattr(os, "getuid", None)  # not on Windows
    group: Callable[[], int] | None = getattr(os, "getgid", None)
    return (who(), group()) if who and group else None
