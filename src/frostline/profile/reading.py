"""Reads a product's profile and reports every mistake in it at once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from frostline.core.errors import UsageError, did_you_mean
from frostline.core.platforms import PLATFORMS
from frostline.core.workspace import Target, Workspace
from frostline.profile import configuration, mistakes, no_effect
from frostline.profile.mistakes import is_table
from frostline.profile.profile import Profile
from frostline.profile.table import from_toml
from frostline.profile.toml_file import Mistake, TomlFile


def written(project: Workspace, product: str) -> TomlFile:
    """Return the profile of *product* as it is written, merged over its base.

    Raises UsageError for an unknown product, TomlError for a base that does not exist.
    """
    file = configuration.read(project, configuration.require_product(project, product))
    base = file.table.get("base")
    if not base:
        return file
    others = [name for name in configuration.products(project) if name != product]
    if base not in others:
        reason = f"there is no other product {base!r}.{did_you_mean(str(base), others)}"
        raise file.error([(("base",), reason)])
    below = configuration.read(project, str(base))
    if below.table.get("base"):
        reason = f"{product} is based on this profile; a base cannot have a base"
        raise below.error([(("base",), reason)])
    check(below, below.table, project.root)
    return replace(file, table=_merge(below.table, file.table))


def resolve(raw: Mapping[str, object], target: Target, *, fixed: bool) -> tuple[Target, Profile]:
    """Return the target and the profile *raw*, which has no mistakes, with the overrides applied.

    Unless *fixed*, the layout is the profile's.
    """
    profile = from_toml(Profile, merged(raw, target))
    if not fixed and profile.layout != target.layout:
        target = replace(target, layout=profile.layout)
        profile = from_toml(Profile, merged(raw, target))
    return target, profile


def check(file: TomlFile, raw: Mapping[str, object], root: Path) -> None:
    """Raise TomlError, with the lines in *file*, if the profile *raw* has mistakes."""
    found = [*_field_mistakes(raw), *mistakes.find(raw, root)]
    if found:
        raise file.error(found)


def is_for(profile: Profile, target: Target) -> bool:
    """Return whether *profile* allows the platform of *target*."""
    return not profile.platforms or target.platform.name in profile.platforms


def require_for(profile: Profile, target: Target) -> None:
    """Raise UsageError if *profile* does not allow the platform of *target*."""
    if not is_for(profile, target):
        message = f"{target.product} is not built for {target.platform.name}."
        raise UsageError(message, hint=f"its platforms are {', '.join(profile.platforms)}")


def merged(raw: Mapping[str, object], target: Target) -> dict[str, object]:
    """Return *raw* with the overrides for *target*'s platform, then its layout, merged in."""
    overrides = raw.get("overrides", {})
    result = dict(raw)
    if is_table(overrides):
        for key in (target.platform.name, target.layout):
            table = overrides.get(key, {})
            if is_table(table):
                result = _merge(result, table)
    return result


def _field_mistakes(raw: Mapping[str, object]) -> Iterator[Mistake]:
    known = (*_pydantic_mistakes(raw), *no_effect.find(raw))
    yield from known
    overrides = raw.get("overrides", {})
    if not is_table(overrides):
        return
    for key, table in overrides.items():
        if key not in PLATFORMS and key not in {"onedir", "onefile"}:
            hint = did_you_mean(key, (*PLATFORMS, "onedir", "onefile"))
            yield ("overrides", key), f"unknown platform or layout.{hint}"
        elif is_table(table):
            over = _merge(raw, table)
            for loc, reason in (*_pydantic_mistakes(over), *no_effect.find(over)):
                if (loc, reason) not in known:
                    yield ("overrides", key, *loc), reason


def _pydantic_mistakes(raw: Mapping[str, object]) -> Iterator[Mistake]:
    try:
        from_toml(Profile, raw)
    except ValidationError as error:
        yield from mistakes.of_fields(error, Profile)


def _merge(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = _merge(old, value) if is_table(old) and is_table(value) else value
    return result
