"""A product's lock, as far as nobody has to be asked."""

from pathlib import Path

import pytest

from frostline.core.errors import LockError, UsageError
from frostline.core.platforms import host
from frostline.core.workspace import Target, Workspace
from frostline.profile.build import Build
from frostline.profile.profile import Profile
from frostline.source import lock_inputs, locks
from frostline.source.pins import Direct

_A = "a" * 64
_PIN = f"a==1 \\\n    --hash=sha256:{_A}\n"


def _build(root: Path, requirements: str = "") -> Build:
    profile = Profile(requirements=requirements, entry="shop")
    return Build(
        workspace=Workspace(root), target=Target("shop", host()), profile=profile, environ={}
    )


def test_requirements(tmp_path: Path) -> None:
    """Hashed requirements are read; the product itself and its index are not in the text."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname='shop'\n", encoding="utf-8")
    (tmp_path / "lib").mkdir()
    text = f"--extra-index-url https://me:secret@own.example/\n-e .\n./lib\n{_PIN}"
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    found = locks.of_build(_build(tmp_path))
    assert (found.origin, found.text) == ("requirements.txt", _PIN)
    assert found.direct == (Direct("lib", "folder", str(tmp_path / "lib")),)
    assert found.indexes == ("https://me:secret@own.example/",)
    assert "secret" not in repr(found)


def test_pylock(tmp_path: Path) -> None:
    """Other formats give the same text, without the product."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname='Shop'\n", encoding="utf-8")
    text = 'lock-version = "1.0"\ncreated-by = "x"\n' + "".join(
        f'[[packages]]\nname = "{name}"\nversion = "1"\nsdist = {{ path = "{name}-1.tar.gz", '
        f'hashes = {{ sha256 = "{_A}" }} }}\n'
        for name in ("a", "shop")
    )
    (tmp_path / "pylock.toml").write_text(text, encoding="utf-8")
    assert locks.of_build(_build(tmp_path)).text == _PIN
    assert locks.shown(_build(tmp_path)) == "pylock.toml"


def test_folder_of_the_same_name(tmp_path: Path) -> None:
    """A script in a folder that is called like its dependency keeps the dependency."""
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "requirements.txt").write_text(_PIN, encoding="utf-8")
    assert locks.of_build(_build(folder)).text == _PIN


def test_nothing(tmp_path: Path) -> None:
    """A project that says nothing about its needs has none, and nothing to lock."""
    assert not locks.of_build(_build(tmp_path)).text
    with pytest.raises(UsageError, match="nothing says what shop needs"):
        locks.lock(_build(tmp_path))


def test_foreign_lock(tmp_path: Path) -> None:
    """What another tool has locked is not locked again."""
    (tmp_path / "requirements.txt").write_text(_PIN, encoding="utf-8")
    with pytest.raises(UsageError, match=r"locked by requirements\.txt"):
        locks.lock(_build(tmp_path))


def test_own_lock_is_old(tmp_path: Path) -> None:
    """frostline.lock is refused once the requirements that it was made of are others."""
    (tmp_path / "requirements.txt").write_text("a\n", encoding="utf-8")
    (tmp_path / "frostline.lock").write_text(
        f"# Written by frostline from inputs with the digest 12\n{_PIN}", encoding="utf-8"
    )
    with pytest.raises(LockError, match=r"before requirements\.txt changed"):
        locks.of_build(_build(tmp_path))
    (tmp_path / "frostline.lock").write_text(_PIN, encoding="utf-8")
    assert locks.of_build(_build(tmp_path)).text == _PIN


def test_version_of_the_project(tmp_path: Path) -> None:
    """A new version of the project, or other tools' settings, do not make its lock old."""
    project = tmp_path / "pyproject.toml"

    def head(text: str) -> str:
        project.write_text(f"[project]\nname='shop'\n{text}", encoding="utf-8")
        needs = locks.wanted(_build(tmp_path))
        assert needs
        return lock_inputs.head(needs)

    first = head("version='1'\ndependencies=['a']\n")
    assert head("version='2'\ndependencies=['a']\n[tool.ruff]\n") == first
    assert head("version='1'\ndependencies=['a', 'b']\n") != first
    assert head("version='1'\ndependencies=['a']\n[tool.uv]\nprerelease='allow'\n") != first


