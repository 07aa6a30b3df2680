"""Resources: incomplete entries are refused; pinning changes only URL, size and SHA-256."""

from pathlib import Path

import pytest

from frostline.core.errors import TomlError, UsageError
from frostline.core.platforms import PLATFORMS
from frostline.core.workspace import Workspace
from frostline.profile import profile, resources, services

LINUX, WINDOWS = PLATFORMS["linux_x86_64"], PLATFORMS["windows_x86_64"]
GOOD = """\
schema = 1

# the server
[[resources]]
name = "server"
version = "1"
url = "https://example.org/server-1"  # a remark
size = 10
sha256 = "{sum}"
licence = "MIT"
destination = "bin/server"
platforms = ["linux_x86_64"]

[[resources]]
name = "model"
version = "2"
url = "https://example.org/m.gguf"
unverified = "its author states nothing"
licence = "MIT"
destination = "models/m.gguf"
when = "first-run"
""".format(sum="a" * 64)


def project(folder: Path, text: str) -> Workspace:
    """Return a project with *text* as its resources."""
    (folder / "resources").mkdir()
    (folder / "resources" / "resources.toml").write_text(text, encoding="utf-8")
    return Workspace(folder)


def test_what_is_loaded(tmp_path: Path) -> None:
    """Resources are chosen by name and platform."""
    found = resources.load(project(tmp_path, GOOD))
    assert [pin.name for pin in found] == ["server", "model"]
    assert [pin.name for pin in resources.chosen(found, (), LINUX)] == ["server", "model"]
    assert [pin.name for pin in resources.chosen(found, (), WINDOWS)] == ["model"]
    with pytest.raises(UsageError, match=r'no resource is called "sever"\. Did you mean "server"'):
        resources.chosen(found, ["sever"], LINUX)
    with pytest.raises(UsageError, match="server has no file for windows_x86_64"):
        resources.chosen(found, ["server"], WINDOWS)


@pytest.mark.parametrize(
    ("url", "expected"),
    [("https://x.org/a/m.gguf", "m.gguf"), ("https://x.org/m.gguf?download=true", "m.gguf")],
)
def test_file_names(url: str, expected: str) -> None:
    """The query of an address is no part of the file's name: Windows allows no `?` in one."""
    assert resources.file_name_of(url) == expected


def test_frostline_s_own_are_complete(tmp_path: Path) -> None:
    """The resources of frostline cover every platform that argo is built for."""
    found = resources.load(Workspace(tmp_path))
    for platform in PLATFORMS.values():
        names = {pin.name for pin in resources.chosen(found, (), platform)}
        assert {"llamafile", "smollm2"} <= names
    assert all(pin.sha256 for pin in found)


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("size = 10\n", "", "resources.0.size: is required: set it, or say in `unverified`"),
        (f'sha256 = "{"a" * 64}"\n', "", "resources.0.sha256: is required"),
        ("size = 10", "size = -1", "resources.0.size: Input should be greater than or equal to 0"),
        ('licence = "MIT"\n', "", "resources.0.licence: is required and missing"),
        ('"bin/server"', '"../server"', "resources.0.destination: must be relative, without `..`"),
        ("https://example.org/s", "ftp://example.org/s", "resources.0.url: String should match"),
        ('["linux_x86_64"]', '["linux"]', 'unknown platform "linux". Did you mean "linux_'),
        ("licence", "license", 'unknown key. Did you mean "licence"?'),
        ('when = "first-run"', 'unpack = "zip"\nwhen = "asked"', "works only with when"),
        ('name = "model"', 'name = "server"', "server already has a file for linux_x86_64"),
        ("schema = 1", "schema = ", "TOML: Invalid value"),
    ],
)
def test_mistakes(old: str, new: str, mistake: str, tmp_path: Path) -> None:
    """Each mistake has file, line and key."""
    assert old in GOOD
    with pytest.raises(TomlError) as caught:
        resources.load(project(tmp_path, GOOD.replace(old, new, 1)))
    assert caught.value.message.startswith("resources/resources.toml has ")
    said = [str(problem) for problem in caught.value.problems]
    assert any(mistake in line for line in said), said
    assert all(line.startswith("resources/resources.toml:") for line in said)


def test_figures_are_replaced_and_nothing_else() -> None:
    """Comments, order and other entries stay; `unverified` and `confirm` go."""
    new = resources.with_figures(GOOD, "model", "https://x.org/m.gguf", size=5, sha256="b" * 64)
    old_lines, new_lines = GOOD.splitlines(), new.splitlines()
    assert [line for line in old_lines if line not in new_lines] == [
        'url = "https://example.org/m.gguf"', 'unverified = "its author states nothing"',
    ]  # fmt: skip
    assert [line for line in new_lines if line not in old_lines] == [
        'url = "https://x.org/m.gguf"', "size = 5", f'sha256 = "{"b" * 64}"',
    ]  # fmt: skip
    with pytest.raises(UsageError, match="no entry called other") as caught:
        resources.with_figures(GOOD, "other", "https://x.org/o", size=5, sha256="b" * 64)
    assert 'size = 5, sha256 = "bbb' in caught.value.hint


def test_one_of_several_is_known_by_its_address() -> None:
    """The entries of other platforms stay unchanged."""
    second = GOOD + GOOD.partition("# the server\n")[2].partition("\n\n")[0].replace(
        "linux_x86_64", "linux_arm64"
    ).replace("server-1", "server-1-arm")
    url = "https://example.org/server-1-arm"
    new = resources.with_figures(second, "server", url, size=5, sha256="b" * 64)
    assert new.count("size = 10") == 1
    with pytest.raises(UsageError, match="2 entries, none of them with this url, called server"):
        resources.with_figures(second, "server", "https://x.org/s", size=5, sha256="b" * 64)


def test_a_model_server_needs_its_files(tmp_path: Path) -> None:
    """A model server's file without a resource is an error."""
    found = resources.load(project(tmp_path, GOOD))
    server = services.ModelServer(executable="{bundle}/s", model="{storage}/models/m.gguf")
    needing = profile.Profile(
        schema=1, source="a", requirements="r", entry="a:b", model_server=server
    )
    resources.require_places(needing, found)
    with pytest.raises(UsageError, match=r"model_server\.model is \{storage\}/models/m\.gguf, but"):
        resources.require_places(needing, found[:1])
