"""Changes the code in small ways, one at a time; for each change a unit test must fail.

`python tests/mutations/mutate.py` tries the mutants of MODULES, `… control release/sign.py` those
of these folders and files. It prints a table, and writes build/mutations.json. Exit code 1: a
mutant survived that accepted.toml does not explain, or it explains one that did not survive.
Only on Linux: each mutant is tried in a fork of a process that has imported what tests need, in
namespaces of its own, since a mutant may kill or overwrite what it meets.
"""

import argparse
import compileall
import contextlib
import gc
import json
import os
import site
import sys
import tempfile
import venv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

assert sys.platform == "linux"

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "rows"))

import contained
from breaks import SOURCES, copy_checkout
from covered import Chosen, Recorder
from mutants import Mutant, mutants
from survivors import Trial, accepted, stale, table, unexplained

RUNTIME, BUILD = "frostline_runtime", "frostline"
MODULES = (
    f"{RUNTIME}/control", f"{BUILD}/smoke/verdict.py", f"{BUILD}/smoke/trial.py",
    f"{BUILD}/smoke/parity.py", f"{BUILD}/smoke/result.py", f"{BUILD}/audit/findings.py",
    f"{BUILD}/release/package.py", f"{BUILD}/release/listing.py", f"{BUILD}/release/sign.py",
    f"{BUILD}/release/publish.py", f"{BUILD}/freeze/prune.py", f"{BUILD}/freeze/prune_venv.py",
    f"{RUNTIME}/download", f"{RUNTIME}/supervision",
)  # fmt: skip
TESTS = ("tests/unit", "tests/faults/test_download.py")
_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--durations=0")
_WRONGLY_CALLED, _NONE_RAN = 4, 5  # pytest's exit codes
_SLOW = 5.0  # seconds; a slower test is not asked
_PATIENCE = 3.0  # seconds that a mutant has, and four times the time of its tests


@dataclass(frozen=True)
class Covered:
    """The unit tests of a copy: their *seconds*, and those that run a line or any of a module."""

    seconds: Mapping[str, float]
    lines: Mapping[tuple[str, int], frozenset[str]]

    def tests(self, module: str, mutant: Mutant) -> dict[str, float]:
        """Return the tests that may notice *mutant*, with their seconds."""
        names = {
            test
            for (name, line), tests in self.lines.items()
            if name == module and (line in mutant.lines or not mutant.lines)
            for test in tests
        }
        return {name: self.seconds[name] for name in names if self.seconds[name] < _SLOW}


def chosen_modules(words: Sequence[str]) -> list[str]:
    """Return the modules below `src` in MODULES that *words* name; without words all."""
    source = ROOT / "src"
    known = [path for name in MODULES for path in (source / name, *(source / name).rglob("*.py"))]
    names = [path.relative_to(source).as_posix() for path in known if path.is_file()]
    return [name for name in names if not words or any(f"/{word}" in f"/{name}" for word in words)]


def make_copy(folder: Path) -> None:
    """Copy the checkout to *folder*, with an environment whose Python imports the copy first."""
    copy_checkout(folder)
    for name in ("src", "tests"):
        compileall.compile_dir(folder / name, quiet=2)
    venv.create(folder / ".venv", symlinks=True)
    (packages,) = (folder / ".venv" / "lib").glob("*/site-packages")
    lines = [str(folder / name) for name in SOURCES]
    lines += [f"import site; site.addsitedir({name!r})" for name in site.getsitepackages()]
    here = str(Path(__file__).parent)
    lines += [f"import sys; sys.path.append({here!r}); import traced; traced.trace_child()"]
    (packages / "copy.pth").write_text("\n".join(lines), encoding="utf-8")


def enter(folder: Path) -> None:
    """Make this process one that works in the copy *folder*."""
    os.chdir(folder)
    sys.path[:0] = [str(folder / name) for name in SOURCES]
    sys.executable = str(folder / ".venv" / "bin" / "python")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[: len(SOURCES)])
    os.environ["TMPDIR"] = str(folder.parent)
    tempfile.tempdir = None


def import_all(folder: Path) -> None:
    """Import what the unit tests of the copy *folder* import, and forget what lies in it."""
    enter(folder)
    with open(os.devnull, "w", encoding="utf-8") as null, contextlib.redirect_stdout(null):
        pytest.main([*_OPTIONS, "--collect-only", "tests/unit"])
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", "")).startswith(f"{folder}/"):
            del sys.modules[name]
    gc.freeze()


