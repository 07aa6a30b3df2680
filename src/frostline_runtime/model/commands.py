"""The commands for downloaded files: `model list`, `pull`, `check`, `remove`, `prepare`."""

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from frostline_runtime import exit_codes
from frostline_runtime.artifact import override, runfile
from frostline_runtime.artifact.announce import say
from frostline_runtime.artifact.locations import Locations
from frostline_runtime.artifact.manifest import Manifest, Resource
from frostline_runtime.download.fetch import is_there
from frostline_runtime.download.parts import forget, kept
from frostline_runtime.download.transfer import DownloadError
from frostline_runtime.model import llamafile, preparation
from frostline_runtime.model.llamafile import ModelServerError
from frostline_runtime.model.preparation import UnavailableError


def main(manifest: Manifest, options: argparse.Namespace, locations: Locations) -> int:
    """Run the command in *options* and return the exit code."""
    manifest, _ = override.load(manifest, locations.storage)
    if options.action == "prepare":
        return _prepare(manifest, locations)
    known = {resource.name: resource for resource in manifest.resources}
    strange = [name for name in options.names if name not in known]
    if strange:
        there = ", ".join(known) or "none"
        say(f"{manifest.product}: there is no model {strange[0]!r}; there is {there}.")
        return exit_codes.USAGE_ERROR
    if options.action == "remove" and not options.names:
        say(f"{manifest.product}: name the files: {manifest.product} model remove NAME.")
        return exit_codes.USAGE_ERROR
    chosen = [known[name] for name in options.names] or [*known.values()]
    actions = {
        "list": lambda: _list(locations, chosen, as_json=options.json),
        "pull": lambda: _pull(manifest, locations, chosen),
        "check": lambda: _check(manifest.product, locations, chosen),
        "remove": lambda: _remove(locations, chosen),
    }
    try:
        return actions[options.action]()
    except KeyboardInterrupt:
        say(f"{manifest.product}: interrupted; the next pull continues here")
        return exit_codes.INTERRUPTED


def _list(locations: Locations, chosen: Sequence[Resource], *, as_json: bool) -> int:
    free = shutil.disk_usage(_existing(locations.data)).free
    rows = []
    for resource in chosen:
        place = locations.data / resource.destination
        state = "there" if is_there(preparation.wanted_of(resource), place) else "missing"
        part = kept(place)
        if state == "missing" and part:
            state = f"{part * 100 // resource.size} % there" if resource.size else "partly there"
        rows.append({
            "name": resource.name, "state": state, "size": resource.size, "kept": part,
            "place": str(place), "when": resource.when, "licence": resource.licence,
            "unverified": resource.unverified,
        })  # fmt: skip
    if as_json:
        print(json.dumps({"free": free, "models": rows}, indent=2))
        return exit_codes.OK
    for row in rows:
        doubt = f"  NOT VERIFIED: {why}" if (why := row["unverified"]) else ""
        facts = f"{row['name']:24} {row['state']:12} {_megabytes(row['size']):>12}"
        print(f"{facts}  {row['place']}{doubt}")
    print(f"{_megabytes(free)} free in {locations.data}")
    return exit_codes.OK


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _megabytes(size: object) -> str:
    return f"{size / 1e6:.1f} MB" if isinstance(size, int) and size else "size unknown"


def _pull(manifest: Manifest, locations: Locations, chosen: Sequence[Resource]) -> int:
    failed = False
    for resource in chosen:
        place = locations.data / resource.destination
        try:
            fetched = preparation.fetch_resource(resource, place, _line)
        except DownloadError as error:
            say(f"{manifest.product}: {error}")
            failed = True
            continue
        print(f"{resource.name}: {'fetched' if fetched else 'was there already'}: {place}")
    if not chosen:
        print(f"{manifest.product} has no files to fetch.")
    facts = runfile.read(locations.state)
    if facts and not facts.get("ended"):
        print(f"The running {manifest.product} uses it after a restart.")
    return exit_codes.UNAVAILABLE if failed else exit_codes.OK


def _line(text: str) -> None:
    """Show progress on one line of a terminal, as separate lines elsewhere."""
    if sys.stderr.isatty() and llamafile.progress(text):
        done = "\n" if "(100 %)" in text else ""
        print(f"\r\x1b[K{text}", end=done, file=sys.stderr, flush=True)
    else:
        say(text)


def _check(product: str, locations: Locations, chosen: Sequence[Resource]) -> int:
    wrong = False
    for resource in chosen:
        place = locations.data / resource.destination
        result = _judged(product, resource, place)
        wrong |= result not in {"good", "not there"}
        print(f"{resource.name}: {result}")
    return exit_codes.NEGATIVE_ANSWER if wrong else exit_codes.OK


def _judged(product: str, resource: Resource, place: Path) -> str:
    if not place.exists():
        return "not there"
    if not is_there(preparation.wanted_of(resource), place, whole=True):
        remove = f"{product} model remove {resource.name}"
        return f"is not what it should be: `{remove}`, then pull it again"
    try:
        if place.suffix in {".gguf", ".llamafile"}:
            preparation.check_model(place)
    except (ModelServerError, OSError) as error:
        return str(error)
    if not resource.sha256:
        return f"looks good, but is not verified: {resource.unverified}"
    return "good"


def _remove(locations: Locations, chosen: Sequence[Resource]) -> int:
    for resource in chosen:
        place = locations.data / resource.destination
        there = place.exists() or kept(place)
        forget(place)
        print(f"{resource.name}: {'removed' if there else 'was not there'}: {place}")
    return exit_codes.OK


def _prepare(manifest: Manifest, locations: Locations) -> int:
    """Prepare the model server; after an error, the supervisor shows the last line."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    environ = dict(os.environ)
    try:
        files = llamafile.choose(manifest, environ, locations)
        if files:
            preparation.prepare(files, environ, locations, say)
    except ModelServerError as error:
        say(str(error))
        return exit_codes.MISCONFIGURED
    except UnavailableError as error:
        say(str(error))
        return exit_codes.UNAVAILABLE
    return exit_codes.OK
