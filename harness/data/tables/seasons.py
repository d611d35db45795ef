"""The season length of series whose frequency suggests none, found in their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints
from harness.data.tables.findings import Finding
from harness.data.tables.frequencies import customary_season, longer_season, season_length
from harness.data.tables.periods import FEWEST_PERIODS, season_of

MOST_SERIES, MOST_VALUES = 100, 10_000  # that are searched: every k-th series, and the last values of each
TOLERANCE = 0.05  # relative difference of the periods of two series that have the same season
LOWER = 0.9  # times the seasonal naive error of a season, below which that of a longer season is clearly lower


@dataclass(frozen=True)
class Season:
    """A season length, and why it was chosen."""

    length: int  # steps
    reason: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class FoundSeason:
    """A season length that most series agree on; 1 if there is none."""

    length: int  # steps
    agreeing: int = 0  # series that have it
    searched: int = 0  # series that are long enough and varied


@dataclass(frozen=True, eq=False)
class Searchable:
    """Series in which a season can be found: rows of an array, and those of its columns that are targets."""

    values: Floats  # (row, column)
    targets: Sequence[int]
    firsts: Ints  # (series,), their first rows
    lengths: Ints  # (series,)

    def sample(self, most: int = MOST_VALUES) -> Iterator[Floats]:
        """The last values of every k-th series of a target."""
        count = len(self.firsts) * len(self.targets)
        for i in range(0, count, max(1, -(-count // MOST_SERIES))):
            series, target = divmod(i, len(self.targets))
            last = self.firsts[series] + self.lengths[series]
            yield self.values[max(self.firsts[series], last - most) : last, self.targets[target]]


def choose_season(freq: str | None, series: Searchable) -> Season:
    """The usual season of a frequency; where there is none, that of most series."""
    usual = season_length(freq)
    if usual > 1:
        return Season(usual, "usual for this frequency", tuple(_longer_season(usual, longer_season(freq), series)))
    found = find_season(series, customary_season(freq))
    share = f"{found.agreeing:,} of {found.searched:,} series that were searched"
    if found.length == 1:
        return Season(1, "no season was found")
    problem = f"values repeat every {found.length:,} steps in {share}"
    effect = "this is the season length of seasonal forecasters and of MASE"
    finding = Finding("note", "season", problem, effect, "if another one is right, state it by --season")
    return Season(found.length, f"found in {share}", (finding,))


def _longer_season(usual: int, longer: int, series: Searchable) -> Iterator[Finding]:
    """A note if most series have a longer season than the usual one of their frequency."""
    found = compare_seasons(series, usual, longer) if longer > usual else FoundSeason(1)
    if found.length == 1:
        return
    problem = (
        f"values repeat every {longer:,} steps, too: the seasonal naive error at this lag is at least {1 - LOWER:.0%} "
        f"lower than at {usual:,} in {found.agreeing:,} of {found.searched:,} series that were searched"
    )
    effect = f"seasonal forecasters and MASE use the season of {usual:,} steps, and may miss the longer one"
    remedy = (
        "add the time of day and of the week as known covariates by --calendar; or state the longer season by --season "
        f"{longer}: regressions then use more lags and take longer, and windows start after two such seasons"
    )
    yield Finding("note", "longer season", problem, effect, remedy)


def compare_seasons(series: Searchable, usual: int, longer: int, shortest: int | None = None) -> FoundSeason:
    """The longer season, a multiple of the usual one, if more than half of the series have it; else length 1.

    A series has it if the mean absolute error of the seasonal naive method at its lag is at least 10 % lower than at
    the lag of one usual season, and of each multiple of it that is shorter than the longer season: the levels of single
    days make the error at a lag of a week no lower than at other lags of whole days. All errors are of the same steps.
    With `shortest`, only lags from that one on are compared: of days that resemble those before, such as in a spell of
    weather, the errors may be lowest at one day although there is a week. Series of less than three longer seasons, and
    those with fewer known errors than a longer season has steps, are not searched.
    """
    lags = np.arange(shortest or usual, longer + 1, usual)
    searched = agreeing = 0
    for values in series.sample(max(MOST_VALUES, (FEWEST_PERIODS + 1) * longer)):
        if len(values) < FEWEST_PERIODS * longer:
            continue
        with np.errstate(over="ignore"):  # an infinite error is not lower than another
            errors = np.stack([np.abs(values[longer:] - values[longer - lag : len(values) - lag]) for lag in lags])
            errors = errors[:, ~np.isnan(errors).any(axis=0)]  # (lag, step)
            if errors.shape[1] < longer:
                continue
            *others, of_longer = errors.mean(axis=1)
        searched += 1
        agreeing += bool(of_longer < LOWER * min(others))
    return FoundSeason(longer if 2 * agreeing > searched else 1, agreeing, searched)


def find_season(series: Searchable, customary: int = 1) -> FoundSeason:
    """The season length that more than half of the series have.

    It is the customary one if that is within the tolerance, since the period of a few seasons is not exact.
    """
    periods = [season_of(values) for values in series.sample()]
    found = [period for period in periods if period is not None]
    seasons = np.array([period for period in found if period > 1])
    if not len(seasons):
        return FoundSeason(1, 0, len(found))
    near = np.abs(seasons[:, None] - seasons) <= np.maximum(1.0, TOLERANCE * seasons[:, None])
    group = seasons[near[np.argmax(near.sum(axis=1))]]
    if 2 * len(group) <= len(found):
        return FoundSeason(1, len(group), len(found))
    values, counts = np.unique(group, return_counts=True)
    length = int(values[np.argmax(counts)])
    if abs(length - customary) <= TOLERANCE * customary:
        length = customary
    return FoundSeason(length, len(group), len(found))
