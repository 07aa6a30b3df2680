"""The environment of an artifact: which value wins, and what child processes get."""

import os
from pathlib import Path

import pytest

from frostline_runtime.artifact import environment
from frostline_runtime.artifact.manifest import Environment


@pytest.mark.product("A5", "A6")
def test_order_of_values(tmp_path: Path) -> None:
    """Defaults, `.env`, the user's variables, forced values: later ones win."""
    (tmp_path / ".env").write_text("B=env\nC=env\nD=env\n", encoding="utf-8")
    names = dict.fromkeys("ABCD", "default")
    rules = Environment(
        defaults=names,
        forced={"D": "forced"},
        storage_variable="STORE",
        storage_default="~/nowhere",
        env_file=True,
    )
    user = {"C": "user", "D": "user", "STORE": str(tmp_path)}
    result = environment.resolve(rules, user, "/bundle")
    assert [result[name] for name in "ABCD"] == ["default", "env", "user", "forced"]


@pytest.mark.product("A5")
def test_placeholders() -> None:
    """`{bundle}` is replaced by the folder of the bundle."""
    rules = Environment(defaults={"CACHE": "{bundle}/resources/x"})
    result = environment.resolve(rules, {}, "/opt/argo")
    assert Path(result["CACHE"]) == Path("/opt/argo/resources/x")


@pytest.mark.product("A5")
def test_no_proxy_is_merged() -> None:
    """The user's hosts stay and the profile's are added once, in both spellings."""
    rules = Environment(no_proxy=("127.0.0.1", "localhost"))
    result = environment.resolve(rules, {"NO_PROXY": "corp.example,localhost"}, "")
    assert result["NO_PROXY"] == result["no_proxy"] == "corp.example,localhost,127.0.0.1"


def test_without_bootloader() -> None:
    """Other programs get the user's library path and none of PyInstaller's variables."""
    frozen = {
        "_PYI_ARCHIVE_FILE": "x",
        "LD_LIBRARY_PATH": "/bundle",
        "LD_LIBRARY_PATH_ORIG": "/user",
        "HOME": "/h",
    }
    assert environment.without_bootloader(frozen) == {"LD_LIBRARY_PATH": "/user", "HOME": "/h"}
    del frozen["LD_LIBRARY_PATH_ORIG"]
    assert environment.without_bootloader(frozen) == {"HOME": "/h"}


def test_library_path_of_an_unfrozen_process_stays() -> None:
    """Without a bootloader the library path is the user's own."""
    assert environment.without_bootloader({"LD_LIBRARY_PATH": "/user"}) == {
        "LD_LIBRARY_PATH": "/user"
    }


def test_env_file_syntax() -> None:
    """Quotes, comments and `export` are understood; other lines are skipped."""
    text = "export A=1\nB = 'x # y'\nC=z # note\n# D=1\nno line\nE=\n9x=1\n"
    assert environment.parse_env_file(text) == {"A": "1", "B": "x # y", "C": "z", "E": ""}


def test_as_bootloader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of the bootloader are set inside the block and restored after it."""
    monkeypatch.setattr(environment, "bootloader", {"_PYI_X": "1", "LD_LIBRARY_PATH": "/inside"})
    monkeypatch.setenv("LD_LIBRARY_PATH", "/users/own")
    monkeypatch.delenv("_PYI_X", raising=False)
    with environment.as_bootloader():
        assert (os.environ["_PYI_X"], os.environ["LD_LIBRARY_PATH"]) == ("1", "/inside")
    assert ("_PYI_X" in os.environ, os.environ["LD_LIBRARY_PATH"]) == (False, "/users/own")
