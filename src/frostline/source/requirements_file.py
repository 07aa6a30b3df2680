"""Reads requirements files as pip does, with the files that they include."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from frostline.core import text_file
from frostline.core.errors import LockError
from frostline.source import addresses, conditions, direct
from frostline.source.pins import Direct, Pin

_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASH = re.compile(r"\s--hash[=\s](\S+)")
_INCLUDE = re.compile(r"(?:-r|--requirement|-c|--constraint)[\s=]*(?P<file>.+)")
_EDITABLE = re.compile(r"(?:-e|--editable)[\s=]*(?P<place>.+)")
_LINKS = re.compile(r"(?:-f|--find-links)[\s=]*(?P<place>.+)")
_INDEX = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index")
# They change what is chosen when versions are resolved; a lock leaves no choice.
_CHOICE = (
    "--no-binary", "--only-binary", "--prefer-binary", "--pre", "--trusted-host", "--use-feature",
)  # fmt: skip


@dataclass(frozen=True)
class Requirements:
    """The requirements of a file and of those that it includes.

    *loose* are those without hash or exact version, by their place. *options* say where the
    installer looks. *lines* are all of it in one file. *options* and *lines* may hold credentials.
    *files* are all files that were read.
    """

    pins: tuple[Pin, ...] = ()
    loose: tuple[str, ...] = ()
    direct: tuple[Direct, ...] = ()
    options: tuple[str, ...] = field(default=(), repr=False)
    files: tuple[Path, ...] = ()
    lines: tuple[str, ...] = field(default=(), repr=False)

    def __add__(self, other: "Requirements") -> "Requirements":
        """Return the requirements of both."""
        return Requirements(
            self.pins + other.pins, self.loose + other.loose, self.direct + other.direct,
            self.options + other.options, self.files + other.files, self.lines + other.lines,
        )  # fmt: skip


def read(file: Path, folder: Path) -> Requirements:
    """Return the requirements in *file* and in the files that it includes.

    *folder* is the project's: paths of folders and archives are relative to it, as where pip runs.
    Raises LockError for a line that is no requirement or needs an environment variable, and for a
    file that includes itself or one that is missing; UsageError as `text_file.read`.
    """
    return _read(file, folder, ())


def _read(file: Path, folder: Path, above: tuple[Path, ...]) -> Requirements:
    if file.resolve() in above:
        message = f"{file} includes itself."
        raise LockError(message, hint="remove one of the lines -r or -c")
    found = Requirements(files=(file,))
    for number, line in _lines(text_file.read(file)):
        place = f"{file}:{number}"
        if line.startswith(_INDEX):
            found += Requirements(options=(line,), lines=(_anywhere(line, file.parent),))
            continue
        if variable := _VARIABLE.search(line):
            message = f"{place}: {variable[0]}: a lock cannot depend on environment variables."
            raise LockError(message, hint="write the value, or give the index in UV_INDEX")
        if include := _INCLUDE.fullmatch(line):
            path = file.parent / include["file"].strip("\"' ")
            found += _included(path, folder, place, (*above, file.resolve()), line)
        elif line.startswith(_CHOICE):
            found += Requirements(lines=(line,))
        elif not line.startswith("--require-hashes"):
            found += _requirement(line, folder, place)
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each logical line of *text* that is not empty, with its number, without comments."""
    start, line = 1, ""
    for number, part in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        start = start if line else number
        if part.endswith("\\") and not part.lstrip().startswith("#"):
            line += part.removesuffix("\\") + " "
            continue
        if whole := _COMMENT.sub("", line + part).strip():
            yield start, whole
        line = ""
    if whole := _COMMENT.sub("", line).strip():
        yield start, whole


def _anywhere(option: str, folder: Path) -> str:
    """Return *option* so that it means the same in any folder; *folder* is that of its file."""
    links = _LINKS.fullmatch(option)
    path = folder / links["place"].strip("\"' ") if links else folder
    return f"--find-links {path.resolve().as_uri()}" if links and path.exists() else option


def _included(
    path: Path, folder: Path, place: str, above: tuple[Path, ...], line: str
) -> Requirements:
    if not path.is_file():
        message = f"{place}: {addresses.public(line)}: there is no such file."
        raise LockError(message, hint="correct the line; addresses of files are not supported")
    found = _read(path, folder, above)
    if line.startswith(("-c", "--c")):  # it says which versions, not what is needed
        line = f"-c {path.absolute()}"
        return Requirements(options=found.options, files=found.files, lines=(line,))
    return found


def _requirement(line: str, folder: Path, place: str) -> Requirements:
    if editable := _EDITABLE.fullmatch(line):
        line = editable["place"]
        if not direct.looks_like(line):
            line = f"./{line}"
    hashes = tuple(_HASH.findall(line))
    text = re.split(r"\s--", line)[0].strip()
    if text.startswith("-"):
        message = f"{place}: {addresses.public(text)}: unknown option."
        raise LockError(message, hint="remove the line")
    if direct.looks_like(text):
        marker = conditions.text(conditions.parse(text.partition(" ;")[2].strip()))
        found = replace(direct.parse(text, folder, place), hashes=hashes, marker=marker)
        return Requirements(direct=(found,), lines=(direct.absolute(text, found),))
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        message = f"{place}: {addresses.public(text)} is no requirement."
        raise LockError(message, hint="write it as `name==version`, with its hashes") from None
    condition = conditions.parse(str(requirement.marker or ""))
    if requirement.url:
        found = direct.parse(requirement.url, folder, place, requirement.name)
        found = replace(found, hashes=hashes, marker=conditions.text(condition))
        return Requirements(direct=(found,), lines=(direct.absolute(text, found),))
    version = _pinned(requirement)
    if not (version and hashes):
        return Requirements(loose=(f"{place}: {text}",), lines=(text,))
    return Requirements(pins=(Pin(requirement.name, version, hashes, condition),), lines=(text,))


def _pinned(requirement: Requirement) -> str:
    """Return the one version that *requirement* allows, or "" if it allows several."""
    only = [*requirement.specifier]
    exact = len(only) == 1 and only[0].operator in {"==", "==="}
    return only[0].version if exact and not only[0].version.endswith("*") else ""
