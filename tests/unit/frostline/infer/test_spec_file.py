"""PyInstaller's specs: every option is a key, or a note with its line."""

from pathlib import Path

import pytest
from small_project import inferred, reason, value

SPEC = """\
import os, sys
from PyInstaller.utils.hooks import collect_all, collect_data_files, copy_metadata
from PyInstaller.utils.hooks import collect_submodules, collect_dynamic_libs
block_cipher = None
NAME = "tool"
HERE = os.path.abspath(os.path.dirname(SPEC))
datas = [(os.path.join(HERE, "assets"), "assets"), ("conf/*.json", "conf"), (f"{NAME}.ini", ".")]
datas += collect_data_files("certifi")
datas += copy_metadata("attrs")
binaries = [("libs/a.so", ".")]
hidden = ["one", "two"] + collect_submodules("plugins")
more = collect_all("pymzml")
datas += more[0]; binaries += more[1]; hidden += more[2]
binaries += collect_dynamic_libs("cv2")
hidden.append("three")
a = Analysis(
    ["src/tool/start.py"],
    pathex=["src"],
    binaries=binaries,
    datas=datas,
    hiddenimports=hidden,
    hookspath=["hooks"],
    hooksconfig={"gi": {"icons": ["Adwaita"]}},
    runtime_hooks=["hooks/first.py"],
    excludes=["tkinter"],
    win_no_prefer_redirects=False,
    cipher=block_cipher,
    noarchive=False,
    module_collection_mode={"numba": "py"},
    optimize=2,
)
a.datas += Tree("extra", prefix="more")
a.datas += [("sub/named.txt", "conf/b.json", "DATA")]
pyz = PYZ(a.pure, a.zipped_data, cipher=block_cipher)
splash = Splash("splash.png", binaries=a.binaries, datas=a.datas, text_pos=(10, 20))
exe = EXE(
    pyz, a.scripts, splash, [("u", None, "OPTION"), ("W ignore", None, "OPTION")],
    exclude_binaries=True,
    name=NAME,
    debug=False,
    strip=True,
    upx=True,
    console=False,
    icon="tool.ico",
    version="version.txt",
    manifest="tool.manifest",
    uac_admin=True,
    contents_directory=".",
    target_arch=None,
    codesign_identity="Developer ID",
    entitlements_file="tool.plist",
)
b = Analysis(["src/tool/second.py"])
second = EXE(PYZ(b.pure), b.scripts, name="second", exclude_binaries=True, console=True)
coll = COLLECT(exe, a.binaries, a.datas, splash.binaries, second, name=NAME, upx=True)
app = BUNDLE(
    coll,
    name="Tool.app",
    icon="tool.icns",
    bundle_identifier="org.example.tool",
    info_plist={"NSHighResolutionCapable": True, "Made": now()},
)
"""
FILES = {
    "pyproject.toml": "[project]\nname = 'Tool'",
    "tool.spec": SPEC,
    "src/tool/__init__.py": "",
    "src/tool/start.py": "print()",
    "src/tool/second.py": "",
    "assets/a.png": "", "conf/a.json": "", "conf/b.json": "", "tool.ini": "", "libs/a.so": "",
    "extra/x/y.txt": "", "splash.png": "",
}  # fmt: skip


def test_every_option_of_a_long_spec(tmp_path: Path) -> None:
    """What a spec says stands in the profile's keys."""
    result = inferred(tmp_path, FILES)
    values = {item.key: item.value for item in result.values}
    assert values == {
        "entry": "tool.start",
        "layout": "onedir",
        "data": [
            {"source": "assets", "destination": "assets"},
            {"source": "conf", "destination": "conf", "glob": "*.json"},
            {"source": "tool.ini", "destination": "."},
            {"source": "extra", "destination": "more"},
            {"source": "conf/b.json", "destination": "sub"},
        ],
        "binaries": [{"source": "libs/a.so", "destination": "."}],
        "hidden_imports": ["one", "two", "three"],
        "packages.certifi": {"data": True},
        "packages.attrs": {"metadata": True},
        "packages.plugins": {"submodules": True},
        "packages.pymzml": {"binaries": True, "data": True, "submodules": True},
        "packages.cv2": {"binaries": True},
        "hooks": ["hooks"],
        "hooksconfig": {"gi": {"icons": ["Adwaita"]}},
        "runtime_hooks": ["hooks/first.py"],
        "excludes": ["tkinter"],
        "module_collection_mode": {"numba": "py"},
        "optimize": 2,
        "splash": {"image": "splash.png", "text_pos": [10, 20]},
        "interpreter_options": ["u", "W ignore"],
        "strip": True,
        "console": False,
        "icon.windows": "tool.ico",
        "version_file": "version.txt",
        "manifest": "tool.manifest",
        "uac_admin": True,
        "contents_directory": ".",
        "signing.identity": "Developer ID",
        "signing.entitlements": "tool.plist",
        "executables": [{"name": "second", "entry": "tool.second"}],
        "app": {"icon": "tool.icns", "info_plist": {"NSHighResolutionCapable": True}},
        "about.identifier": "org.example.tool",
    }
    assert reason(result, "optimize") == "tool.spec:30"
    assert [note.partition(": ")[0] for note in result.notes] == [
        "tool.spec:42", "tool.spec:55", "tool.spec:61", "tool.spec:54",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "note"),
    [
        ("datas=find()", "tool.spec:2: find(): write a [[data]] table, or [packages.NAME]"),
        ("datas=[(os.environ['X'], '.')]", "tool.spec:2: os.environ['X']: write a [[data]] table"),
        ("datas=[('gone', '.')]", "tool.spec:2: gone: it is not in the project"),
        ("hiddenimports=['a'] + find()", "tool.spec:2: find(): write hidden_imports"),
        ("noarchive=True", "tool.spec:2: noarchive = True: write module_collection_mode"),
        ("pathex=['/home/me']", "tool.spec:2: pathex '/home/me': write source"),
        ("cipher=Cipher('x')", "tool.spec:2: cipher = Cipher('x'): PyInstaller no longer"),
        ("new_option=3", "tool.spec:2: new_option = 3: it has no key"),
        ("optimize=level", "tool.spec:2: optimize = level: write optimize"),
    ],
)
def test_what_cannot_be_placed(argument: str, note: str, tmp_path: Path) -> None:
    """A note has the line and what to write."""
    files = {"main.py": "", "tool.spec": f"import os\na = Analysis(['main.py'], {argument})"}
    notes = inferred(tmp_path, files).notes
    assert [line[: len(note)] for line in notes if line.startswith("tool.spec")] == [note]


