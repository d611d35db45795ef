"""Vintages: what was forecast of a covariate by each cutoff, against plain loops, wherever a panel is cut."""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Channel, Panel, Vintages
from harness.arrays import Floats
from harness.data.files import load
from harness.errors import BadData
from harness.plugins.installed import installed_catalog
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.splits import TimeSplit
from harness.tasks.task import Task
from harness.tasks.windows import Contexts

NAN = np.nan
CHANNELS = (
    Channel("certain", "known covariate"),
    Channel("y"),
    Channel("temperature", "known covariate", certain=False),
)
Issued = dict[int, list[float]]  # of one series: the values of each vintage by the cutoff at which it was issued


@st.composite
def issued_forecasts(draw: st.DrawFn) -> tuple[list[int], list[Issued]]:
    """The lengths of some series, and the vintages of each; every value is its own name."""
    lengths = draw(st.lists(st.integers(2, 9), min_size=1, max_size=3))
    names = iter(range(100, 10_000))
    forecasts = []
    for length in lengths:
        times = draw(st.sets(st.integers(0, length), max_size=4))
        forecasts.append({t: [float(next(names)) for _ in range(draw(st.integers(1, 4)))] for t in times})
    return lengths, forecasts


def vintages_of(forecasts: list[Issued]) -> Vintages:
    def padded(issued: Issued) -> Floats:
        leads = max(map(len, issued.values()))
        return np.array([values + [NAN] * (leads - len(values)) for values in issued.values()])

    return Vintages.of([(list(issued), padded(issued)) if issued else ([], []) for issued in forecasts])


def panel_of(lengths: list[int], forecasts: list[Issued]) -> Panel:
    """A panel whose first channel and target count the rows; the realised temperature is negative."""
    series = [np.arange(3.0 * length).reshape(length, 3) * [1, 1, -1] for length in lengths]
    return Panel.of(series, channels=CHANNELS, vintages={"temperature": vintages_of(forecasts)})


def latest(issued: Issued, cutoff: int, steps: int) -> list[float]:
    """The values of the latest vintage at a cutoff, by a loop."""
    usable = [time for time in issued if time <= cutoff]
    values = issued[max(usable)][cutoff - max(usable) :] if usable else []
    return [*values[:steps], *[NAN] * (steps - len(values[:steps]))]


def known(panel: Panel, series: int, cutoff: int, steps: int = 4) -> Floats:
    """The temperature of the steps ahead, as a forecaster is given it."""
    return Contexts(panel, np.array([series]), np.array([cutoff]), steps).known()[0, :, 1]


class TestContexts:
    @given(issued_forecasts(), st.integers(1, 5), st.integers(0, 2))
    def test_known_are_the_values_of_the_latest_vintage(
        self, made: tuple[list[int], list[Issued]], horizon: int, gap: int
    ) -> None:
        lengths, forecasts = made
        pairs = [(i, cutoff) for i, length in enumerate(lengths) for cutoff in range(1, length + 1)]
        series, cutoffs = np.array(pairs)[::-1].T

        shown = Contexts(panel_of(*made), series, cutoffs, horizon, gap).known()

        expected = [latest(forecasts[i], c, gap + horizon) for i, c in zip(series, cutoffs, strict=True)]
        np.testing.assert_array_equal(shown[:, :, 1], expected)

    def test_certain_covariates_and_the_history_have_the_realised_values(self) -> None:
        panel = panel_of([6], [{2: [100, 101, 102, 103]}])
        (context,) = Contexts(panel, np.array([0]), np.array([3]), 2)

        assert context.known.tolist() == [[9, 101], [12, 102]]
        assert context.known_past[:, 1].tolist() == [-2, -5, -8]

    def test_without_vintages_the_actual_values_are_known(self) -> None:
        panel = Panel.of([np.arange(12.0).reshape(4, 3)], channels=CHANNELS)

        assert known(panel, 0, 2, 2).tolist() == [8, 11]

    def test_no_vintage_at_all_is_nothing_known(self) -> None:
        assert np.isnan(known(panel_of([4], [{}]), 0, 2)).all()


