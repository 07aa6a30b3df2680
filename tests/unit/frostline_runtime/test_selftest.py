"""The self-test of an artifact."""

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from frostline_runtime import selftest
from frostline_runtime.artifact.locations import locate
from frostline_runtime.artifact.manifest import Environment, Manifest

GOOD = Manifest(
    product="p", name="p", version="1", layout="onedir", entry="",
    environment=Environment(storage_variable="SELFTEST_STORAGE"),
    modules=("json.decoder",),
    distributions={"selftested": "1.2"},
    console_scripts=("selftested-good",),
    entry_points=("selftested.good",),
    files={"data/file": hashlib.sha256(b"built").hexdigest()},
)  # fmt: skip


def run(bundle: Path, manifest: Manifest = GOOD) -> selftest.SelfTest:
    """Return what the self-test of the artifact in *bundle* finds."""
    return selftest.run(manifest, locate(manifest, os.environ, bundle))


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a bundle that agrees with GOOD, on the import path."""
    files = {
        "selftested-1.2.dist-info/METADATA": "Name: selftested\nVersion: 1.2\n",
        "selftested-1.2.dist-info/entry_points.txt": (
            "[console_scripts]\nselftested-good = json:dumps\nselftested-bad = json:no_such\n"
            "[gui_scripts]\nselftested-window = json:dumps\n"
            "[selftested.good]\nfirst = json:dumps\n[selftested.bad]\nsecond = json:gone\n"
        ),
        "selftested_syntax.py": "def\n",
        "selftested_raises.py": "raise RuntimeError('no library')\n",
        "selftested_needs.py": "import selftested_missing\n",
        "data/file": "built",
    }
    for name, text in files.items():
        path = tmp_path / "bundle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "bundle"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("SELFTEST_STORAGE", str(tmp_path / "new" / "storage"))
    return tmp_path / "bundle"


def test_a_good_artifact(bundle: Path) -> None:
    """There are no findings, everything is counted, and the storage folder is made."""
    report = run(bundle)
    assert report
    assert report.findings == ()
    assert report.checked == {
        "module": 1, "metadata": 1, "console-script": 1, "entry-points": 1, "file": 1,
        "library": 0, "child": 1, "tls-roots": 1, "writable": 2,
    }  # fmt: skip
    assert "selftested: selftested.good: first = json:dumps" in report.facts["entry-point"]
    assert list((bundle.parent / "new" / "storage").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "check", "subject", "reason"),
    [
        ({"modules": ("selftested_syntax",)}, "module", "selftested_syntax", "SyntaxError"),
        ({"modules": ("selftested_raises",)}, "module", "selftested_raises", "RuntimeError: no l"),
        (
            {"modules": ("selftested_needs",)}, "module", "selftested_needs",
            "ModuleNotFoundError: No module named 'selftested_missing'",
        ),
        ({"distributions": {"no-such": "1"}}, "metadata", "no-such", "not in the bundle"),
        ({"distributions": {"selftested": "1.3"}}, "metadata", "selftested", "1.2, built with 1.3"),
        ({"console_scripts": ("selftested-bad",)}, "console-script", "selftested-bad", "no_such"),
        (
            {"console_scripts": ("selftested-window",)}, "console-script", "selftested-window",
            "LookupError",
        ),
        ({"entry_points": ("selftested.bad",)}, "entry-points", "selftested.bad: second", "gone"),
        ({"libraries": ("data/file",)}, "library", "data/file", "data/file"),
        ({"libraries": ("data/no.so",)}, "library", "data/no.so", "no.so"),
        ({"files": {"data/file": "0"}}, "file", "data/file", "not what was built"),
        ({"files": {"data/gone": "0"}}, "file", "data/gone", "No such file"),
    ],
)  # fmt: skip
def test_findings(
    bundle: Path, change: dict[str, tuple[str, ...]], check: str, subject: str, reason: str
) -> None:
    """Each kind of damage is one finding with its reason."""
    report = run(bundle, replace(GOOD, **change))  # type: ignore[arg-type]  # fields by name
    assert not report
    (finding,) = report.findings
    assert (finding["check"], finding["subject"]) == (check, subject)
    assert reason in finding["reason"]


def test_all_findings_at_once(bundle: Path) -> None:
    """A failed check does not stop the others."""
    wrong = replace(
        GOOD, modules=("selftested_raises", "json", "selftested_syntax"), files={"x": ""}
    )
    found = [finding["subject"] for finding in run(bundle, wrong).findings]
    assert found == ["selftested_raises", "selftested_syntax", "x"]


def test_a_storage_that_cannot_be_written(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that cannot be written is a finding with its path."""
    storage = str(bundle / "data" / "file" / "storage")
    monkeypatch.setenv("SELFTEST_STORAGE", storage)
    (finding,) = run(bundle).findings
    assert (finding["check"], finding["subject"]) == ("writable", storage)


def test_a_child_that_does_not_answer(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child without an answer is a finding: it may have started the whole artifact."""
    monkeypatch.setattr(selftest, "_CHILD_TIMEOUT", 0.0)
    (finding,) = run(bundle).findings
    assert (finding["check"], finding["reason"]) == ("child", "no answer within 0 s")
