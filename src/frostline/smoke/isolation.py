"""Cuts this process, and all that it starts, off from the network and from writing a bundle.

By Linux's own namespaces; elsewhere, and where they are forbidden, it is said and not done.
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
# What a mount has must be kept when it is changed: flags of statvfs, and mount's for each.
_KEPT: Mapping[int, int] = {
    getattr(os, "ST_NOSUID", 2): 0x2, getattr(os, "ST_NODEV", 4): 0x4,
    getattr(os, "ST_NOEXEC", 8): 0x8, getattr(os, "ST_NOATIME", 1024): 0x400,
    getattr(os, "ST_NODIRATIME", 2048): 0x800, getattr(os, "ST_RELATIME", 4096): 1 << 21,
}  # fmt: skip
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1


class NotPossibleError(Exception):
    """This machine, or its administrator, does not allow it."""


def enter(*, offline: bool, read_only: Mapping[Path, Path]) -> None:
    """Leave the network but for the loopback interface, and mount folders read-only.

    *read_only*: existing folders, and the folder that is to be seen at each. For a process with
    a single thread; there is no way back. Raises NotPossibleError, nothing being changed.
    """
    if host().system != "linux":
        message = f"{host().system} has no namespaces"
        raise NotPossibleError(message)
    # A child tries it first: some systems allow the first step and refuse the second.
    told: SimpleQueue[str] = multiprocessing.SimpleQueue()
    wanted = {"offline": offline, "read_only": read_only}
    child = multiprocessing.Process(target=_rehearse, args=(told,), kwargs=wanted)
    child.start()
    problem = told.get()
    child.join()
    if problem:
        raise NotPossibleError(problem)
    _enter(offline=offline, read_only=read_only)


def is_alone() -> bool:
    """Tell whether this machine, or container, has no network but its own loopback interface."""
    return host().system == "linux" and {name for _, name in socket.if_nameindex()} <= {"lo"}


def _rehearse(told: "SimpleQueue[str]", *, offline: bool, read_only: Mapping[Path, Path]) -> None:
    try:
        _enter(offline=offline, read_only=read_only)
    except (NotPossibleError, OSError) as error:
        told.put(str(error) or "not allowed")
    else:
        told.put("")


def _enter(*, offline: bool, read_only: Mapping[Path, Path]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    me = Path("/proc/self").stat()
    wanted = (_NEW_NETWORK if offline else 0) | (_NEW_MOUNTS if read_only else 0)
    if not wanted:
        return
    if libc.unshare(wanted):  # only root may do it without namespaces of users
        _check(libc.unshare(wanted | _NEW_USER), "unshare")
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
