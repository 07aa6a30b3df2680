"""The paths of a project and its build folder."""

import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline.core.errors import BusyError
from frostline.core.platforms import Platform

Layout = Literal["onedir", "onefile"]

# The variable that names another folder for builds.
FOLDER_VARIABLE = "FROSTLINE_BUILD_FOLDER"
_BUILT = ("env", "work", "output", "release", "export", "log")


@dataclass(frozen=True)
class Target:
    """A product to build for a platform, in a layout."""

    product: str
    platform: Platform
    layout: Layout = "onedir"

    @property
    def name(self) -> str:
        """Return the name that the target's files share, such as `argo-linux_x86_64`."""
        return f"{self.product}-{self.variant}"

    @property
    def variant(self) -> str:
        """Return the platform's name and, unless it is `onedir`, the layout."""
        return self.platform.name + ("" if self.layout == "onedir" else f"-{self.layout}")


@dataclass(frozen=True)
class Workspace:
    """The paths of one project: its folder *root*, and another folder for builds, if given."""

    root: Path
    build_folder: Path | None = None

    @property
    def build(self) -> Path:
        """Return the folder that builds write to."""
        return self.build_folder or self.root / "build"

    def claim(self) -> None:
        """Make the build folder if it is missing; git ignores what is in it."""
        rule = self.build / ".gitignore"
        if not rule.exists():
            write(rule, "*\n")

    def shown(self, path: Path) -> str:
        """Return *path* for people: relative to the project if it lies there, else absolute."""
        inside = path.is_relative_to(self.root)
        return (path.relative_to(self.root) if inside else path.absolute()).as_posix()

    def warnings(self, product: str) -> Path:
        """Return the file that lists the modules *product* may lack."""
        return self.root / "specs" / f"{product}.warnings.txt"

    def evidence(self, product: str) -> Path:
        """Return the file of what *product* used when it was traced."""
        return self.root / "specs" / f"{product}.evidence.json"

    def work(self, target: Target) -> Path:
        """Return the folder for intermediate files of *target*."""
        return self.build / "work" / target.name

    def output(self, target: Target) -> Path:
        """Return the folder of the finished bundle (or the onefile executable)."""
        return self.build / "output" / target.name

    def executable(self, target: Target) -> Path:
        """Return the executable that users start."""
        return self.output(target) / f"{target.product}{target.platform.suffix}"

    def report(self, target: Target, kind: str) -> Path:
        """Return the JSON report *kind* (`plan`, `bundle`, `smoke`) of *target*."""
        return self.build / "output" / f"{target.name}.{kind}.json"

    def notice(self, target: Target) -> Path:
        """Return the text file of the licences of *target*."""
        return self.build / "output" / f"{target.name}.NOTICE.txt"

    @property
    def release(self) -> Path:
        """Return the folder of the files that are shipped."""
        return self.build / "release"

    def log(self, target: Target, step: str) -> Path:
        """Return the log file of *step* for *target*."""
        return self.build / "log" / f"{target.name}.{step}.log"

    def lock(self, target: Target) -> Path:
        """Return the lock file of builds of *target*."""
        return self.build / "lock" / target.name

    @contextmanager
    def exclusively(self, target: Target) -> Iterator[None]:
        """Hold the lock of *target* during the block. Raises BusyError if another process does.

        The build folder is made if it is missing; git ignores it.
        """
        self.claim()
        with _locked(self.lock(target)):
            yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout  # noqa: PLC0415  # imports asyncio: 0.1 s

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        message = f"another build of {path.name} is running in this project."
        raise BusyError(message, hint=f"wait for it or end it; its lock is {path}") from None


def clean(
    workspace: Workspace, product: str = "", products: Collection[str] = ()
) -> tuple[Path, ...]:
    """Remove what builds of *product* (or of all *products*) made; return the removed paths.

    Raises BusyError if one of these builds is running.
    """
    # Files of the product `a-b` begin with `a-`, too.
    others = tuple(f"{name}-" for name in products if name.startswith(f"{product}-"))

    def made(name: str) -> list[Path]:
        found = sorted((workspace.build / name).glob(f"{product}-*" if product else "*"))
        return [path for path in found if not (product and path.name.startswith(others))]

    removed = []
    with ExitStack() as held:
        locks = made("lock")
        for lock in locks:
            held.enter_context(_locked(lock))
        for name in _BUILT:
            for path in made(name):
                remove(path)
                removed.append(path)
        # Held while it is removed: filelock notices, and opens a new one.
        for lock in locks:
            with suppress(PermissionError):  # Windows: filelock removes it when it is released
                lock.unlink()
    for name in (*_BUILT, "lock"):
        folder = workspace.build / name
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return tuple(removed)


def remove(path: Path) -> None:
    """Remove the file or folder *path* if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write *text* to *path* atomically, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


@contextmanager
def temporary() -> Iterator[Path]:
    """Yield a new temporary folder and remove it after the block.

    The name is chosen before the folder is made, so that an interrupt cannot leave it behind.
    """
    folder = Path(tempfile.gettempdir(), f"frostline-{uuid.uuid4().hex[:12]}")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        remove(folder)
