"""The flags that verbs share: what they mean, and the build that they name.

Every verb imports this module, so nothing here may be slow to import.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from frostline.core import log, workspace
from frostline.core.errors import UsageError
from frostline.core.platforms import Platform, host, parse
from frostline.core.workspace import Layout, Workspace

if TYPE_CHECKING:
    from frostline.profile.build import Build

Shell = Literal["electron", "tauri"]  # as release.shells has it
SigningTool = Literal["own", "osslsigncode"]

HELP = {
    "product": "a product of this project (default: the only one)",
    "platform": "one of `platforms`, or host (default: host)",
    "layout": "onedir or onefile (default: the profile's)",
    "where": "auto, host, container or remote (GitHub's machines)",
    "python": "the version they are for, such as 3.11 (default: this one)",
    "engine": "podman or docker (default: the one that answers)",
    "debian": "make it of Debian's packages, with mmdebstrap",
    "run": "a run on GitHub to go on with, by its number",
    "clean": "forget what earlier builds of this product made",
    "debug": "keep PyInstaller's DEBUG log in build/log",
    "json": "print the result as JSON",
    "model_server": "a llamafile to smoke-test with (default: the profile's)",
    "repeat": "how many times; the first failure ends it (default: 1)",
    "check": "hash every file that is there; exit code 8 if one is wrong",
    "fetch": "fetch what is missing",
    "offline": "fetch nothing: say what is missing",
    "pin": "measure the file at --url, and write its figures into resources.toml",
    "url": "the address for --pin",
    "model": "a .gguf or .llamafile: a file, an address, or a resource (default: the pinned one)",
    "base": "a llamafile without a model: a file, an address, a resource, or a built product",
    "host": "where to listen; only this machine (127.0.0.1)",
    "port": "1-65535 (default: a free one)",
    "gpu_layers": "layers on the graphics card (default: 0)",
    "ctx_size": "context in tokens (default: the model's)",
    "n_predict": "most tokens of an answer (default: no limit)",
    "args": "further arguments for the llamafile, as a shell would split them",
    "merge": "keep what earlier runs here have shown",
    "venv": "a virtual environment (default: what the build of --product collects from)",
    "apply": "move it aside, try what is left, and put back what is needed",
    "undo": "put everything back",
    "confirm": "remove for good what --apply has moved aside",
    "name": "a module, or a file by its place in the bundle",
    "old": "a bundle.json",
    "new": "another bundle.json",
    "archive": "a file that `package` has made, with release.json beside it; or their folder",
    "kind": "tar.zst, tar.gz or zip (default: the platform's)",
    "unproven": "pack it although no audit or smoke test has found it good",
    "dry_run": "print the commands, on any host, and run none",
    "tool": "own (signtool, on Windows) or osslsigncode (anywhere)",
    "folder": "where the packed artifacts lie, each with its release.json",
    "tag": "the release's tag",
    "notes": "a file with what the release's page says",
    "final": "the draft becomes public",
    "shell": "electron or tauri",
    "accept": "take the modules that PyInstaller did not find as reviewed",
    "sarif": "also write the findings as SARIF, for GitHub",
    "yes": "fetch an address that is not pinned, and replace --out, without asking",
    "pack": "make a llamafile of this .gguf and --base",
    "out": "the file that is written",
    "inspect": "say what this .llamafile or .gguf holds",
}


def platform_named(name: str) -> Platform | None:
    """Return the platform called *name*, None for an empty one. Raises UsageError."""
    if not name:  # a workflow hands on inputs that were not given as empty text
        return None
    found = parse(name)
    if name not in {found.name, "host"}:
        log.note(f"{name} is {found.name} here")
    return found


def here() -> Workspace:
    """Return the project that the current folder lies in. Raises UsageError."""
    return workspace.find(Path.cwd())


def chosen_product(project: Workspace, product: str) -> str:
    """Return *product*, or the only one of *project* if it is empty. Raises UsageError."""
    if product:
        return project.require_product(product)
    products = project.products()
    if len(products) == 1:
        return products[0]
    message = f"--product is missing: this project has {len(products)} products."
    raise UsageError(message, hint=f"products: {', '.join(products)}")


def open_build(
    product: str, platform: Platform | None = None, layout: Layout | None = None,
    model_server: Path | None = None,
) -> "Build":  # fmt: skip
    """Return the build that the flags name.

    Raises UsageError, ProfileError.
    """
    from frostline.profile import build

    project = here()
    name = chosen_product(project, product)
    return build.open_build(
        project, name, platform or host(), os.environ, layout=layout, model_server=model_server
    )


def absolute(path: Path | None) -> Path | None:
    """Return *path* without `~` and from the root, None for None."""
    return path.expanduser().absolute() if path else None
