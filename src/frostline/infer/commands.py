"""The command lines that start a project, in Dockerfile, Procfile, compose, Makefile and more."""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from frostline.infer.source_files import SourceFiles, table

_DEEPEST_SCRIPT = 3


@dataclass(frozen=True)
class Started:
    """One command of the project: its *words*, where it stands, and as which *process*."""

    words: tuple[str, ...]
    file: str
    line: int
    process: str = ""
    rank: int = 0
    """How sure the kind of file is: the lower, the surer."""

    @property
    def where(self) -> str:
        """Return `file:line`."""
        return f"{self.file}:{self.line}"


def commands(files: SourceFiles) -> tuple[Started, ...]:
    """Return the commands that start the project, the surest first."""
    found: list[Started] = []
    for rank, (pattern, read) in enumerate(_READERS):
        for name in files.names:
            if re.fullmatch(pattern, name, re.IGNORECASE):
                for started in read(files, name):
                    found += _split(files, replace(started, rank=rank), 0)
    return tuple(found)


def program(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return *words* from the program on: without what prepares or wraps it.

    `python -m uvicorn x:y` and `poetry run uvicorn x:y` become `uvicorn x:y`; a script stays
    `python FILE …`.
    """
    words = tuple(word for word in words if word)
    while words:
        name = PurePosixPath(words[0]).name
        if re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]) or name in _WRAPPERS:
            words = words[1:]
        elif name in _RUNNERS and words[1:2] == ("run",):
            words = _without_options(words[2:], _RUNNER_VALUES)
        elif name in _UNTIL_PROGRAM:
            words = _without_options(words[1:], ())
            words = words[1:] if name in {"gosu", "su-exec", "timeout"} else words
        elif "--" in words and name.startswith("wait-for"):
            words = words[words.index("--") + 1 :]
        elif re.fullmatch(r"(python|pypy)[\d.]*w?(\.exe)?|py|\$\(?\{?PYTHON\)?\}?", name):
            rest = _without_options(words[1:], ("-W", "-X"), keep=("-m", "-c"))
            return rest[1:] if rest[:1] == ("-m",) else ("python", *rest)
        else:
            return (name, *words[1:])
    return ()


_WRAPPERS = {
    "exec", "env", "sudo", "nohup", "time", "command", "opentelemetry-instrument", "ddtrace-run",
    "run-program", "newrelic-admin", "tini", "dumb-init", "--", "&&", "@", "-", "then", "do",
}  # fmt: skip
_RUNNERS = {"poetry", "uv", "pdm", "hatch", "pipenv", "rye", "pixi", "coverage"}
_RUNNER_VALUES = ("--extra", "--group", "--with", "--package", "--env-file", "-e", "-p", "--python")
_UNTIL_PROGRAM = {"gosu", "su-exec", "timeout", "nice", "stdbuf", "uvx", "xvfb-run"}


def _without_options(
    words: tuple[str, ...], with_value: Iterable[str], keep: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return *words* without the options before the first other word."""
    while words and words[0].startswith("-") and words[0] not in keep and words[0] != "-":
        words = words[2:] if words[0] in with_value else words[1:]
    return words


def _split(files: SourceFiles, started: Started, depth: int) -> Iterator[Started]:
    """Yield the simple commands of *started*, those of scripts that it runs in their place."""
    part: list[str] = []
    for word in (*started.words, ";"):
        if word not in {";", "&&", "||", "&", "|"}:
            part.append(word)
            continue
        words = program(tuple(part))
        part = []
        script = _script(files, words)
        if words[:2] in {("sh", "-c"), ("bash", "-c"), ("sh", "-lc"), ("bash", "-lc")}:
            yield from _split(files, replace(started, words=_words(" ".join(words[2:3]))), depth)
        elif script and depth < _DEEPEST_SCRIPT:
            for inner in _shell(files, script):
                yield from _split(files, replace(inner, process=started.process,
                                                 rank=started.rank), depth + 1)  # fmt: skip
        elif words:
            yield replace(started, words=words)


def _script(files: SourceFiles, words: tuple[str, ...]) -> str:
    """Return the shell script of the project that *words* run, "" if they run none."""
    named = words[1:2] if words[:1] in {("sh",), ("bash",), ("source",), (".",)} else words[:1]
    last = PurePosixPath(named[0]).name if named else ""
    if not last or last.endswith((".py", ".pyw")):
        return ""
    found = files.by_last.get(last, [])
    shell = (n for n in found if n.endswith(".sh") or (files.data(n)[:2] == b"#!" and
             b"sh" in files.data(n).split(b"\n")[0]))  # fmt: skip
    return next(shell, "")


def _words(line: str) -> tuple[str, ...]:
    """Return the words of a shell line, its operators as words of their own."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return tuple(lexer)
    except ValueError:  # a quotation that ends on another line
        return tuple(line.split())


def _shell(files: SourceFiles, name: str) -> Iterator[Started]:
    for number, line in _joined(files, name):
        text = line.strip().lstrip("@-")
        if text and not text.startswith("#"):
            yield Started(_words(text), name, number)


def _joined(files: SourceFiles, name: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of *name*, those that end with a backslash joined with the next."""
    start, kept = 0, ""
    for number, line in files.lines(name):
        start = start if kept else number
        kept += line.rstrip().removesuffix("\\") + " "
        if not line.rstrip().endswith("\\"):
            yield start, kept.rstrip()
            kept = ""


def _procfile(files: SourceFiles, name: str) -> Iterator[Started]:
    for number, line in files.lines(name):
        process, colon, command = line.partition(":")
        if colon and not line.startswith("#"):
            yield Started(_words(command), name, number, process.strip())


def _dockerfile(files: SourceFiles, name: str) -> Iterator[Started]:
    """Yield ENTRYPOINT and CMD of the last stage as one command."""
    lines: dict[str, tuple[int, tuple[str, ...]]] = {}
    for number, line in _joined(files, name):
        key, _, rest = line.strip().partition(" ")
        if key.upper() == "FROM":
            lines.clear()
        elif key.upper() in {"CMD", "ENTRYPOINT"}:
            try:
                exec_form = json.loads(rest)
                words = tuple(map(str, exec_form))
            except (ValueError, TypeError):
                words = _words(rest)
            lines[key.upper()] = (number, words)
    before = lines.get("ENTRYPOINT", (0, ()))
    last = lines.get("CMD", (0, ()))
    if (entry := _script(files, before[1])) and last[1] and '"$@"' in files.text(entry):
        before = (0, ())  # the script prepares, and runs CMD
    if before[1] or last[1]:
        yield Started((*before[1], *last[1]), name, last[0] or before[0])


def _compose(files: SourceFiles, name: str) -> Iterator[Started]:
    """Yield the `command` of each service; only the layouts that people write are read."""
    service, level, within = "", 0, False
    listed: list[str] = []
    at = 0
    for number, line in [*files.lines(name), (0, "end:")]:
        text = line.strip()
        if at and text.startswith("- "):
            listed.append(text[2:].strip("'\" "))
            continue
        if at and listed:
            yield Started(tuple(listed), name, at, service)
        at, listed = 0, []
        indent = len(line) - len(line.lstrip())
        key, _, value = text.partition(":")
        value = value.strip()
        if not text or text.startswith("#"):
            continue
        if indent == 0:
            within, level = key == "services", 0
        elif within and (level or indent) == indent:
            service, level = key, indent
        elif within and key in {"command", "entrypoint"}:
            if value.startswith("["):
                words = tuple(word.strip(" '\"") for word in value.strip("[]").split(","))
                yield Started(words, name, number, service)
            elif value.strip(">|-"):
                yield Started(_words(value.strip("'\"")), name, number, service)
            else:
                at = number


def _keyed(*keys: str) -> Callable[[SourceFiles, str], Iterator[Started]]:
    """Return a reader of the lines `KEY: command` and `KEY=command`."""
    pattern = re.compile(rf"\s*-?\s*(?:{'|'.join(keys)})\s*[:=]\s*(.+)")

    def read(files: SourceFiles, name: str) -> Iterator[Started]:
        for number, line in files.lines(name):
            if found := pattern.fullmatch(line.rstrip()):
                yield Started(_words(found[1].strip("'\"")), name, number)

    return read


def _tasks(files: SourceFiles, name: str) -> Iterator[Started]:
    """Yield the tasks of poe, taskipy, pdm and hatch in pyproject.toml."""
    tool = table(files.pyproject, "tool")
    for place in (("poe", "tasks"), ("taskipy", "tasks"), ("pdm", "scripts"),
                  ("hatch", "envs", "default", "scripts"), ("rye", "scripts")):  # fmt: skip
        for task, value in table(tool, *place).items():
            line = value.get("cmd") or value.get("shell") if isinstance(value, dict) else value
            if isinstance(line, str):
                number = files.line_of(name, line[:30]).rpartition(":")[2]
                yield Started(_words(line), name, int(number) if number.isdigit() else 1, task)


def _flask_app(files: SourceFiles, name: str) -> Iterator[Started]:
    """Yield `flask --app X` for each `FLASK_APP=X`; the same for Quart."""
    for number, line in files.lines(name):
        if found := re.search(r"\b(FLASK|QUART)_APP[ =:]+[\"']?([\w./:()'-]+)", line):
            yield Started((found[1].lower(), "--app", found[2].strip("'")), name, number)


_DOCKERFILE = r"([^/]*\.)?(dockerfile|containerfile)(\..*)?"
_COMPOSE = r"(docker-)?compose([.-][^/]*)?\.ya?ml"
_START = r"(start|run|serve|entrypoint|docker-entrypoint)[\w-]*\.sh"
# The precedence: what runs in production first, what is typed while developing last.
_READERS: tuple[tuple[str, Callable[[SourceFiles, str], Iterable[Started]]], ...] = (
    (r"procfile", _procfile),
    (rf"(docker|container)/.*{_DOCKERFILE}|{_DOCKERFILE}", _dockerfile),
    (rf"(docker/)?{_COMPOSE}", _compose),
    (r"render\.ya?ml", _keyed("startCommand")),
    (r"(app|railway|nixpacks)\.(ya?ml|toml|json)", _keyed("entrypoint", "startCommand", "cmd")),
    (r"fly\.toml", _keyed(r"\w+")),
    (r"(.*/)?[\w@.-]+\.service", _keyed("ExecStart")),
    (r"(.*/)?supervisord?\.conf", _keyed("command")),
    (r"[^/]*/(procfile)", _procfile),
    (rf"[^/]*/{_DOCKERFILE}", _dockerfile),
    (rf"(bin/|scripts/)?{_START}", _shell),
    (r"pyproject\.toml", _tasks),
    (r"\.flaskenv", _flask_app),
    (rf"{_DOCKERFILE}|{_COMPOSE}|{_START}|procfile", _flask_app),
    (r"(gnu)?makefile|justfile|taskfile\.ya?ml", _shell),
    (r"(gnu)?makefile|justfile|taskfile\.ya?ml", _flask_app),
)
PRODUCTION = 10
"""Ranks up to this one are what runs in production."""
