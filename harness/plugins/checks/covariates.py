"""Checks of the covariates of a dataset: what each of them is, and whether vintages fit the actual values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.arrays import Floats, mean_known, means_by_group
from harness.data.channel import Channel
from harness.data.missing import check_delays
from harness.data.panel import Panel
from harness.data.vintages import Vintages
from harness.errors import BadData
from harness.plugins.check_results import CheckResult


def check_covariates(panel: Panel) -> Iterator[CheckResult]:
    """A result for each covariate, with its role, delay and vintages.

    It is failed where a delay hides all values, where vintages are the actual values, and where their errors one step
    ahead are larger than the standard deviation of the actual values within series.
    """
    for column, channel in enumerate(panel.channels):
        if channel.role != "target":
            detail = ", ".join(_parts(panel, column, channel))
            problem = _delay_problem(panel, channel) or _vintage_problem(panel, column, channel)
            yield CheckResult(f"covariate {channel.name!r}", not problem, problem or detail)
    for name, values in panel.static.items():
        distinct = {value for value in values if value == value}  # without NaN
        yield CheckResult(f"covariate {name!r}", True, f"static covariate, different values: {len(distinct)}")


def _parts(panel: Panel, column: int, channel: Channel) -> Iterator[str]:
    """What a channel is, in phrases."""
    yield channel.role
    if channel.delay:
        yield f"delay {channel.delay}"
    missing = np.isnan(panel.values[:, column]).mean()
    if missing:
        yield f"{100 * missing:.3g} % missing"
    if channel.certain:
        return
    vintages = panel.vintages.get(channel.name)
    if vintages is None:
        yield "a forecast without vintages: forecasters are given its actual values"
        return
    yield f"{len(vintages)} vintages of {len(np.unique(vintages.series))} series"
    yield f"{vintages.values.shape[1]} leads"
    if vintages.values.size and np.isnan(vintages.values).any():
        yield f"{100 * np.isnan(vintages.values).mean():.3g} % of the vintages missing"
    yield from _accuracy(panel, column, vintages)


def _accuracy(panel: Panel, column: int, vintages: Vintages) -> Iterator[str]:
    rmse = np.sqrt(mean_known(_errors(panel, column, vintages) ** 2, axis=0))
    leads = np.flatnonzero(~np.isnan(rmse))
    if not len(leads):
        yield "no actual value to compare them with"
        return
    ends = dict.fromkeys((leads[0], leads[-1]))
    yield "RMSE " + " and ".join(f"{rmse[lead]:.3g} at lead {lead + 1}" for lead in ends)
    yield f"standard deviation {_deviation(panel, column):.3g}"


def _delay_problem(panel: Panel, channel: Channel) -> str:
    """Why the delay of a channel is wrong; empty where it is not."""
    try:
        check_delays(panel.with_covariates([channel.name]))
    except BadData as error:
        return str(error)
    return ""


def _vintage_problem(panel: Panel, column: int, channel: Channel) -> str:
    """Why the vintages of a channel do not fit its actual values; empty where they do, or there are none."""
    if channel.name not in panel.vintages:
        return ""
    errors = _errors(panel, column, panel.vintages[channel.name])
    compared, deviation = errors[~np.isnan(errors)], _deviation(panel, column)
    if not len(compared) or not deviation:
        return ""
    if not compared.any():
        return "the vintages are the actual values: they equal them at all leads"
    first = float(np.sqrt(mean_known(errors**2, axis=0))[0])
    if first > deviation:
        return (
            f"the vintages do not fit the actual values: their RMSE at lead 1 is {first:.3g}, more than the standard "
            f"deviation of {deviation:.3g}; check issued, the order of the series and the unit"
        )
    return ""


def _errors(panel: Panel, column: int, vintages: Vintages) -> Floats:
    """Forecast − actual, (vintage, lead); NaN where either is missing."""
    rows = vintages.issued[:, None] + np.arange(vintages.values.shape[1])
    inside = rows < panel.lengths[vintages.series][:, None]
    rows = np.where(inside, rows + panel.offsets[vintages.series][:, None], 0)
    return np.where(inside, vintages.values - panel.values[rows, column], np.nan)


def _deviation(panel: Panel, column: int) -> float:
    """The standard deviation of the values of a channel within series, all series together."""
    values, series = panel.values[:, column], np.repeat(np.arange(len(panel)), panel.lengths)
    centred = values - means_by_group(values, series, len(panel))[series]
    return float(np.sqrt(mean_known(centred**2, axis=0)))
