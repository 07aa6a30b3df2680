"""Examines every file of a bundle and of its archives for what must not ship."""

import hashlib
import re
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from frostline.audit import findings, leaks, missing_modules, native_files, unbundled
from frostline.audit.findings import Finding, finding
from frostline.audit.native_files import NativeFile
from frostline.core import archive, json_file, log, native
from frostline.core.workspace import Workspace
from frostline.freeze import contents
from frostline.freeze.bundle import Bundle, require_bundle
from frostline.freeze.contents import Item
from frostline.launch import evidence
from frostline.profile import policy
from frostline.profile.build import Build
from frostline.profile.policy import Policy

_RELEASE_LIMIT = 2 * 1024**3
_GPL = re.compile(
    r"^(License(-Expression)?: .*(?<!L)GPL|.*:: GNU (Affero )?General Public)", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """The result of an audit; *minimum* is the oldest system that can load the bundle's files."""

    product: str
    version: str
    platform: str
    layout: str
    inputs: str
    ok: bool
    looked_at: int
    minimum: str
    findings: tuple[Finding, ...]
    schema: Literal[1] = 1


def audit(build: Build, *, accept: bool = False) -> AuditResult:
    """Audit the bundle of *build*; return the result and write it to `audit.json`.

    *accept*: first add the missing modules to the reviewed list. Raises NotBuiltError, SmokeError,
    TomlError, OSError.
    """
    with build.exclusively():
        bundle = require_bundle(build)
        if accept:
            new = missing_modules.accept(build, bundle)
            log.done(f"{new} missing modules added to {build.workspace.warnings(build.product)}")
        with log.step(f"auditing {build.name}"):
            result = examine(build, policy.load(build.workspace), bundle)
    json_file.write(build.report("audit"), result)
    return result


def examine(build: Build, policy: Policy, bundle: Bundle) -> AuditResult:
    """Return the result of auditing *bundle* in the bundle folder of *build*."""
    items = [*contents.walk(build.bundle)]
    found: list[Finding] = []
    natives: list[NativeFile] = []
    places = _private_places(build.workspace)
    for item in items:
        found += _mode_findings(build, item, bundle)
        found += _name_findings(item)
        if item.link or not (item.is_inside or stat.S_ISREG(item.mode)):
            continue
        try:
            data = item.read()
        except contents.DAMAGED as error:
            found.append(finding("file.damaged", item.name, f"cannot be read: {error}"))
            continue
        found += _data_findings(item, data, places)
        parsed = native.parse(data) if native.recognised(data[:4]) else None
        if parsed:
            natives.append(NativeFile(item, parsed, hashlib.sha256(data).hexdigest()))
    libraries = policy.system[build.platform.system].libraries
    found += native_files.find(build.platform, natives, items, libraries)
    found += _bundle_findings(build, items, bundle, policy)
    found += missing_modules.find(build, bundle)
    found += unbundled.find(build, evidence.load(build), items, libraries)
    waived = findings.waive(found, build.profile.audit.waivers, date.today())  # noqa: DTZ011  # days only
    judged = findings.grade(waived, policy.severity)
    word, _ = build.platform.oldest
    return AuditResult(
        product=build.product, version=bundle.version, platform=build.platform.name,
        layout=build.layout, inputs=bundle.inputs,
        ok=not any(f.severity == "error" and not f.waived for f in judged), looked_at=len(items),
        minimum=f"{word} {native_files.newest(natives)}".strip(),
        findings=findings.ordered(judged),
    )  # fmt: skip


def _private_places(workspace: Workspace) -> dict[str, bytes]:
    """Return the folders of this machine whose paths must not be in an artifact."""
    home, prefix = Path.home(), Path(sys.base_prefix)
    places = {"the project's folder": workspace.root}
    if prefix.is_relative_to(home):  # other paths, such as /usr, are the same on every machine
        places["the interpreter's folder"] = prefix
    if len(home.parts) > 2:  # noqa: PLR2004  # many files mention `/root`
        places["the home folder"] = home
    return {name: str(place).encode() for name, place in places.items()}


def _mode_findings(build: Build, item: Item, bundle: Bundle) -> Iterator[Finding]:
    if item.link:
        yield from _link_findings(item, build.bundle)
    elif item.mode and build.platform.system != "windows":
        if item.mode & (stat.S_ISUID | stat.S_ISGID):
            yield finding("mode.setuid", item.name, "is setuid or setgid")
        if item.mode & stat.S_IWOTH:
            yield finding("mode.writable", item.name, "is writable by every user")
        built = bundle.files.get(item.name, ("", 0, ""))[2]
        if built == f"{archive.EXECUTABLE:o}" and not item.mode & stat.S_IXUSR:
            yield finding("mode.lost", item.name, "was executable after the build")


def _link_findings(item: Item, folder: Path) -> Iterator[Finding]:
    if item.escapes:
        yield finding("link.escapes", item.name, f"leads out of the bundle, to {item.link}")
    elif not (folder / item.name).exists():
        yield finding("link.dangling", item.name, f"leads to {item.link}, which does not exist")


def _name_findings(item: Item) -> Iterator[Finding]:
    if kind := leaks.name_problem(item.name):
        yield finding(f"leak.{kind}", item.name, leaks.KINDS[kind])
    if item.base.startswith(("libreadline.", "readline.cpython")):
        reason = "is GNU readline, under the GPL"
        yield finding("licence.gpl", item.name, reason, 'exclude the module "readline"')


def _data_findings(item: Item, data: bytes, places: Mapping[str, bytes]) -> Iterator[Finding]:
    if item.name.endswith(".dist-info/METADATA"):
        head = data.partition(b"\n\n")[0].decode("utf-8", "replace")
        if gpl := _GPL.search(head):
            yield finding("licence.gpl", item.name, f"its metadata says: {gpl[0][:80]}")
    if len(data) > contents.LARGEST_SEARCHED:
        return
    for kind, begin in leaks.secrets(data):
        yield finding("leak.secret", item.name, f"contains {kind} ({begin})")
    for place in leaks.build_paths(data, places):
        yield finding("leak.build-path", item.name, f"contains the path of {place}")


def _bundle_findings(
    build: Build, items: Sequence[Item], bundle: Bundle, policy: Policy
) -> Iterator[Finding]:
    system, budget = build.platform.system, build.profile.audit.largest
    longest = max((item.name for item in items if not item.is_inside), key=len, default="")
    most = policy.system[system].longest
    if len(longest) > most:
        reason = f"has {len(longest)} characters; the limit on {system} is {most}"
        yield finding("path.long", longest, reason)
    if budget and bundle.size > budget * 1_000_000:
        reason = f"has {bundle.size / 1e6:.1f} MB; its limit is {budget} MB"
        yield finding("size.budget", ".", reason)
    if bundle.size > _RELEASE_LIMIT:
        reason = f"has {bundle.size / 2**30:.1f} GiB; the limit of a release asset is 2 GiB"
        yield finding("size.wall", ".", reason)
