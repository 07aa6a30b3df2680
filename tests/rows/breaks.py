"""Breaks one line of code for each tested row of docs/products.md; the row's test must fail.

`python tests/rows/breaks.py` makes all breaks, `… A1 L2` those of these rows, `… --fast` those
whose tests freeze nothing. Each is made in a copy of this checkout. Exit code 1: a test passed
although its row was broken, or failed with nothing broken.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("src", "apps/argo/src", "apps/rag/src", "apps/tinyllama/src")
_FAILED = 1  # pytest's exit code for failed tests; collection errors have another one


@dataclass(frozen=True)
class Break:
    """A replacement of *old* by *new* in *file* that must make *test*, the test of *row*, fail."""

    row: str
    file: str
    old: str
    new: str
    test: str
    freezes: bool = False


RUNTIME, BUILD = "src/frostline_runtime", "src/frostline"
UNIT, SLOW, FAULTS = "tests/unit", "tests/integration", "tests/faults"

BREAKS = (
    Break("A1", f"{BUILD}/core/workspace.py",
          "{target.product}{target.platform.suffix}", "{target.product}",
          f"{UNIT}/frostline/core/test_workspace.py::test_where_the_executable_lies"),
    Break("A2", f"{BUILD}/launch/preflight.py",
          "for entry in build.profile.entries:", "for entry in ():",
          f"{SLOW}/test_trouble.py::test_product_that_cannot_be_built", freezes=True),
    Break("A3", f"{BUILD}/source/stage.py",
          "destination / relative.as_posix()", "destination / relative.name",
          f"{UNIT}/frostline/source/test_stage.py::test_glob_keeps_folders"),
    Break("A4", "apps/argo/src/argo/resources.py",
          "Path(__file__).parent.joinpath", 'Path("apps/argo/src/argo").joinpath',
          "apps/argo/tests/test_app.py::test_resources_are_found_from_anywhere"),
    Break("A5", "specs/argo.toml",
          'TOKENIZERS_PARALLELISM = "false"', 'TOKENIZERS_PARALLELISM = "true"',
          f"{UNIT}/frostline/profile/test_profile.py::test_environment_of_argo"),
    Break("A6", f"{RUNTIME}/artifact/environment.py",
          "rules.env_file and storage:", "rules.env_file and not storage:",
          f"{UNIT}/frostline_runtime/artifact/test_environment.py::test_order_of_values"),
    Break("A7", f"{BUILD}/core/archive.py",
          "mode & EXECUTABLE or _PLAIN", "_PLAIN",
          f"{UNIT}/frostline/source/test_fetch.py::test_what_is_taken_from_an_archive"),
    Break("A8", "apps/argo/src/argo/tokens.py",
          'os.environ.get("TIKTOKEN_CACHE_DIR")', 'os.environ.get("TIKTOKEN_CACHE")',
          "apps/argo/tests/test_tokens.py::test_counts_from_the_cache"),
    Break("A9", "hooks/hook-llama_cpp.py",
          'binaries = collect_dynamic_libs("llama_cpp")', "binaries = []",
          "tests/hooks/test_hooks.py::test_llama_cpp", freezes=True),
    Break("A10", "apps/argo/src/argo/database.py",
          'command.upgrade(config, "head")', "command.current(config)",
          "apps/argo/tests/test_database.py::test_migrations_make_what_the_models_say"),
    Break("A11", "apps/argo/src/argo/chat.py",
          "if not collector.complete:", "if collector.complete is None:",
          "apps/argo/tests/test_chat.py::test_failure_within_the_answer_is_an_event"),
    Break("A12", f"{BUILD}/core/workspace.py",
          "path.name.startswith(others)", "not others",
          f"{UNIT}/frostline/core/test_workspace.py::test_clean_knows_products_apart"),
    Break("A13", f"{BUILD}/pipeline.py",
          "if clean:", "if not clean:",
          f"{SLOW}/test_trouble.py::test_clean_and_debug", freezes=True),
    Break("A14", f"{BUILD}/audit/unbundled.py",
          "fact.name not in content.places", "not fact.name",
          f"{UNIT}/frostline/audit/test_unbundled.py::test_what_is_not_there_is_found"),
    Break("R1", f"{BUILD}/freeze/prune.py",
          '(".dist-info", ".egg-info", ".data")', '(".egg-info", ".data")',
          f"{UNIT}/frostline/freeze/test_prune.py::test_what_looks_like_its_name"),
    Break("R2", f"{BUILD}/freeze/prune.py",
          'category == "examples" or not any(place.endswith(".py") for place in inside)', "True",
          f"{UNIT}/frostline/freeze/test_prune.py::test_what_somebody_needs"),
    Break("R3", f"{BUILD}/cli/look.py",
          "if not (venv and apply):", "if not venv:",
          f"{SLOW}/test_prune.py::test_a_dry_run_touches_nothing"),
    Break("R4", f"{BUILD}/freeze/prune_venv.py",
          "[*_moved(python.parent)]", "[*()]",
          f"{SLOW}/test_prune.py::test_an_environment_that_was_moved"),
    Break("R5", f"{BUILD}/freeze/prune_venv.py",
          "_put_back(venv, group)", "bool(group)",
          f"{SLOW}/test_prune.py::test_what_breaks_comes_back"),
    Break("R6", "specs/rag.toml",
          '"celery", "flower", "uvicorn"]', '"celery", "uvicorn"]',
          f"{SLOW}/test_rag.py::test_its_programs", freezes=True),
    Break("R7", "apps/rag/src/rag/api.py",
          "503 if problems else 200", "200",
          "apps/rag/tests/test_rag.py::test_without_a_model_server"),
    Break("X1", f"{RUNTIME}/supervision/lifeline.py",
          "ended()", "bool()",
          f"{FAULTS}/test_death.py::test_end_of_stdin"),
    Break("X3", f"{RUNTIME}/supervision/restarts.py",
          "MOST_RESTARTS = 5", "MOST_RESTARTS = 4",
          f"{FAULTS}/test_services.py::test_a_crash_loop_is_given_up"),
    Break("T6", f"{RUNTIME}/supervision/journal.py",
          "self._rows.put_nowait((sql, row))", "bool(row)",
          f"{FAULTS}/test_stop.py::test_history_answers_queries"),
    Break("T7", f"{RUNTIME}/web/status.js",
          'set(".restarts", facts.restarts)', 'set(".restarts", 0)',
          f"{FAULTS}/test_page.py::test_the_page"),
    Break("L1", f"{RUNTIME}/model/llamafile.py",
          'resource.when == "asked"', "resource.when",
          f"{FAULTS}/test_llamafile.py::test_a_model_is_fetched_at_first_run"),
    Break("L2", f"{RUNTIME}/download/fetch.py",
          "wanted.sha256 and digest != wanted.sha256", "not digest",
          f"{FAULTS}/test_download.py::test_a_wrong_file_is_kept_for_inspection"),
    Break("L3", f"{RUNTIME}/model/gguf.py",
          "model.size < model.needed", "model.size < 0",
          f"{UNIT}/frostline_runtime/model/test_gguf.py::test_truncated_anywhere"),
    Break("L4", f"{RUNTIME}/model/llamafile.py",
          "prepared.version and prepared.version < NEW", "prepared.version < NEW",
          f"{UNIT}/frostline_runtime/model/test_llamafile.py::test_command_line_by_version"),
    Break("L5", f"{RUNTIME}/model/preparation.py",
          "files.base, model or executable", "files.base, model",
          f"{UNIT}/frostline_runtime/model/test_preparation.py"
          "::test_windows_starts_no_file_over_4_gb"),
    Break("L6", f"{RUNTIME}/supervision/prober.py",
          "if listed == []:", "if listed is None:",
          f"{UNIT}/frostline_runtime/supervision/test_prober.py::test_a_model_must_be_loaded"),
    Break("L7", f"{RUNTIME}/model/llamafile.py",
          'line += ["-n", str(server.predict)]', 'line += ["-n", "0"]',
          f"{UNIT}/frostline_runtime/model/test_llamafile.py::test_arguments_of_the_profile"),
    Break("L8", f"{BUILD}/llamafile/pack.py",
          "// ALIGNMENT) * ALIGNMENT - head", "// 1) * 1 - head",
          f"{UNIT}/frostline/llamafile/test_pack.py::test_there_and_back"),
)  # fmt: skip


def copy_checkout(folder: Path) -> None:
    """Copy all files of this checkout that git does not ignore."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source, place = ROOT / name, folder / name
        if source.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(source.read_bytes())
            place.chmod(source.stat().st_mode)


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run *tests* in the checkout *folder* with the code in it."""
    path = os.pathsep.join(str(folder / name) for name in SOURCES)
    options = ("-x", "-q", "-p", "no:cacheprovider", "--basetemp", str(folder.parent / "tmp"))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests], cwd=folder, check=False,
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip


@contextmanager
def checkout() -> Iterator[Path]:
    """Yield a temporary copy of this checkout."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary, "checkout")
        copy_checkout(folder)
        yield folder


