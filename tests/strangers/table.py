"""Prints the table of strangers' projects: frostline's verdict, minutes, and plain PyInstaller.

`python tests/strangers/table.py WORD…` takes the projects that have all WORDs in their names, else
all of them. Exit code 1 if one is not good that should be.
"""

import sys
import tempfile
import time
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src")]

import choice  # noqa: E402  # its path comes first
import projects  # noqa: E402
import proof  # noqa: E402
from backends import BACKENDS  # noqa: E402
from kinds import KINDS  # noqa: E402
from lockers import LOCKS, Tools  # noqa: E402

_HEAD = ("project", "kind", "backend", "lock", "frostline", "minutes", "plain PyInstaller")


def row(number: int, triple: choice.Triple, folder: Path, frostline: Path, tools: Tools) -> str:
    """Return the row of the project *number*, which is made in *folder*."""
    project = projects.write(folder, triple, tools)
    started = time.monotonic()
    try:
        proof.prove(project, triple, frostline)
        verdict = "good"
    except Exception as error:  # noqa: BLE001  # whatever it is, it stands in the table
        sys.stdout.write(f"{error}\n")
        verdict = "NOT GOOD"
    minutes = (time.monotonic() - started) / 60
    same = "the same answer" if proof.plain(project, triple) else "no answer"
    return _line((str(number), *triple, verdict, f"{minutes:.1f}", same))


def impossible() -> list[str]:
    """Return the impossible combinations, a line for each reason."""
    reasons: dict[str, list[str]] = {}
    for triple in product(KINDS, BACKENDS, LOCKS):
        if why := choice.impossible(*triple):
            reasons.setdefault(why, []).append(" + ".join(triple))
    return [f"{len(which)} impossible: {why}: {'; '.join(which)}" for why, which in reasons.items()]


def main(words: list[str]) -> int:
    """Build the projects and print the table; return the exit code."""
    lines = [_line(_HEAD), _line(("---",) * len(_HEAD))]
    with tempfile.TemporaryDirectory(prefix="strangers-") as name:
        base = Path(name)
        (base / "frostline").mkdir()
        frostline, tools = proof.install(base / "frostline"), Tools(base / "tools")
        for number, triple in enumerate(choice.chosen(), 1):
            if all(word in triple for word in words):
                lines.append(row(number, triple, base / str(number), frostline, tools))
                sys.stdout.write(f"{lines[-1]}\n")
                sys.stdout.flush()
    sys.stdout.write("\n".join(["", f"seed {choice.SEED}", *lines, "", *impossible()]) + "\n")
    return any("NOT GOOD" in line for line in lines)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
