"""Builds on GitHub, tested with a server made from GitHub's API description."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import github_api
import pytest
import verbs
from github_api import GitHub

from frostline.core import platforms

HOST = platforms.host()
RUN = 4711
DATE = "2026-01-02T03:04:05Z"  # GitHub's example of a job lacks it
REPO = "/repos/{owner}/{repo}"
ONE_RUN = REPO + "/actions/runs/{run_id}"
ZIP = REPO + "/actions/artifacts/{artifact_id}/{archive_format}"
DISPATCH = REPO + "/actions/workflows/{workflow_id}/dispatches"
ARTIFACTS = ONE_RUN + "/artifacts"
BRANCH = REPO + "/git/ref/{ref}"
ATTESTED = REPO + "/attestations/{subject_digest}"


@pytest.fixture(scope="module")
def made(frail: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the files that the workflow uploads for this machine's platform."""
    ignored = shutil.ignore_patterns("env", "work")
    folder = tmp_path_factory.mktemp("made") / "p"
    shutil.copytree(frail, folder, symlinks=True, ignore=ignored)
    for verb in ("smoke", "package"):
        verbs.output(folder, verb, "--product", "frail")
    return zipped(folder / "build")


def zipped(build: Path) -> bytes:
    """Return the uploaded artifact, made from the folder *build*."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for path in [*(build / "release").iterdir(), *(build / "output").glob("frail-*.json")]:
            packed.write(path, path.relative_to(build).as_posix())
    return file.getvalue()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a checkout with a commit, of a repository on GitHub."""
    source = Path(__file__).resolve().parents[1] / "products" / "frail"
    folder = Path(shutil.copytree(source, tmp_path / "p"))
    (folder / ".gitignore").write_text("build/\n", encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "remote", "add", "origin", "git@github.com:acme/frail.git")
    commit(folder)
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git in *folder* and return its output."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    return subprocess.check_output(["git", *who, *arguments], cwd=folder, text=True).strip()


def commit(folder: Path) -> None:
    """Commit everything in *folder*."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")


@pytest.fixture
def github(document: dict[str, object], project: Path, made: bytes) -> Iterator[GitHub]:
    """Return a GitHub that has the branch, runs the workflow and has an artifact."""
    with github_api.serving(document) as served:
        head = git(project, "rev-parse", "HEAD")
        answer = served.example("git-ref", ref="refs/heads/main")
        answer["object"]["sha"] = head
        served.on("GET", BRANCH, (200, answer))
        started = {"workflow_run_id": RUN, "run_url": "https://x.org", "html_url": "https://x.org"}
        served.on("POST", DISPATCH, (200, started))
        states = iter([("queued", None), ("in_progress", None)])

        def run(**_: object) -> github_api.Answer:
            status, conclusion = next(states, ("completed", "success"))
            told = {"id": RUN, "status": status, "conclusion": conclusion, "head_sha": head}
            return 200, served.example("workflow-run", **told)

        served.on("GET", ONE_RUN, run)
        jobs = {"total_count": 1, "jobs": [served.example("job", name="build", created_at=DATE)]}
        served.on("GET", ONE_RUN + "/jobs", (200, jobs))
        offer(served, made)
        bundle = {"bundle": {"mediaType": "x"}, "repository_id": 1, "bundle_url": "https://x.org"}
        served.on("GET", ATTESTED, (200, {"attestations": [bundle]}))
        yield served


def offer(served: GitHub, data: bytes, platform: str = HOST.name, **changed: object) -> None:
    """Let *served* offer *data* as the run's artifact."""
    digest = hashlib.sha256(data).hexdigest()
    artifact = served.example("artifact") | {
        "id": 11, "name": f"frail-{platform}", "size_in_bytes": len(data),
        "digest": f"sha256:{digest}", "expired": False,
    }  # fmt: skip
    answer = {"total_count": 1, "artifacts": [artifact | changed]}
    served.on("GET", ARTIFACTS, (200, answer))
    served.on("GET", ZIP, (302, f"{served.url}/blob?sig=secret"))
    served.blobs["/blob"] = data


def run(
    project: Path, github: GitHub, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run frostline in *project*, with a token for *github*."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GH_", "GITHUB_"))}
    env |= {"GH_TOKEN": github_api.TOKEN, "GITHUB_API_URL": github.url} | environ
    return verbs.run(project, *arguments, "--product", "frail", environ=env)


