"""What a project's files say of its profile: the one entrance of the static inference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from frostline.infer import module_names, parsers, programs, recognition
from frostline.infer.applications import Applications
from frostline.infer.recognition import Found, Value
from frostline.infer.source_files import SourceFiles


@dataclass(frozen=True)
class Inferred:
    """One key of the profile: *value* as in TOML, and the *reason*, such as `src/app.py:14`."""

    key: str
    value: object
    reason: str


@dataclass(frozen=True)
class Inference:
    """What was inferred, and *notes* on what was seen and has no place in *values*."""

    values: tuple[Inferred, ...]
    notes: tuple[str, ...]


def infer(root: Path, files: Sequence[Path], given: Mapping[str, object]) -> Inference:
    """Return what the *files* of the project in *root* say of the keys that *given* lacks.

    *given* is the profile as it is written. Nothing is imported or run; a file that cannot be read
    is skipped with a note.
    """
    source = SourceFiles(root, files)
    applications = Applications(source)
    found = recognition.recognise(applications, given)
    found = _completed(found, applications, given)
    values = tuple(
        Inferred(value.key, value.value, value.reason)
        for value in found.values
        if not _is_given(value.key, given)
    )
    return Inference(values, tuple(dict.fromkeys([*found.notes, *source.notes])))


def _completed(found: Found, applications: Applications, given: Mapping[str, object]) -> Found:
    """Return *found* with what follows from its entry: source, further programs, smoke commands."""
    files = applications.files
    values = {value.key: value for value in found.values}
    entry = given.get("entry") or (values["entry"].value if "entry" in values else "")
    if not isinstance(entry, str) or not entry:
        return found
    added: list[Value] = []
    module = entry.partition(":")[0]
    folder = _source(files, module)
    if folder:
        added.append(Value("source", folder, f"{files.files[module]} is imported from there"))
    serves = {"services", "serve"} & {*values, *given} - _plain(given)
    scripts = [script for script in programs.console_scripts(files) if script.entry != entry]
    if serves:
        names = [script.name for script in scripts]
        known = values.get("console_scripts")
        if known and isinstance(known.value, list):
            names = [*known.value, *names]
        if names:
            reason = known.reason if known else scripts[0].where
            found = Found(tuple(v for v in found.values if v is not known), found.notes)
            added.append(Value("console_scripts", names, reason))
        return Found((*found.values, *added), found.notes)
    if scripts and any(script.entry == entry for script in programs.console_scripts(files)):
        tables = [{"name": script.name, "entry": script.entry} for script in scripts]
        added.append(Value("executables", tables, scripts[0].where))
    commands = parsers.subcommands(applications, entry)
    if commands is not None:
        lines = [["--help"], *([name, "--help"] for name in commands)]
        reason = f"{entry} has a command line that is known"
        added.append(Value("smoke.commands", [{"arguments": line} for line in lines], reason))
    return Found((*found.values, *added), found.notes)


def _plain(given: Mapping[str, object]) -> set[str]:
    """Return the keys that say nothing of a server although they are given."""
    return {"serve"} if given.get("serve") == "function" else set()


def _source(files: SourceFiles, module: str) -> str:
    """Return the folder of the project in which *module* lies, "" if that is the root."""
    file = files.files.get(module)
    if file is None or programs.is_installable(files):
        return ""
    return module_names.project_of(file, files.import_roots, files.names)


def _is_given(key: str, given: Mapping[str, object]) -> bool:
    value: object = given
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True