class TestPanels:
    @given(issued_forecasts(), st.data())
    def test_between_keeps_what_was_known_by_its_ends(
        self, made: tuple[list[int], list[Issued]], data: st.DataObject
    ) -> None:
        (lengths, forecasts), panel = made, panel_of(*made)
        begins = np.array([data.draw(st.integers(0, length)) for length in lengths])
        ends = np.array([data.draw(st.integers(0, length)) for length in lengths])
        part = panel.between(begins, ends)
        if part is None:
            return

        for i, name in enumerate(part.ids):
            original = int(name)
            for cutoff in range(int(part.lengths[i]) + 1):
                expected = latest(forecasts[original], int(begins[original]) + cutoff, 4)
                np.testing.assert_array_equal(known(part, i, cutoff), expected)
            later = [value for time, values in forecasts[original].items() if time > ends[original] for value in values]
            of_series = part.vintages["temperature"].values[part.vintages["temperature"].series == i]
            assert not set(later) & set(of_series.ravel().tolist())

    @given(issued_forecasts(), st.data())
    def test_a_slice_keeps_the_vintages_of_its_series(
        self, made: tuple[list[int], list[Issued]], data: st.DataObject
    ) -> None:
        (lengths, forecasts), panel = made, panel_of(*made)
        first = data.draw(st.integers(0, len(lengths) - 1))
        last = data.draw(st.integers(first + 1, len(lengths)))

        part = panel[first:last]

        for i in range(len(part)):
            expected = [latest(forecasts[first + i], cutoff, 4) for cutoff in range(lengths[first + i] + 1)]
            shown = [known(part, i, cutoff) for cutoff in range(lengths[first + i] + 1)]
            np.testing.assert_array_equal(shown, expected)

    def test_other_values_keep_them(self) -> None:
        panel = panel_of([4], [{1: [5.0, 6.0]}])

        assert known(panel.with_values(np.zeros((4, 3))), 0, 1, 2).tolist() == [5, 6]

    def test_another_process_has_them(self) -> None:
        panel = panel_of([4], [{1: [5.0, 6.0]}])

        assert pickle.loads(pickle.dumps(panel)).fingerprint() == panel.fingerprint()

    def test_a_covariate_that_becomes_a_target_loses_them(self) -> None:
        panel = panel_of([4], [{1: [5.0, 6.0]}])

        assert panel.with_targets(["y"]).vintages == panel.vintages
        assert panel.with_targets(["temperature"]).vintages == {}

    def test_a_covariate_that_is_not_chosen_loses_them(self) -> None:
        panel = panel_of([4], [{1: [5.0, 6.0]}])

        assert panel.with_covariates(["certain"]).vintages == {}
        assert known(panel.with_covariates(["temperature", "certain"]), 0, 1, 2).tolist() == [5, 6]


class TestTrainingData:
    def test_a_model_learns_from_forecasts_as_they_were(self) -> None:
        panel = panel_of([12], [{0: [100, 101, 102], 4: [200, 201, 202], 6: [300, 301], 7: [400, 401]}])
        task = Task("toy", RollingOrigin(2), TimeSplit(6, 2, 4))
        (fold,) = backtest(task, panel).folds()
        contexts = fold.train.contexts(np.array([0, 0, 0]), np.array([1, 5, 6]))

        np.testing.assert_array_equal(contexts.known()[:, :, 1], [[101, 102], [201, 202], [300, 301]])
        assert 400 not in fold.train.panel.vintages["temperature"].values
        assert fold.train.validation is not None
        np.testing.assert_array_equal(known(fold.train.validation, 0, 1, 2), [400, 401])

    def test_they_are_cut_with_the_rows(self) -> None:
        panel = panel_of([12], [{0: [100.0] * 9, 1: [200, 201, 202, 203, 204, 205], 6: [300, 301]}])
        task = Task("toy", RollingOrigin(2, first_cutoff=8, windows=1, train_length=5))
        (fold,) = backtest(task, panel).folds()

        vintages = fold.train.panel.vintages["temperature"]

        assert vintages.issued.tolist() == [0, 3]
        np.testing.assert_array_equal(vintages.values[:, :4], [[202, 203, 204, 205], [300, 301, NAN, NAN]])