def words(done: subprocess.CompletedProcess[str]) -> str:
    """Return the output on one line."""
    return " ".join(done.stderr.split())


def test_what_github_has_made_lies_where_a_build_puts_it(project: Path, github: GitHub) -> None:
    """The bundle from GitHub is checked and can be tested here."""
    done = run(project, github, "build", "--freeze-only", "--where", "remote", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert github.wrong == []
    assert json.loads(done.stdout)["platform"] == HOST.name
    said = words(done)
    assert f"run {RUN} of acme/frail" in said
    assert f"use --run {RUN}" in said
    assert "build: success" in said
    assert "its signature was not checked" in said or shutil.which("gh")
    assert github_api.TOKEN not in said
    for log in (project / "build" / "log").iterdir():
        assert github_api.TOKEN not in log.read_text("utf-8")
    dispatched = [line for line in github.asked if line.startswith("POST")]
    assert dispatched == ["POST /repos/acme/frail/actions/workflows/freeze.yml/dispatches"]
    smoked = run(project, github, "smoke")
    assert smoked.returncode == 0, smoked.stdout + smoked.stderr


def test_another_platform_goes_there_by_itself(
    project: Path, github: GitHub, made: bytes, tmp_path: Path
) -> None:
    """A macOS build goes to GitHub; its artifact is accepted as macOS only."""
    (tmp_path / "zip").write_bytes(made)
    build = tmp_path / "build"
    with zipfile.ZipFile(tmp_path / "zip") as packed:
        packed.extractall(build)
    for path in [*build.glob("release/release.json"), *build.glob("output/*.json")]:
        text = path.read_text("utf-8").replace(f'"{HOST.name}"', '"darwin_arm64"')
        path.unlink()
        name = path.name.replace(HOST.name, "darwin_arm64")
        path.with_name(name).write_text(text, encoding="utf-8")
    offer(github, zipped(build), "darwin_arm64")
    done = run(project, github, "build", "--freeze-only", "--platform", "macos-arm64")
    assert done.returncode == 0, done.stderr
    assert github.wrong == []
    assert (project / "build" / "output" / "frail-darwin_arm64" / "frail").is_file()
    assert "macos-arm64 is darwin_arm64 here" in done.stderr
    offer(github, made, "darwin_arm64")
    again = run(project, github, "build", "--freeze-only", "--platform", "darwin_arm64")
    assert again.returncode == 2
    assert "names 0 archives for darwin_arm64" in words(again)


def test_a_run_is_taken_up_again(project: Path, github: GitHub) -> None:
    """--run resumes a run without a new dispatch, whatever the checkout is."""
    (project / "new.txt").write_text("not committed", encoding="utf-8")
    done = run(project, github, "build", "--freeze-only", "--where", "remote", "--run", str(RUN))
    assert done.returncode == 0, done.stderr
    assert not [line for line in github.asked if line.startswith("POST")]


def test_what_github_does_not_have(project: Path, github: GitHub) -> None:
    """Uncommitted files, unpushed commits and no branch are errors with hints."""
    (project / "new.txt").write_text("x", encoding="utf-8")
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, "1 files here are not committed" in words(done)) == (2, True)
    commit(project)
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, "git push origin main" in words(done)) == (2, True)
    git(project, "switch", "--quiet", "--create", "other")
    github.on("GET", BRANCH, (404, {"message": "Not Found"}))
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, "has no branch other" in words(done)) == (2, True)
    git(project, "switch", "--quiet", "--detach")
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, "is on no branch" in words(done)) == (2, True)
    git(project, "remote", "remove", "origin")
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, "no remote called origin" in words(done)) == (3, True)
    assert github.wrong == []


