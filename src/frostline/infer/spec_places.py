"""What a PyInstaller spec says, as it is placed: values, files, packages, and notes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from frostline.infer.source_files import SourceFiles
from frostline.infer.spec_values import Collected, Computed, Made


@dataclass
class Spec:
    """A spec: *script* is the file of its first Analysis; *values* are (key, value, reason)."""

    file: str
    script: str = ""
    where: str = ""
    values: list[tuple[str, object, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Places:
    """Collects the values and notes of *spec*; *folder* is the spec's."""

    def __init__(self, spec: Spec, files: SourceFiles) -> None:
        self.spec, self._files = spec, files
        self._folder = PurePosixPath(spec.file).parent
        self._packages: dict[str, dict[str, bool]] = {}
        self._lists: dict[str, tuple[list[object], str]] = {}

    def value(self, key: str, value: object, line: int) -> None:
        """Place *value* in *key*."""
        self.spec.values.append((key, value, f"{self.spec.file}:{line}"))

    def finish(self) -> None:
        """Place the arrays and the packages that several options make together."""
        for key, (items, where) in self._lists.items():
            if items:
                self.spec.values.append((key, items, where))
        for package, keys in self._packages.items():
            self.spec.values.append((f"packages.{package}", keys, self.spec.file))

    def package(self, item: Collected) -> None:
        """Place what is collected of a package."""
        self._packages.setdefault(item.package, {}).update(dict.fromkeys(item.keys, True))

    def files(self, key: str, value: object, line: int) -> None:
        """Place the (source, destination) pairs of *value*, trees and collected packages."""
        for item in value if isinstance(value, list) else [value]:
            match item:
                case None:
                    pass
                case Collected():
                    self.package(item)
                case (str() as source, str() as destination):
                    self._data(key, source, destination, line)
                case Made(kind="Tree"):
                    self._tree(item)
                case Computed(text=text, line=at):
                    self.note(at or line, text, f"write a [[{key}]] table, or [packages.NAME]")
                case (Computed(text=text), _) | (_, Computed(text=text)):
                    self.note(line, text, f"write a [[{key}]] table, or [packages.NAME]")
                case _:
                    self.note(line, repr(item), f"write a [[{key}]] table")

    def _tree(self, made: Made) -> None:
        given = dict(zip(("root", "prefix", "excludes"), made.arguments, strict=False))
        given |= made.keywords
        root, prefix = given.get("root"), given.get("prefix") or "."
        if isinstance(root, str) and isinstance(prefix, str):
            self._data("data", root, prefix, made.line)
        else:
            self.note(made.line, "Tree", "write a [[data]] table")
        if given.get("excludes"):
            self.note(made.line, f"excludes = {given['excludes']!r}", "write glob in [[data]]")

    def _data(self, key: str, source: str, destination: str, line: int) -> None:
        path = self.path(source)
        table: dict[str, object] = {"source": path, "destination": destination or "."}
        folder, last = PurePosixPath(path).parent, PurePosixPath(path).name
        if any(letter in last for letter in "*?["):
            table = {"source": str(folder), "destination": destination or ".", "glob": last}
            path = str(folder)
        if path != "." and not self._exists(path):
            self.note(
                line, source, f"it is not in the project: write a [[{key}]] table if it is needed"
            )
            return
        self.more(key, [table], line)

    def more(self, key: str, items: Sequence[object], line: int) -> None:
        """Add *items* to the array *key*."""
        known, _ = self._lists.setdefault(key, ([], f"{self.spec.file}:{line}"))
        known += [item for item in items if item not in known]

    def path(self, path: str) -> str:
        """Return *path* of the spec relative to the project.

        Some specs are run from the project's root although they lie elsewhere.
        """
        below, at_root = (
            _plain(folder / path.replace("\\", "/")) for folder in (self._folder, PurePosixPath())
        )
        return at_root if self._exists(at_root) and not self._exists(below) else below

    def _exists(self, path: str) -> bool:
        inside = f"{path}/"
        return path in self._files.known or any(
            name.startswith(inside) for name in self._files.names
        )

    def note(self, line: int, what: str, todo: str) -> None:
        """Note *what* stands in *line*, and what to do about it."""
        self.spec.notes.append(f"{self.spec.file}:{line}: {what}: {todo}")


def _plain(path: PurePosixPath) -> str:
    """Return *path* without `..`."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return str(PurePosixPath(*parts))