@pytest.mark.parametrize("changed", ["needs.txt", "setup.cfg", "pyproject.toml"])
def test_files_of_a_backend(changed: str, tmp_path: Path) -> None:
    """What a build backend may read makes a lock old."""
    text = "[project]\nname='shop'\ndynamic=['dependencies']\n"
    for name, content in (("pyproject.toml", text), ("needs.txt", "a\n"), ("setup.cfg", "")):
        (tmp_path / name).write_text(content, encoding="utf-8")
    needs = locks.wanted(_build(tmp_path))
    assert needs
    before = lock_inputs.head(needs)
    with (tmp_path / changed).open("a", encoding="utf-8") as file:
        file.write("# more\n")
    assert lock_inputs.head(needs) != before


@pytest.mark.parametrize("way", ["requirements.txt", "pyproject.toml"])
def test_needs_of_a_folder(way: str, tmp_path: Path) -> None:
    """What a folder among the requirements needs makes a lock old."""
    lib = tmp_path / "lib" / "pyproject.toml"
    lib.parent.mkdir()
    lib.write_text("[project]\nname='lib'\n", encoding="utf-8")
    text = "[project]\nname='shop'\ndependencies=['lib']\n[tool.uv.sources]\nlib={path='lib'}\n"
    content = "-e ./lib\na\n" if way == "requirements.txt" else text
    (tmp_path / way).write_text(content, encoding="utf-8")
    needs = locks.wanted(_build(tmp_path))
    assert needs
    before = lock_inputs.head(needs)
    lib.write_text("[project]\nname='lib'\ndependencies=['b']\n", encoding="utf-8")
    assert lock_inputs.head(needs) != before


def test_places_alone_are_no_lock(tmp_path: Path) -> None:
    """`-e .` and folders do not say what they need, so it is resolved; also with `-e.`."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname='shop'\n", encoding="utf-8")
    (tmp_path / "lib").mkdir()
    file = tmp_path / "requirements.txt"
    for text, resolved in (
        ("-e .\n", False), ("-e.\n", False), ("./lib\n", False), (f"-e .\n./lib\n{_PIN}", True),
        ("", True),
    ):  # fmt: skip
        file.write_text(text, encoding="utf-8")
        needs = locks.wanted(_build(tmp_path))
        assert needs
        assert needs.resolved == resolved, text
    (tmp_path / "frostline.lock").write_text("./lib\n./lib\n", encoding="utf-8")
    file.unlink()
    own = Direct("lib", "folder", str(tmp_path / "lib"))
    assert locks.of_build(_build(tmp_path, "frostline.lock")).direct == (own,)


def test_what_a_lock_is_made_from(tmp_path: Path) -> None:
    """It is old when a folder that the requirements name, or a file of setuptools, has changed."""
    files = {
        "pyproject.toml": (
            "[project]\nname='shop'\ndynamic=['dependencies']\n"
            "[tool.setuptools.dynamic]\ndependencies = { file = ['needs.txt'] }\n"
        ),
        "needs.txt": "a\n", "lib/setup.py": "1", "requirements.txt": "-e .\n./lib\n",
    }  # fmt: skip
    (tmp_path / "lib").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def head() -> str:
        needs = locks.wanted(_build(tmp_path))
        assert needs
        return lock_inputs.head(needs)

    first = head()
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n# more\n", encoding="utf-8")
        changed = head() != first
        assert changed == (name != "pyproject.toml"), name
        (tmp_path / name).write_text(text, encoding="utf-8")
    extras = f"{files['pyproject.toml']}[project.optional-dependencies]\nx = ['b']\n"
    (tmp_path / "pyproject.toml").write_text(extras, encoding="utf-8")
    assert head() != first
