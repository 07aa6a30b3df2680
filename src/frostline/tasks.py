"""The verbs of frostline, as Invoke tasks."""

import os
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Literal

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from frostline import collect, log, pipeline, stage, typed, workspace
from frostline import doctor as doctor_module
from frostline.platforms import PLATFORMS, Platform, host, parse
from frostline.profile_file import load
from frostline.smoke import Verdict
from frostline.typed import Body, TypedTask
from frostline.workspace import Target, Workspace

Layout = Literal["onedir", "onefile"]
SMOKE_FAILED = 5
HOST_UNFIT = 3

typed.converters[Platform] = parse


_HELP = {
    "product": "a product of this project: see `products`",
    "platform": "one of `platforms`, or host (default: host)",
    "layout": "onedir or onefile (default: the profile's)",
    "clean": "forget what earlier builds of this product made",
    "debug": "keep PyInstaller's DEBUG log in build/log",
    "json": "print the result as JSON",
    "model_server": "a llamafile to smoke-test with (default: the profile's)",
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
    *,
    clean: bool = False,
    debug: bool = False,
    json: bool = False,
) -> None:
    """Freeze a product; nothing is done if nothing has changed.

    Examples: invoke build --product argo
              invoke build --product argo --platform linux_x86_64 --layout onefile --clean
    """
    target = _target(product, platform, layout)
    bundle = pipeline.build(_here(), target, os.environ, clean=clean, debug=debug)
    if json:
        log.result({key: value for key, value in asdict(bundle).items() if key != "files"})
    else:
        log.text(f"{bundle.executable}  {_megabytes(bundle.size)}")


@_verb
def smoke(
    _: Context,
    product: str = "argo",
    layout: Layout | None = None,
    model_server: Path | None = None,
    *,
    json: bool = False,
) -> None:
    """Launch a built product with a model server and prove it; exit code 5 if it is not good.

    Examples: invoke smoke --product argo
              invoke smoke --product argo --model-server ~/models/my.llamafile --json
    """
    target = _target(product, None, layout)
    server = model_server.expanduser().absolute() if model_server else None
    verdict = pipeline.prove(_here(), target, os.environ, model_server=server)
    if json:
        log.result(asdict(verdict))
    else:
        _show(verdict)
    if not verdict.ok:
        raise Exit(code=SMOKE_FAILED)


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
    collect.require_host(target.platform)
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
        log.result([{"name": row.name, **asdict(row)} for row in PLATFORMS.values()])
        return
    rows = [
        (row.name, "this machine" if row == here else "", row.runner, row.triple, row.minimum)
        for row in PLATFORMS.values()
    ]
    log.table("platforms", ("platform", "host", "runner", "triple", "oldest system"), rows)


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


def _show(verdict: Verdict) -> None:
    rows = [(check.name, "ok" if check.ok else "FAILED", check.detail) for check in verdict.checks]
    name = f"{verdict.product}-{verdict.platform} ({verdict.layout})"
    log.table(f"smoke test of {name}", ("check", "verdict", "detail"), rows)
    figures = [
        ("time to ready line", _shown_ms(verdict.ready_ms)),
        ("time to healthy", _shown_ms(verdict.healthy_ms)),
        ("memory", _megabytes(verdict.memory_bytes) if verdict.memory_bytes else "-"),
        ("size", _megabytes(verdict.size_bytes)),
        ("verdict", "good" if verdict.ok else "NOT GOOD"),
    ]
    log.table("figures", ("what", "value"), figures)
    if not verdict.ok:
        log.tail(verdict.tail)
        log.note(f"the artifact's whole output is in {verdict.log}")


def _shown_ms(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


namespace = Collection(build, smoke, plan, products, platforms, clean, doctor)
