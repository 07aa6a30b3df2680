"""The verbs of frostline, as Invoke tasks."""

import dataclasses
import os
import shlex
import sys
from dataclasses import asdict
from datetime import date
from functools import partial
from inspect import signature
from json import dumps
from pathlib import Path
from typing import Literal

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from frostline import dispatch as anywhere
from frostline import pipeline
from frostline.audit import treemap as treemaps
from frostline.cli import doctor as doctor_module
from frostline.cli import matrix as matrices
from frostline.cli import tables as show
from frostline.cli import typed_task as typed
from frostline.cli.typed_task import Body, TypedTask
from frostline.core import log, platforms, workspace
from frostline.core.archive import Kind as ArchiveKind
from frostline.core.errors import FetchError, UsageError
from frostline.core.platforms import PLATFORMS, Platform, host, parse
from frostline.core.workspace import Target, Workspace
from frostline.dispatch import Means
from frostline.freeze import bundle
from frostline.freeze import plan as collect
from frostline.freeze import prune_venv as venvs
from frostline.freeze.prune import by_category
from frostline.hosts.choice import Where
from frostline.llamafile import pack as packing
from frostline.llamafile import serve as model_server
from frostline.llamafile.serve import Wish
from frostline.profile import resources as pins
from frostline.profile.reading import load
from frostline.release import package as packages
from frostline.release.shells import Shell
from frostline.source import fetch as fetching
from frostline.source import stage

Layout = Literal["onedir", "onefile"]
SigningTool = Literal["own", "osslsigncode"]
SMOKE_FAILED = 5
HOST_UNFIT = 3


def _platform(name: str) -> Platform | None:
    if not name:  # as a workflow hands on what was not asked for
        return None
    found = parse(name)
    if name not in {found.name, "host"}:
        log.note(f"{name} is {found.name} here")
    return found


typed.converters[Platform] = _platform


_HELP = {
    "product": "a product of this project: see `products`",
    "platform": "one of `platforms`, or host (default: host)",
    "layout": "onedir or onefile (default: the profile's)",
    "where": "auto, host, container or remote (GitHub's machines)",
    "python": "the version they are for, such as 3.11 (default: this one)",
    "engine": "podman or docker (default: the one that answers)",
    "debian": "make it of Debian's packages, with mmdebstrap",
    "run": "a run on GitHub to go on with, by its number",
    "clean": "forget what earlier builds of this product made",
    "debug": "keep PyInstaller's DEBUG log in build/log",
    "json": "print the result as JSON",
    "model_server": "a llamafile to smoke-test with (default: the profile's)",
    "repeat": "how many times; the first failure ends it (default: 1)",
    "check": "hash every file that is there; exit code 8 if one is wrong",
    "fetch": "fetch what is missing",
    "offline": "fetch nothing: say what is missing",
    "pin": "measure the file at --url, and write its figures into resources.toml",
    "url": "the address for --pin",
    "model": "a .gguf or .llamafile: a file, an address, or a resource (default: the pinned one)",
    "base": "a llamafile without a model: a file, an address, a resource, or a built product",
    "host": "where to listen; only this machine (127.0.0.1)",
    "port": "1-65535 (default: a free one)",
    "gpu_layers": "layers on the graphics card (default: 0)",
    "ctx_size": "context in tokens (default: the model's)",
    "n_predict": "most tokens of an answer (default: no limit)",
    "args": "further arguments for the llamafile, as a shell would split them",
    "merge": "keep what earlier runs here have shown",
    "venv": "a virtual environment (default: what the build of --product collects from)",
    "apply": "move it aside, try what is left, and put back what is needed",
    "undo": "put everything back",
    "confirm": "remove for good what --apply has moved aside",
    "name": "a module, or a file by its place in the bundle",
    "old": "a bundle.json",
    "new": "another bundle.json",
    "archive": "a file that `package` has made, with release.json beside it; or their folder",
    "kind": "tar.zst, tar.gz or zip (default: the platform's)",
    "unproven": "pack it although no audit or smoke test has found it good",
    "dry_run": "print the commands, on any host, and run none",
    "tool": "own (signtool, on Windows) or osslsigncode (anywhere)",
    "folder": "where the packed artifacts lie, each with its release.json",
    "tag": "the release's tag",
    "notes": "a file with what the release's page says",
    "final": "the draft becomes public",
    "shell": "electron or tauri",
    "accept": "take the modules that PyInstaller did not find as reviewed",
    "sarif": "also write the findings as SARIF, for GitHub",
    "yes": "fetch an address that is not pinned, and replace --out, without asking",
    "pack": "make a llamafile of this .gguf and --base",
    "out": "the file that is written",
    "inspect": "say what this .llamafile or .gguf holds",
}


