"""The files beside a downloaded file: part, notes, lock, stamp."""

import contextlib
import json
from pathlib import Path


def forget(place: Path) -> None:
    """Remove the file at *place* and all files beside it."""
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
    """Return how many bytes of *place* an earlier attempt has fetched."""
    with contextlib.suppress(OSError):
        return part_of(place).stat().st_size
    return 0


def beside(place: Path, prefix: str, suffix: str) -> Path:
    """Return the path beside *place* with *prefix* and *suffix* added to its name."""
    return place.with_name(f"{prefix}{place.name}{suffix}")


def part_of(place: Path) -> Path:
    """Return the file that holds the bytes fetched so far."""
    return beside(place, "", ".part")


def sidecar_of(place: Path) -> Path:
    """Return the file that says where the part came from."""
    return beside(place, "", ".part.json")


def bad_of(place: Path) -> Path:
    """Return the file that keeps a wrong download for inspection."""
    return beside(place, "", ".bad")


def lock_of(place: Path) -> Path:
    """Return the file that is locked during a download."""
    return beside(place, ".", ".lock")


def stamp_of(place: Path) -> Path:
    """Return the file that records that *place* was checked."""
    return beside(place, ".", ".verified")


def read_json(path: Path) -> dict[str, object]:
    """Return the JSON object in *path*, {} if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
