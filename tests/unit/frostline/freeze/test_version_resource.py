"""The version resource for Windows."""

from types import SimpleNamespace

import pytest

from frostline.freeze import version_resource
from frostline.profile.profile import About


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("1", (1, 0, 0, 0)),
        ("1.2.3", (1, 2, 3, 0)),
        ("1.2.3rc1", (1, 2, 3, 0)),
        ("2026.11.21.1.5", (2026, 11, 21, 1)),
        ("70000.1", (65535, 1, 0, 0)),
        ("dev", (0, 0, 0, 0)),
    ],
)
def test_numbers(version: str, numbers: tuple[int, ...]) -> None:
    """Any version gives four 16-bit numbers."""
    assert version_resource.four(version) == numbers


def test_as_pyinstaller_reads_it() -> None:
    """PyInstaller can evaluate the text; values of a profile cannot run code."""
    about = About(company='Acme "Tools"', copyright="© Acme', exit()")
    text = version_resource.text("argo", "Argo", "1.2", about)
    names = (
        "VSVersionInfo", "FixedFileInfo", "StringFileInfo", "StringTable", "StringStruct",
        "VarFileInfo", "VarStruct",
    )  # fmt: skip
    pairs = {}

    def made(*values: object, **named: object) -> SimpleNamespace:
        if len(values) == 2 and isinstance(values[1], str):
            pairs[values[0]] = values[1]
        return SimpleNamespace(values=values, **named)

    scope: dict[str, object] = dict.fromkeys(names, made) | {"__builtins__": {}}
    found = eval(text, scope)  # noqa: S307  # as PyInstaller does
    assert found.ffi.filevers == (1, 2, 0, 0)
    assert pairs == {
        "CompanyName": 'Acme "Tools"',
        "FileDescription": "Argo",
        "FileVersion": "1.2",
        "InternalName": "argo",
        "LegalCopyright": "© Acme', exit()",
        "OriginalFilename": "argo.exe",
        "ProductName": "Argo",
        "ProductVersion": "1.2",
    }
