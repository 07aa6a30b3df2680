"""Which module a file is."""

from dataclasses import dataclass

import pytest

from frostline.infer import module_names


@dataclass(frozen=True)
class Files:
    """Files with the same content."""

    content: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the files."""
        return tuple(self.content)

    def data(self, name: str) -> bytes:
        """Return the content of the file *name*."""
        return self.content[name].encode()


@pytest.mark.parametrize(
    ("files", "tool", "expected"),
    [
        ({"app.py": ""}, {}, {"app": "app.py"}),
        ({"src/shop/__init__.py": "", "src/shop/__main__.py": ""}, {},
         {"shop": "src/shop/__init__.py", "shop.__main__": "src/shop/__main__.py"}),
        ({"shop/main.py": ""}, {}, {"shop.main": "shop/main.py"}),
        ({"shop/main.py": "import prices", "shop/prices.py": ""}, {},
         {"main": "shop/main.py", "prices": "shop/prices.py"}),
        ({"shop/main.py": "import logging", "shop/logging.py": ""}, {},
         {"shop.main": "shop/main.py", "shop.logging": "shop/logging.py"}),
        ({"back/app/__init__.py": "", "back/app/main.py": "from app.db import x"}, {},
         {"app": "back/app/__init__.py", "app.main": "back/app/main.py"}),
        ({"lib/shop.py": ""}, {"setuptools": {"package-dir": {"": "lib"}}},
         {"shop": "lib/shop.py"}),
        ({"python/shop.py": ""}, {"poetry": {"packages": [{"include": "shop", "from": "python"}]}},
         {"shop": "python/shop.py"}),
        ({"src/shop.py": "from src import web", "src/web.py": ""}, {},
         {"src.shop": "src/shop.py", "src.web": "src/web.py"}),
        ({"a-b.py": "", "x.txt": ""}, {}, {}),
    ],
)  # fmt: skip
def test_modules(files: dict[str, str], tool: dict[str, object], expected: dict[str, str]) -> None:
    """Source layouts, packages, namespaces, and folders whose files import their neighbours."""
    roots = module_names.import_roots(Files(files), {"tool": tool})
    assert module_names.files_by_module(files, roots) == expected


@pytest.mark.parametrize(
    ("name", "aside"),
    [
        ("tests/app.py", True), ("shop/test_app.py", True), ("docs/conf.py", True),
        ("setup.py", True), ("shop/migrations/0001.py", True), ("shop/testing_app.py", False),
        ("main.py", False),
    ],
)  # fmt: skip
def test_what_stands_aside(name: str, *, aside: bool) -> None:
    """Tests, documentation and migrations are not the product."""
    assert module_names.aside(name) == aside
