"""Shows the results of verbs: as tables and lines to people, as JSON to programs."""

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from frostline.core import log
from frostline.core.platforms import Platform, host

if TYPE_CHECKING:
    from frostline.audit.difference import Difference
    from frostline.audit.explain import Explanation
    from frostline.cli.doctor import Diagnosis
    from frostline.cli.init import Change
    from frostline.cli.matrix import Job
    from frostline.core.cache import Entry
    from frostline.freeze.plan import Plan
    from frostline.freeze.prune import Candidate
    from frostline.freeze.prune_venv import Confirmed, Pruned, Undone
    from frostline.infer.opening import ProductSummary
    from frostline.llamafile.pack import Contents
    from frostline.llamafile.serve import Served
    from frostline.pipeline import Preparation
    from frostline.profile.build import Build
    from frostline.profile.resources import Resource
    from frostline.release.listing import Artifact
    from frostline.release.shells import Export
    from frostline.release.sign import SigningCommand
    from frostline.source.environment import Wheel
    from frostline.source.fetch import ResourceState
    from frostline.source.locks import Written


_WIDEST = 50  # characters: longer values push their reasons to the right


def line(text: str) -> None:
    """Show one line."""
    log.text(text)


def lines(texts: Sequence[str]) -> None:
    """Show each text on a line."""
    for text in texts:
        log.text(text)


def changes(found: "Sequence[Change]") -> None:
    """Show the changes of `init` as a unified diff."""
    for change in found:
        log.text(change.diff)
    if not found:
        log.text("nothing to write: the project has all of it")


def inferred(build: "Build") -> None:
    """Show what is written nowhere and was inferred, each with its reason; then what was not."""
    shown = [(f"{item.key} = {_inline(item.value)}", item.reason) for item in build.inferred]
    width = min(max((len(text) for text, _ in shown), default=0), _WIDEST)
    for text, reason in shown:
        log.note(f"{text.ljust(width)}  from {reason}")
    for note in build.notes:
        log.warning(note)


def _inline(value: object) -> str:
    """Return *value* as TOML on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{key} = {_inline(item)}" for key, item in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value, ensure_ascii=False)


def plan(found: "Plan") -> None:
    """Show a summary of a plan."""
    rows = [
        ("version", found.version),
        ("hidden imports", counted(len(found.hidden_imports), "module")),
        ("data", counted(len(found.datas), "file")),
        ("distributions", ", ".join(f"{k} {v}" for k, v in found.distributions.items())),
        ("excluded", ", ".join(found.excludes)),
    ]
    log.table(f"plan of {found.product}-{found.platform}", ("what", "value"), rows)


def prepared(found: "Preparation") -> None:
    """Show what a build can use without a network."""
    for path in (found.environment, *found.files):
        log.text(str(path))


def locked(found: "Written") -> None:
    """Show the versions that are new or gone in a lock."""
    old, new = set(found.versions(found.before)), set(found.versions(found.text))
    rows = [(name, "gone" if name in old else "new") for name in sorted(old ^ new)]
    if rows:
        log.table(f"changes of {found.file.name}", ("version", ""), rows)
    done = "written; commit it" if found.written else "not written"
    count = counted(len(new), "distribution")
    log.done(f"{found.file.name}: {count}, {len(rows)} changed, from {found.of}; {done}")


def locked_json(found: "Written") -> str:
    """Return the lock's file, what it was made of, and its versions."""
    return json_text({
        "file": str(found.file), "of": found.of, "written": found.written,
        "versions": found.versions(found.text),
    })  # fmt: skip


def wheels(found: "Sequence[Wheel]") -> None:
    """Show the native wheels of a product."""
    for wheel in found:
        log.text(f"{wheel.file}  {megabytes(wheel.file.stat().st_size)}")
    if not found:
        log.text("the profile has no [[wheels]]: the product needs no native wheels")


