"""Where everything lies: the only place that makes paths of the project and its build folder."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline.core.errors import BusyError, UsageError, did_you_mean
from frostline.core.platforms import Platform

Layout = Literal["onedir", "onefile"]

_BUILT = ("env", "work", "output", "release", "export", "log", "lock")


@dataclass(frozen=True)
class Target:
    """What is built: a product, for a platform, in a layout."""

    product: str
    platform: Platform
    layout: Layout = "onedir"

    @property
    def name(self) -> str:
        """Return the name of everything that belongs to this target."""
        suffix = "" if self.layout == "onedir" else f"-{self.layout}"
        return f"{self.product}-{self.platform.name}{suffix}"


@dataclass(frozen=True)
class Workspace:
    """The paths of one project."""

    root: Path

    @property
    def build(self) -> Path:
        """Return the folder that holds all that builds make."""
        return self.root / "build"

    def profile(self, product: str) -> Path:
        """Return the profile of *product*."""
        return self.root / "specs" / f"{product}.toml"

    def warnings(self, product: str) -> Path:
        """Return the list of modules that *product* may lack."""
        return self.root / "specs" / f"{product}.warnings.txt"

    def evidence(self, product: str) -> Path:
        """Return what runs of *product* have shown that it uses."""
        return self.root / "specs" / f"{product}.evidence.json"

    def environment(self, name: str) -> Path:
        """Return the folder of the environment called *name*."""
        return self.build / "env" / name

    def work(self, target: Target) -> Path:
        """Return the folder for what is made on the way to *target*."""
        return self.build / "work" / target.name

    def output(self, target: Target) -> Path:
        """Return the folder of the finished bundle (or the onefile executable)."""
        return self.build / "output" / target.name

    def executable(self, target: Target) -> Path:
        """Return the executable that people start."""
        return self.output(target) / f"{target.product}{target.platform.suffix}"

    def report(self, target: Target, kind: str) -> Path:
        """Return the JSON report *kind* (`plan`, `bundle`, `smoke`) of *target*."""
        return self.build / "output" / f"{target.name}.{kind}.json"

    def notice(self, target: Target) -> Path:
        """Return the licences of *target* as text."""
        return self.build / "output" / f"{target.name}.NOTICE.txt"

    @property
    def wheelhouse(self) -> Path:
        """Return the folder of wheels that were built here; `clean` leaves it alone."""
        return self.build / "wheelhouse"

    @property
    def release(self) -> Path:
        """Return the folder of what is shipped."""
        return self.build / "release"

    def log(self, target: Target, stage: str) -> Path:
        """Return the log file of *stage*."""
        return self.build / "log" / f"{target.name}.{stage}.log"

    def lock(self, target: Target) -> Path:
        """Return the file that a build of *target* holds locked."""
        return self.build / "lock" / target.name

    @contextmanager
    def exclusively(self, target: Target) -> Iterator[None]:
        """Hold the lock of *target* during the block. Raises BusyError at once if it is held."""
        from filelock import FileLock, Timeout  # noqa: PLC0415  # asyncio costs 0.1 s of a start

        path = self.lock(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(path, timeout=0):
                yield
        except Timeout:
            message = f"another build of {target.name} is running in this project."
            raise BusyError(message, hint=f"wait for it or end it; it holds {path}") from None

    def products(self) -> tuple[str, ...]:
        """Return the names of all products that have a profile."""
        return tuple(sorted(path.stem for path in (self.root / "specs").glob("*.toml")))

    def require_product(self, product: str) -> str:
        """Return *product* if it has a profile. Raises UsageError."""
        known = self.products()
        if product in known:
            return product
        message = f'unknown product "{product}".{did_you_mean(product, known)}'
        raise UsageError(message, hint=f"products: {', '.join(known) or 'none'}")


def find(start: Path) -> Workspace:
    """Return the workspace that *start* lies in. Raises UsageError."""
    for folder in (start, *start.parents):
        if any((folder / "specs").glob("*.toml")):
            return Workspace(folder)
    message = f"no project here: neither {start} nor a folder above it has specs/*.toml."
    raise UsageError(message, hint="change to a project's folder, or write specs/<product>.toml")


def clean(workspace: Workspace, product: str = "") -> tuple[Path, ...]:
    """Remove what builds made (of *product*, or all) and nothing else; return what went."""
    removed = []
    # What `a-b` built begins with `a-`, too.
    others = tuple(f"{name}-" for name in workspace.products() if name.startswith(f"{product}-"))
    for name in _BUILT:
        for path in sorted((workspace.build / name).glob(f"{product}-*" if product else "*")):
            if product and path.name.startswith(others):
                continue
            remove(path)
            removed.append(path)
        folder = workspace.build / name
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return tuple(removed)


def remove(path: Path) -> None:
    """Remove *path*, file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write *text* to *path* so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


@contextmanager
def temporary() -> Iterator[Path]:
    """Make a folder among the system's temporary ones for the block.

    Its name is known before it is there: an interrupt in the moment of its making leaves nothing.
    """
    folder = Path(tempfile.gettempdir(), f"frostline-{uuid.uuid4().hex[:12]}")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        remove(folder)
