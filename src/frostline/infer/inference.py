"""What a project's files say of its profile: the one entrance of the static inference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from frostline.infer import module_names, parsers, programs, recognition
from frostline.infer.applications import Applications
from frostline.infer.product import Found, Value
from frostline.infer.source_files import SourceFiles
from frostline.profile.build import Inferred


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
    found = _completed(recognition.recognise(applications, given), applications, given)
    values = tuple(
        Inferred(value.key, value.value, value.reason)
        for value in found.values
        if not _is_given(value.key, given)
    )
    return Inference(values, tuple(dict.fromkeys([*found.notes, *source.notes])))


def _completed(found: Found, applications: Applications, given: Mapping[str, object]) -> Found:
    """Return *found* with what follows from its entry: source, further programs, smoke commands."""
    inferred = found.get("entry")
    entry = given.get("entry") or (inferred.value if inferred else "")
    if not isinstance(entry, str) or not entry:
        return found
    found = _with_source(found, applications.files, entry)
    scripts = programs.console_scripts(applications.files)
    others = [script for script in scripts if script.entry != entry]
    serve = given.get("serve", found.get("serve"))
    if "services" in given or found.get("services") or serve not in {None, "function"}:
        return _with_console_scripts(found, others)
    if others and len(others) < len(scripts):
        programs_beside = [{"name": script.name, "entry": script.entry} for script in others]
        found = found.with_value(Value("executables", programs_beside, others[0].where))
    commands = parsers.subcommands(applications, entry)
    if commands is not None:
        lines = [["--help"], *([name, "--help"] for name in commands)]
        reason = f"the command line of {entry}"
        return found.with_value(Value("smoke.commands", _asking(*lines), reason))
    window = found.get("console")
    if window is None:  # else it is a program with a window, which does not end
        reason = f"{entry} has no command line that is recognised: it is run once"
        found = found.with_value(Value("smoke.commands", _asking([]), reason))
    return found


def _asking(*lines: list[str]) -> list[dict[str, list[str]]]:
    """Return the smoke commands with the arguments *lines*."""
    return [{"arguments": line} for line in lines]


def _with_source(found: Found, files: SourceFiles, entry: str) -> Found:
    """Return *found* with the folder of the project from which the module of *entry* comes."""
    file = files.files.get(entry.partition(":")[0])
    if file is None or programs.is_installable(files):
        return found
    folder = module_names.project_of(file, files.import_roots, files.names)
    reason = f"{file} is imported from there"
    return found.with_value(Value("source", folder, reason)) if folder else found


def _with_console_scripts(found: Found, scripts: Sequence[programs.Script]) -> Found:
    known = found.get("console_scripts")
    names = [*found.entries("console_scripts"), *(script.name for script in scripts)]
    reason = known.reason if known else scripts[0].where if scripts else ""
    return found.with_value(Value("console_scripts", names, reason)) if names else found


def _is_given(key: str, given: Mapping[str, object]) -> bool:
    value: object = given
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True