def removed(found: "Sequence[Path] | Sequence[Entry]") -> None:
    """Show what was removed; for entries of the cache also size, age and state."""
    paths = [item for item in found if isinstance(item, Path)]
    entries = [item for item in found if not isinstance(item, Path)]
    for path in paths:
        log.note(f"removed {path}")
    if entries:
        rows = [
            (entry.kind, entry.label, megabytes(entry.size), _age(entry.used), entry.state)
            for entry in entries
        ]
        log.table("cache", ("kind", "what", "size", "last used", "state"), rows)
    gone = len(paths) + sum(entry.state == "removed" for entry in entries)
    size = sum(entry.size for entry in entries if entry.state == "removed")
    freed = f", {megabytes(size)} freed" if size else ""
    log.done(f"{gone} removed{freed}" if gone else "nothing to remove")


def _age(used: float) -> str:
    days = int((time.time() - used) // (24 * 60 * 60))
    return f"{counted(days, 'day')} ago" if days > 0 else "today"


def explanation(found: "Explanation") -> None:
    """Show why something is in a bundle."""
    rows = [("belongs to", found.owner), ("its size", kilobytes(found.size))]
    rows += [("import chain", " → ".join(found.chain))] if found.chain else []
    rows += [("imported by", ", ".join(found.importers))] if found.importers else []
    rows += [("because", reason) for reason in found.reasons]
    without = f"{counted(found.modules, 'module')} and {kilobytes(found.alone)} would leave"
    rows += [("without it", without)] if found.modules else []
    log.table(found.name, ("what", "value"), rows)


def difference(found: "Difference") -> None:
    """Show the differences between two bundles."""
    rows = [("version", name, f"{a} → {b}") for name, (a, b) in found.distributions.items()]
    largest = sorted(found.owners.items(), key=lambda item: -abs(item[1]))
    rows += [("size of", name, f"{size:+d} bytes") for name, size in largest]
    for kind, files in (("added", found.added), ("removed", found.removed)):
        rows += [(kind, name, f"{size} bytes") for name, size in files.items()]
    rows += [("changed", name, f"{size:+d} bytes") for name, size in found.changed.items()]
    if rows:
        log.table("differences", ("", "what", "how"), rows)
    log.text(f"{megabytes(found.size[0])} → {megabytes(found.size[1])}")


def pruned(found: "Sequence[Candidate] | Pruned | Undone | Confirmed") -> None:
    """Show the files that can be removed, or what became of those that were."""
    from frostline.freeze.prune_venv import Confirmed, Pruned, Undone

    match found:
        case Undone():
            log.text(f"{found.files} files put back")
        case Confirmed():
            log.text(f"{megabytes(found.size)} deleted")
        case Pruned():
            _by_category("moved aside", found.gone)
            for name, reason in found.broken.items():
                log.warning(f"{name} failed, so files were put back: {reason}")
            works = f"{found.checked} look-ups and programs work as before"
            log.text(f"{works}; now --confirm or --undo")
        case _:
            _by_category("can be removed", found)


def _by_category(title: str, candidates: "Sequence[Candidate]") -> None:
    from frostline.freeze.prune import by_category

    totals = by_category(candidates)
    rows = [(name, str(number), megabytes(size)) for name, (number, size) in totals.items()]
    log.table(title, ("category", "files", "size"), rows)


def artifact(found: "Artifact") -> None:
    """Show the packed artifact."""
    proven = "proven" if found.proven else "NOT PROVEN"
    log.text(f"build/release/{found.file}  {megabytes(found.size)}  {proven}")
    log.text(f"sha256 {found.sha256}")


def signing(commands: "Sequence[SigningCommand]") -> None:
    """Show the commands of a signing plan."""
    for command in commands:
        log.text(f"# {command.why}")
        log.text(shlex.join(command.argv))


def gathered(found: "Sequence[Artifact]") -> None:
    """Show the artifacts of a release."""
    rows = [(item.file, megabytes(item.size), str(item.proven)) for item in found]
    log.table("build/release", ("file", "size", "proven"), rows)


def export(found: "Export") -> None:
    """Show what was exported for a shell."""
    log.text(f"{found.folder}: {', '.join(found.files)}")
    log.note(f"the executable in it is {found.executable}")


def products(found: "Sequence[ProductSummary]") -> None:
    """Show the products of a project."""
    rows = [(row.product, row.name, row.version, row.layout) for row in found]
    log.table("products", ("product", "name", "version", "layout"), rows)


def platforms(found: Sequence[Platform]) -> None:
    """Show the platforms."""
    here = host()
    rows = [
        (row.name, "this machine" if row == here else "", row.runner, row.triple, row.minimum)
        for row in found
    ]
    log.table("platforms", ("platform", "host", "runner", "triple", "oldest system"), rows)


def platforms_json(found: Sequence[Platform]) -> str:
    """Return the platforms with their names."""
    rows = [{**asdict(row), "name": row.name, "retires": str(row.retires or "")} for row in found]
    return json_text(rows)


def matrix(found: "Sequence[Job] | str") -> None:
    """Show the jobs of a matrix, or its line for GitHub Actions."""
    if isinstance(found, str):
        log.result(found)
        return
    rows = [(job.product, job.platform, job.runner, job.python) for job in found]
    log.table(counted(len(found), "job"), ("product", "platform", "runner", "python"), rows)


def resources(found: "Sequence[ResourceState]") -> None:
    """Show the resources and whether each is downloaded."""
    rows = [
        (
            item.resource.name, item.resource.version, item.state,
            _size_of(item.resource), _remark(item.resource),
        )
        for item in found
    ]  # fmt: skip
    if rows:
        log.table("resources", ("resource", "version", "state", "size", "remark"), rows)


def resources_json(found: "Sequence[ResourceState]") -> str:
    """Return each resource with its state and its file."""
    return json_text([
        {**item.resource.model_dump(mode="json"), "state": item.state, "file": str(item.place)}
        for item in found
    ])  # fmt: skip


def doctor(found: "Sequence[Diagnosis]") -> None:
    """Show the diagnosis of this machine."""
    rows = [(item.subject, item.state, item.detail) for item in found]
    log.table("doctor", ("what", "state", "detail"), rows)


def model(found: "Contents | Served") -> None:
    """Show the content of a llamafile, or the address at which a model is served."""
    from frostline.llamafile.serve import Served

    if isinstance(found, Served):
        log.text(f"{found.url}  {found.model or 'unknown model'}")
        log.note(f"ready after {found.seconds:.1f} s, process {found.pid}; stop it with Ctrl-C")
        return
    log.text(f"{found.file}: {found.kind}, {megabytes(found.size)}")
    rows = [
        (
            model.name, model.title or "-", model.architecture or "-", megabytes(model.size),
            f"{model.offset}{'' if model.mappable else ' (NOT mappable)'}", model.problem or "good",
        )
        for model in found.models
    ]  # fmt: skip
    columns = ("model", "title", "architecture", "size", "offset", "check")
    if rows:
        log.table("models", columns, rows)
    if found.arguments:
        log.text(f"arguments: {shlex.join(found.arguments)}")


def kilobytes(size: int) -> str:
    """Return *size* in bytes as text."""
    return f"{size / 1000:.1f} kB"


def megabytes(size: int) -> str:
    """Return *size* in bytes as text."""
    return f"{size / 1e6:.1f} MB"


def json_text(value: object) -> str:
    """Return *value* as JSON."""
    from frostline.core import json_file

    return json_file.dump(value)


def counted(number: int, noun: str) -> str:
    """Return *number* with *noun*, in the plural if it is not one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _size_of(resource: "Resource") -> str:
    return megabytes(resource.size) if resource.size else "unknown"


def _remark(resource: "Resource") -> str:
    """Return what is unverified or unconfirmed about *resource*, and its licence."""
    unverified = resource.unverified  # set if size or SHA-256 is unknown
    doubts = [unverified if resource.sha256 else f"NOT VERIFIED: {unverified}"]
    doubts += [f"to be confirmed: {resource.confirm}"] if resource.confirm else []
    return "; ".join(filter(None, [*doubts, resource.licence]))