def covered(folder: Path, tests: Sequence[str]) -> Covered:
    """Run *tests* in the copy *folder*; return what they run."""
    report = folder / "covered.json"

    def run() -> int:
        enter(folder)
        recorder = Recorder(folder / "src")
        code = pytest.main([*_OPTIONS[1:], *tests], plugins=[recorder])
        report.write_text(json.dumps([recorder.seconds, recorder.lines]), encoding="utf-8")
        return code

    _, status = os.waitpid(contained.start(run, folder.parent), 0)
    contained.result(status)
    seconds, ran = json.loads(report.read_text(encoding="utf-8"))
    lines: dict[tuple[str, int], set[str]] = {}
    for test, places in ran.items():
        for name, line in places:
            lines.setdefault((name, line), set()).add(test)
    return Covered(seconds, {place: frozenset(names) for place, names in lines.items()})


def start(folder: Path, module: str, mutant: Mutant, tests: Mapping[str, float]) -> int:
    """Put *mutant* into the copy *folder* and start *tests* there; return the process's pid."""
    file = folder / "src" / module
    file.write_bytes(mutant.apply((ROOT / "src" / module).read_bytes()))
    os.utime(file, (mutant.start, mutant.start))  # Python must not take the cached code
    files = list(dict.fromkeys(name.partition("::")[0] for name in tests))

    def run() -> int:
        sys.dont_write_bytecode = True
        enter(folder)
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        return pytest.main([*_OPTIONS, *files], plugins=[Chosen(tests)])

    return contained.start(run, folder.parent, _PATIENCE + 4 * sum(tests.values()))


def attempt(folders: Collection[Path], modules: Iterable[str], known: Covered) -> Iterator[Trial]:
    """Yield the trial of each mutant of *modules*; as many at once as there are *folders*."""
    free, running = [*folders], dict[int, tuple[Path, str, Mutant]]()

    def finish() -> Trial:
        pid, status = os.wait()
        folder, module, mutant = running.pop(pid)
        free.append(folder)
        source = ROOT / "src" / module
        (folder / "src" / module).write_bytes(source.read_bytes())
        times = (source.stat().st_atime, source.stat().st_mtime)
        os.utime(folder / "src" / module, times)
        return Trial(module, mutant, result_of(status))

    for module in modules:
        sys.stderr.write(f"{module}\n")
        for mutant in mutants((ROOT / "src" / module).read_bytes()):
            tests = known.tests(module, mutant)
            if not tests:
                yield Trial(module, mutant, "uncovered")
                continue
            if not free:
                yield finish()
            folder = free.pop()
            running[start(folder, module, mutant, tests)] = folder, module, mutant
    while running:
        yield finish()


def result_of(status: int) -> str:
    """Return the result of a mutant whose tests ended with *status*."""
    code = contained.result(status)
    if code == _WRONGLY_CALLED:
        message = "a test file is missing in the copy"
        raise AssertionError(message)
    results = {0: "survived", _NONE_RAN: "uncovered", contained.TIMED_OUT: "timed out"}
    return results.get(code, "killed")


def check_nothing(folder: Path, module: str, known: Covered) -> None:
    """Exit if a test fails although nothing is changed: it would fail for every mutant."""
    tests = {name: took for name, took in known.seconds.items() if took < _SLOW}
    _, status = os.waitpid(start(folder, module, Mutant("", "", "", 0, 0, "", ()), tests), 0)
    if result_of(status) != "survived":
        sys.stdout.write((folder.parent / "output").read_text(encoding="utf-8")[-3000:])
        sys.exit("A test fails with nothing changed.")


def main() -> int:
    """Try the mutants of the modules that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as release/sign.py")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="that may notice (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    modules = chosen_modules(options.modules)
    if not modules:
        parser.error("no module of MODULES has this name")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        base = Path(temporary).resolve()
        folders = [base / str(number) / "checkout" for number in range(options.jobs)]
        for folder in folders:
            make_copy(folder)
        import_all(folders[0])
        known = covered(folders[0], options.tests)
        check_nothing(folders[0], modules[0], known)
        trials = [*attempt(folders, modules, known)]
    return show(trials)


def show(trials: Sequence[Trial]) -> int:
    """Print the results and write them to a file; return the exit code."""
    report = ROOT / "build" / "mutations.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps([asdict(trial) for trial in trials], indent=1), encoding="utf-8")
    known = accepted()
    new, old = unexplained(trials, known), stale(trials, known)
    lines = []
    for trial in sorted(new, key=lambda trial: (trial.module, trial.mutant.start)):
        made = trial.mutant
        lines += [f"{trial.result}: {trial.module}: {made.function}: {made.line}"]
        lines += [f"    {made.what}"]
    lines += [f"stale in accepted.toml: {item}" for item in old]
    sys.stdout.write("\n".join([*lines, *table(trials, known)]) + "\n")
    return 1 if new or old else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # without the work of forgetting all that was imported