def _verb(function: Body) -> TypedTask:
    flags = signature(function).parameters
    texts = {name: text for name, text in _HELP.items() if name in flags}
    return TypedTask(function, auto_shortflags=False, help=texts)


def _here() -> Workspace:
    return workspace.find(Path.cwd())


def _target(product: str, platform: Platform | None, layout: Layout | None) -> Target:
    """Return the target; a layout that is not asked for is the profile's."""
    paths = _here()
    chosen = platform or host()
    asked = Target(paths.require_product(product), chosen, layout or "onedir")
    return asked if layout else Target(product, chosen, load(paths, asked).layout)


@_verb
def build(  # flags
    _: Context,
    product: str = "argo",
    platform: Platform | None = None,
    layout: Layout | None = None,
    where: Where = "auto",
    engine: str = "",
    run: int = 0,
    *,
    clean: bool = False,
    debug: bool = False,
    json: bool = False,
) -> None:
    """Freeze a product; nothing is done if nothing has changed.

    Without --platform it is built for this very machine. A platform that is named is held to the
    oldest system that it promises: Linux in a container, others on GitHub's machines if need be.

    Examples: invoke build --product argo
              invoke build --product argo --layout onefile --clean
              invoke build --product argo --platform linux_arm64
              invoke build --product argo --platform darwin_arm64
              invoke build --product argo --platform linux_x86_64 --where host
    """
    target = _target(product, platform, layout)
    means = Means(where, promised=platform is not None, engine=engine, run=run)
    bundle = anywhere.build(_here(), target, os.environ, means, clean=clean, debug=debug)
    if json:
        log.result({key: value for key, value in asdict(bundle).items() if key != "files"})
    else:
        log.text(f"{bundle.executable}  {show.megabytes(bundle.size)}")


@_verb
def smoke(
    _: Context,
    product: str = "argo",
    platform: Platform | None = None,
    layout: Layout | None = None,
    where: Where = "auto",
    engine: str = "",
    model_server: Path | None = None,
    repeat: int = 1,
    archive: Path | None = None,
    *,
    json: bool = False,
) -> None:
    """Launch a built product with a model server and prove it; exit code 5 if it is not good.

    Examples: invoke smoke --product argo
              invoke smoke --product argo --model-server ~/models/my.llamafile --json
              invoke smoke --product argo --repeat 20
              invoke smoke --product argo --platform linux_arm64
              invoke smoke --archive build/release/argo-0.1.0-linux_x86_64.tar.zst
    """
    if repeat < 1:
        message = f"--repeat {repeat}: expected 1 or more."
        raise UsageError(message, hint="for example --repeat 10")
    server = model_server.expanduser().absolute() if model_server else None
    if archive:
        file = archive.expanduser().absolute()
        verdict = pipeline.prove_archive(
            _here(), file, os.environ, model_server=server, rounds=repeat
        )
    elif server:
        target = _target(product, None, layout)
        verdict = pipeline.prove(_here(), target, os.environ, model_server=server, rounds=repeat)
    else:
        means = Means(where, promised=platform is not None, engine=engine)
        target = _target(product, platform, layout)
        verdict = anywhere.prove(_here(), target, os.environ, means, repeat)
    if json:
        log.result(asdict(verdict))
    else:
        show.verdict(verdict)
    if not verdict.ok:
        raise Exit(code=SMOKE_FAILED)


@_verb
def evidence(_: Context, product: str = "argo", *, merge: bool = False, json: bool = False) -> None:
    """Run a product from source and write down what it uses, for builds to collect.

    Examples: invoke evidence --product argo
              invoke evidence --product argo --merge
    """
    paths, target = _here(), _target(product, None, None)
    before, now = pipeline.trace(paths, target, os.environ, keep=merge)
    if json:
        log.result([asdict(fact) for fact in now])
        return
    known = dict.fromkeys(before, "gone") | dict.fromkeys(now, "new")
    changed = [fact for fact in sorted(known) if (fact in before) != (fact in now)]
    rows = [(known[fact], fact.package, fact.kind, fact.name, fact.why) for fact in changed]
    if rows:
        log.table(f"evidence about {product}", ("", "package", "kind", "what", "why"), rows)
    log.text(f"{len(now)} facts, {len(rows)} changed: {paths.evidence(product)}")