def test_without_a_token(project: Path, github: GitHub, tmp_path: Path) -> None:
    """Without a token it fails before any request; gh's token is used if there is one."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("git", "ldd"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    arguments = ("build", "--platform", "darwin_arm64")
    done = run(project, github, *arguments, GH_TOKEN="", PATH=str(tools))
    assert done.returncode == 3
    assert "there is no token for GitHub" in words(done)
    assert "set GH_TOKEN (actions: write, contents: read; to publish" in words(done)
    assert "or run `gh auth login`" in words(done)
    assert github.asked == []
    gh = tools / "gh"
    gh.write_text(f"#!/bin/sh\necho '{github_api.TOKEN}'\n", encoding="utf-8")
    gh.chmod(0o755)
    done = run(
        project, github, "build", "--freeze-only", "--where", "remote", GH_TOKEN="", PATH=str(tools)
    )
    assert done.returncode == 0, done.stderr
    gh.write_text("#!/bin/sh\necho 'no such signature' >&2; exit 1\n", encoding="utf-8")
    done = run(project, github, "build", "--freeze-only", "--where", "remote", PATH=str(tools))
    assert done.returncode == 8
    assert "the attestation of frail-1.0" in words(done)
    assert "is not valid" in words(done)


@pytest.mark.parametrize(
    ("where", "answer", "code", "text"),
    [
        (("POST", DISPATCH), (404, {"message": "Not Found"}), 3, "no workflow freeze.yml"),
        (("POST", DISPATCH), (403, {"message": "Must have admin rights"}), 8, "`actions: write`"),
        (("POST", DISPATCH), (422, {"message": "no trigger"}), 3, "cannot be started with these"),
        (("GET", BRANCH), (401, {"message": "Bad credentials"}), 8, "the token is not valid"),
        (("GET", ZIP), (410, {"message": "Gone"}), 8, "has expired"),
        (("GET", ATTESTED), (404, {"message": "Not Found"}), 8, "has no attestation for frail"),
        (("GET", ATTESTED), (200, {"attestations": []}), 8, "has no attestation for frail"),
        (("GET", ARTIFACTS), (200, {"total_count": 0, "artifacts": []}), 8, "uploaded no artifact"),
    ],
)  # fmt: skip
def test_refusals(  # one case a row
    project: Path, github: GitHub, where: tuple[str, str], answer: github_api.Answer, code: int,
    text: str,
) -> None:  # fmt: skip
    """Each refusal has its message, hint and exit code; nothing is put in place."""
    github.on(*where, answer)
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, text in words(done)) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "build" / "output").exists()
    assert github.wrong == []


def test_a_newer_push(project: Path, github: GitHub) -> None:
    """A run of another commit is refused."""
    other = github.example(
        "workflow-run", id=RUN, status="queued", conclusion=None, head_sha="a" * 40
    )
    github.on("GET", ONE_RUN, (200, other))
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, "is of commit aaaaaaaaaa: a newer push" in words(done)) == (2, True)


def described_otherwise(made: bytes, folder: Path) -> bytes:
    """Return the artifact *made* with another bundle's description in it."""
    build = folder / "otherwise"
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        packed.extractall(build)
    (report,) = build.glob("output/frail-*.bundle.json")
    told = json.loads(report.read_text("utf-8"))
    told["files"]["frail"][0] = "0" * 64
    report.write_text(json.dumps(told), encoding="utf-8")
    return zipped(build)


def test_another_layout(project: Path, github: GitHub) -> None:
    """Another layout than the profile's is refused before a run starts."""
    done = run(
        project, github, "build", "--freeze-only", "--where", "remote", "--layout", "onefile"
    )
    assert (done.returncode, "GitHub builds the profile's layout" in words(done)) == (
        2,
        True,
    )
    assert github.asked == []


def test_what_is_not_what_it_should_be(
    project: Path, github: GitHub, made: bytes, tmp_path: Path
) -> None:
    """Expired and changed artifacts and failed runs are errors."""
    offer(github, made, expired=True)
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, "has expired" in words(done)) == (8, True)
    offer(github, made)
    github.blobs["/blob"] = made[:-1] + b"x"
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, "sha256" in words(done)) == (8, True), done.stderr
    assert "Traceback" not in done.stderr
    offer(github, described_otherwise(made, tmp_path))
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert (done.returncode, "does not match its frail-" in words(done)) == (8, True), done.stderr
    told = {"status": "completed", "conclusion": "failure"}
    head = git(project, "rev-parse", "HEAD")
    failed = github.example("workflow-run", id=RUN, head_sha=head, **told)
    github.on("GET", ONE_RUN, (200, failed))
    job = github.example("job", name="build (argo)", conclusion="failure", created_at=DATE)
    github.on("GET", ONE_RUN + "/jobs", (200, {"total_count": 1, "jobs": [job]}))
    done = run(project, github, "build", "--freeze-only", "--where", "remote")
    assert done.returncode == 4
    assert "ended with failure: build (argo)" in words(done)
    assert not (project / "build" / "output").exists()
