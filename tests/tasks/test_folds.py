"""Protocols and splits: which windows a task has, and what each fit may see, worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.data.panel import Channel, Panel
from harness.errors import BadData, BadTask
from harness.tasks.folds import Backtest, Fold, backtest
from harness.tasks.protocols import Generation, Protocol, RollingOrigin
from harness.tasks.splits import SeriesSplit, Split, TimeSplit
from harness.tasks.task import Task


def counting(*lengths: int, **facts: Any) -> Panel:
    """Series that count from 0, so that a value is its own row."""
    return Panel.of([np.arange(float(length)) for length in lengths], ids=list("abcdef"[: len(lengths)]), **facts)


def planned(protocol: Protocol, panel: Panel, split: Split | None = None) -> Backtest:
    return backtest(Task("toy", protocol, split), panel)


def cutoffs(made: Backtest) -> list[int]:
    return [int(cutoff) for cutoff in made.windows.cutoffs]


def rows(panel: Panel | None) -> list[tuple[int, int]]:
    """The first row and the row after the last of each series that counts."""
    return [] if panel is None else [(int(series[0, 0]), int(series[-1, 0]) + 1) for series in panel]


def fits(made: Backtest) -> list[tuple[list[tuple[int, int]], list[tuple[int, int]], list[int]]]:
    """Of each fold: the rows trained on, the rows to validate, the cutoffs."""
    return [(rows(f.train.panel), rows(f.train.validation), f.windows.cutoffs.tolist()) for f in made.folds()]


class TestCutoffs:
    def test_windows_are_the_last_that_fit(self) -> None:
        assert cutoffs(planned(RollingOrigin(horizon=3, windows=2), counting(10))) == [4, 7]

    def test_the_stride_is_the_way_from_one_cutoff_to_the_next(self) -> None:
        assert cutoffs(planned(RollingOrigin(horizon=3, windows=3, stride=2), counting(10))) == [3, 5, 7]

    def test_the_gap_lies_between_the_cutoff_and_the_first_step(self) -> None:
        made = planned(RollingOrigin(horizon=3, windows=2, gap=2), counting(10))

        assert cutoffs(made) == [2, 5]
        assert made.windows.actuals[:, :, 0].tolist() == [[4, 5, 6], [7, 8, 9]]
        assert made.windows.contexts.last(1)[:, 0, 0].tolist() == [1, 4]

    def test_first_cutoff_counts_rows_from_the_start(self) -> None:
        assert cutoffs(planned(RollingOrigin(horizon=3, first_cutoff=2), counting(10))) == [2, 5]

    def test_a_negative_first_cutoff_counts_rows_from_the_end(self) -> None:
        assert cutoffs(planned(RollingOrigin(horizon=3, first_cutoff=-6), counting(10))) == [4, 7]

    def test_first_cutoff_and_windows_are_that_many_from_there(self) -> None:
        assert cutoffs(planned(RollingOrigin(horizon=2, first_cutoff=3, windows=2), counting(10))) == [3, 5]

    def test_a_date_cuts_after_its_last_observation(self) -> None:
        panel = counting(10, start="2020-01-01", freq="D")

        made = planned(RollingOrigin(horizon=2, first_cutoff="2020-01-05"), panel)

        assert cutoffs(made) == [5, 7]
        assert made.windows.contexts.times()[0, 0] == np.datetime64("2020-01-06")

    def test_a_date_cuts_series_where_each_of_them_is_then(self) -> None:
        panel = counting(10, 10, start=["2020-01-01", "2020-01-03"], freq="D")

        made = planned(RollingOrigin(horizon=2, first_cutoff="2020-01-05", windows=1), panel)

        assert cutoffs(made) == [5, 3]

    def test_fev_bench_cutoffs_of_ett_1h(self) -> None:
        """Published: horizon 168, 20 windows, cutoffs −3360 + 168·w from the end of 17,420 hours."""
        made = planned(RollingOrigin(horizon=168, windows=20), counting(17420, 17420))

        assert cutoffs(made) == [17420 - 3360 + 168 * w for w in range(20)] * 2
        assert cutoffs(planned(RollingOrigin(horizon=168, first_cutoff=-3360), counting(17420, 17420))) == cutoffs(made)

    @pytest.mark.parametrize(("horizon", "count"), [(96, 2785), (192, 2689), (336, 2545)])
    def test_long_horizon_windows_of_etth1(self, horizon: int, count: int) -> None:
        """Published: rows 8640 / 2880 / 2880, stride 1, no window dropped."""
        made = planned(RollingOrigin(horizon, stride=1), counting(17420), TimeSplit(8640, 2880, 2880))

        assert len(made.windows) == count
        assert cutoffs(made)[0] == 11520
        assert made.windows.actuals[-1, -1, 0] == 14399
        assert not made.left_out

    def test_the_official_window_of_m4_is_the_last(self) -> None:
        assert cutoffs(planned(RollingOrigin(horizon=48, windows=1), counting(748, 1008))) == [700, 960]

    def test_ragged_series_are_cut_from_their_own_ends(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=2), counting(10, 7))

        assert made.windows.series.tolist() == [0, 0, 1, 1]
        assert cutoffs(made) == [6, 8, 3, 5]

    def test_windows_of_a_series_split_are_those_of_its_last_part(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=1), counting(5, 6, 7, 8), SeriesSplit(2, 1))

        assert made.windows.series.tolist() == [3]
        assert cutoffs(made) == [6]
        assert not made.left_out

    @given(
        lengths=st.lists(st.integers(1, 30), min_size=1, max_size=3),
        horizon=st.integers(1, 4),
        gap=st.integers(0, 2),
        stride=st.none() | st.integers(1, 5),
        windows=st.none() | st.integers(1, 4),
        first=st.none() | st.integers(-20, 20),
        least=st.integers(1, 6),
    )
    def test_any_cutoffs_are_those_of_a_loop(
        self,
        lengths: list[int],
        horizon: int,
        gap: int,
        stride: int | None,
        windows: int | None,
        first: int | None,
        least: int,
    ) -> None:
        assume(windows is not None or first is not None)
        expected: list[tuple[int, int]] = []
        for series, length in enumerate(lengths):
            last = length - gap - horizon
            if first is None:
                assert windows is not None
                begin = last - (windows - 1) * (stride or horizon)
            else:
                begin = first if first >= 0 else length + first
            every = range(begin, last + 1, stride or horizon)[:windows]
            expected += [(series, cutoff) for cutoff in every if cutoff >= least]
        protocol = RollingOrigin(horizon, windows, first, stride, gap, min_context=least)

        if not expected:
            with pytest.raises(BadTask, match="no window fits"):
                planned(protocol, counting(*lengths))
            return
        made = planned(protocol, counting(*lengths))

        assert list(zip(made.windows.series.tolist(), cutoffs(made), strict=True)) == expected


class TestPeriod:
    @pytest.mark.parametrize(("refit", "gap"), [("once", 0), ("every", 2)])
    def test_it_is_that_of_the_first_and_last_step_of_any_window(self, refit: Any, gap: int) -> None:
        starts = ["2020-01-31", "2019-11-30", "2020-03-31"]
        panel = counting(30, 26, 12, start=np.array(starts, "M8[ns]"), freq="ME")

        made = planned(RollingOrigin(horizon=3, windows=2, gap=gap, refit=refit), panel)

        times = [
            pd.date_range(starts[series], periods=40, freq="ME")[cutoff + gap : cutoff + gap + 3]
            for series, cutoff in zip(made.windows.series, made.windows.cutoffs, strict=True)
        ]
        expected = min(step.min() for step in times), max(step.max() for step in times)
        assert made.period == tuple(f"{time:%Y-%m-%d}" for time in expected)

    def test_numbered_series_have_none(self) -> None:
        assert planned(RollingOrigin(horizon=3, windows=2), counting(10)).period is None


class TestLeftOut:
    def test_windows_with_too_little_past_are_reported(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=3, min_context=5), counting(10, 20))

        assert made.windows.series.tolist() == [0, 0, 1, 1, 1]
        assert cutoffs(made)[:2] == [6, 8]
        assert [(series.id, series.windows, series.reason) for series in made.left_out] == [
            ("a", 1, "its 10 observations do not hold them all"),
        ]

    def test_a_series_that_is_too_short_is_reported(self) -> None:
        made = planned(RollingOrigin(horizon=3, windows=2), counting(2, 10))

        assert made.windows.series.tolist() == [1, 1]
        assert [(series.id, series.windows) for series in made.left_out] == [("a", 2)]

    def test_a_series_too_short_for_any_first_cutoff_is_reported(self) -> None:
        made = planned(RollingOrigin(horizon=3, first_cutoff=4), counting(5, 10))

        assert [(series.id, series.windows) for series in made.left_out] == [("a", 1)]

    def test_windows_whose_context_holds_nothing_are_reported(self) -> None:
        values = np.array([np.nan, np.nan, np.nan, 3, 4, 5])
        made = planned(RollingOrigin(horizon=1, first_cutoff=2), Panel.of([values], ids=["a"]))

        assert cutoffs(made) == [4, 5]
        assert [(series.id, series.windows) for series in made.left_out] == [("a", 2)]
        assert "nothing but missing values" in made.left_out[0].reason

    def test_a_clipped_context_may_hold_nothing_too(self) -> None:
        values = np.array([0, 1, np.nan, np.nan, 4, 5])
        made = planned(RollingOrigin(horizon=1, first_cutoff=2, max_context=2), Panel.of([values], ids=["a"]))

        assert cutoffs(made) == [2, 3, 5]

    def test_generation_reports_held_out_series_that_are_too_short(self) -> None:
        made = planned(Generation(warm_up=2, horizon=3), counting(9, 4, 5), SeriesSplit(1))

        assert made.windows.series.tolist() == [2]
        assert [(series.id, series.windows, series.reason) for series in made.left_out] == [
            ("b", 1, "shorter than 5 steps")
        ]


class TestFits:
    def test_once_fits_before_the_first_cutoff(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=3), counting(10))

        assert fits(made) == [([(0, 4)], [], [4, 6, 8])]

    def test_every_fits_before_each_cutoff(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=3, refit="every"), counting(10))

        assert fits(made) == [([(0, 4)], [], [4]), ([(0, 6)], [], [6]), ([(0, 8)], [], [8])]

    def test_a_count_fits_after_so_many_windows(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=4, refit=3), counting(10))

        assert fits(made) == [([(0, 2)], [], [2, 4, 6]), ([(0, 8)], [], [8])]

    def test_rounds_of_ragged_series_end_together(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=3, refit="every"), counting(10, 5))

        assert fits(made) == [
            ([(0, 4)], [], [4]),
            ([(0, 6), (0, 1)], [], [6, 1]),
            ([(0, 8), (0, 3)], [], [8, 3]),
        ]

    def test_train_length_keeps_the_last_rows(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=2, train_length=3, refit="every"), counting(10))

        assert fits(made) == [([(3, 6)], [], [6]), ([(5, 8)], [], [8])]

    def test_a_time_split_trains_on_its_first_part(self) -> None:
        made = planned(RollingOrigin(horizon=2), counting(10), TimeSplit(4, 2))

        assert fits(made) == [([(0, 4)], [(4, 6)], [6, 8])]

    def test_a_time_split_may_leave_rows_at_the_end(self) -> None:
        made = planned(RollingOrigin(horizon=2), counting(20), TimeSplit(4, 2, 5))

        assert fits(made) == [([(0, 4)], [(4, 6)], [6, 8])]

    def test_refits_of_a_time_split_move_its_parts_along(self) -> None:
        made = planned(RollingOrigin(horizon=2, refit="every"), counting(10), TimeSplit(4, 2))

        assert fits(made) == [([(0, 4)], [(4, 6)], [6]), ([(0, 6)], [(6, 8)], [8])]

    def test_a_time_split_trains_on_its_last_rows_where_asked(self) -> None:
        made = planned(RollingOrigin(horizon=2, train_length=3), counting(10), TimeSplit(4, 2))

        assert fits(made) == [([(1, 4)], [(4, 6)], [6, 8])]

    def test_windows_of_a_time_split_are_the_last_of_its_test_part(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=2), counting(20), TimeSplit(4, 2, 10))

        assert fits(made) == [([(0, 4)], [(4, 6)], [12, 14])]

    def test_windows_before_the_test_part_are_left_out_and_reported(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=9), counting(10), TimeSplit(4, 2))

        assert cutoffs(made) == [6, 8]
        assert [(series.id, series.windows) for series in made.left_out] == [("a", 7)]

    def test_a_series_split_trains_on_whole_series(self) -> None:
        made = planned(RollingOrigin(horizon=2, windows=1), counting(5, 6, 7, 8), SeriesSplit(2, 1))

        ((train, validation, _),) = fits(made)

        assert train == [(0, 5), (0, 6)]
        assert validation == [(0, 7)]

    def test_generation_gives_the_warm_up_of_held_out_series(self) -> None:
        made = planned(Generation(warm_up=3, horizon=4), counting(7, 7, 7, 9), SeriesSplit(1, 1, 2))

        assert fits(made) == [([(0, 7)], [(0, 7)], [3, 3])]
        assert made.windows.series.tolist() == [2, 3]
        assert made.windows.actuals[:, :, 0].tolist() == [[3, 4, 5, 6]] * 2

    def test_a_fit_is_told_what_will_be_asked(self) -> None:
        task = Task("toy", RollingOrigin(3, windows=1, gap=1), quantile_levels=(0.1, 0.9))

        (fold,) = backtest(task, counting(10, season_length=4)).folds()

        assert (fold.train.horizon, fold.train.gap, fold.train.quantile_levels) == (3, 1, (0.1, 0.9))
        assert fold.train.season_length == 4
        assert fold.windows.contexts.season_length == 4

    def test_the_season_length_of_a_task_holds(self) -> None:
        made = backtest(Task("toy", RollingOrigin(1, windows=1), season_length=7), counting(10, season_length=4))

        assert made.season_length == 7
        assert made.windows.contexts.season_length == 7

    def test_a_task_chooses_its_targets(self) -> None:
        panel = Panel.of([np.zeros((5, 2))], channels=[Channel("x"), Channel("y")])

        made = backtest(Task("toy", RollingOrigin(1, windows=1), targets=("y",)), panel)

        assert made.windows.actuals.shape == (1, 1, 1)
        assert made.windows.contexts.targets == (1,)

    @given(
        lengths=st.lists(st.integers(8, 30), min_size=1, max_size=3),
        protocol=st.builds(
            RollingOrigin,
            horizon=st.integers(1, 3),
            windows=st.none() | st.integers(1, 4),
            first_cutoff=st.none() | st.integers(-8, 8),
            stride=st.none() | st.integers(1, 4),
            gap=st.integers(0, 2),
            train_length=st.none() | st.integers(1, 6),
            refit=st.sampled_from(["once", "every", 2]),
        ),
        split=st.none() | st.builds(TimeSplit, st.integers(1, 5), st.integers(0, 4), st.none() | st.integers(1, 4)),
    )
    def test_no_fit_ever_sees_beyond_a_cutoff_that_it_serves(
        self, lengths: list[int], protocol: RollingOrigin, split: TimeSplit | None
    ) -> None:
        try:
            made = planned(protocol, counting(*lengths), split)
            folds = list(made.folds())
        except BadTask:
            assume(False)
            raise

        assert sum(len(fold.windows) for fold in folds) == len(made.windows)
        for fold in folds:
            _check_order_in_time(fold)


def _check_order_in_time(fold: Fold) -> None:
    first: dict[str, int] = {}
    for name, cutoff in zip(fold.windows.contexts.ids, fold.windows.cutoffs.tolist(), strict=True):
        first[name] = min(cutoff, first.get(name, cutoff))
    train = dict(zip(fold.train.panel.ids, rows(fold.train.panel), strict=True))
    for name, (_, end) in train.items():
        assert end <= first.get(name, end)  # a series too short for a window has no cutoff to respect
    if fold.train.validation is not None:
        for name, (begin, end) in zip(fold.train.validation.ids, rows(fold.train.validation), strict=True):
            assert train.get(name, (0, 0))[1] <= begin
            assert end <= first.get(name, end)  # a series too short for a window has no cutoff to respect


class TestSplits:
    def test_fractions_of_each_series(self) -> None:
        made = planned(RollingOrigin(horizon=1), counting(10, 20), TimeSplit(0.5, 0.2))

        ((train, validation, _),) = fits(made)

        assert train == [(0, 5), (0, 10)]
        assert validation == [(5, 7), (10, 14)]

    def test_fractions_are_not_lost_to_rounding(self) -> None:
        made = planned(RollingOrigin(horizon=1), counting(10), TimeSplit(0.7, 0.1))  # 0.7 · 10 = 7.000000000000001

        assert made.split_lengths.training.tolist() == [7]
        assert planned(RollingOrigin(1), counting(100), TimeSplit(0.29)).split_lengths.training.tolist() == [
            29
        ]  # 28.999…

    def test_dates_belong_to_the_part_they_end(self) -> None:
        panel = counting(240, start="2020-01-01", freq="h")

        made = planned(RollingOrigin(24), panel, TimeSplit("2020-01-04", "2020-01-06", "2020-01-08"))

        assert fits(made) == [([(0, 96)], [(96, 144)], [144, 168])]

    def test_series_by_fractions_in_their_order(self) -> None:
        made = planned(RollingOrigin(1, windows=1), counting(5, 6, 7, 8), SeriesSplit(0.5, 0.25))

        ((train, validation, _),) = fits(made)

        assert (train, validation) == ([(0, 5), (0, 6)], [(0, 7)])

    def test_series_after_the_held_out_ones_are_not_used(self) -> None:
        made = planned(RollingOrigin(1, windows=1), counting(5, 6, 7, 8), SeriesSplit(1, 0, 2))

        assert made.windows.series.tolist() == [1, 2]

    @pytest.mark.parametrize("kind", [TimeSplit, SeriesSplit])
    @pytest.mark.parametrize(
        ("parts", "message"),
        [
            ((1.5,), "training is a fraction from 0 to 1 or a whole number, not 1.5"),
            ((float("nan"),), "training is a fraction from 0 to 1 or a whole number, not nan"),
            ((5, -1), "validation must be at least 0, not -1"),
            ((5, 1, -2), "test must be at least 0, not -2"),
        ],
    )
    def test_parts_that_mean_nothing_are_refused(self, kind: type[Split], parts: tuple[Any, ...], message: str) -> None:
        with pytest.raises(BadTask, match=message):
            kind(*parts)


class TestRefusals:
    @pytest.mark.parametrize(
        ("protocol", "split", "message"),
        [
            (RollingOrigin(1), None, "task 'toy' .*needs windows, first_cutoff or a split by time"),
            (RollingOrigin(1), SeriesSplit(1), "task 'toy' .*needs windows, first_cutoff or a split by time"),
            (RollingOrigin(20, windows=1), None, "no window fits: horizon 20 and gap 0 after 1 or more"),
            (
                RollingOrigin(1, first_cutoff=99),
                None,
                "no window fits from first_cutoff 99 on: .* longest series has 10",
            ),
            (RollingOrigin(1), TimeSplit(10), "asks for more rows than its series have"),
            (RollingOrigin(1), TimeSplit(8, 2), "asks for more rows than its series have"),
            (RollingOrigin(1), TimeSplit(5, 2, 4), "asks for more rows than its series have"),
            (RollingOrigin(1), TimeSplit(0.05), "leaves a series without training rows"),
            (RollingOrigin(1, first_cutoff="2020-01-01"), None, "numbered, not dated"),
            (RollingOrigin(1), TimeSplit("2020-01-01"), "numbered, not dated"),
            (RollingOrigin(1, windows=1), SeriesSplit(2), r"asks for 2 \+ 0 \+ 0 series .*; there are 2"),
            (RollingOrigin(1, windows=1), SeriesSplit(1, 1, 1), r"asks for 1 \+ 1 \+ 1 series"),
            (RollingOrigin(1, windows=1), SeriesSplit(0), r"asks for 0 \+ 0 \+ 2 series"),
            (Generation(1, 1), None, "needs held-out series: a split of kind = 'series'"),
            (Generation(1, 1), TimeSplit(5), "needs held-out series: a split of kind = 'series'"),
            (Generation(9, 9), SeriesSplit(1), r"needs 18 steps \(warm-up 9, horizon 9\); the longest .* has 10"),
        ],
    )
    def test_tasks_that_do_not_fit_are_refused(self, protocol: Protocol, split: Split | None, message: str) -> None:
        with pytest.raises(BadTask, match=message):
            planned(protocol, counting(10, 10), split)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"horizon": 0}, "horizon must be at least 1, not 0"),
            ({"windows": 0}, "windows must be at least 1, not 0"),
            ({"stride": 0}, "stride must be at least 1, not 0"),
            ({"gap": -1}, "gap must be at least 0, not -1"),
            ({"train_length": 0}, "train_length must be at least 1, not 0"),
            ({"min_context": 0}, "min_context must be at least 1, not 0"),
            ({"max_context": 0}, "max_context must be at least 1, not 0"),
            ({"refit": 0}, "refit must be at least 1, not 0"),
            ({"refit": "often"}, "refit is 'once', 'every' or a count of windows, not 'often'"),
        ],
    )
    def test_protocols_that_mean_nothing_are_refused(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(BadTask, match=message):
            RollingOrigin(**{"horizon": 1, "windows": 1, **fields})

    @pytest.mark.parametrize("fields", [{"warm_up": 0}, {"horizon": 0}])
    def test_generations_that_mean_nothing_are_refused(self, fields: dict[str, Any]) -> None:
        with pytest.raises(BadTask, match="must be at least 1, not 0"):
            Generation(**fields)

    def test_an_unknown_target_is_named(self) -> None:
        with pytest.raises(BadData, match="no channel called 'x'; the panel has value"):
            backtest(Task("toy", RollingOrigin(1, windows=1), targets=("x",)), counting(5))

    def test_a_series_without_values_is_named(self) -> None:
        with pytest.raises(BadData, match="series 'gone' has no value"):
            planned(RollingOrigin(1, windows=1), Panel.of([[np.nan] * 5], ids=["gone"]))

    def test_contexts_without_any_value_are_said(self) -> None:
        panel = Panel.of([[np.nan, np.nan, np.nan, 1.0]])

        with pytest.raises(BadTask, match="has no window whose context holds a value"):
            planned(RollingOrigin(1, windows=2), panel)

    @pytest.mark.parametrize("levels", [(0.0,), (1.0,), (0.9, 0.1), (0.5, 0.5)])
    def test_quantile_levels_must_rise_between_0_and_1(self, levels: tuple[float, ...]) -> None:
        with pytest.raises(BadTask, match="quantile levels must rise between 0 and 1"):
            Task("toy", RollingOrigin(1), quantile_levels=levels)


class TestJson:
    @pytest.mark.parametrize(
        "task",
        [
            Task("toy", RollingOrigin(3, windows=2, refit=4, first_cutoff="2020-01-01")),
            Task("toy", RollingOrigin(3), TimeSplit(0.5, 10, "2020-01-01"), ("x",), 7, (0.1, 0.9), True),
            Task("toy", Generation(10, 20), SeriesSplit(5, 0.5)),
        ],
    )
    def test_a_task_comes_back_from_json_as_it_was(self, task: Task) -> None:
        assert Task.from_json(json.loads(json.dumps(task.to_json()))) == task

    def test_the_name_on_boards_is_no_part_of_it(self) -> None:
        assert Task("toy", Generation(), name="a").to_json() == Task("toy", Generation(), name="b").to_json()


def test_scores_of_held_out_series_cannot_be_standardised() -> None:
    panel = Panel.of([np.arange(40.0)] * 3)
    task = Task("x", RollingOrigin(4, windows=2), SeriesSplit(training=1, test=1), standardise=True)

    with pytest.raises(BadTask, match="held-out series have none"):
        backtest(task, panel)


def test_a_series_too_short_for_a_window_still_trains() -> None:
    panel = Panel.of([np.arange(8.0), np.arange(20.0)], ids=["short", "long"])

    fold = next(backtest(Task("x", RollingOrigin(4), TimeSplit(6)), panel).folds())

    assert set(fold.windows.contexts.ids) == {"long"}
    assert dict(zip(fold.train.panel.ids, fold.train.panel.lengths.tolist(), strict=True)) == {"short": 6, "long": 6}


def test_a_series_that_has_ended_is_still_learnt_from() -> None:
    early, late = np.arange(20.0), np.arange(30.0)
    panel = Panel.of([early, late], start=["2020-01-11", "2020-01-01"], freq="D")
    task = Task("x", RollingOrigin(2, first_cutoff="2020-01-20", stride=4, refit="every"))

    trained = [fold.train.panel.lengths.tolist() for fold in backtest(task, panel).folds()]

    assert all(len(lengths) == 2 for lengths in trained)


def test_validation_rows_are_filled_from_what_came_before_them() -> None:
    values = np.arange(40.0)
    values[20:23] = np.nan
    task = Task("x", RollingOrigin(2), TimeSplit(20, 10))

    fold = next(backtest(task, Panel.of([values])).folds())

    validation = fold.train.filled("ffill").validation
    assert validation is not None
    assert validation.values[:4, 0].tolist() == [19, 19, 19, 23]


def test_train_length_holds_for_held_out_series_too() -> None:
    task = Task("x", RollingOrigin(2, windows=1, train_length=10), SeriesSplit(training=2, test=1))

    fold = next(backtest(task, Panel.of([np.arange(60.0)] * 3)).folds())

    assert fold.train.panel.lengths.tolist() == [10, 10]
    assert fold.train.panel.values[0, 0] == 50
