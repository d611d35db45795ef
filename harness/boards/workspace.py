"""The workspace: a home folder, and what is read through it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
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
    is_offline: bool = False  # whether the store of the home does not matter, since it cannot be reached

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
        """The home in a store whose local copy this home is; None for a folder, and if it is offline."""
        url = store_url(self.home)
        if url is None or self.is_offline:
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

    def pulled(self) -> Workspace:
        """The workspace after what is new in the store of the home was read, if it is in one; also if it was offline.

        Raises StoreUnavailable.
        """
        workspace = replace(self, is_offline=False) if self.is_offline else self
        if workspace.remote is not None:
            workspace.remote.pull()
        return workspace

    def at(self, home: Path) -> Workspace:
        """The workspace of another home folder, with the same catalog."""
        return Workspace(home, self.catalog)


def open_home(home: Path | str) -> Path:
    """The folder of a home: of a URL such as "s3://bucket/run" its local copy, after what is new was read.

    Raises StoreUnavailable if that is impossible.
    """
    return open_workspace(home).home


def open_workspace(home: Path | str, catalog: Catalog | None = None, *, reads_only: bool = False) -> Workspace:
    """The workspace of a home folder, or of a URL, whose results are read first.

    Raises StoreUnavailable if that is impossible. What could not be stored before is stored now, if possible. With
    `reads_only`, a store that cannot be reached does not matter if there is a local copy: it is used as it is, and a
    warning says so.
    """
    workspace = Workspace(home_folder(str(home)), catalog)
    if workspace.remote is not None:
        try:
            workspace.remote.pull()
        except StoreUnavailable as error:
            if not (reads_only and error.may_pass):
                raise
            _warn_of_age(workspace.remote, error)
            return Workspace(workspace.home, catalog, is_offline=True)
        try:
            workspace.remote.push_pending()
        except StoreUnavailable as error:
            warn(f"results of this machine are not stored yet: {error}")
    return workspace


def _warn_of_age(remote: RemoteHome, error: StoreUnavailable) -> None:
    """Say how old the local copy of a home is whose store cannot be reached; raises StoreUnavailable without a copy."""
    pulled = remote.last_pull()
    if pulled is None:
        raise StoreUnavailable(
            f"{error.problem}, and this machine has no copy of that home",
            "check its name, the credentials and the connection, and run the command again",
        ) from error
    at = datetime.fromtimestamp(pulled, UTC).strftime("%Y-%m-%d %H:%M UTC")
    warn(f"{error.problem}; using the copy on this machine, last brought up to date {_age(pulled)} ago ({at})")


def _age(moment: float) -> str:
    """The time since a moment, in words."""
    seconds = max(0.0, time.time() - moment)
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= 2 * size or unit == "second":
            return f"{int(seconds // size)} {unit}s"
    raise AssertionError


def store_results(workspace: Workspace) -> None:
    """Store what was computed, if the home is in a store, for which it waits if it does not answer.

    Raises StoreUnavailable if it is given up.
    """
    remote = workspace.remote
    if remote is None:
        return
    try:
        remote.patience.attempt(remote.prepare)
        remote.patience.attempt(remote.push_pending)
    except StoreUnavailable as error:
        kept = f"what was computed is kept in {remote.home} and will be stored by the next command with this home"
        raise StoreUnavailable(f"{error.problem or error}; {kept}") from error