def test_what_a_condition_decides(tmp_path: Path) -> None:
    """What both sides say is kept; what differs is noted with the condition."""
    spec = (
        "import sys\ndatas = [('a.txt', '.')]\nicon = None\n"
        "if sys.platform == 'win32':\n    icon = 'a.ico'\n    datas += [('b.txt', '.')]\n"
        "a = Analysis(['main.py'], datas=datas)\n"
        "exe = EXE(PYZ(a.pure), a.scripts, a.binaries, icon=icon)"
    )
    files = {"main.py": "", "a.txt": "", "b.txt": "", "tool.spec": spec}
    result = inferred(tmp_path, files)
    assert value(result, "data") == [{"source": "a.txt", "destination": "."}]
    assert value(result, "layout") == "onefile"
    assert [note.partition(": ")[0] for note in result.notes] == ["tool.spec:4", "tool.spec:8"]


def test_a_spec_in_a_folder(tmp_path: Path) -> None:
    """Paths of a spec are relative to it; keys are relative to the project."""
    spec = "a = Analysis(['../main.py'], datas=[('../res', 'res')], hookspath=['hooks'])"
    files = {"main.py": "", "res/x": "", "build_files/tool.spec": spec}
    result = inferred(tmp_path, files)
    assert value(result, "entry") == "main"
    assert value(result, "data") == [{"source": "res", "destination": "res"}]
    assert value(result, "hooks") == ["build_files/hooks"]


def test_a_spec_of_a_server(tmp_path: Path) -> None:
    """A script that runs an application is that application; its files are kept."""
    files = {
        "web.py": "from flask import Flask\napp = Flask('x')",
        "start.py": "from web import app\napp.run()",
        "res/x": "",
        "tool.spec": "a = Analysis(['start.py'], datas=[('res', 'res')])",
    }
    result = inferred(tmp_path, files)
    assert (value(result, "entry"), value(result, "serve")) == ("web:app", "wsgi")
    assert value(result, "data") == [{"source": "res", "destination": "res"}]


def test_an_rpm_spec_is_another_thing(tmp_path: Path) -> None:
    """A spec without Analysis is not PyInstaller's; of two, the second is named."""
    files = {
        "main.py": "", "tool.spec": "Name: tool", "x/b.spec": "a = Analysis(['../main.py'])",
        "x/c.spec": "a = Analysis(['../main.py'])",
    }  # fmt: skip
    result = inferred(tmp_path, files)
    assert reason(result, "entry") == "x/b.spec:1"
    assert result.notes == ("x/c.spec: another spec: only x/b.spec was read",)


def test_functions_of_a_spec(tmp_path: Path) -> None:
    """What a spec's own function makes counts, with the arguments of each call."""
    spec = (
        "def one(script, datas=[]):\n    a = Analysis([script], datas=datas)\n"
        "    EXE(PYZ(a.pure), a.scripts, name=script, exclude_binaries=True, console=False)\n"
        "    return a\n"
        "def again(x): return again(x)\n"
        "a = one('main.py', datas=[('a.txt', '.')])\nb = one('second.py')\nc = again(1)\n"
    )
    files = {"main.py": "", "second.py": "", "a.txt": "", "tool.spec": spec}
    result = inferred(tmp_path, files)
    assert (value(result, "entry"), value(result, "console")) == ("main", False)
    assert value(result, "data") == [{"source": "a.txt", "destination": "."}]
    assert value(result, "executables") == [{"name": "second.py", "entry": "second"}]


def test_a_spec_that_is_run_from_the_root(tmp_path: Path) -> None:
    """A path that does not exist beside the spec but in the project is the project's."""
    spec = "a = Analysis(['main.py'], datas=[('res', 'res')])"
    result = inferred(tmp_path, {"main.py": "", "res/x": "", "packaging/tool.spec": spec})
    assert value(result, "entry") == "main"
    assert value(result, "data") == [{"source": "res", "destination": "res"}]
    files = {"main.py": "", "packaging/main.py": "", "packaging/tool.spec": spec}
    assert value(inferred(tmp_path, files), "entry") == "packaging.main"
