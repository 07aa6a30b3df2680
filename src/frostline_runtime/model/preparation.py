"""Prepares a model server: fetches and checks its files, and asks for its version.

Runs in its own process before the first start of the server: it may take long, can be stopped,
and does not block the supervisor.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from frostline_runtime.artifact.locations import Locations
from frostline_runtime.artifact.manifest import Resource
from frostline_runtime.download.fetch import fetch
from frostline_runtime.download.filetypes import describe
from frostline_runtime.download.transfer import DownloadError, Progress, Wanted
from frostline_runtime.model import ape, gguf, llamafile
from frostline_runtime.model.llamafile import ModelServerError, PreparedServer, ServerFiles
from frostline_runtime.system import current

VERSION_TIMEOUT = 10.0
_PROGRESS_EVERY = 1.0
_LARGEST_WINDOWS_IMAGE = 4 * 1024**3
_STATVFS, _NOEXEC = getattr(os, "statvfs", None), getattr(os, "ST_NOEXEC", 0)

Say = Callable[[str], object]


class UnavailableError(Exception):
    """A file cannot be fetched now, but perhaps later."""


def prepare(
    files: ServerFiles, environ: Mapping[str, str], locations: Locations, say: Say
) -> PreparedServer:
    """Fetch and examine *files*, and save and return the result.

    Raises ModelServerError, UnavailableError.
    """
    folder = locations.state / llamafile.FOLDER
    for resource in files.missing:
        try:
            fetch_resource(resource, locations.data / resource.destination, say)
        except DownloadError as error:
            raise UnavailableError(str(error)) from error
    try:
        prepared = examine(files, folder, environ, say)
        llamafile.remember(prepared, folder)
    except OSError as error:
        message = f"{error.filename or folder}: {error.strerror or error}"
        raise ModelServerError(message) from error
    return prepared


def fetch_resource(resource: Resource, place: Path, say: Say) -> bool:
    """Fetch *resource* to *place*, report progress to *say*; return False if it was there.

    Raises DownloadError.
    """
    wanted = wanted_of(resource)
    if not resource.sha256:
        say(f"{resource.name} is not verified: {resource.unverified}")
    told = [0.0]

    def progress(done: int, total: int) -> None:
        now = time.monotonic()
        if now - told[0] >= _PROGRESS_EVERY or done == total:
            told[0] = now
            say(progress_line(resource.name, done, total))

    return fetch(wanted, place, progress=Progress(progress, say))


def wanted_of(resource: Resource) -> Wanted:
    """Return *resource* as the description of a download."""
    return Wanted(
        name=resource.name, urls=resource.urls, size=resource.size, sha256=resource.sha256,
        executable=resource.executable,
    )  # fmt: skip


def progress_line(name: str, done: int, total: int) -> str:
    """Return a progress line for people and for `llamafile.progress`."""
    share = f" ({done * 100 // total} %)" if total else ""
    return f"{name}: {done} of {total or '?'} bytes{share}"


def examine(
    files: ServerFiles, folder: Path, environ: Mapping[str, str], say: Say
) -> PreparedServer:
    """Examine *files* and return the server to launch. Raises ModelServerError, OSError."""
    executable, model = files.executable, files.model
    kind = ape.kind_of(executable)
    if kind == "other":
        with executable.open("rb") as file:
            found = describe(file.read(256))
        message = f"{executable} is not a model server but {found}."
        raise ModelServerError(message)
    if kind == "ape" and current.NAME == "windows":
        executable, model = for_windows(files, folder)
    if model:
        say(f"model: {check_model(model)}")
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    looked_at = {files.executable, executable, model}
    shell = kind == "ape" and current.NAME != "windows"
    prepared = PreparedServer(
        executable=str(executable), model=str(model or ""), version=(), shell=shell,
        home=str(home), temporary=str(executable_folder(folder)),
        seen={str(path): llamafile.signature(path) for path in looked_at if path},
    )  # fmt: skip
    said = ask_version(prepared, environ)
    version = llamafile.parse_version(said)
    name = said.strip().partition("\n")[0] or "version unknown"
    say(f"model server: {executable.name}: {name}")
    return replace(prepared, version=version)


def check_model(path: Path) -> str:
    """Check the model at *path* and return a description. Raises ModelServerError, OSError."""
    if ape.kind_of(path) == "ape":
        carried = ape.inspect(path).models
        if len(carried) != 1:
            message = f"{path} is a llamafile with {len(carried)} models: name a GGUF file."
            raise ModelServerError(message)
        with path.open("rb") as file:
            file.seek(carried[0].offset)
            try:
                found = gguf.parse(file, carried[0].size, f"{carried[0].name} in {path.name}")
                gguf.require_complete(found, path.name)
            except gguf.GgufError as error:
                raise ModelServerError(str(error)) from error
    else:
        try:
            found = gguf.check(path)
        except gguf.GgufError as error:
            raise ModelServerError(str(error)) from error
    named = f" {found.name}" if found.name else ""
    return f"{path.name}:{named} {found.architecture}, {found.size / 1e6:.1f} MB"


def for_windows(files: ServerFiles, folder: Path) -> tuple[Path, Path | None]:
    """Return executable and model for Windows: a name with .exe, and no executable over 4 GB.

    A bigger llamafile becomes the model of the base server, if there is one.
    Raises ModelServerError, OSError.
    """
    executable, model = files.executable, files.model
    if executable.stat().st_size >= _LARGEST_WINDOWS_IMAGE:
        if not files.base:
            message = (
                f"{executable} is over 4 GB, and Windows starts no such file: "
                "name a base llamafile as the server, and this one as its model."
            )
            raise ModelServerError(message)
        executable, model = files.base, model or executable
    if executable.suffix.lower() == ".exe":
        return executable, model
    named = folder / f"{executable.name}.exe"
    named.unlink(missing_ok=True)
    try:
        os.link(executable, named)
    except OSError:
        import shutil  # noqa: PLC0415  # only where links are not possible

        shutil.copyfile(executable, named)
    return named, model


def executable_folder(folder: Path) -> Path:
    """Return a temporary folder whose files may be executed: llamafile unpacks its loader there.

    Raises ModelServerError if there is none.
    """
    own = folder / "tmp"
    own.mkdir(parents=True, exist_ok=True)
    for candidate in (own, Path(tempfile.gettempdir())):
        if not _STATVFS or not _STATVFS(candidate).f_flag & _NOEXEC:
            return candidate
    message = f"neither {own} nor {tempfile.gettempdir()} may hold programs (mounted noexec)."
    raise ModelServerError(message)


def ask_version(prepared: PreparedServer, environ: Mapping[str, str]) -> str:
    """Return the output of `--version` of the executable, "" if there is none.

    Raises ModelServerError if it cannot be started at all.
    """
    line = [*(["/bin/sh"] if prepared.shell else []), prepared.executable, "--version"]
    try:
        done = subprocess.run(
            line, env=llamafile.child_environment(environ, prepared), cwd=prepared.home,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=VERSION_TIMEOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ""
    except OSError as error:
        message = f"{prepared.executable} cannot be started: {error.strerror}."
        raise ModelServerError(message) from error
    return done.stdout[:4096].decode("utf-8", "replace") if done.returncode == 0 else ""
