"""Checks of the parts of a panel against each other."""

from __future__ import annotations

import numpy as np

from harness.data.calendar import check_times
from harness.data.parts import PanelParts
from harness.errors import BadData


def check_shapes(panel: PanelParts) -> None:
    """Raise BadData for arrays whose shapes do not fit."""
    if panel.values.ndim != 2 or panel.values.shape[1] != len(panel.channels):
        raise BadData(
            f"a panel with {len(panel.channels)} channels needs values of shape "
            f"(observation, {len(panel.channels)}), not {panel.values.shape}"
        )
    if panel.offsets.shape != (len(panel.ids) + 1,) or panel.start.shape != (len(panel.ids),):
        raise BadData(
            f"a panel of {len(panel.ids)} series needs {len(panel.ids) + 1} offsets and {len(panel.ids)} "
            f"starts, not {panel.offsets.shape} and {panel.start.shape}"
        )
    for name, values in panel.static.items():
        if len(values) != len(panel.ids):
            raise BadData(f"static covariate {name!r} has {len(values)} values for {len(panel.ids)} series")


def check_series(panel: PanelParts) -> None:
    """Raise BadData for offsets, ids and starts that do not fit."""
    if not panel.ids:
        raise BadData("a panel needs at least one series")
    lengths = np.diff(panel.offsets)
    if panel.offsets[0] != 0 or panel.offsets[-1] != len(panel.values) or (lengths < 0).any():
        raise BadData("offsets must rise from 0 to the number of observations")
    if (lengths == 0).any():
        raise BadData(f"series {panel.ids[int(np.argmin(lengths))]!r} is empty; leave it out of the panel")
    if len(set(panel.ids)) != len(panel.ids):
        repeated = next(name for name in panel.ids if panel.ids.count(name) > 1)
        raise BadData(f"two series are called {repeated!r}; ids must be unique")
    if panel.freq is not None:
        check_times(panel.ids, panel.start, lengths, panel.freq)
