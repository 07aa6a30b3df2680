"""Makes the version resource, which Windows shows in the properties of a program.

Virus scanners distrust programs without one. Its structure: Microsoft, "VERSIONINFO resource".
"""

import re

from frostline.profile.profile import About

_LANGUAGE, _CODE_PAGE = 0x0409, 1200  # US English, Unicode


def text(product: str, title: str, version: str, about: About) -> str:
    """Return *product*'s version resource in the format that PyInstaller reads."""
    strings = {
        "CompanyName": about.company,
        "FileDescription": about.description or title,
        "FileVersion": version,
        "InternalName": product,
        "LegalCopyright": about.copyright,
        "OriginalFilename": f"{product}.exe",
        "ProductName": title,
        "ProductVersion": version,
    }
    pairs = ", ".join(f"StringStruct({k!r}, {v!r})" for k, v in strings.items() if v)
    numbers = four(version)
    return (
        "VSVersionInfo(\n"
        f"  ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3f, flags=0x0,\n"
        "    OS=0x40004, fileType=0x1, subtype=0x0, date=(0, 0)),\n"
        "  kids=[\n"
        f"    StringFileInfo([StringTable('{_LANGUAGE:04x}{_CODE_PAGE:04x}', [{pairs}])]),\n"
        f"    VarFileInfo([VarStruct('Translation', [{_LANGUAGE}, {_CODE_PAGE}])]),\n"
        "  ],\n"
        ")\n"
    )


def four(version: str) -> tuple[int, int, int, int]:
    """Return the release part of *version* as four numbers below 65536, as Windows needs it."""
    release = re.match(r"\d+(\.\d+)*", version)
    numbers = [min(int(part), 0xFFFF) for part in release[0].split(".")] if release else []
    first, second, third, fourth, *_ = (*numbers, 0, 0, 0, 0)
    return first, second, third, fourth
