"""The help texts of all flags, and functions for the flags that verbs share.

Every verb imports this module, so it must be fast to import.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from frostline.core import log, workspace
from frostline.core.errors import UsageError
from frostline.core.platforms import Platform, host, parse
from frostline.core.workspace import Layout, Workspace

if TYPE_CHECKING:
    from frostline.profile.build import Build

_build_folder: ContextVar[Path | None] = ContextVar("build_folder", default=None)
Shell = Literal["electron", "tauri"]  # the same as release.shells.Shell
SigningTool = Literal["own", "osslsigncode"]

HELP = {
    "product": "a product of this project (default: the only one)",
    "platform": "one of `platforms`, or host (default: host)",
    "layout": "onedir or onefile (default: the profile's)",
    "where": "auto, host, container or remote (GitHub's machines)",
    "python": "the Python version to build for, such as 3.11 (default: this one)",
    "engine": "podman or docker (default: podman, or docker if podman does not answer)",
    "debian": "make the image from Debian packages, with mmdebstrap",
    "run": "the number of a run on GitHub to resume",
    "github": "matrix: print one line for $GITHUB_OUTPUT; init: make .github/workflows/freeze.yml",
    "nox": "make noxfile.py",
    "invoke": "make tasks.py",
    "record": "ask the index which wheels the locks have, with uv, and write it beside each lock",
    "clean": "remove the results of earlier builds of this target first",
    "cache": "clean the cache of all projects (FROSTLINE_CACHE, or the system's folder)",
    "days": "with --cache: keep what was used in the last DAYS days (default: 0)",
    "freeze_only": "freeze, and leave out audit, smoke test and comparison",
    "debug": "write PyInstaller's DEBUG log to build/log",
    "json": "print the result as JSON",
    "build_folder": "where builds write (default: FROSTLINE_BUILD_FOLDER, or build in the project)",
    "model_server": "the llamafile to smoke-test with (default: the profile's)",
    "repeat": "how many rounds to run; stops at the first failure (default: 1)",
    "check": "resources: hash every file, exit code 8 if one is wrong; matrix: warn of risks",
    "fetch": "fetch what is missing",
    "offline": "fetch nothing; exit code 8 if something is missing",
    "pin": "fetch the file at --url and write its size and SHA-256 into resources.toml",
    "url": "the address for --pin",
    "model": "a .gguf or .llamafile: a file, an address, or a resource (default: the pinned one)",
    "base": "a llamafile without a model: a file, an address, a resource, or a built product",
    "host": "the address to listen on; loopback only (default: 127.0.0.1)",
    "port": "1-65535 (default: a free one)",
    "gpu_layers": "how many layers run on the GPU (default: 0)",
    "ctx_size": "size of the context in tokens (default: the model's)",
    "n_predict": "largest number of tokens per response (default: no limit)",
    "args": "further arguments for the llamafile, quoted as in a shell",
    "merge": "keep facts of earlier runs on this platform",
    "venv": "a virtual environment (default: the one --product is frozen from)",
    "apply": "move the files aside, check the environment, put back the files that it needs",
    "undo": "put all files back that --apply moved aside",
    "confirm": "delete the files that --apply moved aside",
    "name": "a module, or the path of a file in the bundle",
    "old": "a bundle.json",
    "new": "another bundle.json",
    "archive": "an archive that `package` made, with release.json beside it; or its folder",
    "kind": "tar.zst, tar.gz or zip (default: the platform's)",
    "unproven": "pack it even if its audit or smoke test failed or is missing",
    "dry_run": "change nothing; init, lock: show what would change, else print the commands",
    "upgrade": "take the newest versions, also of what is locked",
    "tool": "own (signtool, on Windows) or osslsigncode (on any host)",
    "folder": "the folder with the packed artifacts, each with its release.json",
    "tag": "the release's tag",
    "notes": "a file with the text of the release page",
    "final": "make the draft public",
    "shell": "electron or tauri",
    "accept": "add the modules that PyInstaller did not find to the reviewed list",
    "sarif": "also write the findings to this file as SARIF, for GitHub",
    "yes": "do not ask before fetching an address that is not pinned or replacing --out",
    "pack": "make a llamafile from this .gguf and --base",
    "out": "the file to write",
    "inspect": "show the content of this .llamafile or .gguf",
}


def platform_named(name: str) -> Platform | None:
    """Return the platform called *name*, or None for "". Raises UsageError."""
    if not name:  # workflows pass empty text for inputs that were not given
        return None
    found = parse(name)
    if name not in {found.name, "host"}:
        log.note(f"{name} is {found.name} here")
    return found


@contextmanager
def building_in(folder: Path | None) -> Iterator[None]:
    """Let builds write to *folder* during the block; None: where they write otherwise."""
    before = _build_folder.set(folder)
    try:
        yield
    finally:
        _build_folder.reset(before)


def here() -> Workspace:
    """Return the project that contains the current folder. Raises UsageError."""
    from frostline.profile import configuration

    chosen = _build_folder.get() or os.environ.get(workspace.FOLDER_VARIABLE)
    folder = absolute(Path(chosen)) if chosen else None
    try:
        return replace(configuration.find(Path.cwd()), build_folder=folder)
    except FileNotFoundError:
        message = "the current folder does not exist any more."
        raise UsageError(message, hint="change to the folder of your project") from None


def chosen_product(project: Workspace, product: str) -> str:
    """Return *product*, or the only product of *project* if it is "". Raises UsageError."""
    from frostline.profile import configuration

    if product:
        return configuration.require_product(project, product)
    products = configuration.products(project)
    if len(products) == 1:
        return products[0]
    message = f"--product is missing: this project has {len(products)} products."
    raise UsageError(message, hint=f"products: {', '.join(products)}")


def refuse_beside(flag: str, **others: object) -> None:
    """Raise UsageError if one of the *others* is given: it has no effect beside *flag*."""
    for name, value in others.items():
        if value:
            message = f"--{name.replace('_', '-')} has no effect beside {flag}."
            raise UsageError(message, hint="leave one of them out")


def open_build(
    product: str, platform: Platform | None = None, layout: Layout | None = None,
    model_server: Path | None = None,
) -> "Build":  # fmt: skip
    """Return the build that the flags name. Raises UsageError, TomlError."""
    from frostline.infer import opening

    project = here()
    name = chosen_product(project, product)
    return opening.open_build(
        project, name, platform or host(), os.environ, layout=layout, model_server=model_server
    )


def absolute(path: Path | None) -> Path | None:
    """Return *path* as an absolute path with `~` expanded, or None for None."""
    return path.expanduser().absolute() if path else None
