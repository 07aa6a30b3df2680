"""Records what a process imports, opens and loads; it runs as the process's `sitecustomize`.

It imports nothing of frostline: a copy of this file is put on the import path of the traced
product. Audit events (PEP 578) report everything except imports, which a finder reports:
`importlib.import_module` raises no audit event. Each line of a trace is a tuple: time (monotonic,
in seconds), kind, subject, and the module that used it.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import ModuleSpec
from opcode import opmap
from types import FrameType, ModuleType

FOLDER = os.environ.get("FROSTLINE_TRACE", "")
ROOTS = tuple(filter(None, os.environ.get("FROSTLINE_TRACE_ROOTS", "").split(os.pathsep)))

_IMPORT_SYSTEM = "<frozen importlib."
# These modules read source files only to show them.
_SHOWING = ("linecache", "inspect", "tokenize", "traceback")
_WRITING = os.O_WRONLY | os.O_RDWR
_recorded: set[tuple[str, str]] = set()


def begin() -> None:
    """Start recording in this process."""
    sys.meta_path.insert(0, Finder())
    sys.addaudithook(_on_event)


def note(kind: str, subject: str, frame: FrameType | None) -> None:
    """Record that *subject* was used, once for each kind and subject."""
    if (kind, subject) in _recorded:
        return
    _recorded.add((kind, subject))
    line = f"{(time.monotonic(), kind, subject, _who(frame))!r}\n"
    # Opened for each line: programs may close file descriptors that they do not know.
    with contextlib.suppress(OSError):
        path = os.path.join(FOLDER, f"{os.getpid()}.trace")  # noqa: PTH118  # pathlib is a late import
        number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(number, line.encode("utf-8", "backslashreplace"))
        finally:
            os.close(number)


class Finder:
    """Records every import; it finds no module itself, except `importlib.metadata`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Record the import of *name* and return None, so that the next finder is asked."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # the importing code
        while frame and frame.f_code.co_filename.startswith(_IMPORT_SYSTEM):
            frame = frame.f_back
        if frame and not _is_visible(frame):
            note("module", name, frame)
        if name == "importlib.metadata":
            return _watched(self, name, path, target)
        return None


def is_regular(module: str, file: str) -> bool:
    """Return whether *file* is where the import system looks for *module*."""
    place = os.path.join(*module.split("."))  # noqa: PTH118  # as above
    stem = os.path.splitext(file)[0].removesuffix(os.path.join(os.sep, "__init__"))  # noqa: PTH118, PTH122
    return stem.endswith(os.sep + place)


def _is_visible(frame: FrameType) -> bool:
    """Return whether PyInstaller's analysis finds this import: a statement in a module."""
    code = frame.f_code
    if code.co_code[frame.f_lasti] != opmap["IMPORT_NAME"]:
        return False
    spec = frame.f_globals.get("__spec__")
    name = getattr(spec, "name", "") or str(frame.f_globals.get("__name__"))
    return is_regular(name, code.co_filename)


def _watched(
    own: Finder, name: str, path: Sequence[str] | None, target: ModuleType | None
) -> ModuleSpec | None:
    """Return the spec of `importlib.metadata`, changed so that its look-ups are recorded."""
    for finder in sys.meta_path[sys.meta_path.index(own) + 1 :]:
        spec = finder.find_spec(name, path, target)
        if spec and spec.loader:
            execute = spec.loader.exec_module

            def load(module: ModuleType, execute: Callable[[ModuleType], None] = execute) -> None:
                execute(module)
                _watch_metadata(module)

            setattr(spec.loader, "exec_module", load)  # noqa: B010  # on this loader only
            return spec
    return None


def _watch_metadata(module: ModuleType) -> None:
    from_name = module.Distribution.from_name.__func__
    entry_points = module.entry_points

    def noting(cls: type, name: str) -> object:
        note("metadata", name, sys._getframe(1))  # noqa: SLF001  # the caller
        return from_name(cls, name)

    def noting_group(**selected: object) -> object:
        if group := selected.get("group"):
            note("entry-points", str(group), sys._getframe(1))  # noqa: SLF001  # the caller
        return entry_points(**selected)

    module.Distribution.from_name = classmethod(noting)
    setattr(module, "entry_points", noting_group)  # noqa: B010  # a module has no such field


def _on_event(event: str, arguments: tuple[object, ...]) -> None:
    if event in _HANDLERS:
        _HANDLERS[event](arguments, sys._getframe(1))  # noqa: SLF001  # the caller


def _open(arguments: tuple[object, ...], frame: FrameType | None) -> None:
    path, mode, flags = arguments
    written = any(sign in mode for sign in "wax+") if isinstance(mode, str) else False
    if written or (isinstance(flags, int) and flags & _WRITING):
        return
    place = _place(path)
    if place and not (place.endswith((".py", ".pyc")) and _is_code(place, frame)):
        note("file", place, frame)


def _list(arguments: tuple[object, ...], frame: FrameType | None) -> None:
    place = _place(arguments[0])
    if place and frame and not frame.f_code.co_filename.startswith(_IMPORT_SYSTEM):
        note("folder", place, frame)


def _load(arguments: tuple[object, ...], frame: FrameType | None) -> None:
    name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
    if name:
        note("library", _place(name) or os.path.basename(name), frame)  # noqa: PTH119  # as above


def _start(arguments: tuple[object, ...], frame: FrameType | None) -> None:
    executable, words = arguments[0], arguments[1]
    listed: Iterable[object] = (words,) if isinstance(words, str | bytes) else words  # type: ignore[assignment]  # a sequence
    argv = [os.fsdecode(word) for word in listed if isinstance(word, str | bytes | os.PathLike)]
    program = os.fsdecode(executable) if isinstance(executable, str | bytes) else argv[0]
    if program == sys.executable:
        note("process", " ".join(["{python}", *map(os.path.basename, argv[1:3])]), frame)
    else:
        note("process", os.path.basename(program), frame)  # noqa: PTH119  # as above


_HANDLERS: dict[str, Callable[[tuple[object, ...], FrameType | None], None]] = {
    "open": _open,
    "os.listdir": _list,
    "os.scandir": _list,
    "ctypes.dlopen": _load,
    "subprocess.Popen": _start,
}


def _place(path: object) -> str:
    """Return *path* relative to the root it is in, with `/`, or "" if it is in none."""
    if not isinstance(path, str | bytes | os.PathLike):
        return ""
    whole = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  # as above
    for root in ROOTS:
        if whole.startswith(root + os.sep):
            return whole[len(root) + 1 :].replace(os.sep, "/")
    return ""


def _is_code(place: str, frame: FrameType | None) -> bool:
    """Return whether the file is read to import a module or to show its source."""
    if frame and frame.f_globals.get("__name__") in _SHOWING:
        return True
    while frame and frame.f_code.co_filename.startswith(_IMPORT_SYSTEM):
        name = frame.f_locals.get("fullname")
        if isinstance(name, str):
            source = place.replace("/", os.sep)
            return "__pycache__" in place or is_regular(name, os.sep + source)
        frame = frame.f_back
    return False


def _who(frame: FrameType | None) -> str:
    """Return the innermost module outside the standard library, or else the innermost one."""
    first = ""
    while frame:
        spec = frame.f_globals.get("__spec__")
        name = getattr(spec, "name", "") or str(frame.f_globals.get("__name__", ""))
        if name and not name.startswith(("importlib", "_frozen_importlib", "sitecustomize")):
            first = first or name
            if name.partition(".")[0] not in sys.stdlib_module_names and name != "__main__":
                return name
        frame = frame.f_back
    return first or "python"


if FOLDER:
    begin()
