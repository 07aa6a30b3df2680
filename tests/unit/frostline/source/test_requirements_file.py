"""Reading requirements files."""

from pathlib import Path

import pytest

from frostline.core.errors import LockError
from frostline.source import pins, requirements_file
from frostline.source.pins import Direct

_A, _B = "a" * 64, "b" * 64


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder / "main.txt"


def test_hashed(tmp_path: Path) -> None:
    """Comments, continued lines, markers and included files are read; options stay apart."""
    file = _write(
        tmp_path,
        main="\ufeff# by hand \\\n--index-url https://me:secret@index.example/simple/\n"
        "--require-hashes\n-r more.txt\n--requirement=last.txt\n"
        f"Flask==3.0 ; python_version < '4' \\\n    --hash=sha256:{_A} \\\n"
        f"    --hash=sha256:{_B}\n    # via shop\n",
        more=f"click==8.1 --hash=sha256:{_B}  # needed\n\n",
        last=f"a[x]==1 \\\n  --hash=sha256:{_A} \\",
    )
    found = requirements_file.read(file, tmp_path)
    assert pins.render(found.pins) == (
        f"a==1 \\\n    --hash=sha256:{_A}\n"
        f"click==8.1 \\\n    --hash=sha256:{_B}\n"
        f'flask==3.0 ; python_version < "4" \\\n    --hash=sha256:{_A} \\\n'
        f"    --hash=sha256:{_B}\n"
    )
    assert not found.loose
    assert [path.name for path in found.files] == ["main.txt", "more.txt", "last.txt"]
    assert found.options == ("--index-url https://me:secret@index.example/simple/",)
    assert "secret" not in repr(found)


def test_loose(tmp_path: Path) -> None:
    """Requirements without hash or exact version are told apart, with their lines."""
    file = _write(tmp_path, main=f"flask\n\nclick==8\na==1.* --hash=sha256:{_A}\n-c more.txt\n",
                  more="werkzeug<3\n")  # fmt: skip
    found = requirements_file.read(file, tmp_path)
    assert not found.pins
    assert found.loose == (f"{file}:1: flask", f"{file}:3: click==8", f"{file}:4: a==1.*")
    assert [path.name for path in found.files] == ["main.txt", "more.txt"]


def test_direct(tmp_path: Path) -> None:
    """Folders, repositories, archives and addresses are data, without credentials."""
    lib = tmp_path / "libs" / "lib"
    lib.mkdir(parents=True)
    (lib / "pyproject.toml").write_text("[project]\nname='My.Lib'\n", encoding="utf-8")
    (tmp_path / "old").mkdir()
    (tmp_path / "w-1-py3-none-any.whl").touch()
    file = _write(
        tmp_path,
        main="-e ./libs/lib\n./old ; os_name=='nt'\nw-1-py3-none-any.whl\n"
        "git+https://me:secret@host.example/a/fork.git@12ab#egg=Fork\n"
        "-e git+ssh://git@host.example/b.git\n"
        f"zip @ https://t0ken@host.example/zip-1.tar.gz --hash=sha256:{_A}\n"
        f"near @ {lib.as_uri()}\n",
    )
    assert requirements_file.read(file, tmp_path).direct == (
        Direct("my-lib", "folder", str(lib)),
        Direct("old", "folder", str(tmp_path / "old"), (), 'os_name == "nt"'),
        Direct("w", "file", str(tmp_path / "w-1-py3-none-any.whl")),
        Direct("fork", "git", "https://host.example/a/fork.git@12ab"),
        Direct("b", "git", "ssh://git@host.example/b.git"),
        Direct("zip", "address", "https://host.example/zip-1.tar.gz", (f"sha256:{_A}",)),
        Direct("near", "folder", str(lib)),
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-r main.txt", "includes itself"),
        ("-r gone.txt", r"main\.txt:1: -r gone\.txt: there is no such file"),
        ("flask==${VERSION}", r"main\.txt:1: \$\{VERSION\}: .*environment variables"),
        ("flask = 3", r"main\.txt:1: flask = 3 is no requirement"),
        ("./gone", "no such file or folder: ./gone"),
        ("--wat", "--wat: unknown option"),
        ("hg+https://me:secret@host.example/a", "hg.https://host.example/a: only git"),
    ],
)
def test_mistakes(line: str, reason: str, tmp_path: Path) -> None:
    """A line that cannot be read is an error that names it."""
    with pytest.raises(LockError, match=reason) as caught:
        requirements_file.read(_write(tmp_path, main=f"{line}\n"), tmp_path)
    assert "secret" not in str(caught.value)


def test_all_of_it_in_one_file(tmp_path: Path) -> None:
    """The lines say the same in any folder, with extras, markers and the user's indexes."""
    (tmp_path / "more").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "more" / "base.txt").write_text("a>=1 ; os_name == 'nt'\nb==1 --hash=sha256:1\n")
    (tmp_path / "limits.txt").write_text("a<2\n")
    git = "tool[x] @ git+file:///repository#subdirectory=py"
    (tmp_path / "requirements.txt").write_text(
        "--extra-index-url https://me:secret@own.example/\n-f ./more\n-f https://own.example/\n"
        "--pre\n--require-hashes\n-r more/base.txt\n-c limits.txt\n"
        f"-e ./lib[fast] ; os_name == 'nt'\nlib[fast] @ {(tmp_path / 'lib').as_uri()}\n{git}\n",
        encoding="utf-8",
    )
    found = requirements_file.read(tmp_path / "requirements.txt", tmp_path)
    lib = f"{(tmp_path / 'lib').as_uri()}[fast]"
    assert found.lines == (
        "--extra-index-url https://me:secret@own.example/",
        f"--find-links {(tmp_path / 'more').as_uri()}",
        "-f https://own.example/",
        "--pre",
        "a>=1 ; os_name == 'nt'",
        "b==1",
        f"-c {tmp_path / 'limits.txt'}",
        f'{lib} ; os_name == "nt"',
        lib,
        git,
    )
    assert "secret" not in repr(found)