class TestArguments:
    def test_of_sorts_and_pads(self) -> None:
        vintages = Vintages.of([([3, 1], [[5, 6], [7, 8]]), ([], []), ([0], [[1, 2, 3]])])

        assert vintages.series.tolist() == [0, 0, 2]
        assert vintages.issued.tolist() == [1, 3, 0]
        np.testing.assert_array_equal(vintages.values, [[7, 8, NAN], [5, 6, NAN], [1, 2, 3]])

    def test_their_arrays_cannot_be_written_to(self) -> None:
        vintages = Vintages.of([([1], [[5, 6]])])

        assert not any(array.flags.writeable for array in (vintages.series, vintages.issued, vintages.values))

    @pytest.mark.parametrize(
        ("series", "message"),
        [
            (5, "the vintages of the series must be a list, not 5"),
            ([5], "the vintages of series 0 must be a pair of issued and values, not 5"),
            ([([1], [1.0])], r"the vintages of series 0 need issued \(vintage,\) and values \(vintage, lead\), not"),
            ([([], []), ([1, 2], [[1.0]])], "the vintages of series 1 need issued"),
            ([(1, 1.0)], "the vintages of series 0 need issued"),
            ([([1], [[]])], "vintages need at least one lead"),
            ([([0.5], [[1.0]])], "issued of series 0 must be an array of whole numbers; it holds 0.5, which is not a"),
            ([(["1"], [[1.0]])], "vintages: issued of series 0 must be an array of whole numbers; it holds texts"),
            ([([True], [[1.0]])], "must be an array of whole numbers; it holds booleans instead of"),
            ([([NAN], [[1.0]])], "must be an array of whole numbers; it holds nan, which is not a whole number"),
            ([([1], [["warm"]])], "vintages: the array of values of series 0 holds"),
            ([([1], [[np.inf]])], "vintages: the values of series 0 must be finite; a missing value is NaN"),
            ([([1, 1], [[1.0], [2.0]])], "two vintages of series 0 were issued at 1; keep one of them"),
            ([([-1], [[1.0]])], "series and issued of vintages must be at least 0"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, series: Any, message: str) -> None:
        with pytest.raises(BadData, match=message):
            Vintages.of(series)

    def test_whole_floats_are_converted(self) -> None:
        vintages = Vintages.of([(np.array([3.0, 1.0]), [[5, 6], [7, 8]])])

        assert vintages.issued.tolist() == [1, 3]
        assert vintages.issued.dtype == np.int64

    @pytest.mark.parametrize(
        "issued",
        [
            np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]"),
            [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)],
            pd.date_range("2024-01-01", periods=2),
            pd.Series(pd.date_range("2024-01-01", periods=2, tz="UTC")),
        ],
        ids=["datetime64", "date", "DatetimeIndex", "with a time zone"],
    )
    def test_dates_are_refused_with_the_way_to_count_the_observations(self, issued: Any) -> None:
        with pytest.raises(BadData, match=r"issued of series 1 must be numbers of observations, not dates: .*search"):
            Vintages.of([([], []), (issued, np.zeros((2, 3)))])

    def test_the_way_counts_the_observations_known_at_each_issue(self) -> None:
        times = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
        issue_times = np.array(["2023-12-31", "2024-01-01", "2024-01-02T12:00"], dtype="datetime64[h]")

        assert np.searchsorted(times, issue_times, side="right").tolist() == [0, 1, 2]

    def test_an_order_that_is_not_sorted_is_refused(self) -> None:
        for series, issued in (([1, 0], [1, 1]), ([0, 0], [2, 1])):
            with pytest.raises(BadData, match="must be sorted by series and issued; "):
                Vintages(np.array(series), np.array(issued), np.zeros((2, 3)))

    @pytest.mark.parametrize(
        ("vintages", "message"),
        [
            (5, "vintages must be a dictionary of channel names and Vintages, not 5"),
            ({"temprature": None}, "given of 'temprature', which is no known covariate.*did you mean 'temperature'?"),
            ({"y": None}, "given of 'y', which is no known covariate of the panel"),
            ({"certain": None}, r"write Channel\('certain', 'known covariate', certain=False\)"),
            ({"temperature": [1]}, r"the vintages of channel 'temperature' must be Vintages, not \[1\]"),
            (
                {"temperature": Vintages(np.array([1]), np.array([1]), np.array([[1.0]]))},
                "the vintages of channel 'temperature' name the series 1 of a panel of 1 series",
            ),
            (
                {"temperature": Vintages.of([])},
                "the vintages of channel 'temperature' are those of 0 series, but the panel has 1; write",
            ),
            (
                {"temperature": Vintages.of([([1], [[1.0]]), ([], [])])},
                "the vintages of channel 'temperature' are those of 2 series, but the panel has 1; write",
            ),
            (
                {"temperature": Vintages.of([([5], [[1.0]])])},
                "a vintage of channel 'temperature' was issued at 5 of series 'a', which has 4 observations",
            ),
        ],
    )
    def test_a_panel_refuses_what_does_not_fit(self, vintages: Mapping[str, Any], message: str) -> None:
        with pytest.raises(BadData, match=message):
            Panel.of([np.zeros((4, 3))], ids=["a"], channels=CHANNELS, vintages=vintages)

    def test_every_series_needs_vintages_or_an_empty_pair(self) -> None:
        panel, one = panel_of([4, 4], [{}, {}]), ([1], [[2.0]])

        for complete in ([one, ([], [])], [([], []), one]):
            assert panel.with_vintages({"temperature": Vintages.of(complete)}).vintages
        with pytest.raises(BadData, match="are those of 1 series, but the panel has 2"):
            panel.with_vintages({"temperature": Vintages.of([one])})

    def test_arrays_may_leave_series_out(self) -> None:
        vintages = Vintages(np.array([0]), np.array([1]), np.array([[2.0]]))

        assert len(panel_of([4, 4], [{}, {}]).with_vintages({"temperature": vintages}).vintages["temperature"]) == 1

    def test_a_part_of_a_panel_has_as_many_series(self) -> None:
        panel = panel_of([4, 4, 4], [{1: [1.0]}, {}, {}])

        for part in (panel[1:], panel.between(np.array([0, 4, 0]), np.array([4, 4, 3]))):
            assert part is not None
            assert part.with_vintages(part.vintages).ids == part.ids
            assert part.vintages["temperature"].count == 2


