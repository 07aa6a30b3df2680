"""Prunes a virtual environment, for example for a container.

Files are moved aside, the environment is tested, and files that it needs are put back. The files
moved aside stay in a folder of the environment until the user confirms or undoes the pruning.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from frostline.core import command, json_file, workspace
from frostline.core.errors import BusyError, HostError, UsageError
from frostline.freeze import prune
from frostline.freeze.prune import Candidate
from frostline.launch import evidence
from frostline.launch.evidence import Fact
from frostline.profile.build import Build
from frostline.source import distributions, environment
from frostline.source.product import product_environment

STORE = ".frostline-pruned"
_JOURNAL = "journal.json"
_PATIENCE = 60.0
_LINE = 256
# Loads all metadata and entry points; writes the problem of each, "" if none.
_PROBE = """
import json, sys
from importlib import metadata
found = {}
for item in metadata.distributions():
    name = item.metadata["Name"]
    found[f"metadata: {name}"] = [name, "" if item.version else "no version"]
    for entry in item.entry_points:
        try:
            entry.load()
            problem = ""
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            problem = f"{type(error).__name__}: {error}"
        found[f"entry point: {entry.group}: {entry.name}"] = [name, problem]
json.dump(found, open(sys.argv[1], "w", encoding="utf-8"))
"""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Venv:
    """A virtual environment: its folder, interpreter, packages and scripts."""

    folder: Path
    python: Path
    packages: Path
    scripts: Path


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """The result of a pruning: the files that are *gone*, and those *returned*.

    *broken* are the checks that failed without the returned files, with reasons. *checked*: the
    number of look-ups, entry points and scripts that were checked before and after.
    """

    gone: tuple[Candidate, ...]
    returned: tuple[Candidate, ...] = ()
    broken: Mapping[str, str]
    checked: int


@dataclass(frozen=True)
class Undone:
    """The result of undoing a pruning: the number of *files* that were put back."""

    files: int


@dataclass(frozen=True)
class Confirmed:
    """The result of confirming a pruning: the *size* in bytes of what was deleted."""

    size: int


@dataclass(frozen=True)
class _Check:
    """A check that passed before the pruning; without *argv* the probe makes it."""

    name: str
    distribution: str
    argv: tuple[str, ...] = ()


def prunable(build: Build, folder: Path | None) -> tuple[Candidate, ...]:
    """Return the files to prune of the environment in *folder*, or of the product's own."""
    facts = evidence.applying_to(build)
    if folder:
        return look(find(folder.absolute()), facts)
    with build.exclusively():
        packages = product_environment(build).site_packages
    return prune.choose(distributions.installed(packages), packages, facts)


def find(folder: Path) -> Venv:
    """Return the virtual environment in *folder*.

    Raises UsageError if there is none, HostError if it was moved or its Python is gone.
    """
    if not (folder / "pyvenv.cfg").is_file():
        message = f"{folder} is not a virtual environment: it has no pyvenv.cfg."
        raise UsageError(message, hint="name the folder that `python -m venv` made")
    python, packages = environment.layout(folder)
    moved = [*_moved(python.parent)]
    if moved:
        script, interpreter = moved[0]
        more = f" (and {len(moved) - 1} more)" if len(moved) > 1 else ""
        message = (
            f"{folder} was moved: {script}{more} uses {interpreter}, which does not exist. "
            'A shell reports this as "no such file or directory" for the script.'
        )
        raise HostError(message, hint="make the environment at the path where it will be used")
    if not python.exists():
        message = f"{python} does not exist: the environment's Python was removed."
        raise HostError(message, hint="make the environment again")
    return Venv(folder, python, packages, python.parent)


def look(venv: Venv, facts: Iterable[Fact]) -> tuple[Candidate, ...]:
    """Return the files of *venv* that can be pruned; change nothing."""
    known = distributions.installed(venv.packages)
    chosen = {item.place: item for item in prune.in_tree(venv.packages)}
    chosen |= {item.place: item for item in prune.choose(known, venv.packages, facts)}
    return tuple(sorted(chosen.values()))


def apply(
    venv: Venv, chosen: Collection[Candidate], environ: Mapping[str, str], tell: Tell
) -> Pruned:
    """Move the *chosen* files aside, check the environment, put back the files that it needs.

    *tell* gets progress messages. After an error or interrupt, all files are put back. Raises
    BusyError if an earlier pruning was neither confirmed nor undone.
    """
    if (venv.folder / STORE).exists():
        message = f"an earlier pruning of {venv.folder} was neither confirmed nor undone."
        raise BusyError(message, hint="run `frostline prune --venv … --confirm`, or `--undo`")
    with workspace.temporary() as scratch:
        proof = _Proof(venv, environ, scratch, tell)
        before = proof.working()
        try:
            _move_aside(venv, chosen)
            broken = proof.problems(before)
            gone = set(chosen)
            for check in (check for check in before if check.name in broken):
                for group in _groups(gone, check.distribution):
                    if not proof.problems([check]):
                        break
                    tell(f"putting back {group[0].category} of {group[0].distribution or 'none'}")
                    _put_back(venv, group)
                    gone -= set(group)
        except BaseException:
            if (venv.folder / STORE / _JOURNAL).exists():
                undo(venv)
            raise
    returned = tuple(sorted(set(chosen) - gone))
    return Pruned(gone=tuple(sorted(gone)), returned=returned, broken=broken, checked=len(before))


