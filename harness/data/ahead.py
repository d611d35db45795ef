"""Panels with rows after the last actual of each series, to forecast from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.arrays import Floats, Ints
from harness.data.calendar import advance
from harness.data.panel import Panel
from harness.data.tables.calendar_covariates import calendar_values
from harness.data.tables.step_numbers import StepNumbers
from harness.data.tables.zones import time_text
from harness.errors import BadData


def with_rows_ahead(panel: Panel, steps: int, later: Floats | None = None, counts: Ints | None = None) -> Panel:
    """The panel with so many more rows of each series, all of whose targets are missing.

    `later` are rows after the last ones, (row, channel), of which each series has `counts`, (series,). What they
    lack is missing, and so are past covariates.
    """
    lengths = panel.lengths
    offsets = np.concatenate([[0], np.cumsum(lengths + steps)])
    values = np.full((int(offsets[-1]), len(panel.channels)), np.nan)
    values[np.arange(len(panel.values)) + np.repeat(np.arange(len(panel)) * steps, lengths)] = panel.values
    known = panel.channels_of("known covariate")
    if later is not None and counts is not None and known:
        begins = np.concatenate([[0], np.cumsum(counts)[:-1]])
        step = np.arange(len(later)) - np.repeat(begins, counts)
        kept = step < steps
        rows = (np.repeat(offsets[:-1] + lengths, counts) + step)[kept]
        values[np.ix_(rows, known)] = later[kept][:, list(known)]
    return Panel(
        panel.ids,
        values,
        offsets,
        panel.start,
        panel.freq,
        panel.season_length,
        panel.channels,
        panel.static,
    )


def with_calendar_ahead(panel: Panel, names: Sequence[str], zone: str | None) -> Panel:
    """The panel with the values of its calendar covariates of these names in all rows, on the clocks of the zone."""
    if not names or panel.freq is None:
        return panel
    positions = [i for i, channel in enumerate(panel.channels) if channel.name in names]
    values = panel.values.copy()
    values[:, positions] = calendar_values(panel.start, panel.lengths, panel.freq, zone)
    return replace(panel, values=values)


def check_known_ahead(
    panel: Panel,
    steps: int,
    forecasters: Sequence[str],
    zone: str | None = None,
    numbers: StepNumbers | None = None,
) -> None:
    """Raise BadData if a known covariate has no value in one of the last so many rows of a series.

    The message names the `forecasters` that use known covariates, and writes times of UTC in the `zone`, and steps by
    their `numbers`.
    """
    if not forecasters:
        return
    ends = panel.offsets[1:]
    rows = (ends[:, None] - steps + np.arange(steps)).ravel()
    for i in panel.channels_of("known covariate"):
        missing = np.isnan(panel.values[rows, i]).reshape(len(panel), steps)
        if missing.any():
            series, step = np.argwhere(missing)[0]
            name, length = panel.channels[i].name, int(panel.lengths[series])
            at = np.array([length - steps + step])
            if numbers is None:
                time = advance(panel.start[[series]], panel.freq, at)[0]
            else:
                time = numbers.at(np.array([series]), at)[0]
            needed = f"{forecasters[0]} needs" if len(forecasters) == 1 else f"{', '.join(forecasters)} need"
            raise BadData(
                f"the known covariate {name!r} of series {panel.ids[series]!r} has no value at "
                f"{time_text(time, zone)}, step {step + 1} of {steps} after the last actual, and {needed} it; add rows "
                "with its values and an empty target, or name the column by --past instead of --known, or choose a "
                "forecaster that does not use it by --with"
            )
