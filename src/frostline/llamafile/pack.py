"""Packs a base and a model into one llamafile, and reads the content of llamafiles and models."""

import os
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from frostline.core import log
from frostline.core.errors import StorageError, UsageError
from frostline_runtime.download.filetypes import describe
from frostline_runtime.model import ape, gguf, llamafile
from frostline_runtime.model.ape import ALIGNMENT, ARGUMENTS, Executable, Member
from frostline_runtime.model.gguf import GgufError, Model
from frostline_runtime.model.llamafile import Version

_ZIP64_FROM = 2**31 - 1
_LOCAL_HEAD, _ZIP64_EXTRA = 30, 20
_USERS_OWN = "..."
_CHUNK = 4 * 1024 * 1024


def arguments_of(model: Path, extra: Sequence[str], version: Version) -> tuple[str, ...]:
    """Return the packed llamafile's arguments: its model, *extra*, then the user's arguments.

    Since version 0.10 the model is named by its path in `/zip/`, before by its file name.
    """
    old = version and version < llamafile.NEW
    name = model.name if old else f"/zip/{model.name}"
    own = () if _USERS_OWN in extra else (_USERS_OWN,)
    return ("-m", name, *extra, *own)


def pack(model: Path, base: Path, arguments: Sequence[str], out: Path) -> Executable:
    """Write the llamafile *out*: *base* with *model* and *arguments*; return its content.

    The members are stored uncompressed and aligned, so that every system can map them. The result
    is reproducible. Raises UsageError, StorageError.
    """
    found = ape.inspect(base)
    if found.kind == "other":
        message = f"{base} is not an executable."
        raise UsageError(message, hint="use a llamafile without a model as the base")
    if found.arguments or found.models:
        message = f"{base} already contains a model or arguments."
        raise UsageError(message, hint="use a llamafile without a model as the base")
    require_model(model)
    needed = found.size + model.stat().st_size + 2 * ALIGNMENT
    out.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out.parent).free
    if needed > free:
        message = f"{out} needs {needed} bytes, but only {free} are free in {out.parent}."
        raise StorageError(message, hint="free some space, or choose another folder")
    part = out.with_name(f".{out.name}.part")
    try:
        with log.step(f"packing {out.name}"):
            shutil.copyfile(base, part)
            with zipfile.ZipFile(part, "a", zipfile.ZIP_STORED) as archive:
                _add(archive, model.name, model)
                text = "".join(f"{word}\n" for word in arguments).encode()
                _align(archive, ARGUMENTS, len(text))
                archive.writestr(_info(ARGUMENTS, len(text)), text)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.chmod(0o755)
            part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return ape.inspect(out)


@dataclass(frozen=True, kw_only=True)
class ContainedModel:
    """A model in a file; *problem* is "" if it is complete."""

    name: str
    size: int
    offset: int
    mappable: bool
    title: str = ""
    architecture: str = ""
    context: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Contents:
    """The content of a llamafile or a model file."""

    file: str
    kind: str
    size: int
    arguments: tuple[str, ...]
    models: tuple[ContainedModel, ...]


def contents(path: Path) -> Contents:
    """Read the content of the llamafile or model at *path* without running it.

    Raises UsageError if it cannot be read or is neither.
    """
    try:
        found = ape.inspect(path)
        with path.open("rb") as file:
            if file.read(4) == gguf.MAGIC:
                whole = Member(path.name, found.size, 0, stored=True)
                return Contents(str(path), "gguf", found.size, (), (_contained_model(path, whole),))
            models = tuple(_contained_model(path, member) for member in found.models)
            kind: str = found.kind
            if kind == "other":
                file.seek(0)
                kind = describe(file.read(256))
                if not models:
                    message = f"{path} is neither a llamafile nor a model, but {kind}."
                    raise UsageError(message, hint="name a .llamafile or .gguf")
    except OSError as error:
        message = f"{path}: {error.strerror}."
        raise UsageError(message, hint="name a .llamafile or .gguf") from error
    return Contents(str(path), kind, found.size, found.arguments, models)


def _contained_model(path: Path, member: Member) -> ContainedModel:
    facts = ContainedModel(
        name=member.name, size=member.size, offset=member.offset, mappable=member.mappable
    )
    try:
        with path.open("rb") as file:
            file.seek(member.offset)
            model = gguf.parse(file, member.size, member.name)
        gguf.require_complete(model, member.name)
    except GgufError as error:
        return replace(facts, problem=str(error))
    return replace(facts, title=model.name, architecture=model.architecture, context=model.context)


def require_model(path: Path) -> Model:
    """Return the complete GGUF model at *path*. Raises UsageError."""
    try:
        return gguf.check(path)
    except GgufError as error:
        raise UsageError(str(error), hint="fetch it again, or name another one") from error
    except OSError as error:
        message = f"{path}: {error.strerror}."
        raise UsageError(message, hint="name a GGUF file") from error


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    size = path.stat().st_size
    _align(archive, name, size)
    big = size > _ZIP64_FROM
    info = _info(name, size)
    with path.open("rb") as source, archive.open(info, "w", force_zip64=big) as target:
        shutil.copyfileobj(source, target, _CHUNK)


def _align(archive: zipfile.ZipFile, name: str, size: int) -> None:
    """Leave a gap before the next member, so that its data is aligned."""
    head = _LOCAL_HEAD + len(name.encode()) + (_ZIP64_EXTRA if size > _ZIP64_FROM else 0)
    archive.start_dir = -(-(archive.start_dir + head) // ALIGNMENT) * ALIGNMENT - head


def _info(name: str, size: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # with a fixed date: the same files give the same bytes
    info.create_system = 3  # POSIX, whatever the host is
    info.external_attr = 0o644 << 16
    info.file_size = size
    return info