@_verb
def parity(
    _: Context, product: str = "argo", layout: Layout | None = None, *, json: bool = False
) -> None:
    """Run a product from source and as it was built, and compare; exit code 5 if they differ.

    Examples: invoke parity --product argo
              invoke parity --product argo --json
    """
    found = pipeline.compare(_here(), _target(product, None, layout), os.environ)
    if json:
        log.result([asdict(finding) for finding in found])
    elif found:
        rows = [(finding.id, finding.file, finding.reason) for finding in found]
        log.table(f"{product} from source and as an artifact", ("finding", "where", "what"), rows)
    else:
        log.text(f"{product}: the artifact does what the source does")
    if found:
        raise Exit(code=SMOKE_FAILED)


@_verb
def audit(
    _: Context,
    product: str = "argo",
    platform: Platform | None = None,
    layout: Layout | None = None,
    sarif: Path | None = None,
    *,
    accept: bool = False,
    json: bool = False,
) -> None:
    """Look at every file of a built product; exit code 5 if something must not ship.

    Examples: invoke audit --product argo
              invoke audit --product argo --sarif audit.sarif --json
    """
    found = pipeline.audit_built(_here(), _target(product, platform, layout), accept=accept)
    if sarif:
        workspace.write(sarif.absolute(), pipeline.sarif(found))
    if json:
        log.result(asdict(found))
    else:
        show.audit(found)
    if not found.ok:
        raise Exit(code=SMOKE_FAILED)


@_verb
def sbom(
    _: Context,
    product: str = "argo",
    platform: Platform | None = None,
    layout: Layout | None = None,
) -> None:
    """Write what a built product is made of (CycloneDX 1.6), and the licences as text.

    Example: invoke sbom --product argo
    """
    for path in pipeline.bill(_here(), _target(product, platform, layout)):
        log.text(str(path))


@_verb
def package(
    _: Context,
    product: str = "argo",
    platform: Platform | None = None,
    layout: Layout | None = None,
    kind: ArchiveKind | None = None,
    *,
    unproven: bool = False,
    json: bool = False,
) -> None:
    """Pack a bundle that was found good, with its bill, licences, sums and release.json.

    Examples: invoke package --product argo
              invoke package --product argo --kind zip --json
    """
    target = _target(product, platform, layout)
    made = pipeline.ship(_here(), target, kind, unproven=unproven)
    if json:
        log.result(asdict(made))
        return
    proven = "proven" if made.proven else "NOT PROVEN"
    log.text(f"{_here().release / made.file}  {show.megabytes(made.size)}  {proven}")
    log.text(f"sha256 {made.sha256}")


