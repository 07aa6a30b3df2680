"""The folders of a running artifact."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from frostline_runtime.artifact.environment import storage_directory
from frostline_runtime.artifact.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """The folders of a running artifact.

    *bundle* holds the manifest and the bundled files. *storage* is the folder that the user can
    choose, None if the profile declares none. *data* is for files that are fetched, *state* for
    lock, runtime file, history and logs.
    """

    bundle: Path
    storage: Path | None
    data: Path
    state: Path


def locate(manifest: Manifest, environ: Mapping[str, str], bundle: Path) -> Locations:
    """Return the folders of the artifact in *bundle* that was started with *environ*."""
    chosen = storage_directory(manifest.environment, environ)
    if chosen:
        storage = Path(chosen)
        return Locations(bundle=bundle, storage=storage, data=storage, state=storage / "frostline")
    from frostline_runtime.system import current  # noqa: PLC0415  # only without a storage

    own = current.state_folder(manifest.product, environ)
    return Locations(bundle=bundle, storage=None, data=own, state=own)
