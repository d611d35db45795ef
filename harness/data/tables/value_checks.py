"""Checks of the values of series: those that say little about a forecaster, or that give the target away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.arrays import Bools, Floats, Ints, Times
from harness.data.channel import Channel
from harness.data.tables.findings import Finding, Level
from harness.data.tables.frequencies import seasons_of
from harness.data.tables.pandas_lines import PandasLines
from harness.data.tables.series_statistics import demand_classes, ljung_box, lower_and_upper_quartile
from harness.data.tables.zones import time_text

OUTLIER = 10.0  # times the distance of the quartiles from the nearest of them
FEWEST_FOR_QUARTILES = 8
LJUNG_BOX_LAGS, MOST_LAGS = 10, 48
SIGNIFICANCE = 0.05
SAME = 1e-9  # difference from 1 of the correlation of a covariate that is the target
FEWEST_FOR_CORRELATION = 10
MOST_VALUES = 2_000_000  # that outliers and white noise are looked for in
SHORTEST = 3  # values of a series that can be evaluated: two to fit on, and one to forecast


@dataclass(frozen=True, eq=False)
class Values:
    """The series of a table: their values up to the last actual."""

    ids: tuple[str, ...]
    channels: tuple[Channel, ...]
    values: Floats  # (row, channel)
    offsets: Ints  # (series + 1,)
    ahead: Ints  # (series,) rows after the last actual
    absent: Bools  # (row,) steps that the table has no row for
    season_length: int
    time_text: Callable[[int, int], str]  # the time of a step of a series, in a message
    freq: str | None
    ends: Times | None  # (series,) times of the last actuals; None without a calendar
    zone: str | None  # in which messages write times of UTC
    pandas: PandasLines

    @property
    def lengths(self) -> Ints:
        """The rows of each series."""
        return np.diff(self.offsets)

    def place(self, row: int) -> str:
        """The series and the time of a row, in a message."""
        series = int(np.searchsorted(self.offsets, row, side="right")) - 1
        return f"in series {self.ids[series]!r} at {self.time_text(series, int(row - self.offsets[series]))}"

    def numeric_targets(self) -> list[int]:
        """The positions of the targets that are no classes."""
        return [i for i, each in enumerate(self.channels) if each.role == "target" and each.categories is None]

    def sample(self, kept: Bools) -> tuple[Ints, Ints, Ints]:
        """Every k-th of these series, so that they have at most MOST_VALUES rows: the rows, offsets and positions."""
        series = np.flatnonzero(kept)
        every = max(1, -(-int(self.lengths[series].sum()) // MOST_VALUES))
        series = series[::every]
        lengths = self.lengths[series]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[series] - offsets[:-1], lengths)
        return rows, offsets, series


def value_findings(values: Values) -> list[Finding]:
    """What the checks of values find, the most important first."""
    checks = (
        _targets_among_covariates,
        _short,
        _constant,
        _known_ahead,
        _missing,
        _intermittent,
        _outliers,
        _white_noise,
        _lengths,
        _ends,
    )
    return [finding for check in checks for finding in check(values)]


def _some(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def _targets_among_covariates(values: Values) -> Iterator[Finding]:
    """Covariates that are a target, or a linear function of it."""
    for i in values.numeric_targets():
        target = values.values[:, i]
        for j, channel in enumerate(values.channels):
            if channel.role == "target" or channel.categories is not None:
                continue
            known = ~np.isnan(target + values.values[:, j])
            if known.sum() < FEWEST_FOR_CORRELATION:
                continue
            if abs(_correlation(target[known], values.values[known, j])) < 1 - SAME:
                continue
            what = f"the {channel.role} {channel.name!r} is a linear function of the target {values.channels[i].name!r}"
            level: Level = "error" if channel.role == "known covariate" else "note"
            effect = (
                "forecasters would know the values that they forecast"
                if level == "error"
                else "it has no information that the target does not have"
            )
            remedy = f"leave out the column, in pandas: frame = frame.drop(columns={channel.name!r})"
            yield Finding(level, "target among covariates", what, effect, remedy)


def _correlation(first: Floats, second: Floats) -> float:
    x, y = first - first.mean(), second - second.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size > 0 else 0.0


def _short(values: Values) -> Iterator[Finding]:
    """Series that are too short to be evaluated, or for errors that are scaled by a season."""
    short = np.flatnonzero(values.lengths < SHORTEST)
    if len(short):
        what = f"{_share(short, values)} fewer than {SHORTEST} times: {_some([values.ids[j] for j in short])}"
        level: Level = "error" if len(short) == len(values.ids) else "note"
        effect = "they have no window that is forecast" if level == "note" else "no window can be forecast"
        names = [values.ids[j] for j in short]
        remedy = (
            _left_out(values.pandas.without_series(names, values.channels[0].name, f"'size') >= {SHORTEST}"))
            if level == "note"
            else "add observations, or if the table has several series, name the columns that identify them by --id"
        )
        yield Finding(level, "short series", what, effect, remedy)
    of_season = np.flatnonzero((values.lengths <= values.season_length + 1) & (values.lengths >= SHORTEST))
    if len(of_season):
        shown = _some([values.ids[j] for j in of_season])
        what = (
            f"{_share(of_season, values)} no more times than a season of {values.season_length} and one step: {shown}"
        )
        effect = "MASE is not defined there, and seasonal forecasters cannot learn a season"
        names = [values.ids[j] for j in of_season]
        longer = f"'size') > {values.season_length + 1}"
        lines = _left_out(values.pandas.without_series(names, values.channels[0].name, longer))
        yield Finding("note", "short series", what, effect, f"name a shorter season by --season, or {lines}")


def _left_out(lines: str) -> str:
    """A remedy that leaves series out, by these lines of pandas if there are some."""
    return f"leave these series out, in pandas: {lines}" if lines else "leave these series out"


def _share(series: Ints, values: Values) -> str:
    return f"{len(series):,} of {len(values.ids):,} series {'has' if len(series) == 1 else 'have'}"


def _constant(values: Values) -> Iterator[Finding]:
    """Series whose target has one value."""
    for i in values.numeric_targets():
        column = values.values[:, i]
        low = np.fmin.reduceat(column, values.offsets[:-1])
        high = np.fmax.reduceat(column, values.offsets[:-1])
        names = [values.ids[j] for j in np.flatnonzero((low == high) & (values.lengths > 1))]
        if names:
            share = f"{len(names):,} of {len(values.ids):,} series"
            what = f"{values.channels[i].name!r} is constant in {share}: {_some(names)}"
            effect = "each forecaster that repeats the last value is right, and MASE is not defined there"
            lines = _left_out(values.pandas.without_series(names, values.channels[i].name, "'nunique') > 1"))
            yield Finding("note", "constant series", what, effect, f"if they are not of interest, {lines}")


def _known_ahead(values: Values) -> Iterator[Finding]:
    """Known covariates that are not known after the last actual."""
    known = [channel.name for channel in values.channels if channel.role == "known covariate"]
    stop = int((values.ahead == 0).sum())
    if known and stop:
        where = " of each series" if stop == len(values.ids) else f" in {stop:,} of {len(values.ids):,} series"
        covariates = f"the known covariate {_some(known)} stops" if len(known) == 1 else f"{_some(known)} stop"
        what = f"{covariates} at the last actual{where}"
        effect = "the evaluation is not affected, but a forecast of the steps ahead needs their values there"
        remedy = (
            "add rows of later times with an empty target, in pandas: frame = pd.concat([frame, future]), where "
            f"future has these times and {_some(known)}"
        )
        yield Finding("note", "known covariates", what, effect, remedy)


def _missing(values: Values) -> Iterator[Finding]:
    """Targets and covariates without a value in some rows of the table."""
    for i, channel in enumerate(values.channels):
        missing = np.isnan(values.values[:, i]) & ~values.absent
        count = int(missing.sum())
        if count:
            share = f"{count:,} of {int((~values.absent).sum()):,} rows ({_percent(count, values)})"
            what = f"{channel.name!r} has no value in {share}, the first {values.place(int(np.argmax(missing)))}"
            effect = (
                "these times are not scored, and forecasters that need all values receive filled ones"
                if channel.role == "target"
                else "forecasters that need all values receive filled ones"
            )
            remedy = f"to repeat the value before in gaps, in pandas: {values.pandas.filled(channel.name)}"
            yield Finding("note", "missing values", what, effect, remedy)


def _percent(count: int, values: Values) -> str:
    share = count / int((~values.absent).sum())
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"


def _intermittent(values: Values) -> Iterator[Finding]:
    """Series with many zeros, and their class by Syntetos, Boylan & Croston (2005)."""
    seasons = seasons_of(values.freq, values.season_length)
    for i in values.numeric_targets():
        classes = demand_classes(values.values[:, i], values.offsets, seasons)
        rare = [values.ids[j] for j, name in enumerate(classes) if name in ("intermittent", "lumpy")]
        if rare:
            counts = {name: classes.count(name) for name in ("smooth", "erratic", "intermittent", "lumpy")}
            shown = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
            share = f"{len(rare):,} of {len(classes):,} series"
            what = f"{values.channels[i].name!r} is intermittent in {share}: {_some(rare)}; classes: {shown}"
            effect = "percentage errors are not defined at zeros, and the median of a series may be zero"
            yield Finding("note", "intermittent series", what, effect, "prefer a metric of the mean, such as RMSSE")


def _outliers(values: Values) -> Iterator[Finding]:
    """Values far from the quartiles of their series."""
    for i in values.numeric_targets():
        rows, offsets, series = values.sample(values.lengths >= FEWEST_FOR_QUARTILES)
        if not len(series):
            continue
        column = values.values[rows, i]
        low, high, counts = lower_and_upper_quartile(column, offsets)
        reach = np.where((counts >= FEWEST_FOR_QUARTILES) & (high > low), OUTLIER * (high - low), np.inf)
        owner = np.repeat(np.arange(len(series)), np.diff(offsets))
        far = np.flatnonzero((column < (low - reach)[owner]) | (column > (high + reach)[owner]))
        if len(far):
            first = f"{column[far[0]]:g} {values.place(int(rows[far[0]]))}"
            where = "" if len(series) == len(values.ids) else f" in {len(series):,} series that were looked at"
            count = f"{len(far):,} outlier{'s' if len(far) > 1 else ''}"
            what = f"{values.channels[i].name!r} has {count}{where}, such as {first}"
            effect = f"more than {OUTLIER:g} interquartile ranges from the quartiles; squared errors depend on them"
            yield Finding("note", "outliers", what, effect, "correct errors, or leave them empty; prefer MASE to RMSSE")


def _white_noise(values: Values) -> Iterator[Finding]:
    """Series without significant autocorrelation, by a test of Ljung and Box at the level of 5 % for each series.

    The test has 10 lags, or those of two seasons (R. Hyndman and G. Athanasopoulos, Forecasting: Principles and
    Practice, 3rd edition, 2021, section 5.4), up to 48, and is for series of five times as many values.
    """
    from scipy.special import chdtrc

    lags = (
        LJUNG_BOX_LAGS if values.season_length == 1 else max(LJUNG_BOX_LAGS, min(2 * values.season_length, MOST_LAGS))
    )
    for i in values.numeric_targets():
        column, starts = values.values[:, i], values.offsets[:-1]
        varied = np.minimum.reduceat(column, starts) < np.maximum.reduceat(column, starts)  # not with missing values
        rows, offsets, series = values.sample(varied & (values.lengths >= 5 * lags))
        if not len(series):
            continue
        p_values = chdtrc(lags, ljung_box(column[rows], offsets, lags))  # of a chi-squared distribution
        noise = [values.ids[series[j]] for j in np.flatnonzero(p_values > SIGNIFICANCE)]
        if len(noise) > len(series) / 2:
            what = (
                f"{values.channels[i].name!r} has no significant autocorrelation in {len(noise):,} of {len(series):,} "
                f"series that were tested (Ljung–Box, {lags} lags, p > {SIGNIFICANCE}): {_some(noise)}"
            )
            effect = "no forecaster is expected to be better than the mean, unless covariates help"
            yield Finding("note", "white noise", what, effect, "add covariates by --known or --past")


def _lengths(values: Values) -> Iterator[Finding]:
    """Series of very different lengths."""
    low, high = int(values.lengths.min()), int(values.lengths.max())
    if 2 * low <= high:
        median = float(np.median(values.lengths))
        what = f"the series have {low:,} to {high:,} times, with a median of {median:,.0f}"
        effect = "a board has the windows that fit into each series, so that short ones have fewer"
        remedy = "for as many windows of all series, lower --windows or --horizon, or leave out the short ones"
        yield Finding("note", "lengths of series", what, effect, remedy)


def _ends(values: Values) -> Iterator[Finding]:
    """Series whose last actuals are of different times."""
    if values.ends is None or values.ends.min() == values.ends.max():
        return
    early = np.flatnonzero(values.ends < values.ends.max())
    first, last = (time_text(time, values.zone) for time in (values.ends.min(), values.ends.max()))
    ending = "ends" if len(early) == 1 else "end"
    what = (
        f"{len(early):,} of {len(values.ids):,} series {ending} before {last}, the last actual of the others: "
        f"{_some([values.ids[j] for j in early])}; the earliest end is {first}"
    )
    effect = "windows are at the end of each series, and each is forecast from its own last actual"
    remedy = "leave out series that have ended, or to compare all at the same times, the rows after the earliest end"
    yield Finding("note", "ends of series", what, effect, remedy)
