"""PyInstaller's own environment, and how a product's Python sees it during a freeze.

PyInstaller is in no product's lock. It lies in an environment of its own; `freezer_finder.py`
serves it to the product's Python at the end of `sys.meta_path`. PyInstaller looks for the modules
of a bundle along `sys.path`, so it never takes its own for the product's.
"""

from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from frostline.core import own_files
from frostline.core.command import Environ
from frostline.core.errors import LockError
from frostline.source import distributions, environment
from frostline.source.environment import Lock, ProductEnvironment

# Those of a product's lock give way to frostline's.
NAMES = frozenset({"pyinstaller", "pyinstaller-hooks-contrib"})


def lock() -> Lock:
    """Return frostline's hashed lock of PyInstaller and its hooks."""
    return environment.read_lock(own_files.data("resources", "requirements", "freezer.txt"))


def create(environ: Environ, log_file: Path) -> ProductEnvironment:
    """Return PyInstaller's environment; raises as `environment.create`."""
    return environment.create("PyInstaller", lock(), environ=environ, log_file=log_file)


def variables(freezer: ProductEnvironment) -> dict[str, str]:
    """Return the variables with which a product's Python can import what is in *freezer*."""
    finder = own_files.build_package() / "source" / "freezer_finder.py"
    return {
        environment.FINDER: str(finder),
        "FROSTLINE_FREEZER_PACKAGES": str(freezer.site_packages),
    }


def check_shared(freezer: ProductEnvironment, product: ProductEnvironment, lock_name: str) -> None:
    """Raise LockError if a distribution of *product* is too old for PyInstaller.

    Of what both need, such as `packaging`, the product's version is used.
    """
    tools = distributions.installed(freezer.site_packages)
    theirs = distributions.installed(product.site_packages)
    wrong = [
        f"{requirement}, but {lock_name} pins {theirs[name].version}"
        for tool in NAMES
        for requirement in distributions.requirements(tools[tool])
        if (name := canonicalize_name(requirement.name)) in theirs
        and not requirement.specifier.contains(theirs[name].version, prereleases=True)
    ]
    if wrong:
        message = f"PyInstaller needs {'; '.join(sorted(wrong))}."
        raise LockError(message, hint="lock a version that both can use")


def is_foreign(source: Path, freezer: ProductEnvironment) -> bool:
    """Return whether *source*, collected into a bundle, is a file of *freezer* that must not ship.

    Parts of PyInstaller are in every bundle: its loader, its run-time hooks and its stand-ins for
    modules.
    """
    if not source.is_relative_to(freezer.site_packages):
        return False
    return not any(source.is_relative_to(folder) for folder in _shipped(freezer.site_packages))


def _shipped(packages: Path) -> Iterator[Path]:
    yield packages / "PyInstaller" / "loader"
    yield packages / "PyInstaller" / "fake-modules"
    yield packages / "PyInstaller" / "hooks" / "rthooks"
    yield packages / "_pyinstaller_hooks_contrib" / "rthooks"
