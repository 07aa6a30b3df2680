"""Isolates this process and its children from the network, and makes the bundle read-only.

It uses Linux namespaces. Without user namespaces nothing is isolated; raises NotPossibleError.
"""

import contextlib
import ctypes
import multiprocessing
import os
import socket
import struct
from collections.abc import Mapping
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from frostline.core.platforms import host

_NEW_MOUNTS, _NEW_USER, _NEW_NETWORK = 0x00020000, 0x10000000, 0x40000000
_BIND, _REMOUNT, _READ_ONLY, _PRIVATE, _ALL_BELOW = 0x1000, 0x20, 0x1, 1 << 18, 0x4000
# The flags of a mount that a remount must keep: statvfs's flag, and mount's flag for it.
_KEPT: Mapping[int, int] = {
    getattr(os, "ST_NOSUID", 2): 0x2, getattr(os, "ST_NODEV", 4): 0x4,
    getattr(os, "ST_NOEXEC", 8): 0x8, getattr(os, "ST_NOATIME", 1024): 0x400,
    getattr(os, "ST_NODIRATIME", 2048): 0x800, getattr(os, "ST_RELATIME", 4096): 1 << 21,
}  # fmt: skip
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1


class NotPossibleError(Exception):
    """This machine does not allow isolation."""


def enter(*, offline: bool, read_only: Mapping[Path, Path]) -> None:
    """Isolate this process: no network except loopback, and read-only mounts.

    *read_only* maps existing folders to the folder that is mounted on each. The process must have a
    single thread, and the isolation cannot be undone. Raises NotPossibleError; then nothing is
    changed.
    """
    if host().system != "linux":
        message = f"{host().system} has no namespaces"
        raise NotPossibleError(message)
    # A child process tries it first: some systems allow the first step and refuse the second.
    result: SimpleQueue[str] = multiprocessing.SimpleQueue()
    options = {"offline": offline, "read_only": read_only}
    child = multiprocessing.Process(target=_try_to_enter, args=(result,), kwargs=options)
    child.start()
    problem = result.get()
    child.join()
    if problem:
        raise NotPossibleError(problem)
    _enter(offline=offline, read_only=read_only)


def is_alone() -> bool:
    """Return whether this machine, or container, has no network interface except loopback."""
    return host().system == "linux" and {name for _, name in socket.if_nameindex()} <= {"lo"}


def _try_to_enter(
    result: "SimpleQueue[str]", *, offline: bool, read_only: Mapping[Path, Path]
) -> None:
    try:
        _enter(offline=offline, read_only=read_only)
    except (NotPossibleError, OSError) as error:
        result.put(str(error) or "not allowed")
    else:
        result.put("")


def _enter(*, offline: bool, read_only: Mapping[Path, Path]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    me = Path("/proc/self").stat()
    namespaces = (_NEW_NETWORK if offline else 0) | (_NEW_MOUNTS if read_only else 0)
    if not namespaces:
        return
    if libc.unshare(namespaces):  # users other than root need a user namespace, too
        _check(libc.unshare(namespaces | _NEW_USER), "unshare")
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{me.st_uid} {me.st_uid} 1")
        _write("/proc/self/gid_map", f"{me.st_gid} {me.st_gid} 1")
    if offline:
        _raise_loopback(libc)
    if read_only:
        _mount(libc, "none", "/", _ALL_BELOW | _PRIVATE)
        for place, folder in read_only.items():
            flags: int = getattr(os, "statvfs")(folder).f_flag  # noqa: B009  # not on Windows
            kept = sum(to for flag, to in _KEPT.items() if flags & flag)
            _mount(libc, str(folder), str(place), _BIND)
            _mount(libc, "none", str(place), _BIND | _REMOUNT | _READ_ONLY | kept)


def _raise_loopback(libc: ctypes.CDLL) -> None:
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asking:
        request = ctypes.create_string_buffer(struct.pack("16sh14x", b"lo", 0))
        _check(libc.ioctl(asking.fileno(), _GET_FLAGS, request), "loopback interface")
        (flags,) = struct.unpack_from("16xh", request.raw)
        request.raw = struct.pack("16sh14x", b"lo", flags | _UP)
        _check(libc.ioctl(asking.fileno(), _SET_FLAGS, request), "loopback interface")


def _mount(libc: ctypes.CDLL, source: str, place: str, flags: int) -> None:
    done = libc.mount(source.encode(), place.encode(), None, ctypes.c_ulong(flags), None)
    _check(done, f"mount {place}")


def _check(result: int, what: str) -> None:
    if result:
        message = f"{what}: {os.strerror(ctypes.get_errno())}"
        raise NotPossibleError(message)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="ascii")
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise NotPossibleError(message) from None
