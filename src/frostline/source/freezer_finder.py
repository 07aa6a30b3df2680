"""Runs in a product's Python during a freeze: makes PyInstaller importable, and nothing before it.

Standard library only. A `.pth` file of the product's environment executes this file.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, DistributionFinder, MetadataPathFinder
from types import ModuleType


class FreezerFinder(DistributionFinder):
    """Finds the modules and metadata of PyInstaller's environment, the folder *packages*."""

    def __init__(self, packages: str) -> None:
        self.packages = packages

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the top-level module *name*; packages find their own submodules."""
        return PathFinder.find_spec(name, [self.packages], target) if path is None else None

    def find_distributions(
        self, context: DistributionFinder.Context | None = None
    ) -> Iterable[Distribution]:
        """Return the distributions in *packages* that *context* asks for, where it asks for all."""
        if context and context.path != sys.path:
            return ()
        name = context.name if context else None
        found = DistributionFinder.Context(name=name, path=[self.packages])
        return MetadataPathFinder().find_distributions(found)


sys.meta_path.append(FreezerFinder(os.environ["FROSTLINE_FREEZER_PACKAGES"]))
