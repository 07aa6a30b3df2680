"""Reads a product's profile and reports every mistake in it at once."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from frostline.core.errors import UsageError, did_you_mean
from frostline.core.platforms import PLATFORMS, Platform
from frostline.core.workspace import Layout, Target, Workspace
from frostline.profile import mistakes, no_effect, toml_file
from frostline.profile.mistakes import is_table
from frostline.profile.profile import Profile
from frostline.profile.table import from_toml
from frostline.profile.toml_file import Mistake


def load(
    workspace: Workspace, product: str, platform: Platform, layout: Layout | None = None
) -> tuple[Target, Profile]:
    """Return the target and the profile of *product*, with the overrides applied.

    *layout* defaults to the profile's. Raises UsageError for an unknown product, TomlError with
    every mistake at once.
    """
    raw = _checked(workspace, workspace.require_product(product))
    target = Target(product, platform, layout or "onedir")
    profile = from_toml(Profile, merged(raw, target))
    if not layout and profile.layout != target.layout:
        target = Target(product, platform, profile.layout)
        profile = from_toml(Profile, merged(raw, target))
    return target, profile


def _checked(workspace: Workspace, product: str, variant: str = "") -> dict[str, object]:
    """Return the profile of *product* merged over its base. Raises TomlError for mistakes.

    *variant* is the product whose base this one is; a base cannot have a base.
    """
    file = toml_file.read(workspace.profile(product), workspace.root, "docs/profile.md")
    raw, base = file.table, file.table.get("base")
    found: list[Mistake] = []
    if variant and base:
        found.append((("base",), f"{variant} is based on this profile; a base cannot have a base"))
    elif base and base not in (others := [n for n in workspace.products() if n != product]):
        hint = did_you_mean(str(base), others)
        found.append((("base",), f"there is no other product {base!r}.{hint}"))
    elif base:
        raw = _merge(_checked(workspace, str(base), product), raw)
    found = found or [*_field_mistakes(raw), *mistakes.find(raw, workspace.root)]
    if found:
        raise file.error(found)
    return raw


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