class TestFingerprint:
    def test_it_changes_with_each_part_of_them(self) -> None:
        vintages = [
            {},
            {1: [5.0, 6.0]},
            {1: [5.0, 7.0]},
            {2: [5.0, 6.0]},
            {1: [5.0, 6.0], 2: [5.0, 6.0]},
        ]
        prints = {panel_of([4], [issued]).fingerprint() for issued in vintages}
        prints.add(Panel.of([np.arange(12.0).reshape(4, 3) * [1, 1, -1]], channels=CHANNELS).fingerprint())

        assert len(prints) == len(vintages) + 1

    @pytest.mark.parametrize(
        "change",
        [Channel("x", "past covariate", delay=1), Channel("x", "known covariate", certain=False)],
        ids=["delay", "certain"],
    )
    def test_it_changes_with_delay_and_certainty(self, change: Channel) -> None:
        panel = Panel.of([np.zeros((3, 2))], channels=[Channel("y"), replace(change, delay=0, certain=True)])

        assert replace(panel, channels=(Channel("y"), change)).fingerprint() != panel.fingerprint()

    @pytest.mark.parametrize(
        ("name", "fingerprint"),
        [
            ("nile", "30e5fef305da2eb380958d7cd48a9c3edb7ff970f2a376a7a9b41306f97e8061"),
            ("macrodata", "38ef9d8cf599d06bb51c023bdf909ae1bc97b6cff8ad63f1d94f2f0deaad94a7"),
        ],
    )
    def test_panels_without_them_keep_the_fingerprint_that_they_had_before(
        self, name: str, fingerprint: str, tmp_path: Any
    ) -> None:
        panel = load(installed_catalog().datasets[name].spec, tmp_path)

        assert panel.fingerprint() == fingerprint

    def test_metadata_without_them_has_the_fingerprint_that_it_had_before(self) -> None:
        panel = Panel.of(
            [np.arange(6.0).reshape(3, 2), np.arange(8.0).reshape(4, 2)],
            channels=[Channel("y"), Channel("k", "known covariate", categories=("a", "b"))],
            static={"area": [1.0, 2.0], "r": ["x", "y"]},
            freq="D",
            start="2020-01-01",
        )

        assert panel.fingerprint() == "3fbac6a71c6da09cfad62b2ed3e3950e177f9080e95088f5bbedf50b850be931"
