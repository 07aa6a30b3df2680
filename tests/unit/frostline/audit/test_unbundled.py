"""What a run from source has used and the bundle does not hold is found (row A14)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from frostline.audit import unbundled
from frostline.core.platforms import PLATFORMS
from frostline.core.workspace import Workspace
from frostline.freeze.contents import Item
from frostline.infer.opening import open_build
from frostline.launch.evidence import Fact, Kind
from frostline.profile.build import Build

PRODUCTS = Path(__file__).resolve().parents[3] / "products"
LINUX = PLATFORMS["linux_x86_64"]
INSIDE = ("app!pkg.late", "_internal/pkg/page.html", "_internal/llama_cpp/lib/libllama.so")


@pytest.fixture
def build() -> Build:
    """Return the build of a product whose bundle is never looked at."""
    return open_build(Workspace(PRODUCTS / "echo"), "echo", LINUX, os.environ)


def items(*names: str) -> Iterator[Item]:
    """Yield empty files called *names*."""
    yield from (Item(name, 0, 0o644, "", bytes) for name in names)


@pytest.mark.product("A14")
@pytest.mark.parametrize(
    ("kind", "name", "place", "finding"),
    [
        ("module", "pkg.late", INSIDE[0], "evidence.missing-module"),
        ("file", "pkg/page.html", INSIDE[1], "evidence.missing-file"),
        ("library", "llama_cpp/lib/libllama.so", INSIDE[2], "evidence.missing-library"),
    ],
)
def test_what_is_not_there_is_found(
    build: Build, kind: Kind, name: str, place: str, finding: str
) -> None:
    """A module, a file or a library that was used and is missing is one finding."""
    facts = (Fact("pkg", kind, name, "used", (LINUX.name,)),)
    assert [*unbundled.find(build, facts, [*items(*INSIDE)], ())] == []
    rest = [item for item in items(*INSIDE) if item.name != place]
    assert [found.id for found in unbundled.find(build, facts, rest, ())] == [finding]
