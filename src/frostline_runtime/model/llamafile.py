"""Everything about llamafile: its files, its command line by version, its output.

There are two kinds of versions, before 0.10 and since. An unknown version is taken for the newest.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from frostline_runtime.artifact.json_pointer import resolve_pointer
from frostline_runtime.artifact.locations import Locations
from frostline_runtime.artifact.manifest import Manifest, ModelServer, Resource
from frostline_runtime.system import current

Version = tuple[int, ...]

NEW = (0, 10)
FOLDER = "model-server"
FACTS = "prepared.json"
MODELS = "/v1/models"
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?\b")
_PROGRESS = re.compile(r"([^\s:]+): (\d+) of (\d+|\?) bytes")
_LISTENS = re.compile(r"listening (?:at|on) https?://[^\s/]*:(\d+)")
# These would override the command line, or are secrets that a model server does not need.
_DROPPED = ("LLAMA_", "AIP_", "HF_TOKEN")
_HINTS = (
    ("", r"not within the file bounds|corrupted or incomplete|failed to load model",
     "the model is damaged or incomplete: check it, or fetch it again"),
    ("", r"invalid argument|unknown argument|unrecognized (option|argument)",
     "this version does not know one of the arguments that it was given"),
    ("", r"multiple \.gguf files",
     "the llamafile holds several models: name one as the model"),
    ("", r"AVX|illegal instruction",
     "this processor lacks AVX, as under Rosetta or in a plain virtual machine"),
    ("", r"out of memory|failed to allocate|cannot allocate",
     "there is not enough memory: take a smaller model, context, or fewer GPU layers"),
    ("", r"couldn't bind|address already in use",
     "its port is taken"),
    ("linux", r"run-detectors|wine|cannot execute binary|exec format error",
     "the kernel hands it to another program: its README tells under binfmt_misc what to do"),
    ("linux", r"permission denied",
     "it must unpack a loader into a folder whose files may be executed"),
    ("linux", r"seccomp|bad system call|pledge",
     "the sandbox of the llamafile does not work here: add --unsecure to its arguments"),
    ("darwin", r"xcrun|xcode|\bcc\b.*not found|no developer tools",
     "its first start needs the command line tools: run `xcode-select --install`"),
    ("darwin", r"quarantine|cannot be opened|not verified",
     "macOS has put it in quarantine: fetch it with the artifact, not with a browser"),
    ("darwin", r"sandbox",
     "the sandbox of this old version does not work here: add --unsecure to its arguments"),
    ("windows", r"not a valid win32 application|too large",
     "Windows starts no file over 4 GB: take the base llamafile, and this one as its model"),
    ("windows", r"virus|potentially unwanted|access is denied",
     "a virus scanner has stopped it: allow it there, or take the official file"),
)  # fmt: skip


class ModelServerError(Exception):
    """The configured model server cannot be started."""


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """The executable and the model of a model server.

    *missing* files have to be fetched first. *base* is a server that could run *executable* as
    its model.
    """

    executable: Path
    model: Path | None = None
    missing: tuple[Resource, ...] = ()
    base: Path | None = None


@dataclass(frozen=True, slots=True)
class PreparedServer:
    """A model server that was examined, with all that a launch needs.

    With *shell*, `/bin/sh` has to start it: it is no executable for the kernel. *home* and
    *temporary* are folders for it to write. *seen* has the size and time of each file, to notice
    when one has changed.
    """

    executable: str
    model: str
    version: Version
    shell: bool
    home: str
    temporary: str
    seen: Mapping[str, tuple[int, int]]


def choose(
    manifest: Manifest, environ: Mapping[str, str], locations: Locations
) -> ServerFiles | None:
    """Return the files of the model server, None if none is configured.

    The user's variables win over the profile. Raises ModelServerError if a file cannot be
    executed, or is missing and cannot be fetched.
    """
    server = manifest.model_server
    if not server:
        return None
    chosen = environ.get(server.variable, "") if server.variable else ""
    executable = _filled(chosen or server.executable, locations)
    own_model = environ.get(server.model_variable, "") if server.model_variable else ""
    model = _filled(own_model or ("" if chosen else server.model), locations)
    if not executable:
        return None
    missing = []
    for path, variable, what in (
        (executable, server.variable if chosen else "", "server"),
        (model, server.model_variable if own_model else "", "model"),
    ):
        if not path or path.is_file():
            continue
        resource = next(
            (r for r in manifest.resources if locations.data / r.destination == path), None
        )
        if not resource:
            origin = f"{variable} names" if variable else "the profile names"
            name = "model server" if what == "server" else "model"
            message = f"{name} missing: {origin} {path}, and there is no such file."
            raise ModelServerError(message)
        if resource.when == "asked":
            return None
        missing.append(resource)
    if executable.is_file() and not os.access(executable, os.X_OK):
        origin = f"{server.variable} names" if chosen else "the profile names"
        message = f"model server not executable: {origin} {executable}; run `chmod +x` on it."
        raise ModelServerError(message)
    base = _filled(server.executable, locations) if chosen else None
    return ServerFiles(executable, model, tuple(missing), base if base and base.is_file() else None)


def _filled(text: str, locations: Locations) -> Path | None:
    if not text:
        return None
    filled = text.replace("{bundle}", str(locations.bundle))
    return Path(filled.replace("{storage}", str(locations.data))).expanduser()


def parse_version(said: str) -> Version:
    """Return the version in the first line of *said*, the output of `--version`, () if none."""
    found = _VERSION.search(said.strip().partition("\n")[0])
    return tuple(int(part) for part in found.groups(default="0")) if found else ()


def recall(files: ServerFiles, folder: Path) -> PreparedServer | None:
    """Return the result of an earlier preparation of *files*, None if a file has changed."""
    try:
        raw = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        seen = {path: (int(size), int(when)) for path, (size, when) in raw["seen"].items()}
        known = PreparedServer(**{**raw, "version": tuple(raw["version"]), "seen": seen})
        same = all(signature(Path(path)) == value for path, value in seen.items())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    model = str(files.model or "")
    return known if same and {str(files.executable), model} - {""} <= seen.keys() else None


def remember(prepared: PreparedServer, folder: Path) -> None:
    """Save *prepared* in *folder* for `recall`. Raises OSError."""
    beside = folder / f".{FACTS}.{os.getpid()}"
    beside.write_text(json.dumps(asdict(prepared)), encoding="utf-8")
    beside.replace(folder / FACTS)


def signature(path: Path) -> tuple[int, int]:
    """Return size and modification time, to notice a change. Raises OSError."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def command(
    prepared: PreparedServer, server: ModelServer, port: int, key_file: str = ""
) -> list[str]:
    """Return the command line to serve on loopback *port*, in the syntax of its version."""
    line = ["/bin/sh"] if prepared.shell else []
    line.append(prepared.executable)
    if server.command:
        places = {"{port}": str(port), "{model}": prepared.model, "{key_file}": key_file}
        for part in server.command:
            for placeholder, value in places.items():
                part = part.replace(placeholder, value)  # noqa: PLW2901  # each part is filled in turn
            line.append(part)
        return line
    line.append("--server")
    if prepared.version and prepared.version < NEW:
        line.append("--nobrowser")  # newer versions exit with an error
    line += ["--host", "127.0.0.1", "--port", str(port)]
    if prepared.model:
        line += ["-m", prepared.model]
    line += ["-c", str(server.context), "-ngl", str(server.gpu_layers)]
    if not server.gpu_layers:
        line += ["--gpu", "disable"]
    if server.predict >= 0:
        line += ["-n", str(server.predict)]
    if key_file:  # in a file: all users can read command lines
        line += ["--api-key-file", key_file]
    return [*line, *server.arguments]


