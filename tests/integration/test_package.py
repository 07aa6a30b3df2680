"""Packing a frozen product: archive, SHA256SUMS, unpacking and running it."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import verbs

from frostline.core import archive, platforms

NAME = f"frail-1.0-{platforms.host().name}"


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run frostline in *project*."""
    return verbs.run(project, *arguments, "--product", "frail")


def copied(source: Path, folder: Path, *ignored: str) -> Path:
    """Return a copy of the project *source* in *folder*, without files called *ignored*."""
    ignore = shutil.ignore_patterns("env", "work", *ignored)
    return Path(shutil.copytree(source, folder / "p", symlinks=True, ignore=ignore))


@pytest.fixture(scope="module")
def packed(frail: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose product is smoke-tested and packed twice; no test changes it."""
    project = copied(frail, tmp_path_factory.mktemp("package"), "*.smoke.json")
    assert run(project, "smoke").returncode == 0
    for kind in ("zip", "tar.zst"):
        assert run(project, "package", "--kind", kind).returncode == 0
    return project


@pytest.fixture
def project(packed: Path, tmp_path: Path) -> Path:
    """Return a copy of the packed project."""
    return copied(packed, tmp_path)


def test_what_is_not_proven_is_not_packed(frail: Path, tmp_path: Path) -> None:
    """The message names what is missing; release.json records --unproven."""
    project = copied(frail, tmp_path, "*.smoke.json")
    done = run(project, "package")
    assert done.returncode == 5
    assert "is not packed: it has no smoke report" in " ".join(done.stderr.split())
    assert not (project / "build" / "release").exists()
    done = run(project, "package", "--unproven", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["proven"] is False


@pytest.mark.parametrize("kind", ["audit", "smoke"])
@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [("inputs", "0", "its {} report is of another build"), ("ok", False, "its {} failed")],
)
def test_reports_must_be_good_and_of_this_build(
    project: Path, kind: str, key: str, value: object, reason: str
) -> None:
    """A report of another build, or a bad one, proves nothing."""
    report = project / "build" / "output" / f"frail-{platforms.host().name}.{kind}.json"
    document = json.loads(report.read_text("utf-8"))
    report.write_text(json.dumps(document | {key: value}), encoding="utf-8")
    done = run(project, "package")
    assert done.returncode == 5
    assert f"is not packed: {reason.format(kind)}." in " ".join(done.stderr.split())


def test_what_is_proven(project: Path, tmp_path: Path) -> None:
    """Packing is reproducible; SHA256SUMS match; the unpacked artifact runs."""
    release = project / "build" / "release"
    file = release / f"{NAME}.tar.zst"
    first = file.read_bytes()
    made = json.loads(run(project, "package", "--json").stdout)
    assert (made["file"], made["size"], made["proven"]) == (file.name, len(first), True)
    assert file.read_bytes() == first

    subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=release, check=True)
    document = json.loads((release / "release.json").read_text("utf-8"))
    assert [item["file"] for item in document["artifacts"]] == [f"{NAME}.tar.zst", f"{NAME}.zip"]
    assert {path.name for path in release.iterdir()} == {
        f"{NAME}.tar.zst", f"{NAME}.zip", f"{NAME}.cdx.json", f"{NAME}.NOTICE.txt",
        "SHA256SUMS", "release.json",
    }  # fmt: skip
    for kind in ("tar.zst", "zip"):
        archive.unpack(release / f"{NAME}.{kind}", tmp_path / kind)
        argv = [str(tmp_path / kind / "frail-1.0" / "frail"), "selftest"]
        env = {"HOME": str(tmp_path)}
        assert "ok" in subprocess.check_output(argv, env=env, text=True)


def test_the_archive_itself_is_tried(project: Path, tmp_path: Path) -> None:
    """An archive is smoke-tested with the project's profile alone."""
    other = tmp_path / "fresh"
    shutil.copytree(project, other, ignore=shutil.ignore_patterns("build"))
    release = project / "build" / "release"
    file = release / f"{NAME}.zip"
    for one in (release / f"{NAME}.tar.zst", file):
        done = run(other, "smoke", "--archive", str(one), "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["ok"]
    file.write_bytes(file.read_bytes() + b"x")
    one = release / f"{NAME}.tar.zst"
    done = verbs.run(other, "smoke", "--archive", str(one), "--product", "x")
    assert (done.returncode, "is an archive of" in done.stderr) == (2, True), done.stderr
    done = run(other, "smoke", "--archive", str(file))
    assert done.returncode == 8
    assert "does not match its digest in release.json" in " ".join(done.stderr.split())
    (release / "release.json").unlink()
    assert run(other, "smoke", "--archive", str(file)).returncode == 2


@pytest.mark.skipif(not shutil.which("minisign"), reason="needs minisign")
def test_an_archive_is_signed(project: Path, tmp_path: Path) -> None:
    """The signature is verified by minisign and is in SHA256SUMS."""
    key, public = tmp_path / "key", tmp_path / "key.pub"
    argv = ["minisign", "-G", "-W", "-s", str(key), "-p", str(public)]
    subprocess.run(argv, check=True, capture_output=True)
    release = project / "build" / "release"
    file = release / f"{NAME}.zip"
    done = run(project, "sign", "--archive", str(file))
    assert (done.returncode, "set minisign or gpg" in " ".join(done.stderr.split())) == (2, True)
    profile = project / "specs" / "frail.toml"
    text = profile.read_text("utf-8")
    profile.write_text(f'{text}\n[signing]\nminisign = "{key}"\n', encoding="utf-8")
    done = run(project, "sign", "--archive", str(file))
    profile.write_text(text, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    verify = ["minisign", "-V", "-p", str(public), "-m", str(file)]
    assert "Signature and comment signature verified" in subprocess.check_output(verify, text=True)
    subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=release, check=True)
    assert f"{NAME}.zip.minisig" in (release / "SHA256SUMS").read_text("utf-8")


@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")
def test_an_archive_is_signed_by_gpg(project: Path) -> None:
    """A signature by a key of the user's keyring is verified by gpg."""
    # The path of gpg-agent's socket must be short.
    with tempfile.TemporaryDirectory() as home:
        environ = os.environ | {"GNUPGHOME": home}
        make = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key", "a@example.org"]
        subprocess.run([*make, "default", "default", "1d"], env=environ, check=True)
        profile = project / "specs" / "frail.toml"
        text = profile.read_text("utf-8")
        profile.write_text(f'{text}\n[signing]\ngpg = "a@example.org"\n', encoding="utf-8")
        file = project / "build" / "release" / f"{NAME}.zip"
        argv = [verbs.FROSTLINE, "sign", "--product", "frail", "--archive", str(file)]
        done = subprocess.run(
            argv, cwd=project, env=environ, check=False, capture_output=True, text=True
        )
        profile.write_text(text, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        verify = ["gpg", "--verify", f"{file}.asc", str(file)]
        subprocess.run(verify, env=environ, check=True)
        subprocess.run(["gpgconf", "--kill", "all"], env=environ, check=True)


def test_a_bundle_that_was_changed(project: Path) -> None:
    """A bundle that was changed afterwards is not packed."""
    inside = project / "build" / "output" / f"frail-{platforms.host().name}" / "_internal"
    (inside / "frail" / "docs" / "help.txt").write_text("changed", encoding="utf-8")
    done = run(project, "package")
    assert done.returncode == 5
    assert "was changed after it was built" in done.stderr


def test_the_matrix_for_a_workflow(project: Path) -> None:
    """The matrix is one line for GitHub; other tools' platform names are noted."""
    argv = [verbs.FROSTLINE, "matrix", "--platform", "macos-arm64", "--github"]
    done = subprocess.run(argv, cwd=project, check=True, capture_output=True, text=True)
    name, _, value = done.stdout.partition("=")
    assert (name, done.stdout.count("\n")) == ("matrix", 1)
    listed = json.loads(value)["include"]
    assert {job["platform"] for job in listed} == {"darwin_arm64"}
    assert {job["product"] for job in listed} == {"frail", "frailtool"}
    assert "macos-arm64 is darwin_arm64 here" in done.stderr
    assert json.loads(run(project, "matrix", "--json").stdout)[0]["product"] == "frail"
