"""The values before a window: from the panel that the home stores, or as far as other windows show them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from harness.arrays import Floats
from harness.data.panel import Panel
from harness.data.panel_store import panel_folder, stored_panel
from harness.errors import Failure, attempt
from harness.evaluation.outcomes import Actuals

HORIZONS = 2  # shown before a window
LARGEST = 64 << 20  # bytes of a panel that is read for it


class Histories:
    """The values before windows, from the panels that a home stores; the last panel is kept."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._last: tuple[str, Panel | None] = "", None

    def before(self, fingerprint: str, actuals: Actuals, window: int, target: int, gap: int = 0) -> Floats:
        """Up to two horizons before a window's first step, (step,), the last of them just before it."""
        return past_of(actuals, window, target, gap, self.of(fingerprint))

    def of(self, fingerprint: str) -> Panel | None:
        """The panel of a fingerprint; None where it is not stored, cannot be read, or is large."""
        if self._last[0] != fingerprint:
            panel = attempt(partial(self._read, fingerprint))
            self._last = fingerprint, None if isinstance(panel, Failure) else panel
        return self._last[1]

    def _read(self, fingerprint: str) -> Panel | None:
        folder = panel_folder(self.home, fingerprint)
        size = sum(file.stat().st_size for file in folder.iterdir()) if folder.is_dir() else 0
        return stored_panel(self.home, fingerprint) if 0 < size <= LARGEST else None


def past_of(actuals: Actuals, window: int, target: int, gap: int, panel: Panel | None) -> Floats:
    """Up to two horizons before a window's first step, (step,), the last of them just before it."""
    first = int(actuals.cutoffs[window]) + gap
    most = HORIZONS * actuals.values.shape[1]
    history = None if panel is None else _history(actuals, window, target, panel)
    past = _in_other_windows(actuals, window, target, gap, most) if history is None else history[:first][-most:]
    known = np.flatnonzero(np.isfinite(past))
    return past[known[0] :] if len(known) else past[:0]


def _history(actuals: Actuals, window: int, target: int, panel: Panel) -> Floats | None:
    """A target of the window's series, (observation,); None where the panel has no such series or channel."""
    series = panel.positions.get(actuals.ids[int(actuals.series[window])])
    names = [channel.name for channel in panel.channels]
    if series is None or actuals.targets[target] not in names:
        return None
    begin, end = panel.offsets[series], panel.offsets[series + 1]
    return np.asarray(panel.values[begin:end, names.index(actuals.targets[target])], dtype=np.float64)


def _in_other_windows(actuals: Actuals, window: int, target: int, gap: int, most: int) -> Floats:
    """The values before a window that are actuals of other windows of its series, (most,); NaN elsewhere."""
    horizon, first = actuals.values.shape[1], int(actuals.cutoffs[window]) + gap
    begins, past = actuals.cutoffs + gap, np.full(most, np.nan)
    near = (begins < first) & (begins + horizon > first - most)
    for other in np.flatnonzero(near & (actuals.series == actuals.series[window])):
        start = int(begins[other]) - first + most  # position of its first step
        overlap = slice(max(start, 0), min(start + horizon, most))
        past[overlap] = actuals.values[other, overlap.start - start : overlap.stop - start, target]
    return past
