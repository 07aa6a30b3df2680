"""Every finding that an audit, a smoke test or a comparison can give: the one table of them.

The audit takes severity and remedy from it, SARIF its rules, docs/audit.md and docs/verdict.md
their tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Rule:
    """What a finding means, how much it matters, and what to do about it."""

    severity: Severity
    meaning: str
    remedy: str


_BUILD_AGAIN = "build it again; if that does not help, run `frostline evidence` and read the diff"
_NARROWER = "name the files of the data table more narrowly"
_COMPARE = "find out what the bundle lacks: `frostline evidence`, `frostline audit`"
_OUTPUT = "read the artifact's output in the log of the smoke test"

AUDIT: Mapping[str, Rule] = {
    "file.damaged": Rule(
        "error", "A file, or a member of an archive, cannot be read.",
        "build it again, and check the disk",
    ),
    "native.architecture": Rule(
        "error", "A native file is for another system or processor.",
        "take the wheel or file of the target platform",
    ),
    "native.unresolved": Rule(
        "error", "A native file needs a library that neither the bundle nor the system has.",
        "collect the library with its package, or name it in the policy",
    ),
    "native.minimum": Rule(
        "error", "A native file needs a newer system than the platform promises.",
        "build in the platform's image, or promise a newer system",
    ),
    "native.rpath": Rule(
        "warning", "A native file looks for libraries outside the bundle.",
        "build it without that path, or remove the path with patchelf",
    ),
    "native.duplicate": Rule(
        "warning", "The same library lies in the bundle twice.", "collect it once"
    ),
    "native.hardening": Rule(
        "note", "A native file was built without NX, RELRO or PIE.",
        "build it with the usual hardening flags",
    ),
    "leak.secret": Rule(
        "error", "A file holds a token or a key; compiled modules are read, too.",
        "revoke it: anyone who has the artifact can read it; then take it out",
    ),
    "leak.private": Rule(
        "error", "A private file: `.env`, a key store, an SSH key, credentials.",
        "take it out of the data, and change the secrets in it",
    ),
    "leak.vcs": Rule("error", "A file of version control.", _NARROWER),
    "leak.cache": Rule("warning", "A cache.", _NARROWER),
    "leak.build-note": Rule(
        "warning", "An installer's note, such as `direct_url.json`.", "leave it out"
    ),
    "leak.build-path": Rule(
        "warning", "A file holds a path of the build machine.",
        "build in a folder whose path may be known, or leave the file out",
    ),
    "licence.gpl": Rule(
        "error", "GNU readline, or a distribution whose metadata says GPL (not LGPL).",
        "leave it out, or publish under that licence",
    ),
    "mode.setuid": Rule("error", "A file is setuid or setgid.", "remove the bit in the data"),
    "mode.writable": Rule(
        "error", "Every user may write a file.", "correct the file's mode in the data"
    ),
    "mode.lost": Rule(
        "error", "A file was executable when it was built, and is not now.",
        "find out which tool copied or unpacked it",
    ),
    "link.dangling": Rule(
        "error", "A link leads to nothing.", "remove the link, or collect what it leads to"
    ),
    "link.escapes": Rule(
        "error", "A link leads out of the bundle.", "collect a copy of what it leads to"
    ),
    "path.long": Rule(
        "error", "A path is too long for the system.", "shorten the names of its folders"
    ),
    "size.budget": Rule(
        "error", "The bundle is bigger than `audit.largest` in the profile.",
        "find out what grew: `frostline treemap`, `frostline diff`",
    ),
    "size.wall": Rule(
        "error", "The bundle is bigger than a release asset may be.", "fetch models at first run"
    ),
    "freeze.missing-module": Rule(
        "error", "PyInstaller did not find an imported module, and nobody has reviewed that.",
        "add it to hidden_imports or to the lock; "
        "if it is not needed: `frostline audit --accept`",
    ),
    "freeze.not-reviewed": Rule(
        "note", "Nobody has reviewed the missing modules for this platform and Python.",
        "review them: `frostline audit --accept`",
    ),
    "evidence.not-recorded": Rule(
        "note", "The product has never been traced, so nobody knows what it uses.",
        "run `frostline evidence`, and commit what it writes",
    ),
    "evidence.missing-module": Rule(
        "error", "A module that was imported in a traced run is not in the bundle.", _BUILD_AGAIN
    ),
    "evidence.missing-file": Rule(
        "error", "A file that was opened in a traced run is not in the bundle.", _BUILD_AGAIN
    ),
    "evidence.missing-library": Rule(
        "error", "A library that was loaded in a traced run is not in the bundle.", _BUILD_AGAIN
    ),
    "evidence.missing-metadata": Rule(
        "error", "Metadata that was asked for in a traced run is not in the bundle.", _BUILD_AGAIN
    ),
    "evidence.missing-entry-point": Rule(
        "error", "The code behind an entry point that was asked for is not in the bundle.",
        _BUILD_AGAIN,
    ),
    "evidence.python-child": Rule(
        "error", "The product starts `python` as a child; an artifact has no Python.",
        "call the code in the same process, or make it a service or console script",
    ),
    "waiver.expired": Rule(
        "warning", "A waiver whose last day is over.", "mend the finding, or set a new date"
    ),
    "waiver.unused": Rule("note", "A waiver that no finding needs.", "remove the waiver"),
}  # fmt: skip

SMOKE: Mapping[str, Rule] = {
    "smoke.command": Rule(
        "error", "A command, or the self-test, ended otherwise than expected.", _OUTPUT
    ),
    "smoke.not-healthy": Rule(
        "error", "The artifact ended, or did not become healthy in time.", _OUTPUT
    ),
    "smoke.not-ready": Rule("error", "The artifact did not announce that it is ready.", _OUTPUT),
    "smoke.unhealthy": Rule(
        "error", "The artifact's own report is not `ok`: a service is dead.", _OUTPUT
    ),
    "smoke.request": Rule(
        "error", "A request was answered otherwise than expected.", _OUTPUT
    ),
    "smoke.needs-network": Rule(
        "error", "What failed works with a network.",
        "bundle what is fetched, or allow it: `offline = false`",
    ),
    "smoke.writes-bundle": Rule(
        "error", "The artifact writes into its own folder, or fails where it cannot.",
        "write below the storage folder, or allow it: `read_only = false`",
    ),
    "smoke.second-instance": Rule(
        "error", "A second instance did not give way to the first.", _OUTPUT
    ),
    "smoke.not-stopped": Rule("error", "The artifact did not stop, or not cleanly.", _OUTPUT),
    "smoke.ignores-stop": Rule(
        "error", "A service stopped only by force.", "let it end on SIGTERM within its grace"
    ),
    "smoke.outlives-shell": Rule(
        "error", "A process still ran after the shell was killed.", _OUTPUT
    ),
    "smoke.outlives-kill": Rule(
        "error", "A process still ran after the artifact was killed.", _OUTPUT
    ),
    "smoke.left-behind": Rule(
        "error", "A process, port or temporary file was left.", _OUTPUT
    ),
}  # fmt: skip

PARITY: Mapping[str, Rule] = {
    "parity.status": Rule("error", "A status or exit code differs from the source's.", _COMPARE),
    "parity.answer": Rule("error", "A JSON answer has another shape.", _COMPARE),
    "parity.route": Rule("error", "Only one of the two has a route.", _COMPARE),
    "parity.description": Rule("error", "A route is described otherwise.", _COMPARE),
    "parity.fact": Rule("error", "Another Python, or another entry point.", _COMPARE),
}

RULES: Mapping[str, Rule] = {**AUDIT, **SMOKE, **PARITY}


def markdown(rules: Mapping[str, Rule]) -> str:
    """Return *rules* as a table for the documentation."""
    lines = ["| finding | severity | what it means | what to do |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {rule.severity} | {rule.meaning} | {rule.remedy} |"
        for name, rule in rules.items()
    ]
    return "\n".join(lines) + "\n"
