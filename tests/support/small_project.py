"""Small projects, written as tables of files, and what is inferred from them."""

from collections.abc import Mapping
from pathlib import Path

from frostline.infer.inference import Inference, infer


def inferred(
    folder: Path, files: Mapping[str, str | bytes], given: Mapping[str, object] | None = None
) -> Inference:
    """Write *files* into a project in *folder*, and return what is inferred from them."""
    root = folder / "shop"
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return infer(root, [root / name for name in files], given or {})


def value(result: Inference, key: str) -> object:
    """Return the value of *key*, None if it was not inferred."""
    return next((item.value for item in result.values if item.key == key), None)


def reason(result: Inference, key: str) -> str:
    """Return the reason for *key*, "" if it was not inferred."""
    return next((item.reason for item in result.values if item.key == key), "")