def undo(venv: Venv) -> Undone:
    """Put all files back."""
    places = _journal(venv)
    for place in places:
        source, target = _stored(venv, place), venv.packages / place
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
    workspace.remove(venv.folder / STORE)
    return Undone(len(places))


def confirm(venv: Venv) -> Confirmed:
    """Delete the files that were moved aside."""
    _journal(venv)
    store = venv.folder / STORE
    size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    workspace.remove(store)
    return Confirmed(size)


class _Proof:
    """Checks the metadata, entry points and scripts of an environment."""

    def __init__(self, venv: Venv, environ: Mapping[str, str], scratch: Path, tell: Tell) -> None:
        self._venv, self._scratch, self._tell = venv, scratch, tell
        self._environ = environment.child_environment(environ)

    def working(self) -> list[_Check]:
        """Return the checks that pass now; only these are repeated after the pruning."""
        self._tell("checking the environment before pruning")
        found = self._probe()
        checks = [_Check(name, owner) for name, (owner, problem) in found.items() if not problem]
        for name, item in distributions.installed(self._venv.packages).items():
            for entry in item.entry_points.select(group="console_scripts"):
                script = self._venv.scripts / entry.name
                for word in ("--version", "--help"):
                    argv = (str(script), word)
                    if script.is_file() and not self._run(argv):
                        checks.append(_Check(f"script: {entry.name} {word}", name, argv))
                        break
        return checks

    def problems(self, checks: Collection[_Check]) -> dict[str, str]:
        """Return the *checks* that fail now, with the reasons."""
        self._tell(f"checking {len(checks)} look-ups and programs")
        found = self._probe() if any(not check.argv for check in checks) else {}
        problems = {
            check.name: self._run(check.argv)
            if check.argv
            else found.get(check.name, ("", "it is not found any more"))[1]
            for check in checks
        }
        return {name: problem for name, problem in problems.items() if problem}

    def _probe(self) -> dict[str, tuple[str, str]]:
        report = self._scratch / "probe.json"
        report.unlink(missing_ok=True)
        self._run((str(self._venv.python), "-P", "-c", _PROBE, str(report)))
        return json_file.read(report, dict[str, tuple[str, str]]) if report.exists() else {}

    def _run(self, argv: Sequence[str]) -> str:
        """Run *argv* and return its problem, or "" if it succeeds."""
        log = self._scratch / "log"
        with command.Process(argv, log=log, env=self._environ, cwd=self._scratch) as running:
            running.close_stdin()
            try:
                code = running.wait(_PATIENCE)
            except TimeoutError as error:
                return str(error)
            tail = running.tail()
        return f"exit code {code}: {tail[-1] if tail else ''}" if code else ""


def _moved(scripts: Path) -> Iterator[tuple[str, str]]:
    """Yield each script whose interpreter does not exist, with that interpreter."""
    for path in sorted(scripts.iterdir()) if scripts.is_dir() else ():
        with path.open("rb") as file:
            head = file.readline(_LINE)
        if head.startswith(b"#!/"):
            interpreter = head[2:].decode("utf-8", "replace").split()[0]
            if not Path(interpreter).exists():
                yield path.name, interpreter


def _groups(gone: Collection[Candidate], distribution: str) -> list[list[Candidate]]:
    """Return *gone* grouped by distribution and category, the groups of *distribution* first."""
    groups: dict[tuple[bool, str, str], list[Candidate]] = {}
    for item in sorted(gone):
        key = (item.distribution != distribution, item.distribution, item.category)
        groups.setdefault(key, []).append(item)
    return [groups[key] for key in sorted(groups)]


def _move_aside(venv: Venv, chosen: Iterable[Candidate]) -> None:
    places = [item.place for item in chosen]
    json_file.write(venv.folder / STORE / _JOURNAL, places)
    for place in places:
        source, target = venv.packages / place, _stored(venv, place)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        for folder in source.parents:
            if folder == venv.packages or any(folder.iterdir()):
                break
            folder.rmdir()


def _put_back(venv: Venv, group: Iterable[Candidate]) -> None:
    for item in group:
        target = venv.packages / item.place
        target.parent.mkdir(parents=True, exist_ok=True)
        _stored(venv, item.place).replace(target)


def _stored(venv: Venv, place: str) -> Path:
    return venv.folder / STORE / "files" / place.replace("..", "up")


def _journal(venv: Venv) -> list[str]:
    try:
        return json_file.read(venv.folder / STORE / _JOURNAL, list[str])
    except FileNotFoundError:
        message = f"{venv.folder} has no pruning to confirm or undo."
        raise UsageError(message, hint="run `frostline prune --venv … --apply` first") from None
