"""The workspace: a home folder, and what is read through it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.boards.fingerprints import Fingerprints
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.journal import CachedJournal


@dataclass(frozen=True, eq=False)
class Workspace:
    """A home folder with its journal, the fingerprints of its data, and the catalog; each is loaded when first used."""

    home: Path
    loaded_catalog: Catalog | None = None  # None: that of the installed plugins and the environments of the home

    @cached_property
    def catalog(self) -> Catalog:
        """What the plugins provide."""
        return load_catalog(home=self.home) if self.loaded_catalog is None else self.loaded_catalog

    @cached_property
    def journal(self) -> CachedJournal:
        """The runs of the home folder."""
        return CachedJournal(self.home)

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """The fingerprints of the datasets."""
        return Fingerprints(self.home)

    def at(self, home: Path) -> Workspace:
        """The workspace of another home folder, with the same catalog."""
        return Workspace(home, self.catalog)
