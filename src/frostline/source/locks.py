"""Reads the lock of a project, whatever tool wrote it; resolves where there is none."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from frostline.core import log, text_file, workspace
from frostline.core.errors import FrostlineError, LockError, UsageError
from frostline.profile.build import Build
from frostline.source import (
    direct,
    lock_files,
    lock_inputs,
    pdm_lock,
    pins,
    poetry_lock,
    poetry_needs,
    pylock_file,
    requirements_file,
    resolver,
)
from frostline.source.lock_files import LockFile, table, toml
from frostline.source.metadata import required_metadata
from frostline.source.pins import Content, Direct, ProjectLock
from frostline.source.resolver import Task


def of_build(build: Build) -> ProjectLock:
    """Return the lock of the product of *build*.

    What is not locked is resolved, and kept in the build folder while its inputs are unchanged.
    Raises LockError, HostError, CommandError, UsageError.
    """
    build.workspace.claim()
    found, task = wanted(build), task_of(build)
    if not found:
        return ProjectLock("no dependencies", "")
    needs = found if build.profile.requirements else wanted(build, own=False)
    if needs and not needs.resolved:
        own = own_file(build, needs)
        if not own.is_file():
            return _kept(needs, task, _kept_file(build))
        _check_current(own, needs)
        found = LockFile("requirements", own, needs.folder)
    return read(found, task)


@dataclass(frozen=True)
class Written:
    """What `frostline lock` did: the lock *file*, what it was made *of*, and its new *text*."""

    file: Path
    of: str
    before: str
    text: str
    written: bool

    @staticmethod
    def versions(text: str) -> list[str]:
        """Return the requirements in the lock *text*, without their hashes."""
        lines = (line.removesuffix(" \\") for line in text.splitlines())
        return [line for line in lines if line and not line.startswith((" ", "#"))]


def lock(build: Build, *, upgrade: bool = False, dry_run: bool = False) -> Written:
    """Resolve what the product of *build* needs and write it as frostline's lock.

    Versions of the present lock stay where they can, unless *upgrade*. A lock of another tool is
    left alone. Raises UsageError if there is one, or nothing to lock; and as `of_build`.
    """
    build.workspace.claim()
    found = wanted(build, own=False)
    if not found:
        message = f"nothing says what {build.product} needs."
        raise UsageError(message, hint="write requirements.txt, or dependencies in pyproject.toml")
    if found.resolved:
        message = f"{build.product} is locked by {found.file.name}, which is used as it is."
        raise UsageError(message, hint="change it with the tool that wrote it")
    file = own_file(build, found)
    before = _read(file)
    kept = before or _read(_kept_file(build))
    resolved = resolve(found, task_of(build), kept, upgrade=upgrade)
    text = _text(resolved, found)
    if not dry_run:
        workspace.write(file, text)
    return Written(file, found.file.name, before, text, written=not dry_run)


def wanted(build: Build, *, own: bool = True) -> LockFile | None:
    """Return what locks the product of *build*, or says what it needs.

    It is what the profile names, or is found. Without *own*, frostline's lock does not count.
    """
    folder = build.root / build.profile.source
    if build.profile.requirements:
        return lock_files.named(build.root / build.profile.requirements, folder)
    return lock_files.find(folder, own=own)


def shown(build: Build) -> str:
    """Return what people know the lock of *build* by."""
    found = wanted(build)
    return build.profile.requirements or (found.file.name if found else "the lock")


def own_file(build: Build, found: LockFile) -> Path:
    """Return where frostline's lock of *found* lies: beside the file that the profile names."""
    if build.profile.requirements and found.kind == "requirements":
        return found.file.with_name(f"{found.file.stem}.{lock_files.OWN}")
    return found.folder / lock_files.OWN


def task_of(build: Build) -> Task:
    """Return the folder, the variables and the log for what *build* asks uv and pip."""
    folder = build.root / build.profile.source
    return Task(folder, build.product, build.environ, build.log("lock"))


def _kept_file(build: Build) -> Path:
    name = lock_files.OWN
    special = build.profile.source != "." or build.profile.requirements
    return build.workspace.build / (f"{build.product}.{name}" if special else name)


