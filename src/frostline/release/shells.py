"""Exports a bundle for a desktop shell, with fragments for the shell's configuration."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline.core import log, own_files, workspace
from frostline.core.errors import UsageError
from frostline.freeze.bundle import Bundle, require_bundle
from frostline.profile.build import Build

Shell = Literal["electron", "tauri"]


# The entitlements that a frozen Python needs under the hardened runtime of macOS.
ENTITLEMENTS = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
  <key>com.apple.security.cs.disable-library-validation</key><true/>
  <key>com.apple.security.cs.allow-unsigned-executable-memory</key><true/>
</dict></plist>
"""


@dataclass(frozen=True)
class Export:
    """An exported folder, to be copied into the shell's project; *executable* is a path in it."""

    shell: str
    folder: str
    executable: str
    files: tuple[str, ...]


def export(build: Build, shell: Shell) -> Export:
    """Export the bundle of *build* for *shell* to `build/export`.

    Electron takes the onedir layout only, Tauri both. Raises NotBuiltError, UsageError, OSError.
    """
    bundle = require_bundle(build)
    if shell == "electron" and build.layout != "onedir":
        message = "an Electron application needs the onedir layout; this artifact is one file."
        raise UsageError(message, hint="export the onedir layout, which also starts faster")
    folder = build.workspace.build / "export" / f"{build.name}-{shell}"
    part = folder.with_name(f"{folder.name}.part")
    with build.exclusively(), log.step(f"exporting {build.name} for {shell}"):
        workspace.remove(part)
        try:
            write = _electron if shell == "electron" else _tauri
            executable = write(build, bundle, part)
            workspace.remove(folder)
            part.replace(folder)
        finally:
            workspace.remove(part)
    files = sorted(path.name for path in folder.iterdir())
    return Export(shell, str(folder), executable, tuple(files))


def _electron(build: Build, _: Bundle, folder: Path) -> str:
    """Write the bundle as `extraResources`; electron-builder keeps links and modes."""
    name = build.product
    shutil.copytree(build.bundle, folder / "resources" / name, symlinks=True)
    config: dict[str, object] = {"extraResources": [{"from": f"resources/{name}", "to": name}]}
    if build.platform.system == "darwin":
        workspace.write(folder / "entitlements.plist", ENTITLEMENTS)
        config["mac"] = {"hardenedRuntime": True, "entitlementsInherit": "entitlements.plist"}
    _write(folder / "electron-builder.json", config)
    module = own_files.data("resources", "shells", "sidecar.mjs")
    shutil.copyfile(module, folder / "sidecar.mjs")
    return f"resources/{name}/{build.executable.name}"


def _tauri(build: Build, bundle: Bundle, folder: Path) -> str:
    """Write one file as `externalBin`, named with its triple, or a folder as `resources`.

    Tauri's bundler loses symbolic links (tauri-apps/tauri#13219), so they are replaced by copies.
    """
    name, suffix = build.product, build.platform.suffix
    if bundle.layout == "onefile":
        executable = f"binaries/{name}-{build.platform.triple}{suffix}"
        (folder / "binaries").mkdir(parents=True)
        shutil.copy2(build.executable, folder / executable)
        config: dict[str, object] = {"externalBin": [f"binaries/{name}"]}
    else:
        executable = f"resources/{name}/{build.executable.name}"
        shutil.copytree(build.bundle, folder / "resources" / name, symlinks=False)
        config = {"resources": {f"resources/{name}/": f"{name}/"}}
    if build.platform.system == "darwin":
        workspace.write(folder / "entitlements.plist", ENTITLEMENTS)
        config["macOS"] = {"entitlements": "entitlements.plist"}
    _write(folder / f"tauri.{name}.conf.json", {"bundle": config})
    module = own_files.data("resources", "shells", "sidecar.rs")
    shutil.copyfile(module, folder / "sidecar.rs")
    return executable


def _write(path: Path, value: object) -> None:
    workspace.write(path, json.dumps(value, indent=2) + "\n")