@_verb
def sign(
    _: Context,
    product: str = "argo",
    platform: Platform | None = None,
    layout: Layout | None = None,
    archive: Path | None = None,
    tool: SigningTool = "own",
    *,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Sign a built product, or its archive, as its profile's [signing] says.

    A signed bundle is another one: audit and smoke-test it again.

    Examples: invoke sign --product argo --platform darwin_arm64 --dry-run
              invoke sign --product argo --platform windows_x86_64 --tool osslsigncode
              invoke sign --archive build/release/argo-0.1.0-linux_x86_64.tar.zst
    """
    paths, target = _here(), _target(product, platform, layout)
    file = archive.expanduser().absolute() if archive else None
    steps = pipeline.signing_plan(paths, target, file, tool)
    if json:
        log.result([asdict(step) for step in steps])
    elif dry_run:
        for step in steps:
            log.text(f"# {step.why}")
            log.text(shlex.join(step.argv))
    if dry_run:
        log.note("nothing was run")
        return
    pipeline.signed(paths, target, steps, file, os.environ)
    log.done(f"signed: {file.name if file else target.name}")


@_verb
def gather(_: Context, folder: Path | None = None, *, json: bool = False) -> None:
    """Put the artifacts that several machines have packed together, with one list of sums.

    Example: invoke gather --folder build/artifacts
    """
    if not folder:
        message = "--folder is missing: where the packed artifacts lie."
        raise UsageError(message, hint="invoke gather --folder build/artifacts")
    made = packages.gather(_here(), folder.absolute())
    if json:
        log.result([asdict(item) for item in made])
        return
    rows = [(item.file, show.megabytes(item.size), str(item.proven)) for item in made]
    log.table(str(_here().release), ("file", "size", "proven"), rows)


@_verb
def publish(_: Context, tag: str = "", notes: Path | None = None, *, final: bool = False) -> None:
    """Put build/release into a draft of a release on GitHub; with --final, everybody sees it.

    Examples: invoke publish --tag v1.2.0 --notes build/notes.md
              invoke publish --tag v1.2.0 --final
    """
    if not tag:
        message = "--tag is missing: the release's tag."
        raise UsageError(message, hint="invoke publish --tag v1.2.0")
    from frostline.release import github  # noqa: PLC0415  # 0.1 s of every start
    from frostline.release import publish as publishing  # noqa: PLC0415

    paths = _here()
    repository = github.find(paths.root, os.environ, paths.build / "log" / "git.log")
    if final:
        log.text(publishing.publish(repository, tag))
        return
    if notes and not notes.is_file():
        message = f"--notes: there is no file {notes}."
        raise UsageError(message, hint="leave it out for a page without words")
    words = notes.read_text(encoding="utf-8") if notes else ""
    log.text(publishing.draft(paths, repository, tag, words))


@_verb
def export(
    _: Context,
    shell: Shell = "electron",
    product: str = "argo",
    platform: Platform | None = None,
    layout: Layout | None = None,
    *,
    json: bool = False,
) -> None:
    """Lay a bundle out for a desktop shell, with its configuration and a module that runs it.

    Examples: invoke export --shell electron
              invoke export --shell tauri --layout onefile
    """
    made = pipeline.for_shell(_here(), _target(product, platform, layout), shell)
    if json:
        log.result(asdict(made))
        return
    log.text(f"{made.folder}: {', '.join(made.files)}")
    log.note(f"the executable is {made.executable} in it")


@_verb
def why(
    _: Context,
    name: str = "",
    product: str = "argo",
    layout: Layout | None = None,
    *,
    json: bool = False,
) -> None:
    """Say who has brought a module or file into a bundle, and what it costs.

    Examples: invoke why --name sqlalchemy.dialects.sqlite
              invoke why --product rag --name libssl.so.3
    """
    if not name:
        message = "--name is missing: a module (with dots), or a file by its place in the bundle."
        raise UsageError(message, hint="invoke why --name argo.app")
    found = pipeline.explained(_here(), _target(product, None, layout), name)
    if json:
        log.result(asdict(found))
        return
    rows = [("belongs to", found.owner), ("its size", show.kilobytes(found.size))]
    rows += [("imported by way of", " → ".join(found.chain))] if found.chain else []
    rows += [("imported by", ", ".join(found.importers))] if found.importers else []
    rows += [("because", reason) for reason in found.reasons]
    without = f"{found.modules} modules and {show.kilobytes(found.alone)} would go with it"
    rows += [("without it", without)] if found.modules else []
    log.table(found.name, ("what", "answer"), rows)


@_verb
def diff(
    _: Context, old: Path | None = None, new: Path | None = None, *, json: bool = False
) -> None:
    r"""Compare two bundles by what is in their `bundle.json`.

    Example: invoke diff --old last/argo-linux_x86_64.bundle.json \
                         --new build/output/argo-linux_x86_64.bundle.json
    """
    if not (old and new):
        message = "--old and --new are both needed: two bundle.json files."
        raise UsageError(message, hint="each build writes one into build/output")
    from frostline.audit import explain  # noqa: PLC0415  # reading native files costs 0.3 s of every start

    found = explain.difference(bundle.read(old), bundle.read(new))
    if json:
        log.result(asdict(found))
        return
    rows = [("version", name, f"{a} → {b}") for name, (a, b) in found.distributions.items()]
    largest = sorted(found.owners.items(), key=lambda item: -abs(item[1]))
    rows += [("size of", name, f"{size:+d} bytes") for name, size in largest]
    for kind, files in (("added", found.added), ("removed", found.removed)):
        rows += [(kind, name, f"{size} bytes") for name, size in files.items()]
    rows += [("changed", name, f"{size:+d} bytes") for name, size in found.changed.items()]
    if rows:
        log.table("what differs", ("", "what", "how"), rows)
    log.text(f"{show.megabytes(found.size[0])} → {show.megabytes(found.size[1])}")


@_verb
def treemap(
    _: Context, product: str = "argo", layout: Layout | None = None, out: Path | None = None
) -> None:
    """Write a page that shows what fills a bundle.

    Example: invoke treemap --product argo --out argo.html
    """
    paths, target = _here(), _target(product, None, layout)
    path = (out or paths.output(target).with_name(f"{target.name}.treemap.html")).absolute()
    workspace.write(path, treemaps.page(target.name, pipeline.sizes(paths, target)))
    log.text(str(path))


@_verb
def prune(
    _: Context,
    product: str = "argo",
    venv: Path | None = None,
    *,
    apply: bool = False,
    undo: bool = False,
    confirm: bool = False,
    json: bool = False,
) -> None:
    """Say what no running product needs; with --venv and --apply, take it out of one.

    What goes is moved aside, what is left is tried, what broke comes back; nothing is lost until
    --confirm. A build leaves out of its bundle what this lists.

    Examples: invoke prune --product argo
              invoke prune --venv /app/.venv --product rag
              invoke prune --venv /app/.venv --product rag --apply
              invoke prune --venv /app/.venv --confirm
    """
    if apply + undo + confirm > 1 or (apply + undo + confirm and not venv):
        message = "--apply, --undo and --confirm each go alone, with --venv."
        raise UsageError(message, hint="invoke prune --venv FOLDER --apply")
    if venv and (undo or confirm):
        place = venvs.find(venv.absolute())
        number = venvs.undo(place) if undo else venvs.confirm(place)
        log.done(
            f"{number} files are back" if undo else f"{show.megabytes(number)} are gone for good"
        )
        return
    found, done = pipeline.prunable(_here(), _target(product, None, None), os.environ, venv), None
    if venv and apply:
        with log.step(f"pruning {venv}") as step:
            done = venvs.apply(venvs.find(venv.absolute()), found, os.environ, step.update)
        found = done.gone
    if json:
        log.result(asdict(done) if done else [asdict(item) for item in found])
        return
    totals = by_category(found)
    rows = [(name, str(number), show.megabytes(size)) for name, (number, size) in totals.items()]
    title = "moved aside" if done else "what may go"
    log.table(title, ("category", "files", "size"), rows)
    for name, reason in done.broken.items() if done else ():
        log.warning(f"{name} broke without what is back now: {reason}")
    if done:
        log.text(f"{done.checked} look-ups and programs work as before; --confirm, or --undo")


@_verb
def prepare(
    _: Context,
    product: str = "argo",
    platform: Platform | None = None,
    layout: Layout | None = None,
) -> None:
    """Fetch all that a build of a product needs: the build itself then works without a network.

    Example: invoke prepare --product argo
    """
    target = _target(product, platform, layout)
    platforms.require_host(target.platform)
    pipeline.prepare(_here(), target, os.environ)


@_verb
def wheels(
    _: Context,
    product: str = "argo",
    platform: Platform | None = None,
    python: str = "",
    engine: str = "",
    *,
    json: bool = False,
) -> None:
    """Build what a product needs and the index has only as source, with cibuildwheel, once.

    Examples: invoke wheels --product argo
              invoke wheels --product argo --platform linux_arm64 --python 3.11
    """
    target = _target(product, platform, None)
    made = anywhere.build_wheels(_here(), target, os.environ, python, engine)
    if json:
        log.result([{**asdict(wheel), "file": str(wheel.file)} for wheel in made])
        return
    for wheel in made:
        log.text(f"{wheel.file}  {show.megabytes(wheel.file.stat().st_size)}")
    if not made:
        log.text(f"{product} names no [[wheels]]: the index has all that it needs")


@_verb
def image(
    _: Context, platform: Platform | None = None, engine: str = "", *, debian: bool = False
) -> None:
    """Make the container image that a Linux platform is frozen in, if it is not there.

    Builds make it themselves of what a registry has; --debian makes it of Debian's packages alone,
    where no registry can be reached.

    Examples: invoke image --platform linux_arm64
              invoke image --platform linux_x86_64 --debian
    """
    chosen = platform or host()
    log.text(anywhere.make_image(_here(), chosen, os.environ, engine, debian=debian))


@_verb
def plan(
    _: Context,
    product: str = "argo",
    platform: Platform | None = None,
    layout: Layout | None = None,
    *,
    json: bool = False,
) -> None:
    """Say what a build would hold, without freezing it.

    Example: invoke plan --product argo --json
    """
    target = _target(product, platform, layout)
    platforms.require_host(target.platform)
    made = pipeline.plan(_here(), target, os.environ)
    if json:
        log.result(asdict(made))
        return
    rows = [
        ("version", made.version),
        ("hidden imports", f"{len(made.hidden_imports)} modules"),
        ("data", f"{len(made.datas)} files"),
        ("distributions", ", ".join(f"{k} {v}" for k, v in made.distributions.items())),
        ("excluded", ", ".join(made.excludes)),
        ("not acted on yet", ", ".join(made.not_acted_on) or "nothing"),
        ("the whole plan", str(collect.plan_file(_here(), target))),
    ]
    log.table(f"plan of {target.name}", ("what", "value"), rows)


@_verb
def products(_: Context, *, json: bool = False) -> None:
    """List the products of this project.

    Example: invoke products --json
    """
    paths = _here()
    rows = []
    for name in paths.products():
        loaded = load(paths, Target(name, host()))
        rows.append((name, *stage.project_metadata(paths.root / loaded.source), loaded.layout))
    if json:
        keys = ("product", "name", "version", "layout")
        log.result([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        log.table("products", ("product", "name", "version", "layout"), rows)


@_verb
def platforms(_: Context, *, json: bool = False) -> None:
    """List the platforms and where each is built.

    Example: invoke platforms --json
    """
    here = host()
    if json:
        log.result([
            {"name": row.name, **asdict(row), "retires": str(row.retires or "")}
            for row in PLATFORMS.values()
        ])  # fmt: skip
        return
    rows = [
        (row.name, "this machine" if row == here else "", row.runner, row.triple, row.minimum)
        for row in PLATFORMS.values()
    ]
    log.table("platforms", ("platform", "host", "runner", "triple", "oldest system"), rows)


@_verb
def matrix(
    _: Context,
    product: str = "",
    platform: Platform | None = None,
    *,
    check: bool = False,
    json: bool = False,
) -> None:
    """Say what a workflow is to build; with --json one line for GitHub Actions.

    Examples: invoke matrix --json >> "$GITHUB_OUTPUT"
              invoke matrix --check
    """
    paths = _here()
    chosen = [paths.require_product(product)] if product else paths.products()
    rows = [platform] if platform else [*PLATFORMS.values()]
    targets = [Target(name, row) for name in chosen for row in rows]
    built = [target for target in targets if pipeline.is_for(load(paths, target), target)]
    made = matrices.jobs(built, f"{sys.version_info.major}.{sys.version_info.minor}")
    for warning in matrices.retiring(rows, date.today()) if check else ():  # noqa: DTZ011  # a day is enough
        log.warning(warning)
    if json:
        log.text("matrix=" + dumps({"include": [asdict(job) for job in made]}))
        return
    columns = ("product", "platform", "runner", "python")
    log.table(f"{len(made)} jobs", columns, [tuple(asdict(job).values()) for job in made])


@_verb
def clean(_: Context, product: str = "") -> None:
    """Remove what builds made (of one product, or all), and only that.

    Examples: invoke clean
              invoke clean --product argo
    """
    paths = _here()
    if product:
        paths.require_product(product)
    removed = workspace.clean(paths, product)
    for path in removed:
        log.note(f"removed {path.relative_to(paths.root)}")
    log.done(f"{len(removed)} removed" if removed else "nothing to remove")


@_verb
def doctor(_: Context, *, json: bool = False) -> None:
    """Say whether this machine can build; exit code 3 if it cannot.

    Example: invoke doctor
    """
    found = doctor_module.examine(_here(), os.environ)
    if json:
        log.result([asdict(item) for item in found])
    else:
        rows = [(item.subject, item.state, item.detail) for item in found]
        log.table("doctor", ("what", "state", "detail"), rows)
    if any(item.state == "missing" for item in found):
        raise Exit(code=HOST_UNFIT)


@_verb
def resources(
    _: Context,
    platform: Platform | None = None,
    pin: str = "",
    url: str = "",
    *,
    check: bool = False,
    fetch: bool = False,
    offline: bool = False,
    json: bool = False,
) -> None:
    """List the pinned downloads and what is there of them.

    Examples: invoke resources
              invoke resources --fetch --platform darwin_arm64
              invoke resources --pin llamafile --url https://example.org/llamafile-0.10.6-thin
    """
    paths = _here()
    if pin or url:
        if not (pin and url):
            message = "--pin and --url go together."
            raise UsageError(message, hint="invoke resources --pin NAME --url ADDRESS")
        found = fetching.measure(paths, pin, url)
        log.done(f"{pin}: size {found.size}, sha256 {found.sha256}")
        return
    mine = pins.chosen(pins.load(paths), (), platform or host())
    if fetch or offline:
        fetching.fetch(paths, mine, offline=offline)
    states = fetching.look(paths, mine, whole=check)
    if json:
        log.result([
            {**state.pin.model_dump(mode="json"), "state": state.state, "file": str(state.place)}
            for state in states
        ])  # fmt: skip
    else:
        rows = [
            (s.pin.name, s.pin.version, s.state, show.size_of_pin(s.pin), show.doubt(s.pin))
            for s in states
        ]
        columns = ("resource", "version", "state", "size", "remark")
        log.table(f"resources for {(platform or host()).name}", columns, rows)
    if any(state.state == "wrong" for state in states):
        raise Exit(code=FetchError.exit_code)


@_verb
def llamafile(
    _: Context,
    model: str = "",
    base: str = "",
    host: str = "127.0.0.1",
    port: int = 0,
    gpu_layers: int = 0,
    ctx_size: int = 0,
    n_predict: int = -1,
    args: str = "",
    pack: Path | None = None,
    out: Path | None = None,
    inspect: Path | None = None,
    *,
    yes: bool = False,
    offline: bool = False,
    json: bool = False,
) -> None:
    """Serve a model on this machine until Ctrl-C; or make a llamafile, or look into one.

    Examples: invoke llamafile
              invoke llamafile --model ~/models/mistral.llamafile --port 8080 --gpu-layers 99
              invoke llamafile --pack model.gguf --base llamafile --out my.llamafile
              invoke llamafile --inspect my.llamafile --json
    """
    paths, extra = _here(), _split(args)
    confirm = _always if yes else model_server.confirm_on_terminal
    wish = Wish(model=model, base=base, port=port, offline=offline)
    if inspect:
        show.held(packing.held(inspect.expanduser()), as_json=json)
        return
    if pack:
        target = _writable(out, replace=yes)
        path, version = model_server.base(paths, wish, os.environ, confirm=confirm)
        words = packing.arguments_of(pack, extra, version)
        packing.pack(pack.expanduser(), path, words, target)
        show.held(packing.held(target), as_json=json)
        return
    model_server.require_loopback(host)
    server = model_server.settings(ctx_size, gpu_layers, n_predict, extra)
    wish = dataclasses.replace(wish, server=server)
    choice = model_server.find(paths, wish, confirm=confirm)
    model_server.serve(paths, choice, wish, os.environ, partial(show.served, as_json=json))
    log.done("stopped")


def _always(_: str) -> bool:
    return True


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        message = f"--args: {error}."
        raise UsageError(message, hint="quote it as a shell wants it") from None


def _writable(out: Path | None, *, replace: bool) -> Path:
    if not out:
        message = "--pack needs --out: where the llamafile is to be written."
        raise UsageError(message, hint="for example --out my.llamafile")
    path = out.expanduser().absolute()
    if path.exists() and not replace:
        message = f"{path} is there already."
        raise UsageError(message, hint="choose another name, or add --yes to replace it")
    return path


namespace = Collection(
    build,
    smoke,
    parity,
    evidence,
    audit,
    sbom,
    package,
    sign,
    gather,
    publish,
    export,
    prune,
    wheels,
    prepare,
    image,
    why,
    diff,
    treemap,
    plan,
    products,
    platforms,
    matrix,
    resources,
    llamafile,
    clean,
    doctor,
)
