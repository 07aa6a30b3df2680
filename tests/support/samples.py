"""Sample products, frozen once in a run of the tests and shared by its processes.

No test changes a sample: it works on a copy. What a sample was after its freeze is compared with
what it is at the end of the run.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import verbs
from filelock import FileLock

from frostline.core import digest, platforms
from frostline.core.workspace import Layout, Target

ROOT = Path(__file__).resolve().parents[2]
PRODUCTS = ROOT / "tests" / "products"


@dataclass(frozen=True)
class Sample:
    """A product of the sample project *project*, and the verbs that run before and after a freeze.

    The project `ours` is this one: argo, rag and tinyllama.
    """

    project: str
    before: tuple[str, ...] = ()
    after: tuple[tuple[str, ...], ...] = ()


SAMPLES = {
    "argo": Sample("ours"),
    "rag": Sample("ours"),
    "tinyllama": Sample("ours"),
    "echo": Sample("echo", ("evidence",), (("audit", "--accept"),)),
    "frail": Sample("frail", ("evidence",), (("audit", "--accept"),)),
    "frailtool": Sample("frail", ("evidence",)),
    "hard": Sample("hard", ("evidence",)),
}


@dataclass(frozen=True)
class Samples:
    """The samples of one run of the tests, in the folder *root*."""

    root: Path

    def frozen(self, product: str, layout: Layout = "onedir") -> Path:
        """Return the project of *product*, frozen in *layout*; no test may change it."""
        sample = SAMPLES[product]
        project = self.root / sample.project
        target = Target(product, platforms.host(), layout)
        with FileLock(self.root / f"{sample.project}.lock"):
            if not project.exists():
                lay_out(sample.project, project)
        with FileLock(self.root / f"{product}.lock"):
            if not (project / f"{target.name}.digest").exists():
                self._freeze(project, product, layout)
        return project

    def _freeze(self, project: Path, product: str, layout: Layout) -> None:
        sample, named = SAMPLES[product], ("--product", product)
        first = not any(project.glob(f"{product}-{platforms.host().name}*.digest"))
        for verb in sample.before if first else ():
            verbs.output(project, verb, *named)
        verbs.output(project, "build", "--freeze-only", *named, "--layout", layout)
        for words in sample.after if first else ():
            verbs.output(project, *words, *named)
        record(project, Target(product, platforms.host(), layout))

    def copy(self, into: Path, *names: str) -> Path:
        """Return a copy, in the new folder *into*, of a project with the products *names* frozen.

        A name such as `echo-onefile` has a layout. A test may change the copy; frostline takes its
        bundles for up to date.
        """
        targets = [target_named(name) for name in names]
        project = [self.frozen(target.product, target.layout) for target in targets][-1]
        copied = {target.name for target in targets}
        into.mkdir(parents=True)
        for path in sources(project):
            _copy(path, into / path.name)
        for folder in ("work", "output", "log"):
            for path in (project / "build" / folder).iterdir():
                if path.name.partition(".")[0] in copied:
                    _copy(path, into / "build" / folder / path.name)
        return into


def target_named(name: str) -> Target:
    """Return the target of this machine that *name*, such as `echo` or `echo-onefile`, means."""
    layout: Layout = "onefile" if name.endswith("-onefile") else "onedir"
    return Target(name.partition("-")[0], platforms.host(), layout)


def lay_out(name: str, folder: Path) -> Path:
    """Return a copy of the sources of the sample project *name* in the new folder *folder*."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    if name != "ours":
        return Path(shutil.copytree(PRODUCTS / name, folder, ignore=ignored))
    for part in ("apps", "specs", "resources"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    return folder


def sources(project: Path) -> list[Path]:
    """Return what a sample project holds beside its build folder and its digests."""
    return [path for path in project.iterdir() if path.name != "build" and path.suffix != ".digest"]


def described(project: Path, target: Target) -> dict[str, str]:
    """Return the digests of the bundle and reports of *target*, and of its product's sources."""
    output = project / "build" / "output"
    reports = sorted(output.glob(f"{target.name}.*"))
    return {
        target.name: digest.of_folder(output / target.name)[0],
        **{path.name: digest.of_file(path) for path in reports},
        **{
            f"specs/{path.name}": digest.of_file(path)
            for path in sorted((project / "specs").glob(f"{target.product}.*"))
        },
        **{
            path.name: digest.of_folder(path)[0]
            for path in sources(project)
            if path.is_dir() and path.name != "specs"
        },
    }


def record(project: Path, target: Target) -> None:
    """Write down what *target* is now, for `changed`."""
    found = json.dumps(described(project, target))
    (project / f"{target.name}.digest").write_text(found, encoding="utf-8")


def changed(root: Path) -> list[str]:
    """Return what was changed in the samples below *root* after they were frozen."""
    found = []
    for file in sorted(root.glob("*/*.digest")):
        before = json.loads(file.read_text(encoding="utf-8"))
        after = described(file.parent, target_named(file.stem))
        names = sorted(before.keys() | after.keys())
        found += [f"{file.stem}: {n}" for n in names if before.get(n) != after.get(n)]
    return found


def _copy(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, place, symlinks=True)
    else:
        shutil.copy2(path, place)
