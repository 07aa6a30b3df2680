"""Packing: only what is proven, exactly the bundle, and what lies beside the archive."""

import json
import os
import re
from pathlib import Path

import plain
import pytest

from frostline.core import archive, digest, json_file
from frostline.core.errors import BusyError, NotBuiltError, SmokeError
from frostline.profile.build import Build
from frostline.release.listing import Artifact, artifacts
from frostline.release.package import package


def proven(root: Path) -> Build:
    """Return a build whose audit and smoke test have passed."""
    build = plain.bundled(root)
    for kind in ("audit", "smoke"):
        json_file.write(build.report(kind), {"inputs": "inputs", "ok": True, "more": 1})
    return build


@pytest.mark.parametrize("kind", ["tar.zst", "zip", None])
def test_what_is_proven_is_packed(tmp_path: Path, kind: str | None) -> None:
    """The archive has the bundle in one folder; its facts are in release.json."""
    build = proven(tmp_path)
    made = package(build, kind)  # type: ignore[arg-type]  # one of the kinds
    used, name = kind or build.platform.archive, build.platform.name
    file = build.workspace.release / f"tool-1.0-{name}.{used}"
    assert made == Artifact(
        file=file.name, product="tool", version="1.0", platform=name, layout="onedir", kind=used,
        size=file.stat().st_size, sha256=digest.of_file(file), inputs="inputs", proven=True,
    )  # fmt: skip
    archive.unpack(file, tmp_path / "x")
    unpacked = tmp_path / "x" / "tool-1.0"
    assert digest.of_tree(unpacked) == digest.of_tree(build.bundle)
    if os.name == "posix":
        assert os.access(unpacked / build.executable.name, os.X_OK)
    assert artifacts(build.workspace.release) == (made,)
    beside = {
        path.name.removeprefix(f"tool-1.0-{name}."): path.read_text(encoding="utf-8")
        for path in build.workspace.release.iterdir()
        if path != file
    }
    assert beside.keys() == {"cdx.json", "NOTICE.txt", "SHA256SUMS", "release.json"}
    assert json.loads(beside["cdx.json"])["bomFormat"] == "CycloneDX"
    assert beside["NOTICE.txt"].startswith("tool 1.0 contains")


@pytest.mark.parametrize("kind", ["audit", "smoke"])
@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (None, "it has no {} report"),
        ({"inputs": "inputs"}, "it has no {} report"),
        ({"inputs": "others", "ok": True}, "its {} report is of another build"),
        ({"inputs": "inputs", "ok": False}, "its {} failed"),
    ],
)
def test_what_is_not_proven_is_not_packed(
    tmp_path: Path, kind: str, report: dict[str, object] | None, reason: str
) -> None:
    """Each report must be there, good, and of this build; `unproven` is recorded."""
    build = proven(tmp_path)
    build.report(kind).unlink()
    if report is not None:
        json_file.write(build.report(kind), report)
    message = f"tool-{build.platform.name} is not packed: {reason.format(kind)}."
    with pytest.raises(SmokeError, match=f"^{re.escape(message)}$"):
        package(build)
    assert not build.workspace.release.exists()
    assert package(build, unproven=True).proven is False


def test_every_reason_is_named(tmp_path: Path) -> None:
    """Both reports can be missing."""
    with pytest.raises(SmokeError, match="no audit report; it has no smoke report"):
        package(plain.bundled(tmp_path))


def test_a_bundle_must_be_there_unchanged(tmp_path: Path) -> None:
    """A bundle that was changed after its audit, or is gone, is not packed."""
    build = proven(tmp_path)
    (build.bundle / "new").touch()
    with pytest.raises(SmokeError, match="was changed"):
        package(build)
    build.report("bundle").unlink()
    with pytest.raises(NotBuiltError):
        package(build)


def test_an_archive_must_have_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that differs is not listed."""
    build, pack = proven(tmp_path), archive.pack

    def incomplete(folder: Path, *rest: object) -> None:
        (folder / "_internal" / "data.txt").unlink()
        pack(folder, *rest)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(archive, "pack", incomplete)
    with pytest.raises(AssertionError, match="does not contain the files of the bundle"):
        package(build)
    assert artifacts(build.workspace.release) == ()


def test_packing_waits_for_no_other_build(tmp_path: Path) -> None:
    """While another process builds the target, it is not packed."""
    build = proven(tmp_path)
    with build.exclusively(), pytest.raises(BusyError):
        package(build)
