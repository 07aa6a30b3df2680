"""Finds frostline's own files, in its repository and when it is installed."""

from pathlib import Path

import frostline_runtime

_PACKAGE = Path(__file__).resolve().parents[1]


def data(*parts: str) -> Path:
    """Return the data file or folder *parts*, such as `("specs", "backend.spec")`."""
    installed = _PACKAGE / "data"
    root = installed if installed.is_dir() else _PACKAGE.parents[1]
    return root.joinpath(*parts)


def resource(project: Path, name: str) -> Path:
    """Return the file *name* in `resources` of *project*, or frostline's if there is none."""
    own = project / "resources" / name
    return own if own.is_file() else data("resources", name)


def runtime_package() -> Path:
    """Return the folder of `frostline_runtime`, which is frozen into every artifact."""
    return Path(frostline_runtime.__file__).resolve().parent


def build_package() -> Path:
    """Return the folder of the `frostline` package."""
    return _PACKAGE


def parts() -> dict[str, Path]:
    """Return frostline's folders by their place in a checkout."""
    installed = (_PACKAGE / "data").is_dir()
    packages = {"src/frostline": build_package(), "src/frostline_runtime": runtime_package()}
    names = () if installed else ("hooks", "specs", "resources")
    return packages | {name: data(name) for name in names}
