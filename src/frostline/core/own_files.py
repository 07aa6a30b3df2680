"""Finds frostline's own data files, in its repository and when it is installed."""

from pathlib import Path

import frostline_runtime

_PACKAGE = Path(__file__).resolve().parents[1]


def data(*parts: str) -> Path:
    """Return the data file or folder *parts*, such as `("specs", "backend.spec")`."""
    installed = _PACKAGE / "data"
    root = installed if installed.is_dir() else _PACKAGE.parents[1]
    return root.joinpath(*parts)


def runtime_package() -> Path:
    """Return the folder of the run time that is frozen into every artifact."""
    return Path(frostline_runtime.__file__).resolve().parent


def build_package() -> Path:
    """Return frostline's own folder: its code decides what a build makes."""
    return _PACKAGE


def parts() -> dict[str, Path]:
    """Return all that frostline is made of, by the place that each has in a checkout."""
    installed = (_PACKAGE / "data").is_dir()
    found = {"src/frostline": build_package(), "src/frostline_runtime": runtime_package()}
    return found | {name: data(name) for name in ("hooks", "specs", "resources") if not installed}
