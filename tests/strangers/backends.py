"""The build backends of strangers' projects: the files that each needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kinds import NAME, PACKAGE

_DATA = '"words.txt", "templates/*"'


@dataclass(frozen=True)
class Backend:
    """A build backend: *requires* and *name* of `[build-system]`, *more* tables of pyproject.toml.

    One without *name* has no `[build-system]`. *src* is whether the package lies in `src`; *files*
    are further ones.
    """

    name: str = ""
    requires: str = ""
    more: str = ""
    flat: str = ""  # further tables if the package does not lie in src
    src: bool = False
    files: Callable[[Mapping[str, str], tuple[str, ...]], dict[str, str]] | None = None


def _setup_cfg(scripts: Mapping[str, str], needs: tuple[str, ...]) -> dict[str, str]:
    listed = "".join(f"\n    {need}" for need in needs)
    lines = "".join(f"\n    {name} = {entry}" for name, entry in scripts.items())
    entries = f"[options.entry_points]\nconsole_scripts ={lines}\n" if scripts else ""
    # pip and uv install a project only if it has one of setup.py and pyproject.toml.
    setup = "from setuptools import setup\n\nsetup()\n"
    return {"setup.py": setup, "setup.cfg": f"""\
[metadata]
name = {NAME}
version = attr: {PACKAGE}.__version__
[options]
packages = find:
python_requires = >=3.11
install_requires ={listed}
[options.package_data]
{PACKAGE} = words.txt, templates/*
{entries}"""}  # fmt: skip


def _setup_py(scripts: Mapping[str, str], needs: tuple[str, ...]) -> dict[str, str]:
    entries = {"console_scripts": [f"{name}={entry}" for name, entry in scripts.items()]}
    return {"setup.py": f"""\
from setuptools import find_packages, setup

setup(
    name="{NAME}",
    version="0.3.0",
    packages=find_packages(),
    package_data={{"{PACKAGE}": ["words.txt", "templates/*"]}},
    install_requires={[*needs]!r},
    entry_points={entries!r},
)
"""}  # fmt: skip


def _native(_: Mapping[str, str], __: tuple[str, ...]) -> dict[str, str]:
    """Return a module in C that the module found by name needs."""
    return {
        "CMakeLists.txt": f"""\
cmake_minimum_required(VERSION 3.15)
project({PACKAGE} LANGUAGES C)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
Python_add_library(_native MODULE native.c WITH_SOABI)
install(TARGETS _native DESTINATION {PACKAGE})
""",
        "native.c": """\
#include <Python.h>
static PyObject *name(PyObject *self, PyObject *none) { return PyUnicode_FromString("plug-in"); }
static PyMethodDef methods[] = {{"name", name, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", "", -1, methods};
PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
""",
        "{package}/plugins/greet.py": f"from {PACKAGE}._native import name\n\nNAME = name()\n",
    }  # fmt: skip


BACKENDS: Mapping[str, Backend] = {
    "hatchling": Backend("hatchling.build", "hatchling", src=True),
    "setuptools": Backend(
        "setuptools.build_meta", "setuptools>=77",
        more=f"[tool.setuptools.package-data]\n{PACKAGE} = [{_DATA}]\n",
        flat=f'[tool.setuptools.packages.find]\ninclude = ["{PACKAGE}*"]\n',
    ),
    "setup.cfg": Backend(files=_setup_cfg),
    "setup.py": Backend(files=_setup_py),
    "flit": Backend("flit_core.buildapi", "flit_core>=3.11"),
    "pdm": Backend("pdm.backend", "pdm-backend", src=True),
    "uv_build": Backend(
        "uv_build", "uv_build", flat='[tool.uv.build-backend]\nmodule-root = ""\n', src=True
    ),
    "poetry-core": Backend("poetry.core.masonry.api", "poetry-core>=2", src=True),
    "scikit-build-core": Backend("scikit_build_core.build", "scikit-build-core", files=_native),
    "none": Backend(),
}  # fmt: skip
WITHOUT_PYPROJECT = ("setup.cfg", "setup.py")
