"""What lies beside a file while it is fetched, and afterwards."""

import contextlib
import json
from pathlib import Path


def forget(place: Path) -> None:
    """Remove the file at *place* and everything that was kept beside it."""
    for path in (
        place,
        stamp_of(place),
        part_of(place),
        sidecar_of(place),
        bad_of(place),
        lock_of(place),
    ):
        path.unlink(missing_ok=True)


def kept(place: Path) -> int:
    """Return how many bytes of *place* an earlier attempt has left."""
    with contextlib.suppress(OSError):
        return part_of(place).stat().st_size
    return 0


def beside(place: Path, prefix: str, suffix: str) -> Path:
    """Return the file beside *place* with more around its name."""
    return place.with_name(f"{prefix}{place.name}{suffix}")


def part_of(place: Path) -> Path:
    """Return where what has arrived of *place* is kept."""
    return beside(place, "", ".part")


def sidecar_of(place: Path) -> Path:
    """Return where it is noted of what that is a part."""
    return beside(place, "", ".part.json")


def bad_of(place: Path) -> Path:
    """Return where a wrong file is kept for a look."""
    return beside(place, "", ".bad")


def lock_of(place: Path) -> Path:
    """Return what is locked while *place* is fetched."""
    return beside(place, ".", ".lock")


def stamp_of(place: Path) -> Path:
    """Return where it is noted that *place* was checked."""
    return beside(place, ".", ".verified")


def read_json(path: Path) -> dict[str, object]:
    """Return the JSON object in *path*, an empty one if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
