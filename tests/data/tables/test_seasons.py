"""Season lengths that are found in series of known periods, in series without any, and in real data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.datasets

import harness
from harness import Panel
from harness.boards.own_data import own_board
from harness.boards.own_protocol import BoardRequest
from harness.data.table_dataset import TableDataset, read_table_dataset
from harness.data.tables.frequencies import customary_season, longer_season
from harness.data.tables.periods import season_of
from harness.data.tables.seasons import MOST_SERIES, Searchable, compare_seasons, find_season
from harness.plugins.catalog import load_catalog

Generator = np.random.Generator
TRIALS = 100


def searchable(series: list[np.ndarray]) -> Searchable:
    """Univariate series one after the other."""
    lengths = np.array([len(values) for values in series])
    return Searchable(np.concatenate(series)[:, None], [0], np.cumsum(lengths) - lengths, lengths)


def waves(period: float, length: int, rng: Generator) -> np.ndarray:
    """A sine with noise of its standard deviation, on a trend."""
    steps = np.arange(length)
    return np.sqrt(2) * np.sin(2 * np.pi * steps / period + rng.uniform(0, 6)) + rng.normal(size=length) + 0.05 * steps


def autoregressive(coefficient: float, length: int, rng: Generator) -> np.ndarray:
    values = rng.normal(size=length)
    for i in range(1, length):
        values[i] += coefficient * values[i - 1]
    return values


class TestKnownPeriods:
    @pytest.mark.parametrize("period", [7, 12, 37, 52])
    def test_waves_with_noise(self, period: int) -> None:
        rng = np.random.default_rng(period)

        found = find_season(searchable([waves(period, 20 * period + 5, rng) for _ in range(9)]))

        assert (found.length, found.searched) == (period, 9)
        assert found.agreeing >= 8

    @pytest.mark.parametrize("period", [7, 24, 60])
    def test_patterns_that_are_no_waves(self, period: int) -> None:
        rng = np.random.default_rng(period)
        patterns = [(np.arange(12 * period) % period == 3) * 9.0, np.resize(3 * rng.normal(size=period), 12 * period)]

        for pattern in patterns:
            assert season_of(pattern + rng.normal(size=12 * period)) == period

    def test_random_walks_with_a_season(self) -> None:
        rng = np.random.default_rng(4)
        series = [np.cumsum(rng.normal(size=400)) + 4 * np.sin(2 * np.pi * np.arange(400) / 20) for _ in range(9)]

        assert find_season(searchable(series)).length == 20

    def test_the_shortest_of_several_periods_of_a_pattern(self) -> None:
        assert season_of(np.resize([1.0, 5, 2, 8, 3], 300)) == 5

    def test_missing_values_are_left_out(self) -> None:
        rng = np.random.default_rng(5)
        series = waves(12, 240, rng)
        series[rng.integers(0, 240, 50)] = np.nan

        assert season_of(series) == 12

    @pytest.mark.parametrize("scale", [1e-290, 1e290])
    def test_of_any_size(self, scale: float) -> None:
        assert season_of(scale * waves(12, 240, np.random.default_rng(6))) == 12

    def test_the_customary_one_is_preferred_to_one_nearby(self) -> None:
        series = searchable([waves(52.18, 210, np.random.default_rng(seed)) for seed in range(9)])

        assert find_season(series, customary=52).length == 52

    @pytest.mark.parametrize(
        ("freq", "length"),
        [("W-SUN", 52), ("7D", 52), ("2W-MON", 26), ("14D", 26), ("3W-SUN", 1), ("3D", 1), ("YS", 1), (None, 1)],
    )
    def test_customary_seasons_are_years_of_weeks(self, freq: str | None, length: int) -> None:
        assert customary_season(freq) == length


class TestSeriesWithoutSeason:
    @pytest.mark.parametrize(
        "draw",
        [
            lambda length, rng: np.cumsum(rng.normal(size=length)),
            lambda length, rng: np.cumsum(np.cumsum(rng.normal(size=length))),
            lambda length, rng: np.cumsum(rng.normal(size=length)) + rng.normal(size=length),
            lambda length, rng: rng.normal(size=length),
            lambda length, rng: 0.1 * np.arange(length) + rng.normal(size=length),
            lambda length, rng: 100 * (np.arange(length) / length) ** 2 + rng.normal(size=length),
            lambda length, rng: autoregressive(0.9, length, rng),
            lambda length, rng: autoregressive(-0.6, length, rng),
            lambda length, rng: rng.poisson(0.3, size=length).astype(float),
        ],
    )
    @pytest.mark.parametrize("length", [60, 300])
    def test_at_most_5_percent_seem_to_have_one(
        self, draw: Callable[[int, Generator], np.ndarray], length: int
    ) -> None:
        rng = np.random.default_rng(7)

        found = [season_of(draw(length, rng)) for _ in range(TRIALS)]

        assert sum(period != 1 for period in found) <= 0.05 * TRIALS

    @pytest.mark.parametrize(
        "series",
        [np.arange(100.0), 1e9 - 0.1 * np.arange(1000), np.repeat([0.0, 5.0], 50), np.eye(1, 100, 40)[0]],
        ids=["line", "falling line", "step", "outlier"],
    )
    def test_exact_shapes(self, series: np.ndarray) -> None:
        assert season_of(series) == 1

    @pytest.mark.parametrize("series", [np.ones(50), np.full(50, np.nan), np.arange(5.0), np.array([])])
    def test_constant_empty_and_short_series_are_not_searched(self, series: np.ndarray) -> None:
        assert season_of(series) is None

    def test_fewer_than_three_periods_are_no_season(self) -> None:
        assert season_of(waves(52, 150, np.random.default_rng(0))) == 1

    def test_half_of_the_series_are_no_majority(self) -> None:
        rng = np.random.default_rng(1)
        series = [waves(12, 240, rng) for _ in range(3)] + [np.cumsum(rng.normal(size=240)) for _ in range(3)]

        found = find_season(searchable(series))

        assert (found.length, found.agreeing, found.searched) == (1, 3, 6)


class TestSamples:
    def test_some_of_many_series_and_targets_are_searched(self) -> None:
        steps = np.arange(120)
        values = np.tile(np.sin(2 * np.pi * steps / 12), 3 * MOST_SERIES)[:, None] * [1, 2]
        firsts = 120 * np.arange(3 * MOST_SERIES)

        found = find_season(Searchable(values, [0, 1], firsts, np.full(len(firsts), 120)))

        assert found.length == 12
        assert found.agreeing == found.searched == MOST_SERIES

    def test_rows_after_the_last_actual_are_not_searched(self) -> None:
        frame = pd.DataFrame({"step": np.arange(300), "y": waves(12, 300, np.random.default_rng(0))})
        frame.loc[120:, "y"] = np.nan

        assert Panel.from_frame(frame, target="y").season_length == 12


class TestRealData:
    def test_sunspots_have_eleven_years(self) -> None:
        frame = statsmodels.datasets.sunspots.load_pandas().data.rename(columns={"YEAR": "year"})

        assert Panel.from_frame(frame.astype({"year": int})).season_length == 11

    def test_carbon_dioxide_has_a_year_of_weeks(self) -> None:
        frame = statsmodels.datasets.co2.load_pandas().data.reset_index(names="date")

        panel = Panel.from_frame(frame)

        assert (panel.freq, panel.season_length) == ("W-SAT", 52)

    def test_the_temperature_of_the_pacific_has_a_year_of_months(self) -> None:
        months = statsmodels.datasets.elnino.load_pandas().data.iloc[:, 1:].to_numpy().ravel()

        assert season_of(months) == 12

    def test_the_flow_of_the_nile_has_none(self) -> None:
        assert season_of(statsmodels.datasets.nile.load_pandas().data["volume"].to_numpy()) == 1

    @pytest.mark.skipif("HARNESS_DATA_DIR" not in os.environ, reason="needs the data of M4")
    def test_hours_of_m4_without_times_have_a_day(self) -> None:
        lines = (Path(os.environ["HARNESS_DATA_DIR"]) / "Hourly-train.csv").read_text().splitlines()[1:]
        rows = [[float(field.strip('"')) for field in line.split(",")[1:] if field.strip('"')] for line in lines]

        found = find_season(searchable([np.array(row) for row in rows]))

        assert found.length == 24
        assert found.agreeing > 0.95 * found.searched


def day(length: int) -> np.ndarray:
    return 5 + 5 * np.sin(2 * np.pi * np.arange(length) / 24)


def with_closed_sundays(length: int, rng: Generator) -> np.ndarray:
    """Hours of a day, with zeros on each seventh day."""
    return np.where(np.arange(length) // 24 % 7 == 6, 0, day(length) * rng.normal(1, 0.1, length))


def day_levels(length: int, rng: Generator) -> np.ndarray:
    """Days with independent levels."""
    return np.resize(np.repeat(rng.normal(0, 2, length // 24 + 1), 24), length) + day(length)


class TestLongerSeasons:
    @pytest.mark.parametrize(
        ("freq", "length"),
        [("h", 168), ("2h", 84), ("30min", 336), ("min", 10080), ("5h", 1), ("s", 1), ("D", 1), ("MS", 1), (None, 1)],
    )
    def test_of_frequencies_with_a_day_they_are_weeks(self, freq: str | None, length: int) -> None:
        assert longer_season(freq) == length

    @pytest.mark.parametrize("missing", [0, 0.05])
    def test_a_week_of_hours(self, missing: float) -> None:
        rng = np.random.default_rng(0)
        series = [with_closed_sundays(504, rng) for _ in range(9)]
        for values in series:
            values[rng.random(504) < missing] = np.nan

        found = compare_seasons(searchable(series), 24, 168)

        assert (found.length, found.agreeing, found.searched) == (168, 9, 9)

    @pytest.mark.parametrize("scale", [1e-300, 1e300])
    def test_a_week_of_values_of_any_size(self, scale: float) -> None:
        values = with_closed_sundays(504, np.random.default_rng(0))

        assert compare_seasons(searchable([scale * values]), 24, 168).length == 168
        assert compare_seasons(searchable([1.5e308 * np.sign(values - 5)]), 24, 168).searched == 1

    def test_less_than_three_weeks_are_not_searched(self) -> None:
        found = compare_seasons(searchable([with_closed_sundays(503, np.random.default_rng(0))]), 24, 168)

        assert (found.length, found.searched) == (1, 0)

    def test_half_of_the_series_are_no_majority(self) -> None:
        rng = np.random.default_rng(0)
        series = [with_closed_sundays(600, rng), day(600) + rng.normal(size=600)]

        found = compare_seasons(searchable(series), 24, 168)

        assert (found.length, found.agreeing, found.searched) == (1, 1, 2)

    @pytest.mark.parametrize(
        "draw",
        [
            lambda length, rng: day(length),
            lambda length, rng: np.ones(length),
            lambda length, rng: day(length) + rng.normal(size=length),
            lambda length, rng: day(length) + autoregressive(0.9, length, rng),
            lambda length, rng: day(length) + 0.1 * np.arange(length),
            lambda length, rng: np.cumsum(rng.normal(size=length)),
            lambda length, rng: day(length) + np.cumsum(rng.normal(size=length)),
            lambda length, rng: rng.poisson(0.3, size=length).astype(float),
            day_levels,
        ],
    )
    @pytest.mark.parametrize("length", [504, 1008])
    def test_at_most_10_percent_seem_to_have_one(
        self, draw: Callable[[int, Generator], np.ndarray], length: int
    ) -> None:
        rng = np.random.default_rng(0)

        found = [compare_seasons(searchable([draw(length, rng)]), 24, 168).length for _ in range(TRIALS)]

        assert sum(period != 1 for period in found) <= 0.1 * TRIALS

    def test_it_is_a_note(self) -> None:
        times = pd.date_range("2024-01-01", periods=1000, freq="h")
        frame = pd.DataFrame({"time": times, "y": with_closed_sundays(1000, np.random.default_rng(0))})

        (finding,) = (each for each in harness.check_data(frame) if each.check == "longer season")
        mended = [each.check for each in harness.check_data(frame, season_length=168)]

        assert finding.level == "note"
        assert finding.problem.startswith("values repeat every 168 steps, too")
        assert "or state the longer season by `season_length=168`: " in finding.remedy
        assert "longer season" not in mended
        assert "as known covariates by `calendar=True`" in finding.remedy
        assert "longer season" not in [each.check for each in harness.check_data(frame, calendar=True)]


class TestInterpretation:
    def test_a_found_season_is_a_note_and_is_stated_in_the_board(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"t": np.arange(300), "y": waves(37, 300, np.random.default_rng(0))})
        frame.to_csv(tmp_path / "a.csv", index=False)
        dataset = TableDataset(file=str(tmp_path / "a.csv"))

        (finding,) = (each for each in harness.check_data(frame) if each.check == "season")
        text = own_board(dataset, read_table_dataset(dataset), BoardRequest(5), load_catalog()).text

        assert finding.level == "note"
        assert finding.problem == "values repeat every 37 steps in 1 of 1 series that were searched"
        assert finding.remedy == "if another one is right, state it by `season_length=`"
        assert "season_length = 37" in text
        assert 'baseline = "seasonal-naive"' in text

    def test_a_stated_season_and_that_of_a_frequency_are_kept(self) -> None:
        values = waves(37, 400, np.random.default_rng(0))
        steps = pd.DataFrame({"t": np.arange(400), "y": values})
        hours = pd.DataFrame({"time": pd.date_range("2024-01-01", periods=400, freq="h"), "y": values})

        assert Panel.from_frame(steps, season_length=1).season_length == 1
        assert Panel.from_frame(hours).season_length == 24
