"""Checks of the values of series: those that say little about a forecaster, or that give the target away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from harness.arrays import Floats, Ints
from harness.data.channel import Channel
from harness.data.tables.findings import Finding, Level

OUTLIER = 10.0  # times the distance of the quartiles from the nearest of them
LJUNG_BOX_LAGS = 10
SIGNIFICANCE = 0.05
INTERVAL, VARIATION = 1.32, 0.49  # the borders of Syntetos, Boylan & Croston (2005), of p and CV²
SAME = 1e-9  # difference from 1 of the correlation of a covariate that is the target
MOST_VALUES = 2_000_000  # that white noise is tested on


@dataclass(frozen=True, eq=False)
class Values:
    """The series of a table: their values up to the last actual."""

    ids: tuple[str, ...]
    channels: tuple[Channel, ...]
    values: Floats  # (row, channel)
    offsets: Ints  # (series + 1,)
    ahead: Ints  # (series,) rows after the last actual

    def series(self) -> Iterator[Floats]:
        """The values of each series, (length, channel)."""
        for first, last in pairwise(self.offsets.tolist()):
            yield self.values[first:last]

    def numeric_targets(self) -> list[int]:
        """The positions of the targets that are no classes."""
        return [i for i, each in enumerate(self.channels) if each.role == "target" and each.categories is None]


def value_findings(values: Values) -> list[Finding]:
    """What the checks of values find, the most important first."""
    checks = (_constant, _targets_among_covariates, _known_ahead, _intermittent, _outliers, _white_noise)
    return [finding for check in checks for finding in check(values)]


def _some(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def _constant(values: Values) -> Iterator[Finding]:
    """Series whose target has one value."""
    for i in values.numeric_targets():
        column = values.values[:, i]
        low = np.fmin.reduceat(column, values.offsets[:-1])
        high = np.fmax.reduceat(column, values.offsets[:-1])
        names = [values.ids[j] for j in np.flatnonzero(low == high)]
        if names:
            share = f"{len(names):,} of {len(values.ids):,} series"
            what = f"{values.channels[i].name!r} is constant in {share}: {_some(names)}"
            effect = "each forecaster that repeats the last value is right, and MASE is not defined there"
            yield Finding("note", "constant series", what, effect, "leave these series out if they are not of interest")


def _targets_among_covariates(values: Values) -> Iterator[Finding]:
    """Covariates that are a target, or a linear function of it."""
    for i in values.numeric_targets():
        target = values.values[:, i]
        for j, channel in enumerate(values.channels):
            if channel.role == "target" or channel.categories is not None:
                continue
            known = ~np.isnan(target + values.values[:, j])
            if known.sum() < 3 or abs(_correlation(target[known], values.values[known, j])) < 1 - SAME:
                continue
            what = f"the {channel.role} {channel.name!r} is a linear function of the target {values.channels[i].name!r}"
            level: Level = "error" if channel.role == "known covariate" else "note"
            effect = (
                "forecasters would know the values that they forecast"
                if level == "error"
                else "it has no information that the target does not have"
            )
            yield Finding(level, "target among covariates", what, effect, f"leave out the column {channel.name!r}")


def _correlation(first: Floats, second: Floats) -> float:
    x, y = first - first.mean(), second - second.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size > 0 else 0.0


def _known_ahead(values: Values) -> Iterator[Finding]:
    """Known covariates that are not known after the last actual."""
    known = [channel.name for channel in values.channels if channel.role == "known covariate"]
    if known and not values.ahead.any():
        what = f"the known covariate{'s' if len(known) > 1 else ''} {_some(known)} stop at the last actual"
        effect = "the evaluation is not affected, but `harness forecast` needs their values of the steps ahead"
        yield Finding("note", "known covariates", what, effect, "add rows with these values and an empty target")


def _intermittent(values: Values) -> Iterator[Finding]:
    """Series with many zeros, and their class by Syntetos, Boylan & Croston (2005)."""
    for i in values.numeric_targets():
        classes = demand_classes(values.values[:, i], values.offsets)
        names = [j for j, name in enumerate(classes) if name in ("intermittent", "lumpy")]
        if names:
            counts = {name: classes.count(name) for name in ("smooth", "erratic", "intermittent", "lumpy")}
            shown = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
            what = f"{values.channels[i].name!r} is intermittent in {len(names):,} of {len(classes):,} series ({shown})"
            effect = "percentage errors are not defined at zeros, and the median of a series may be zero"
            yield Finding("note", "intermittent series", what, effect, "RMSSE is used unless --metric")


def demand_classes(target: Floats, offsets: Ints) -> list[str]:
    """The class of each series: smooth, erratic, intermittent or lumpy; empty for one without positive values.

    They are told apart by the mean interval between positive values, with the border 1.32, and the squared coefficient
    of variation of these values, with the border 0.49 (A. Syntetos, J. Boylan and J. Croston, On the categorization of
    demand patterns, Journal of the Operational Research Society 56, 2005). Series with negative values have no class.
    """
    classes = []
    for first, last in pairwise(offsets.tolist()):
        series = target[first:last]
        series = series[~np.isnan(series)]
        positive = series[series > 0]
        if not len(positive) or (series < 0).any():
            classes.append("")
            continue
        interval, variation = len(series) / len(positive), (positive.std() / positive.mean()) ** 2
        rarely, varied = interval >= INTERVAL, variation >= VARIATION
        classes.append(("lumpy" if varied else "intermittent") if rarely else ("erratic" if varied else "smooth"))
    return classes


def _outliers(values: Values) -> Iterator[Finding]:
    """Values far from the quartiles of their series."""
    for i in values.numeric_targets():
        count, first = 0, ""
        for name, series in zip(values.ids, values.series(), strict=True):
            column = series[:, i]
            known = column[~np.isnan(column)]
            if len(known) < 8:
                continue
            low, high = np.quantile(known, (0.25, 0.75))
            far = (known < low - OUTLIER * (high - low)) | (known > high + OUTLIER * (high - low))
            if high > low and far.any():
                count += int(far.sum())
                first = first or f"{known[far][0]:g} in series {name!r}"
        if count:
            what = f"{values.channels[i].name!r} has {count:,} outlier{'s' if count > 1 else ''}, such as {first}"
            effect = "squared errors are dominated by them"
            yield Finding("note", "outliers", what, effect, "correct them if they are errors; prefer MASE to RMSSE")


def _white_noise(values: Values) -> Iterator[Finding]:
    """Series without autocorrelation, by a test of Ljung and Box at the level of 5 % with Holm's correction."""
    from scipy.stats import chi2

    for i in values.numeric_targets():
        p_values, names = [], []
        used = 0
        for name, series in zip(values.ids, values.series(), strict=True):
            column = series[:, i]
            if np.isnan(column).any() or len(column) < 4 * LJUNG_BOX_LAGS or np.ptp(column) == 0:
                continue
            used += len(column)
            if used > MOST_VALUES:
                break
            p_values.append(float(chi2.sf(ljung_box(column, LJUNG_BOX_LAGS), LJUNG_BOX_LAGS)))
            names.append(name)
        noise = [name for name, p in zip(names, p_values, strict=True) if p > SIGNIFICANCE]
        if noise and len(noise) > len(names) / 2:
            what = (
                f"{values.channels[i].name!r} has no significant autocorrelation in {len(noise):,} of {len(names):,} "
                f"series (Ljung–Box, {LJUNG_BOX_LAGS} lags, p > {SIGNIFICANCE}): {_some(noise)}"
            )
            effect = "no forecaster is expected to be better than the mean, unless covariates help"
            yield Finding("note", "white noise", what, effect)


def ljung_box(series: Floats, lags: int) -> float:
    """The statistic n (n + 2) Σ r_k² / (n − k) of the first autocorrelations (Ljung & Box 1978, eq. 3)."""
    n, centred = len(series), series - series.mean()
    variance = centred @ centred
    correlations = np.array([centred[k:] @ centred[:-k] for k in range(1, lags + 1)]) / variance
    return float(n * (n + 2) * (correlations**2 / (n - np.arange(1, lags + 1))).sum())
