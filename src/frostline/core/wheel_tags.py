"""Says how Python packages know a platform: the values of markers, and the tags of wheels."""

from collections.abc import Iterable

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

from frostline.core.platforms import Platform

_SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}
# What `platform.machine()` returns where it is not the platform's own word.
_MACHINES = {"linux_arm64": "aarch64", "windows_x86_64": "AMD64", "windows_arm64": "ARM64"}
# The older names of manylinux_2_17, 2_12 and 2_5 (PEP 600).
_LEGACY = ("manylinux2014", "manylinux2010", "manylinux1")
_FIRST_MANYLINUX = 5


def markers(platform: Platform, python: str) -> dict[str, str]:
    """Return the values of markers on *platform* with the newest release of *python* (`3.11`)."""
    return {
        **_SYSTEMS[platform.system],
        "platform_machine": _machine(platform),
        "python_version": python,
        "python_full_version": f"{python}.99",
    }


def tags(platform: Platform, python: str) -> frozenset[Tag]:
    """Return the tags of wheels that can be installed where *platform* is built, for *python*."""
    version = tuple(int(part) for part in python.split("."))
    interpreter = f"cp{python.replace('.', '')}"
    names = tuple(_names(platform))
    return frozenset((
        *cpython_tags(version, [interpreter], names),
        *compatible_tags(version, interpreter, names),
    ))  # fmt: skip


def _names(platform: Platform) -> Iterable[str]:
    machine = _machine(platform)
    if platform.system == "windows":
        return (f"win_{machine.lower()}",)
    if platform.system == "darwin":  # the runner's macOS; the audit looks at the oldest one
        return mac_platforms((int(platform.runner.split("-")[1]), 0), machine)
    _, (_, newest) = platform.oldest
    generations = (*(f"manylinux_2_{n}" for n in range(_FIRST_MANYLINUX, newest + 1)), *_LEGACY)
    return (f"{generation}_{machine}" for generation in (*generations, "linux"))


def _machine(platform: Platform) -> str:
    return _MACHINES.get(platform.name, platform.machine)
