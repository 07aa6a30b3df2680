"""Looks at every file of a bundle, and into its archives, and says what must not ship."""

import fnmatch
import hashlib
import json
import posixpath
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from frostline.audit import findings, leaks
from frostline.audit import missing_modules as ratchet
from frostline.audit import unbundled as gaps
from frostline.audit.findings import Finding, Severity
from frostline.core import native, workspace
from frostline.core.native import Native, Version
from frostline.core.platforms import Platform
from frostline.core.workspace import Workspace
from frostline.freeze import contents
from frostline.freeze.bundle import Bundle
from frostline.freeze.contents import Item
from frostline.launch import evidence
from frostline.profile.build import Build
from frostline.profile.policy import Policy

_INTERNAL = "_internal"
_EXECUTABLE = "755"
_RELEASE_LIMIT = 2 * 1024**3
_GPL = re.compile(
    r"^(License(-Expression)?: .*(?<!L)GPL|.*:: GNU (Affero )?General Public)", re.MULTILINE
)
_LEAKS: Mapping[str, tuple[Severity, str, str]] = {
    "private": ("error", "is a private file", "take it out of the data, and change what it tells"),
    "vcs": ("error", "belongs to version control", "name the files of the data more narrowly"),
    "cache": ("warning", "is a cache", "name the files of the data more narrowly"),
    "build-note": ("warning", "tells how it was installed", "leave it out"),
}


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What was found in a bundle; *minimum* is the oldest system that it says to run on."""

    product: str
    version: str
    platform: str
    layout: str
    inputs: str
    ok: bool
    looked_at: int
    minimum: str
    findings: tuple[Finding, ...]
    schema: int = 1


@dataclass(frozen=True)
class _Seen:
    """A native file of the bundle, with the folder that its libraries are looked for from."""

    item: Item
    folder: str
    native: Native
    digest: str


def audit(build: Build, policy: Policy, bundle: Bundle) -> Audit:
    """Return what is found in *bundle*, also written to `audit.json`. Raises OSError."""
    folder, platform = build.bundle, build.platform
    items = [*contents.walk(folder)]
    found: list[Finding] = []
    natives: list[_Seen] = []
    places = _places(build.workspace)
    for item in items:
        found += _file_findings(item, folder, platform, bundle)
        found += _name_findings(item)
        if item.link or not (item.is_inside or stat.S_ISREG(item.mode)):
            continue
        try:
            data = item.read()
        except contents.DAMAGED as error:
            reason = f"cannot be read: {error}"
            remedy = "build it again, and look at the disk"
            found.append(_found("file.damaged", "error", item.name, reason, remedy))
            continue
        found += _data_findings(item, data, places)
        parsed = native.parse(data) if native.recognised(data[:4]) else None
        if parsed:
            natives.append(_Seen(item, _folder(item), parsed, hashlib.sha256(data).hexdigest()))
    found += _native_findings(natives, items, platform, policy)
    found += _bundle_findings(build, items, bundle, platform, policy)
    found += ratchet.find(build.workspace, build.target, bundle)
    facts = evidence.load(build.workspace, build.product)
    used = None if facts is None else evidence.applying(facts, platform)
    system = policy.system[platform.system].libraries
    found += gaps.find(used, items, build.profile, platform, system)
    graded = [_graded(finding, policy) for finding in found]
    judged = findings.ordered(findings.waive(graded, build.profile.audit.waivers, date.today()))  # noqa: DTZ011  # a day is enough
    minimum = max((seen.native.glibc or seen.native.minimum for seen in natives), default=())
    result = Audit(
        product=build.product, version=bundle.version, platform=platform.name,
        layout=build.layout, inputs=bundle.inputs,
        ok=not any(f.severity == "error" and not f.waived for f in judged), looked_at=len(items),
        minimum=f"{platform.minimum.partition(' ')[0]} {_dotted(minimum)}".strip(), findings=judged,
    )  # fmt: skip
    text = json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n"
    workspace.write(build.report("audit"), text)
    return result


def _graded(finding: Finding, policy: Policy) -> Finding:
    severity = policy.severity.get(finding.id, finding.severity)
    return Finding(**{**asdict(finding), "severity": severity})


def _places(paths: Workspace) -> dict[str, bytes]:
    """Return the folders of this machine that no artifact should tell of."""
    home, prefix = Path.home(), Path(sys.base_prefix)
    places = {"the project's folder": paths.root}
    if prefix.is_relative_to(home):  # else it is where every such system has it
        places["the interpreter's folder"] = prefix
    if len(home.parts) > 2:  # noqa: PLR2004  # `/root` is a word of many documents
        places["the home folder"] = home
    return {name: str(place).encode() for name, place in places.items()}


def _folder(item: Item) -> str:
    """Return the folder of *item* below where libraries are looked for, "" at its top."""
    name = item.name.partition("!")[2] or item.name
    return posixpath.dirname(name).removeprefix(_INTERNAL).lstrip("/")


def _file_findings(
    item: Item, folder: Path, platform: Platform, bundle: Bundle
) -> Iterator[Finding]:
    if item.link:
        yield from _link_findings(item, folder)
    elif item.mode and platform.system != "windows":
        if item.mode & (stat.S_ISUID | stat.S_ISGID):
            yield _found("mode.setuid", "error", item.name, "is setuid or setgid", "chmod it")
        if item.mode & stat.S_IWOTH:
            remedy = "chmod it in the data"
            yield _found("mode.writable", "error", item.name, "everybody can write it", remedy)
        built = bundle.files.get(item.name, ("", 0, ""))[2]
        if built == _EXECUTABLE and not item.mode & stat.S_IXUSR:
            reason, remedy = "was executable when it was built", "look what copied or unpacked it"
            yield _found("mode.lost", "error", item.name, reason, remedy)


def _link_findings(item: Item, folder: Path) -> Iterator[Finding]:
    path = folder / item.name
    end = posixpath.normpath(posixpath.join(posixpath.dirname(item.name), item.link))
    if item.link.startswith("/") or end.startswith(".."):
        reason = f"leads out of the bundle, to {item.link}"
        yield _found("link.escapes", "error", item.name, reason, "copy what it leads to")
    elif not path.exists():
        reason = f"leads to {item.link}, which is not there"
        yield _found("link.dangling", "error", item.name, reason, "take it out, or its end in")


def _name_findings(item: Item) -> Iterator[Finding]:
    kind = leaks.name_problem(item.name)
    if kind:
        severity, reason, remedy = _LEAKS[kind]
        yield _found(f"leak.{kind}", severity, item.name, reason, remedy)
    base = posixpath.basename(item.name.replace("!", "/"))
    if base.startswith(("libreadline.", "readline.cpython")):
        remedy = 'exclude the module "readline"'
        yield _found("licence.gpl", "error", item.name, "is GNU readline, under the GPL", remedy)


def _data_findings(item: Item, data: bytes, places: Mapping[str, bytes]) -> Iterator[Finding]:
    if item.name.endswith(".dist-info/METADATA"):
        head = data.partition(b"\n\n")[0].decode("utf-8", "replace")
        if found := _GPL.search(head):
            reason = f"its metadata says: {found[0][:80]}"
            remedy = "leave the distribution out, or publish under that licence"
            yield _found("licence.gpl", "error", item.name, reason, remedy)
    if len(data) > contents.LARGEST_SEARCHED:
        return
    for kind, begin in leaks.secrets(data):
        remedy = "take it out, and make it invalid: who has the artifact has it"
        yield _found("leak.secret", "error", item.name, f"holds {kind} ({begin})", remedy)
    for place in leaks.build_paths(data, places):
        remedy = "build where its path tells nothing, or leave the file out"
        yield _found("leak.build-path", "warning", item.name, f"tells {place}", remedy)


def _native_findings(
    natives: Sequence[_Seen], items: Sequence[Item], platform: Platform, policy: Policy
) -> Iterator[Finding]:
    top = {posixpath.basename(item.name.partition("!")[2] or item.name): item for item in items}
    by_folder: dict[str, set[str]] = {}
    for item in items:
        name = posixpath.basename(item.name.partition("!")[2] or item.name)
        by_folder.setdefault(_folder(item), set()).add(name)
    for seen in natives:
        name, facts = seen.item.name, seen.native
        if strange := [*_platform_findings(name, facts, platform)]:
            yield from strange  # what else there is to say of it belongs to another system
            continue
        for library in facts.needed:
            if not _is_there(library, seen, by_folder, top, policy, platform):
                remedy = "collect it with its package, or name it in the policy"
                reason = f"needs {library}, which neither the bundle nor the system has"
                yield _found("native.unresolved", "error", name, reason, remedy)
        for rpath in facts.rpaths:
            if facts.format == "elf" and native.resolved(seen.folder, rpath) is None:
                reason = f"looks for libraries in {rpath}, out of the bundle"
                remedy = "build it without, or change it with patchelf"
                yield _found("native.rpath", "warning", name, reason, remedy)
        if facts.weak:
            reason = f"has {', '.join(facts.weak)}"
            yield _found("native.hardening", "note", name, reason, "build it with the usual flags")
    yield from _minimum_findings(natives, platform)
    yield from _duplicates(natives)


def _platform_findings(name: str, facts: Native, platform: Platform) -> Iterator[Finding]:
    expected = {"linux": "elf", "darwin": "mach-o", "windows": "pe"}[platform.system]
    if facts.format != expected or platform.machine not in facts.machines:
        kind = f"{facts.format} for {' and '.join(facts.machines) or 'no machine that we know'}"
        remedy = f"take the wheel or file of {platform.name}"
        reason = f"is {kind}, not {expected} for {platform.machine}"
        yield _found("native.architecture", "error", name, reason, remedy)


def _is_there(  # one library's whole search
    library: str, seen: _Seen, by_folder: Mapping[str, set[str]], top: Mapping[str, Item],
    policy: Policy, platform: Platform,
) -> bool:  # fmt: skip
    base = posixpath.basename(library)
    system = policy.system[platform.system].libraries
    if any(fnmatch.fnmatchcase(library, pattern) for pattern in system):
        return True
    if seen.native.format != "elf":  # their search is the loader's and the package's own affair
        return base in top or base.lower() in {name.lower() for name in top}
    folders = {"", *filter(None, (native.resolved(seen.folder, p) for p in seen.native.rpaths))}
    return any(base in by_folder.get(folder, set()) for folder in folders)


def _minimum_findings(natives: Sequence[_Seen], platform: Platform) -> Iterator[Finding]:
    word, _, number = platform.minimum.partition(" ")
    floor = tuple(int(part) for part in number.split("."))
    newest: Version = ()
    at: list[str] = []
    for seen in natives:
        version = seen.native.glibc or seen.native.minimum
        if version > newest:
            newest, at = version, []
        if version == newest and version:
            at.append(seen.item.name)
    if _bare(newest) > _bare(floor):
        more = f" and {len(at) - 1} more" if len(at) > 1 else ""
        reason = (
            f"needs {word} {_dotted(newest)}{more}; {platform.name} promises {platform.minimum}"
        )
        remedy = "build in the image of the platform, or promise less"
        yield _found("native.minimum", "error", at[0], reason, remedy)


def _bare(version: Version) -> Version:
    """Return *version* without zeros at its end: 11.0 is 11."""
    return _bare(version[:-1]) if version[-1:] == (0,) else version


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def _duplicates(natives: Sequence[_Seen]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for seen in natives:
        name = seen.item.name
        if seen.digest in first:
            reason = f"is the same file as {first[seen.digest]} ({seen.item.size} bytes)"
            yield _found("native.duplicate", "warning", name, reason, "collect it once")
        first.setdefault(seen.digest, name)


def _bundle_findings(
    build: Build, items: Sequence[Item], bundle: Bundle, platform: Platform, policy: Policy
) -> Iterator[Finding]:
    longest = max((item.name for item in items if not item.is_inside), key=len, default="")
    most = policy.system[platform.system].longest
    if len(longest) > most:
        reason = f"has {len(longest)} characters; {platform.system} leaves room for {most}"
        yield _found("path.long", "error", longest, reason, "shorten its folders")
    budget = build.profile.audit.largest * 1_000_000
    if budget and bundle.size > budget:
        reason = f"has {bundle.size / 1e6:.1f} MB, its budget is {build.profile.audit.largest} MB"
        yield _found("size.budget", "error", ".", reason, "look what grew: `invoke plan`")
    if bundle.size > _RELEASE_LIMIT:
        reason = f"has {bundle.size / 2**30:.1f} GiB; release assets may have 2"
        yield _found("size.wall", "error", ".", reason, "fetch models at first run")


def _found(name: str, severity: Severity, file: str, reason: str, remedy: str) -> Finding:
    return Finding(id=name, severity=severity, file=file, reason=reason, remedy=remedy)
