"""The rest of the api, the page, and the files that come with argo."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from argo.resources import resource

if TYPE_CHECKING:
    from apps.argo.tests.conftest import Argo, Serve


@pytest.mark.product("A4")
@pytest.mark.parametrize(
    ("folder", "pattern", "count"),
    [
        ("migrations", "versions/0*.py", 2),
        ("templates", "*.txt", 1),
        ("configs", "*.yaml", 1),
        ("web", "*", 4),
        ("providers", "*/provider.yaml", 3),
    ],
)
def test_resources_are_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, pattern: str, count: int
) -> None:
    """Every kind of file is found whatever the working directory is."""
    monkeypatch.chdir(tmp_path)
    assert len(list(resource(folder).glob(pattern))) == count


@pytest.mark.product("A4")
def test_missing_resource_is_named() -> None:
    """A file that was not bundled is an error that names it."""
    with pytest.raises(FileNotFoundError, match="installation is incomplete"):
        resource("web", "nothing.html")


@pytest.mark.product("A4")
def test_page_loads_only_from_here(argo: "Argo") -> None:
    """The page may load nothing from elsewhere, and what it names is there."""
    page = argo.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == "default-src 'self'"
    for name in ("app.js", "style.css", "icon.svg"):
        assert f'"/static/{name}"' in page.text
        assert argo.get(f"/static/{name}").status_code == 200


def test_page_inserts_text_only() -> None:
    """No script of the page builds HTML from a string."""
    script = resource("web", "app.js").read_text(encoding="utf-8")
    assert not [word for word in ("innerHTML", "insertAdjacentHTML", "eval(") if word in script]


def test_remote_providers_are_optional(serve: "Serve") -> None:
    """Providers outside of this computer are offered only if they may be used."""
    with serve() as argo:
        everywhere = [provider["name"] for provider in argo.get("/api/providers").json()]
    with serve(use_remote_models=False) as argo:
        here = [provider["name"] for provider in argo.get("/api/providers").json()]
    assert everywhere == ["llamafile", "ollama", "openai"]
    assert here == ["llamafile", "ollama"]


def test_version_is_that_of_the_metadata(
    argo: "Argo", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version comes from the installed metadata."""
    metadata = tmp_path / "argo-1.2.3.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: argo\nVersion: 1.2.3\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert argo.get("/api/version").json() == {"name": "argo", "version": "1.2.3"}
