"""The platforms that artifacts are made for: facts only."""

import platform
import sys
from dataclasses import dataclass
from datetime import date
from typing import Literal

from frostline.core.errors import HostError, UsageError, did_you_mean

OperatingSystem = Literal["linux", "darwin", "windows"]
Machine = Literal["x86_64", "arm64"]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """One row of the table.

    *triple* names it for Rust and Tauri, *electron* for electron-builder (`${os}-${arch}`),
    *runner* for GitHub Actions, which *retires* it then, as far as that is known; *oci* for
    container engines. *minimum*: the oldest system that artifacts promise to run on.
    """

    system: OperatingSystem
    machine: Machine
    runner: str
    retires: date | None = None
    triple: str
    electron: str
    archive: Literal["tar.zst", "zip"]
    suffix: str = ""
    oci: str = ""
    minimum: str

    @property
    def name(self) -> str:
        """Return the platform's key, such as `linux_x86_64`."""
        return f"{self.system}_{self.machine}"


_TABLE = (
    Platform(
        system="linux",
        machine="x86_64",
        runner="ubuntu-22.04",
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
    """Return the platform that this process runs on. Raises UsageError for an unknown one."""
    system, machine = sys.platform, platform.machine().lower()
    try:
        return PLATFORMS[f"{_SYSTEMS[system]}_{_MACHINES[machine]}"]
    except KeyError:
        message = f"this machine ({system}, {machine}) is no platform that frostline knows."
        raise UsageError(message, hint=f"platforms: {', '.join(PLATFORMS)}") from None


def parse(name: str) -> Platform:
    """Return the platform called *name*; `host` stands for this machine's. Raises UsageError.

    Other tools' names mean what they mean there: `macos-arm64`, `win32-x64`, a machine alone for
    this system, a Rust triple.
    """
    if name == "host":
        return host()
    found = PLATFORMS.get(name) or _ALIASES.get(name.lower().replace("_", "-"))
    if not found and name.lower() in _MACHINES:
        found = PLATFORMS[f"{host().system}_{_MACHINES[name.lower()]}"]
    if not found:
        message = f'unknown platform "{name}".{did_you_mean(name, tuple(PLATFORMS))}'
        raise UsageError(message, hint=f"platforms: {', '.join(PLATFORMS)}, host")
    return found


_ALIASES = {
    f"{system}-{machine}".replace("_", "-"): PLATFORMS[f"{_SYSTEMS[system]}_{_MACHINES[machine]}"]
    for system in _SYSTEMS
    for machine in _MACHINES
} | {row.triple.replace("_", "-"): row for row in _TABLE}


def require_host(platform: Platform) -> None:
    """Raise HostError unless *platform* is this machine's: PyInstaller does not cross-compile."""
    if platform == host():
        return
    message = (
        f"{platform.name} cannot be built on {host().name}: PyInstaller does not cross-compile."
    )
    raise HostError(
        message,
        hint=f"build it on a {platform.name} machine (GitHub runner: {platform.runner}) "
        f"with `frostline build --platform {platform.name}`",
    )
