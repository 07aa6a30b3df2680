"""The platforms that artifacts are made for: facts only."""

import platform
import sys
from dataclasses import dataclass
from typing import Literal

from frostline.errors import UsageError, did_you_mean

OperatingSystem = Literal["linux", "darwin", "windows"]
Machine = Literal["x86_64", "arm64"]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """One row of the table; *triple* names it for Rust and Tauri, *runner* for GitHub Actions."""

    system: OperatingSystem
    machine: Machine
    runner: str
    triple: str
    archive: Literal["tar.gz", "zip"]
    suffix: str = ""
    image: str = ""
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
        archive="tar.gz",
        image="almalinux:8",
        minimum="glibc 2.28",
    ),
    Platform(
        system="linux",
        machine="arm64",
        runner="ubuntu-22.04-arm",
        triple="aarch64-unknown-linux-gnu",
        archive="tar.gz",
        image="almalinux:8",
        minimum="glibc 2.28",
    ),
    Platform(
        system="darwin",
        machine="x86_64",
        runner="macos-15-intel",
        triple="x86_64-apple-darwin",
        archive="tar.gz",
        minimum="macOS 11",
    ),
    Platform(
        system="darwin",
        machine="arm64",
        runner="macos-15",
        triple="aarch64-apple-darwin",
        archive="tar.gz",
        minimum="macOS 11",
    ),
    Platform(
        system="windows",
        machine="x86_64",
        runner="windows-2025",
        triple="x86_64-pc-windows-msvc",
        archive="zip",
        suffix=".exe",
        minimum="Windows 10",
    ),
    Platform(
        system="windows",
        machine="arm64",
        runner="windows-11-arm",
        triple="aarch64-pc-windows-msvc",
        archive="zip",
        suffix=".exe",
        minimum="Windows 11",
    ),
)
PLATFORMS = {row.name: row for row in _TABLE}

_SYSTEMS: dict[str, OperatingSystem] = {"linux": "linux", "darwin": "darwin", "win32": "windows"}
_MACHINES: dict[str, Machine] = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "arm64": "arm64",
    "aarch64": "arm64",
}


def host() -> Platform:
    """Return the platform that this process runs on. Raises UsageError for an unknown one."""
    system, machine = sys.platform, platform.machine().lower()
    try:
        return PLATFORMS[f"{_SYSTEMS[system]}_{_MACHINES[machine]}"]
    except KeyError:
        message = f"this machine ({system}, {machine}) is no platform that frostline knows."
        raise UsageError(message, hint=f"platforms: {', '.join(PLATFORMS)}") from None


def parse(name: str) -> Platform:
    """Return the platform called *name*; `host` stands for this machine's. Raises UsageError."""
    if name == "host":
        return host()
    try:
        return PLATFORMS[name]
    except KeyError:
        message = f'unknown platform "{name}".{did_you_mean(name, tuple(PLATFORMS))}'
        raise UsageError(message, hint=f"platforms: {', '.join(PLATFORMS)}, host") from None
