"""Reads ELF, PE and Mach-O files with lief, on any host."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from frostline.core import interrupts

# An interrupt in the middle of lief's import would abort the process.
with interrupts.delayed() as _seen:
    import lief
if _seen:
    raise KeyboardInterrupt

lief.logging.disable()  # frostline reports unreadable files itself

Format = Literal["elf", "pe", "mach-o"]

_MAGIC = {
    b"\x7fELF": "elf", b"MZ": "pe", b"\xcf\xfa\xed\xfe": "mach-o", b"\xce\xfa\xed\xfe": "mach-o",
    b"\xca\xfe\xba\xbe": "mach-o", b"\xca\xfe\xba\xbf": "mach-o",
}  # fmt: skip
_MACHINES = {
    "X86_64": "x86_64", "AMD64": "x86_64", "AARCH64": "arm64", "ARM64": "arm64",
}  # fmt: skip
# glibc 2.36 added relative relocations; this version has no number in its name.
_ABI_VERSIONS = {"GLIBC_ABI_DT_RELR": (2, 36)}

Version = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Native:
    """A native file.

    *machines* are the architectures it has code for, *needed* the libraries it loads. *glibc* is
    the newest version it requires (ELF), *minimum* the oldest system it runs on (PE and Mach-O).
    *weak* names the protections against attacks that it lacks.
    """

    format: Format
    machines: tuple[str, ...]
    needed: tuple[str, ...] = ()
    rpaths: tuple[str, ...] = ()
    glibc: Version = ()
    minimum: Version = ()
    weak: tuple[str, ...] = ()


def recognised(head: bytes) -> Format | None:
    """Return the format of a file that begins with *head*, or None if it is not native."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return "pe" if name == "pe" else "elf" if name == "elf" else "mach-o"
    return None


def parse(data: bytes) -> Native | None:
    """Return the native file in *data*, or None if it is not native or cannot be read."""
    kind = recognised(data[:4])
    if kind == "elf":
        config = lief.ELF.ParserConfig()
        config.parse_relocations = config.parse_notes = config.parse_symtab_symbols = False
        config.parse_overlay = False
        elf = lief.ELF.parse(data, config)
        return _elf(elf) if isinstance(elf, lief.ELF.Binary) else None
    if kind == "pe":
        pe = lief.PE.parse(data)
        return _pe(pe) if isinstance(pe, lief.PE.Binary) else None
    if kind == "mach-o":
        fat = lief.MachO.parse(data)
        return _mach_o([*fat]) if isinstance(fat, lief.MachO.FatBinary) else None
    return None


def _elf(binary: lief.ELF.Binary) -> Native:
    weak = [] if binary.has_nx else ["an executable stack"]
    relro = any(s.type == lief.ELF.Segment.TYPE.GNU_RELRO for s in binary.segments)
    weak += [] if relro else ["writable relocations (no RELRO)"]
    fixed = binary.has_interpreter and not binary.is_pie
    weak += ["a fixed address (no PIE)"] if fixed else []
    versions = [
        _version(str(symbol.name))
        for requirement in binary.symbols_version_requirement
        for symbol in requirement.get_auxiliary_symbols()
    ]
    rpaths = [
        part
        for entry in binary.dynamic_entries
        if isinstance(entry, lief.ELF.DynamicEntryRpath | lief.ELF.DynamicEntryRunPath)
        for part in entry.paths
    ]
    return Native(
        format="elf", machines=_machines([binary.header.machine_type]),
        needed=tuple(map(str, binary.libraries)), rpaths=tuple(rpaths),
        glibc=max(versions, default=()), weak=tuple(weak),
    )  # fmt: skip


def _version(symbol: str) -> Version:
    if symbol in _ABI_VERSIONS:
        return _ABI_VERSIONS[symbol]
    number = symbol.removeprefix("GLIBC_")
    if number == symbol or not number.replace(".", "").isdigit():
        return ()
    return tuple(map(int, number.split(".")))


def _pe(binary: lief.PE.Binary) -> Native:
    header = binary.optional_header
    flags = lief.PE.OptionalHeader.DLL_CHARACTERISTICS
    weak = [] if header.has(flags.DYNAMIC_BASE) else ["a fixed address (no ASLR)"]
    weak += [] if header.has(flags.NX_COMPAT) else ["an executable stack (no DEP)"]
    return Native(
        format="pe", machines=_machines([binary.header.machine]),
        needed=tuple(str(name).lower() for name in binary.libraries),
        minimum=(header.major_subsystem_version, header.minor_subsystem_version), weak=tuple(weak),
    )  # fmt: skip


def _mach_o(binaries: list[lief.MachO.Binary]) -> Native:
    oldest: Version = ()
    needed: list[str] = []
    rpaths: list[str] = []
    for binary in binaries:
        command = binary.build_version or binary.version_min
        if command:
            version = getattr(command, "minos", None) or getattr(command, "version", None) or ()
            oldest = max(oldest, tuple(version)[:2])
        needed += [library.name for library in binary.libraries]
        rpaths += [rpath.path for rpath in binary.rpaths]
    return Native(
        format="mach-o", machines=_machines(b.header.cpu_type for b in binaries),
        needed=tuple(dict.fromkeys(map(str, needed))),
        rpaths=tuple(dict.fromkeys(map(str, rpaths))),
        minimum=oldest,
    )  # fmt: skip


def _machines(kinds: Iterable[object]) -> tuple[str, ...]:
    names = (str(kind).rpartition(".")[2] for kind in kinds)
    return tuple(_MACHINES.get(name, name.lower()) for name in names)


def resolved(folder: str, path: str) -> str | None:
    """Return the bundle folder that the library path *path* names for a file in *folder*.

    Returns None if the path is absolute or leaves the bundle.
    """
    for origin in ("$ORIGIN", "${ORIGIN}", "@loader_path", "@executable_path"):
        if path == origin or path.startswith(f"{origin}/"):
            below = path.removeprefix(origin).lstrip("/")
            joined = posixpath.normpath(posixpath.join(folder, below))
            return None if joined.startswith("..") else "" if joined == "." else joined
    return None