def child_environment(environ: Mapping[str, str], prepared: PreparedServer) -> dict[str, str]:
    """Return *environ* with another home, without variables that override the command line."""
    kept = {name: value for name, value in environ.items() if not name.startswith(_DROPPED)}
    return {**kept, "HOME": prepared.home, "TMPDIR": prepared.temporary}


def wants_key(server: ModelServer) -> bool:
    """Tell whether the profile gives the other services a key."""
    return any("{key}" in value for value in server.addresses.values())


def write_key(folder: Path, key: str) -> str:
    """Write *key* into *folder*, readable by this user only; return the file. Raises OSError."""
    path = folder / "key"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key}\n")
    return str(path)


def progress(line: str) -> tuple[str, float | None] | None:
    """Return the name and share of a file if *line* is a progress line of `preparation`."""
    found = _PROGRESS.match(line)
    if not found:
        return None
    name, done, total = found.groups()
    return name, int(done) / int(total) if total.isdigit() and int(total) else None


def addresses(server: ModelServer, port: int, key: str) -> dict[str, str]:
    """Return the variables that tell other services how to reach *server*."""
    url = f"http://127.0.0.1:{port}"
    return {
        name: value.replace("{url}", url).replace("{key}", key)
        for name, value in server.addresses.items()
    }


def served_model(status: int, body: bytes) -> str:
    """Return the name of the first model in a list of models, "" if there is none."""
    try:
        return str(resolve_pointer(json.loads(body), "/data/0/id")) if status == 200 else ""  # noqa: PLR2004
    except (ValueError, LookupError):
        return ""


def listens_elsewhere(line: str, port: int) -> bool:
    """Tell whether *line* says that the server listens on another port than *port*."""
    found = _LISTENS.search(line)
    return bool(found and int(found[1]) != port)


def hint(lines: Sequence[str], system: str = current.NAME) -> str:
    """Return what the last *lines* of a server mean that has ended, "" if that is unknown."""
    text = "\n".join(lines)
    for where, pattern, meaning in _HINTS:
        if where in {"", system} and re.search(pattern, text, re.IGNORECASE):
            return meaning
    return ""
