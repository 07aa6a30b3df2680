"""The files of a project as text and syntax trees; each is read and parsed at most once."""

import ast
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from frostline.infer import module_names

Toml = dict[str, object]


class SourceFiles:
    """The files of the project in *root*, by their paths relative to it, with `/`.

    *notes* says which files could not be read: they are skipped.
    """

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        self.root = root
        relative = (file.relative_to(root) if file.is_relative_to(root) else file for file in files)
        self.names: tuple[str, ...] = tuple(sorted({file.as_posix() for file in relative}))
        self.known = frozenset(self.names)
        self.by_last: dict[str, list[str]] = {}
        """The files by the last part of their names, the shallowest first."""
        for name in sorted(self.names, key=lambda name: (name.count("/"), name)):
            self.by_last.setdefault(PurePosixPath(name).name, []).append(name)
        self.notes: list[str] = []
        self._bytes: dict[str, bytes] = {}
        self._trees: dict[str, ast.Module | None] = {}
        self.pyproject = self.toml("pyproject.toml")
        self.import_roots = module_names.import_roots(self, self.pyproject)
        self.files = module_names.files_by_module(self.names, self.import_roots)
        """The files of the modules, by the modules' names."""
        self.modules = {file: module for module, file in self.files.items()}

    def data(self, name: str) -> bytes:
        """Return the content of the file *name*, empty if it cannot be read."""
        if name not in self._bytes:
            try:
                self._bytes[name] = (self.root / name).read_bytes() if name in self.known else b""
            except OSError as error:
                self.notes.append(f"{name} was not looked at: {error.strerror}")
                self._bytes[name] = b""
        return self._bytes[name]

    def text(self, name: str) -> str:
        """Return the text of the file *name*; what is no UTF-8 is replaced."""
        return self.data(name).decode("utf-8-sig", "replace")

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """Yield the lines of the file *name* with their numbers."""
        yield from enumerate(self.text(name).splitlines(), start=1)

    def line_of(self, name: str, text: str) -> str:
        """Return `name:line` of the first line that contains *text*, else `name`."""
        found = (number for number, line in self.lines(name) if text in line)
        number = next(found, 0)
        return f"{name}:{number}" if number else name

    def tree(self, name: str) -> ast.Module | None:
        """Return the syntax tree of the Python file *name*, None if it is no Python."""
        if name not in self._trees:
            self._trees[name] = self._parsed(name)
        return self._trees[name]

    def toml(self, name: str) -> Toml:
        """Return the content of the TOML file *name*, empty if there is none or it is no TOML."""
        try:
            return tomllib.loads(self.text(name))
        except tomllib.TOMLDecodeError as error:
            self.notes.append(f"{name} was not looked at: it is no TOML ({error})")
            return {}

    def python_with(self, *words: str) -> Iterator[str]:
        """Yield the Python files whose text has one of *words*."""
        wanted = [word.encode() for word in words]
        for name in self.names:
            if name.endswith((".py", ".pyw")) and any(word in self.data(name) for word in wanted):
                yield name

    def _parsed(self, name: str) -> ast.Module | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # invalid escapes in the user's strings
                return ast.parse(self.data(name), name)
        except SyntaxError as error:
            where, reason = f"{name}:{error.lineno or 1}", error.msg
        except (ValueError, RecursionError, MemoryError) as error:
            where, reason = name, str(error)
        if not module_names.in_aside_folder(name):
            self.notes.append(f"{where} was not looked at: {reason}")
        return None


def table(value: object, *keys: str) -> Toml:
    """Return the table at *keys* in the TOML data *value*, empty if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def texts(value: object) -> tuple[str, ...]:
    """Return the texts in the TOML array *value*, none if it is no array."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
