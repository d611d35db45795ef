"""The data of cells, each panel read once as long as it does not change."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.boards.fingerprints import load_unchanged
from harness.boards.planning import PlannedCell
from harness.data.panel_store import mapped_state, panel_folder, stored_panel
from harness.errors import BadData, HomeUnusable, InfrastructureFault
from harness.plugins.installed import installed_catalog

if TYPE_CHECKING:
    from harness.data.panel import Panel


def panel_of_cell(planned: PlannedCell, home: Path, *, from_store: bool) -> Panel:
    """The data of a cell; from its loader, raises BadData if that returns other data.

    From the store, raises InfrastructureFault where it is not there, damaged, or cannot be read.
    """
    if from_store:
        return _stored_panel(planned.fingerprint, home, mapped_state(home, planned.fingerprint))
    panel = _panel_or_error(planned.cell.task.dataset, planned.fingerprint, home)
    if isinstance(panel, Exception):
        raise panel
    return panel


@lru_cache(maxsize=4)
def _stored_panel(fingerprint: str, home: Path, state: object) -> Panel:
    """The panel in the store; `state` is that of its files, so that changed ones are read again."""
    try:
        panel = stored_panel(home, fingerprint)
    except HomeUnusable as error:
        raise InfrastructureFault(str(error)) from error
    if panel is None:
        raise InfrastructureFault(f"the stored data {panel_folder(home, fingerprint)} is damaged; it is stored again")
    return panel


@lru_cache(maxsize=4)
def _panel_or_error(dataset: str, fingerprint: str, home: Path) -> Panel | BadData:
    """The dataset; the fingerprint is a part of the cache's key, so that changed data is loaded again."""
    try:
        return load_unchanged(installed_catalog().datasets[dataset], fingerprint, home)
    except BadData as error:
        return error


def forget_loaded_panels() -> None:
    """Load the panels of this process again when they are needed."""
    _panel_or_error.cache_clear()
