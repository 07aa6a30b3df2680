"""The files of a product's source: those of its folder, and what its pyproject.toml names."""

from collections.abc import Iterator
from pathlib import Path

from frostline.profile.build import Build
from frostline.profile.mistakes import is_table
from frostline.source import metadata, tree

# The tables of `[tool]` in which backends are told what belongs to a wheel.
_TABLES = (
    ("hatch", "build"), ("setuptools",), ("poetry",), ("flit",), ("pdm", "build"),
    ("uv", "build-backend"), ("maturin",), ("scikit-build",),
)  # fmt: skip


def files(build: Build) -> tuple[Path, ...]:
    """Return the files of the source of *build*, relative to its folder.

    Raises UsageError, TomlError.
    """
    folder = build.root / build.profile.source
    output = build.workspace.build
    return tree.files(folder, named(folder), environ=build.environ, output=output)


def digests(build: Build) -> dict[str, str]:
    """Return what determines each of `files`, by its path; raises as `files`."""
    folder = build.root / build.profile.source
    return {path.as_posix(): tree.digest_of(folder / path) for path in files(build)}


def named(folder: Path) -> tuple[Path, ...]:
    """Return what the backend's table in the pyproject.toml of *folder* names below *folder*.

    Git may ignore it, such as a built web page that is forced into the wheel. Raises UsageError,
    TomlError.
    """
    known = metadata.pyproject(folder)
    texts = (text for key in _TABLES for text in _texts(metadata.table(known, "tool", *key)))
    return tuple(sorted({place for text in texts for place in _places(folder, text)}))


def _texts(value: object) -> Iterator[str]:
    """Yield every text and key in *value* but what is left out of wheels."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif is_table(value):
        for key, item in value.items():
            if "exclude" not in key:
                yield key
                yield from _texts(item)


def _places(folder: Path, text: str) -> Iterator[Path]:
    pattern = text.strip("/").removeprefix("./")
    if not pattern.strip("*./") or ".." in pattern or Path(text).drive or "\n" in text:
        return
    try:
        yield from (path.relative_to(folder) for path in folder.glob(pattern))
    except (ValueError, OSError):  # the text is no pattern
        return
