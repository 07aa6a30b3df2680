"""Compares two bundles by their `bundle.json`."""

from collections.abc import Mapping
from dataclasses import dataclass

from frostline.freeze.bundle import Bundle


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The differences between two bundles; sizes in bytes, by file or owner."""

    distributions: Mapping[str, tuple[str, str]]
    owners: Mapping[str, int]
    added: Mapping[str, int]
    removed: Mapping[str, int]
    changed: Mapping[str, int]
    size: tuple[int, int]


def difference(old: Bundle, new: Bundle) -> Difference:
    """Return how *new* differs from *old*."""
    before, after = _sizes(old), _sizes(new)
    sums = {name: facts[0] for name, facts in old.files.items()}
    versions = {
        name: (old.distributions.get(name, "-"), new.distributions.get(name, "-"))
        for name in sorted(old.distributions.keys() | new.distributions.keys())
        if old.distributions.get(name) != new.distributions.get(name)
    }
    owners: dict[str, int] = {}
    for bundle, sign in ((old, -1), (new, 1)):
        for name, size in _sizes(bundle).items():
            # Owners are known by the path that the running product sees.
            place = name if name in bundle.owners else name.partition("/")[2]
            owner = bundle.owners.get(place, "product")
            owners[owner] = owners.get(owner, 0) + sign * size
    return Difference(
        distributions=versions,
        owners={name: size for name, size in sorted(owners.items()) if size},
        added={name: size for name, size in after.items() if name not in before},
        removed={name: size for name, size in before.items() if name not in after},
        changed={
            name: after[name] - before[name]
            for name, facts in new.files.items()
            if name in before and facts[0] != sums[name]
        },
        size=(old.size, new.size),
    )


def _sizes(bundle: Bundle) -> dict[str, int]:
    return {name: facts[1] for name, facts in bundle.files.items()}