def read(found: LockFile, task: Task) -> ProjectLock:
    """Return the lock in *found*, which names versions and hashes; raises as `of_build`."""
    file = found.file
    files: tuple[Path, ...] = (file,)
    project = found.folder / "pyproject.toml"
    if found.kind == "requirements":
        listed = requirements_file.read(file, found.folder)
        content = Content(listed.pins, listed.direct, pins.private(_indexes(listed.options)))
        files = listed.files
    elif found.kind == "uv":
        content = pylock_file.read(resolver.export(task), found.folder / "uv.lock")
    elif found.kind == "pylock":
        content = pylock_file.read(text_file.read(file), file)
    else:
        reader = poetry_lock.read if found.kind == "poetry" else pdm_lock.read
        content = reader(toml(file), toml(project), file)
        files = (file, project)
    return _project_lock(content, found, files)


def _project_lock(content: Content, found: LockFile, files: tuple[Path, ...]) -> ProjectLock:
    places = dict.fromkeys(content.direct)  # a file may name one twice
    others = tuple(item for item in places if not _is_product(item, found.folder))
    text = pins.render(content.pins, without=_name(found.folder))
    return ProjectLock(found.file.name, text, others, files, content.indexes)


def _is_product(item: Direct, folder: Path) -> bool:
    return item.kind == "folder" and Path(item.place) == folder.resolve()


def _name(folder: Path) -> str:
    try:
        return canonicalize_name(required_metadata(folder)[0])
    except FrostlineError:
        return ""


def _indexes(options: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses of the indexes in the *options* of a requirements file."""
    names = {"-i", "--index-url", "--extra-index-url"}
    words = (option.replace("=", " ", 1).split() for option in options)
    return tuple(rest[0] for name, *rest in words if rest and name in names)


def resolve(found: LockFile, task: Task, kept: str = "", *, upgrade: bool = False) -> ProjectLock:
    """Return what the requirements in *found* resolve to.

    Versions of the lock *kept* stay where they can, unless *upgrade*. Raises HostError, LockError.
    """
    project = toml(found.folder / "pyproject.toml")
    python = str(table(project, "project").get("requires-python", ""))
    with log.step(f"resolving the dependencies of {task.label}") as step:
        step.update(f"from {found.file.name}")
        if found.kind == "poetry project":
            lines = poetry_needs.lines(project, found.folder)
            python = poetry_needs.python(project)
            text = resolver.compile_lines(task, lines, python, kept, upgrade=upgrade)
        elif lines := _lines_with_folders(found):
            text = resolver.compile_lines(task, lines, python, kept, upgrade=upgrade)
        else:
            way = resolver.compile_copy if found.kind == "setup" else resolver.compile_file
            source = found.file.relative_to(task.folder) if found.kind == "setup" else found.file
            text = way(task, str(source), python, kept, upgrade=upgrade)
    with workspace.temporary() as folder:
        file = folder / found.file.name
        workspace.write(file, text)
        listed = requirements_file.read(file, task.folder)
    content = Content(listed.pins, listed.direct)
    return _project_lock(content, found, lock_inputs.files(found))


def _lines_with_folders(found: LockFile) -> tuple[str, ...]:
    """Return the lines of the requirements in *found*, nothing if they name no folder.

    uv reads any other file itself: its messages then name the user's file and line.
    """
    if found.kind != "requirements":
        return ()
    listed = requirements_file.read(found.file, found.folder)
    return listed.lines if any(item.kind == "folder" for item in listed.direct) else ()


def _kept(found: LockFile, task: Task, file: Path) -> ProjectLock:
    """Return what *found* resolves to, from *file* if its inputs are still the same."""
    before = _read(file)
    if not before.startswith(lock_inputs.head(found)):
        workspace.write(file, _text(resolve(found, task, before), found))
        log.note(f"{task.label} has no lock: builds keep one until {found.file.name} changes")
        log.note("`frostline lock` writes one to commit, which makes builds repeatable")
    return read(LockFile("requirements", file, found.folder), task)


def _read(file: Path) -> str:
    return text_file.read(file) if file.is_file() else ""


def _check_current(own: Path, needs: LockFile) -> None:
    """Raise LockError if frostline's lock *own* was made of other requirements than *needs*."""
    first = _read(own).partition("\n")[0] + "\n"
    if first.startswith(lock_inputs.HEAD) and first != lock_inputs.head(needs):
        message = f"{own.name} was made before {needs.file.name} changed."
        raise LockError(message, hint="run `frostline lock`")


def _text(lock: ProjectLock, found: LockFile) -> str:
    """Return *lock* as the text of a file, with what comes from elsewhere than an index."""
    folder = found.folder.resolve()
    return (
        lock_inputs.head(found)
        + lock.text
        + "".join(direct.line(item, folder) for item in lock.direct)
    )
