"""The verbs that show what is in a bundle: why, diff, treemap, prune."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from frostline.cli import results
from frostline.cli.flags import open_build
from frostline.cli.verb import verb
from frostline.core import log, workspace
from frostline.core.errors import UsageError
from frostline.core.workspace import Layout

if TYPE_CHECKING:
    from frostline.audit.difference import Difference
    from frostline.audit.explain import Explanation
    from frostline.freeze.prune import Candidate
    from frostline.freeze.prune_venv import Confirmed, Pruned, Undone


@verb("Look", show=results.explanation)
def why(name: str = "", product: str = "", layout: Layout | None = None) -> "Explanation":
    """Explain why a module or file is in a bundle, and how large it is.

    Examples: frostline why --name sqlalchemy.dialects.sqlite
              frostline why --product rag --name libssl.so.3
    """
    if not name:
        message = "--name is missing: a module (with dots), or the path of a file in the bundle."
        raise UsageError(message, hint="for example `frostline why --name argo.app`")
    from frostline.audit import explain

    return explain.explain(open_build(product, None, layout), name)


@verb("Look", show=results.difference, project=False)
def diff(old: Path | None = None, new: Path | None = None) -> "Difference":
    r"""Compare two bundles by their `bundle.json`.

    Example: frostline diff --old last/argo-linux_x86_64.bundle.json \
                            --new build/output/argo-linux_x86_64.bundle.json
    """
    if not (old and new):
        message = "--old and --new are both needed: two bundle.json files."
        raise UsageError(message, hint="each build writes one into build/output")
    from frostline.audit import difference
    from frostline.freeze.bundle import read_bundle

    return difference.difference(read_bundle(old), read_bundle(new))


@verb("Look", show=results.line)
def treemap(product: str = "", layout: Layout | None = None, out: Path | None = None) -> str:
    """Write an HTML page that shows the sizes of a bundle's files.

    Example: frostline treemap --product argo --out argo.html
    """
    from frostline.audit import explain, treemap

    build = open_build(product, None, layout)
    path = (out or build.bundle.with_name(f"{build.name}.treemap.html")).absolute()
    workspace.write(path, treemap.page(build.name, explain.sizes(build)))
    return str(path)


@verb("Look", show=results.pruned)
def prune(
    product: str = "",
    venv: Path | None = None,
    *,
    apply: bool = False,
    undo: bool = False,
    confirm: bool = False,
) -> "Sequence[Candidate] | Pruned | Undone | Confirmed":
    """List installed files that are not needed at run time; with --venv --apply, remove them.

    --apply moves them aside, checks the environment and puts back what it needs; nothing is deleted
    until --confirm. Builds leave these files out of the bundle.

    Examples: frostline prune --product argo
              frostline prune --venv /app/.venv --product rag
              frostline prune --venv /app/.venv --product rag --apply
              frostline prune --venv /app/.venv --confirm
    """
    if apply + undo + confirm > 1 or (apply + undo + confirm and not venv):
        message = "give --venv and only one of --apply, --undo and --confirm."
        raise UsageError(message, hint="for example `frostline prune --venv FOLDER --apply`")
    from frostline.freeze import prune_venv

    if venv and undo:
        return prune_venv.undo(prune_venv.find(venv.absolute()))
    if venv and confirm:
        return prune_venv.confirm(prune_venv.find(venv.absolute()))
    found = prune_venv.prunable(open_build(product), venv)
    if not (venv and apply):
        return found
    with log.step(f"pruning {venv}") as step:
        return prune_venv.apply(prune_venv.find(venv.absolute()), found, os.environ, step.update)
