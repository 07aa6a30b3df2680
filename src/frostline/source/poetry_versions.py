"""Poetry's own way to write versions, as specifiers of everybody else."""

import re

from packaging.specifiers import SpecifierSet
from packaging.version import Version

_AND = re.compile(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!^~\d])")


def specifiers(text: str) -> tuple[SpecifierSet, ...]:
    """Return the alternatives that *text* allows, such as `^1.2`, `~1.4`, `2.*` and `1 || 2`.

    Raises InvalidSpecifier or InvalidVersion if it is none.
    """
    return tuple(
        SpecifierSet(",".join(_one(part.strip()) for part in _AND.split(alternative.strip())))
        for alternative in re.split(r"\s*\|\|?\s*", text)
    )


def allows(text: str, version: str) -> bool:
    """Return whether *text* allows *version*; raises as `specifiers`."""
    return any(item.contains(version, prereleases=True) for item in specifiers(text))


def _one(part: str) -> str:
    if part in {"", "*"}:
        return ""
    if part.startswith("^"):
        return _between(part[1:], _caret(Version(part[1:]).release))
    if part.startswith("~") and not part.startswith("~="):
        release = Version(part[1:]).release
        return _between(
            part[1:], (*release[:1], release[1] + 1) if release[1:] else (release[0] + 1,)
        )
    if part[0].isdigit():
        return f"=={part}"
    return re.sub(r"^=(?!=)", "==", part)


def _caret(release: tuple[int, ...]) -> tuple[int, ...]:
    """Return the first release that is not compatible: the first number that is not 0 is raised."""
    for place, number in enumerate(release):
        if number or place == len(release) - 1:
            return (*release[:place], number + 1)
    return release


def _between(low: str, high: tuple[int, ...]) -> str:
    return f">={low.strip()},<{'.'.join(map(str, high))}"