def attempt(item: Break) -> tuple[str, str]:
    """Make the break; return `noticed`, `skipped` or `NOT NOTICED`, and pytest's output."""
    with checkout() as folder:
        file = folder / item.file
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(item.old, item.new), encoding="utf-8")
        done = run(folder, item.test)
    if done.returncode == _FAILED:
        return "noticed", done.stdout
    nothing_ran = done.returncode == 0 and not re.search(r"\d passed", done.stdout)
    return "skipped" if nothing_ran else "NOT NOTICED", done.stdout + done.stderr


def main() -> int:
    """Make the breaks that the command line selects; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="such as L1 (default: all rows)")
    parser.add_argument("--fast", action="store_true", help="only those that need no freeze")
    options = parser.parse_args()
    if unknown := {*options.rows} - {item.row for item in BREAKS}:
        parser.error(f"no break for {', '.join(sorted(unknown))}")
    chosen = [item for item in BREAKS if item.row in options.rows or not options.rows]
    chosen = [item for item in chosen if not (item.freezes and options.fast)]
    with checkout() as folder:
        done = run(folder, *(item.test for item in chosen))
    if done.returncode:
        sys.stdout.write(f"{done.stdout}{done.stderr}\nA test fails with nothing broken.\n")
        return 1
    results = []
    for item in chosen:
        began = time.monotonic()
        result, said = attempt(item)
        results.append(result)
        seconds = time.monotonic() - began
        sys.stdout.write(f"{item.row:4}{result:12}{seconds:5.0f} s  {item.test}\n")
        if result != "noticed":
            sys.stdout.write(f"    {item.file}: {item.old} -> {item.new}\n{said[-3000:]}\n")
        sys.stdout.flush()
    counts = {name: results.count(name) for name in ("noticed", "skipped", "NOT NOTICED")}
    sys.stdout.write(", ".join(f"{number} {name}" for name, number in counts.items()) + "\n")
    return 1 if counts["NOT NOTICED"] else 0


if __name__ == "__main__":
    sys.exit(main())
