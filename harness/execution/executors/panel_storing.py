"""PanelStoring: stores the data of cells in the home, from which supervisors and workers read it."""

from __future__ import annotations

import threading
from pathlib import Path

from harness.boards.fingerprints import load_unchanged
from harness.boards.planning import PlannedCell
from harness.data.panel_store import is_stored, store_panel
from harness.errors import BadData, InfrastructureFault
from harness.plugins.installed import installed_catalog


class PanelStoring:
    """Stores each panel once, for supervisors, which load no plugin of datasets; several threads may ask for one."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}  # by the fingerprint of what one thread stores
        self._loaded: dict[str, BadData | None] = {}  # by fingerprint: None, or why the loader cannot be used

    def store(self, planned: PlannedCell) -> None:
        """Store the data of a cell; raises BadData for a loader of other data, InfrastructureFault if it is impossible.

        It is loaded once, even if it is stored: a plugin's loader may read what its dataset does not declare, or draw.
        That of a file of the user does neither, and its fingerprint is that of the file's present state.
        """
        fingerprint = planned.fingerprint
        with self._lock:
            being_stored = self._locks.setdefault(fingerprint, threading.Lock())
        with being_stored:  # of this data alone: a load may take long
            other = self._loaded.get(fingerprint)
            if other is not None:
                raise other
            if fingerprint in self._loaded and is_stored(self.home, fingerprint):
                return
            dataset = installed_catalog().datasets[planned.cell.task.dataset]
            if dataset.plugin.included and dataset.spec.local_files and is_stored(self.home, fingerprint):
                self._loaded[fingerprint] = None
                return
            try:
                store_panel(load_unchanged(dataset, fingerprint, self.home), self.home)
            except BadData as error:
                self._loaded[fingerprint] = error
                raise
            except OSError as error:
                raise InfrastructureFault(f"its data cannot be stored: {error}") from error
            self._loaded[fingerprint] = None
