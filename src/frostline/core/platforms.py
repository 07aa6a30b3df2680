"""The platforms that artifacts are built for."""

import platform
import sys
from dataclasses import dataclass
from datetime import date
from typing import Literal

from frostline.core.errors import HostError, UsageError, did_you_mean

OperatingSystem = Literal["linux", "darwin", "windows"]
Machine = Literal["x86_64", "arm64"]
ArchiveKind = Literal["tar.zst", "tar.gz", "zip"]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """One platform and its names in other tools.

    *triple* is its name for Rust and Tauri, *electron* for electron-builder (`${os}-${arch}`),
    *oci* for container engines. *runner* is the GitHub Actions runner, *retires* the day on which
    GitHub removes it, if known. *minimum* is the oldest system that artifacts must run on.
    """

    system: OperatingSystem
    machine: Machine
    runner: str
    retires: date | None = None
    triple: str
    electron: str
    archive: ArchiveKind
    suffix: str = ""
    oci: str = ""
    minimum: str

    @property
    def name(self) -> str:
        """Return the platform's key, such as `linux_x86_64`."""
        return f"{self.system}_{self.machine}"

    @property
    def oldest(self) -> tuple[str, tuple[int, ...]]:
        """Return the name and the version in *minimum*, such as `("glibc", (2, 28))`."""
        name, _, version = self.minimum.partition(" ")
        return name, tuple(int(part) for part in version.split("."))


_TABLE = (
    Platform(
        system="linux",
        machine="x86_64",
        runner="ubuntu-22.04",
        retires=date(2027, 4, 17),
        triple="x86_64-unknown-linux-gnu",
        electron="linux-x64",
        archive="tar.zst",
        oci="linux/amd64",
        minimum="glibc 2.28",
    ),
    Platform(
        system="linux",
        machine="arm64",
        runner="ubuntu-22.04-arm",
        retires=date(2027, 4, 17),
        triple="aarch64-unknown-linux-gnu",
        electron="linux-arm64",
        archive="tar.zst",
        oci="linux/arm64",
        minimum="glibc 2.28",
    ),
    Platform(
        system="darwin",
        machine="x86_64",
        runner="macos-15-intel",
        retires=date(2027, 8, 31),  # the last Intel image
        triple="x86_64-apple-darwin",
        electron="mac-x64",
        archive="tar.zst",
        minimum="macOS 11",
    ),
    Platform(
        system="darwin",
        machine="arm64",
        runner="macos-15",
        triple="aarch64-apple-darwin",
        electron="mac-arm64",
        archive="tar.zst",
        minimum="macOS 11",
    ),
    Platform(
        system="windows",
        machine="x86_64",
        runner="windows-2025",
        triple="x86_64-pc-windows-msvc",
        electron="win-x64",
        archive="zip",
        suffix=".exe",
        minimum="Windows 10",
    ),
    Platform(
        system="windows",
        machine="arm64",
        runner="windows-11-arm",
        triple="aarch64-pc-windows-msvc",
        electron="win-arm64",
        archive="zip",
        suffix=".exe",
        minimum="Windows 11",
    ),
)
PLATFORMS = {row.name: row for row in _TABLE}

_SYSTEMS: dict[str, OperatingSystem] = {
    "linux": "linux", "darwin": "darwin", "macos": "darwin", "mac": "darwin", "osx": "darwin",
    "windows": "windows", "win32": "windows", "win": "windows",
}  # fmt: skip
_MACHINES: dict[str, Machine] = {
    "x86_64": "x86_64", "amd64": "x86_64", "x64": "x86_64", "arm64": "arm64", "aarch64": "arm64",
}  # fmt: skip


def host() -> Platform:
    """Return the platform of this machine. Raises UsageError if frostline does not support it."""
    system, machine = sys.platform, platform.machine().lower()
    try:
        return PLATFORMS[f"{_SYSTEMS[system]}_{_MACHINES[machine]}"]
    except KeyError:
        message = f"this machine ({system}, {machine}) is not a platform that frostline supports."
        raise UsageError(message, hint=f"platforms: {', '.join(PLATFORMS)}") from None


def parse(name: str) -> Platform:
    """Return the platform called *name*; `host` is this machine's. Raises UsageError.

    Other tools' names are accepted, too: `macos-arm64`, `win32-x64`, a Rust triple, or a machine
    alone, which means this machine's system.
    """
    if name == "host":
        return host()
    row = PLATFORMS.get(name) or _ALIASES.get(name.lower().replace("_", "-"))
    if not row and name.lower() in _MACHINES:
        row = PLATFORMS[f"{host().system}_{_MACHINES[name.lower()]}"]
    if not row:
        message = f'unknown platform "{name}".{did_you_mean(name, tuple(PLATFORMS))}'
        raise UsageError(message, hint=f"platforms: {', '.join(PLATFORMS)}, host")
    return row


_ALIASES = {
    f"{system}-{machine}".replace("_", "-"): PLATFORMS[f"{_SYSTEMS[system]}_{_MACHINES[machine]}"]
    for system in _SYSTEMS
    for machine in _MACHINES
} | {row.triple.replace("_", "-"): row for row in _TABLE}


def require_host(platform: Platform) -> None:
    """Raise HostError unless *platform* is this machine's, as PyInstaller cannot cross-compile."""
    if platform == host():
        return
    message = (
        f"{platform.name} cannot be built on {host().name}: PyInstaller does not cross-compile."
    )
    raise HostError(
        message,
        hint=f"run it on a {platform.name} machine (GitHub runner: {platform.runner})",
    )
