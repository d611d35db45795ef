"""The workspace: a home folder, and what is read through it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.boards.fingerprints import Fingerprints
from harness.data.damage import warn
from harness.data.home_folders import home_exists, home_folder, home_name, home_option, store_url
from harness.errors import BadInput
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.journal import CachedJournal
from harness.results.remote.store import StoreUnavailable

if TYPE_CHECKING:
    from harness.results.remote.remote_home import RemoteHome


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

    @cached_property
    def remote(self) -> RemoteHome | None:
        """The home in a store whose local copy this home is; None for a folder."""
        url = store_url(self.home)
        if url is None:
            return None
        from harness.results.remote.opening import open_store
        from harness.results.remote.remote_home import RemoteHome

        return RemoteHome(self.home, open_store(url))

    def check_exists(self) -> None:
        """Raise BadInput if there is no home of that name."""
        if not home_exists(self.home):
            raise BadInput(
                f"there is no home {home_name(self.home)}; name another one by --home, or run a board, which makes it: "
                f"`harness run BOARD{home_option(self.home)}`"
            )

    def at(self, home: Path) -> Workspace:
        """The workspace of another home folder, with the same catalog."""
        return Workspace(home, self.catalog)


def open_home(home: Path | str) -> Path:
    """The folder of a home: of a URL such as "s3://bucket/run" its local copy, after what is new was read.

    Raises StoreUnavailable if that is impossible.
    """
    return open_workspace(home).home


def open_workspace(home: Path | str, catalog: Catalog | None = None) -> Workspace:
    """The workspace of a home folder, or of a URL, whose results are read first.

    Raises StoreUnavailable if that is impossible. What could not be stored before is stored now, if possible.
    """
    workspace = Workspace(home_folder(str(home)), catalog)
    if workspace.remote is not None:
        workspace.remote.pull()
        try:
            workspace.remote.push_pending()
        except StoreUnavailable as error:
            warn(f"results of this machine are not stored yet: {error}")
    return workspace


def store_results(workspace: Workspace) -> None:
    """Store what was computed, if the home is in a store; raises StoreUnavailable if that is impossible."""
    if workspace.remote is not None:
        workspace.remote.prepare()
        workspace.remote.push_pending()
