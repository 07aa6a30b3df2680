"""The table of all findings of the audit, the smoke test and the comparison with the source.

Findings take their severity and remedy from it. SARIF's rules and the tables in docs/audit.md and
docs/verdict.md are generated from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Rule:
    """The severity, meaning and remedy of a finding."""

    severity: Severity
    meaning: str
    remedy: str


_BUILD_AGAIN = "build it again; if that does not help, run `frostline evidence` and read the diff"
_NARROWER = "restrict the data table with `glob`"
_COMPARE = "find out what the bundle lacks with `frostline evidence` and `frostline audit`"
_OUTPUT = "read the artifact's output in the smoke test's log"

AUDIT: Mapping[str, Rule] = {
    "file.damaged": Rule(
        "error", "A file, or a member of an archive, cannot be read.",
        "build again; check the disk",
    ),
    "native.architecture": Rule(
        "error", "A native file is for another system or architecture.",
        "use the wheel or file for the target platform",
    ),
    "native.unresolved": Rule(
        "error", "A native file needs a library that neither the bundle nor the system has.",
        "collect the library with its package, or add it to the policy",
    ),
    "native.minimum": Rule(
        "error", "A native file needs a newer system than the platform's minimum.",
        "build in the platform's image, or raise the minimum",
    ),
    "native.rpath": Rule(
        "warning", "A native file searches for libraries outside the bundle.",
        "build it without that rpath, or remove the rpath with patchelf",
    ),
    "native.duplicate": Rule(
        "warning", "The bundle contains the same library twice.", "collect it once"
    ),
    "native.hardening": Rule(
        "note", "A native file was built without NX, RELRO or PIE.",
        "build it with the usual hardening flags",
    ),
    "leak.secret": Rule(
        "error", "A file contains a token or key; compiled modules are searched, too.",
        "revoke it, as anyone who has the artifact can read it; then remove it",
    ),
    "leak.private": Rule(
        "error", "A private file is in the bundle: `.env`, a key store, an SSH key, credentials.",
        "remove it from the data and change the secrets in it",
    ),
    "leak.vcs": Rule("error", "A file of a version control system is in the bundle.", _NARROWER),
    "leak.cache": Rule("warning", "A cache is in the bundle.", _NARROWER),
    "leak.build-note": Rule(
        "warning", "A file about the installation is in the bundle, such as `direct_url.json`.",
        "leave it out",
    ),
    "leak.build-path": Rule(
        "warning", "A file contains a path of the build machine.",
        "build in a folder whose path may be public, or leave the file out",
    ),
    "licence.gpl": Rule(
        "error",
        "GNU readline, or a distribution whose metadata says GPL (not LGPL), is in the bundle.",
        "leave it out, or publish under that licence",
    ),
    "mode.setuid": Rule("error", "A file is setuid or setgid.", "remove the bit from the file"),
    "mode.writable": Rule(
        "error", "A file is writable by every user.", "correct the mode of the file"
    ),
    "mode.lost": Rule(
        "error", "A file was executable after the build and no longer is.",
        "find the tool that copied or unpacked it",
    ),
    "link.dangling": Rule(
        "error", "The target of a symbolic link does not exist.",
        "remove the link, or collect its target",
    ),
    "link.escapes": Rule(
        "error", "A symbolic link leads out of the bundle.", "collect a copy of its target"
    ),
    "path.long": Rule(
        "error", "A path is too long for the system.", "shorten its folder names"
    ),
    "size.budget": Rule(
        "error", "The bundle is larger than `audit.largest` in the profile.",
        "find out what grew with `frostline treemap` and `frostline diff`",
    ),
    "size.wall": Rule(
        "error", "The bundle is larger than a GitHub release asset may be.",
        "fetch models at first run",
    ),
    "freeze.missing-module": Rule(
        "error", "PyInstaller did not find an imported module that is not on the reviewed list.",
        "add it to hidden_imports or to the lock; "
        "if it is not needed, run `frostline audit --accept`",
    ),
    "freeze.not-reviewed": Rule(
        "note", "The missing modules are not reviewed for this platform and Python.",
        "review them, then run `frostline audit --accept`",
    ),
    "evidence.not-recorded": Rule(
        "note", "The product was never traced, so it is unknown what it uses.",
        "run `frostline evidence` and commit the file it writes",
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
        "error", "Metadata that was read in a traced run is not in the bundle.", _BUILD_AGAIN
    ),
    "evidence.missing-entry-point": Rule(
        "error", "The module of an entry point that was looked up is not in the bundle.",
        _BUILD_AGAIN,
    ),
    "evidence.python-child": Rule(
        "error", "The product starts `python` as a child process; an artifact has no Python.",
        "call the code in the same process, or make it a service or console script",
    ),
    "waiver.expired": Rule(
        "warning", "A waiver has expired.", "fix the finding, or set a new date"
    ),
    "waiver.unused": Rule("note", "A waiver matches no finding.", "remove the waiver"),
}  # fmt: skip

SMOKE: Mapping[str, Rule] = {
    "smoke.command": Rule(
        "error", "A command or the self-test did not give the expected result.", _OUTPUT
    ),
    "smoke.not-healthy": Rule(
        "error", "The artifact ended, or was not healthy in time.", _OUTPUT
    ),
    "smoke.not-ready": Rule("error", "The artifact did not announce that it is ready.", _OUTPUT),
    "smoke.unhealthy": Rule(
        "error", "The artifact's health report is not `ok`: a service is dead.", _OUTPUT
    ),
    "smoke.request": Rule(
        "error", "A request did not get the expected response.", _OUTPUT
    ),
    "smoke.needs-network": Rule(
        "error", "The artifact fails without a network and works with one.",
        "bundle what it fetches, or set `offline = false`",
    ),
    "smoke.writes-bundle": Rule(
        "error", "The artifact writes into its own folder, or fails if it cannot.",
        "write below the storage folder, or set `read_only = false`",
    ),
    "smoke.second-instance": Rule(
        "error", "A second instance did not end with the message that one is running.", _OUTPUT
    ),
    "smoke.not-stopped": Rule("error", "The artifact did not stop cleanly.", _OUTPUT),
    "smoke.ignores-stop": Rule(
        "error", "A service had to be killed.", "let it end on SIGTERM within its grace"
    ),
    "smoke.outlives-shell": Rule(
        "error", "A process was still running after the shell was killed.", _OUTPUT
    ),
    "smoke.outlives-kill": Rule(
        "error", "A process was still running after the artifact was killed.", _OUTPUT
    ),
    "smoke.left-behind": Rule(
        "error", "A process, port or temporary file was left behind.", _OUTPUT
    ),
}  # fmt: skip

PARITY: Mapping[str, Rule] = {
    "parity.status": Rule("error", "A status or exit code differs from the source's.", _COMPARE),
    "parity.answer": Rule("error", "The shape of a JSON response differs.", _COMPARE),
    "parity.route": Rule("error", "A route exists only from source or only frozen.", _COMPARE),
    "parity.description": Rule("error", "The description of a route differs.", _COMPARE),
    "parity.fact": Rule("error", "The Python or an entry point differs.", _COMPARE),
}

RULES: Mapping[str, Rule] = {**AUDIT, **SMOKE, **PARITY}


def markdown(rules: Mapping[str, Rule]) -> str:
    """Return *rules* as a Markdown table for the documentation."""
    lines = ["| finding | severity | what it means | what to do |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {rule.severity} | {rule.meaning} | {rule.remedy} |"
        for name, rule in rules.items()
    ]
    return "\n".join(lines) + "\n"
