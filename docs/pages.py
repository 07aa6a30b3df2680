"""Writes what is generated: pages and tables of docs/, and the profile's JSON Schema.

`python docs/pages.py` writes them, `python docs/pages.py --check` names those that are not current.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import modules
import rows

from frostline.audit import rules
from frostline.core.exit_codes import EXIT_CODES
from frostline.profile import reference
from frostline_runtime import exit_codes

ROOT = Path(__file__).resolve().parents[1]


def generated() -> dict[Path, str]:
    """Return the whole text of every file that is generated, or has a generated table."""
    docs = ROOT / "docs"
    return {
        ROOT / "resources" / "profile.schema.json": reference.schema(),
        docs / "profile.md": reference.markdown(),
        docs / "exit-codes.md": _exit_codes(),
        docs / "rows.md": rows.markdown(),
        docs / "modules.md": modules.markdown(),
        docs / "audit.md": _with_tables(docs / "audit.md", {"audit": rules.AUDIT}),
        docs / "verdict.md": _with_tables(
            docs / "verdict.md", {"smoke": rules.SMOKE, "parity": rules.PARITY}
        ),
    }


def stale() -> dict[Path, str]:
    """Return the files that are not current, with the text that each should have."""
    return {
        path: text
        for path, text in generated().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def _with_tables(page: Path, tables: Mapping[str, Mapping[str, rules.Rule]]) -> str:
    """Return *page* with each table between its marks written anew."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + rules.markdown(table) + end + rest.partition(end)[2]
    return text


def _exit_codes() -> str:
    lines = ["# Exit codes", "", "Generated from the code; a test keeps it so.", ""]
    lines += ["## The verbs", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    lines += ["", "## A frozen artifact", "", "| code | name | meaning |", "|---|---|---|"]
    lines += [f"| {code} | `{name}` | {meaning} |" for code, name, meaning in exit_codes.EXIT_CODES]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write what is not current, or with --check only name it; return the exit code."""
    found = stale()
    for path, text in found.items():
        sys.stdout.write(f"{path.relative_to(ROOT).as_posix()}\n")
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8", newline="\n")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
