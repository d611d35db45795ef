"""Windows: contexts cut at their cutoffs, and actuals, against plain loops."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.arrays import Floats
from harness.data.panel import Channel, Panel
from harness.tasks.training import Rows, TrainingData
from harness.tasks.windows import Windows, consecutive_rows

CHANNELS = (Channel("known", "known covariate"), Channel("y"), Channel("past", "past covariate"), Channel("z"))


@st.composite
def windows(draw: st.DrawFn) -> Windows:
    """Windows over a small ragged panel, in any order, some of them twice."""
    horizon, gap = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    least = horizon + gap + 1
    lengths = draw(st.lists(st.integers(least, least + 8), min_size=1, max_size=3))
    channels = draw(st.sampled_from([CHANNELS, (Channel("value"),)]))
    total = sum(lengths) * len(channels)
    values = np.arange(1.0, total + 1).reshape(-1, len(channels))  # every value is its own name
    if draw(st.booleans()):
        values[draw(st.integers(0, len(values) - 1))] = np.nan
    panel = Panel.of(np.split(values, np.cumsum(lengths)[:-1]), channels=channels)
    pair = st.integers(0, len(lengths) - 1).flatmap(
        lambda i: st.tuples(st.just(i), st.integers(1, lengths[i] - horizon - gap))
    )
    series, cutoffs = np.array(draw(st.lists(pair, min_size=1, max_size=8))).T
    return Windows(panel, series, cutoffs, horizon, gap, max_context=draw(st.none() | st.integers(1, 6)))


def series_of(made: Windows) -> list[Floats]:
    """The values of each window's series."""
    every = list(made.panel)
    return [every[i] for i in made.series]


class TestActuals:
    @given(windows())
    def test_they_are_those_of_a_loop(self, made: Windows) -> None:
        targets = list(made.panel.targets)
        expected = [
            values[cutoff + made.gap : cutoff + made.gap + made.horizon, targets]
            for values, cutoff in zip(series_of(made), made.cutoffs, strict=True)
        ]

        np.testing.assert_array_equal(made.actuals, expected)

    @given(windows())
    def test_they_cannot_be_written_to(self, made: Windows) -> None:
        assert not made.actuals.flags.writeable

    def test_evenly_spaced_windows_copy_nothing(self) -> None:
        panel = Panel.of([np.arange(100.0)])
        made = Windows(panel, np.zeros(10, int), np.arange(10, 60, 5), 24)

        assert np.shares_memory(made.actuals, panel.values)
        assert np.shares_memory(made.contexts.last(8), panel.values)

    @given(windows(), st.data())
    def test_some_windows_are_taken_in_the_order_asked_for(self, made: Windows, data: st.DataObject) -> None:
        chosen = np.array(data.draw(st.lists(st.integers(0, len(made) - 1), min_size=1)))

        np.testing.assert_array_equal(made.take(chosen).actuals, made.actuals[chosen])


class TestContexts:
    @given(windows(), st.integers(1, 12))
    def test_the_last_values_are_those_of_a_loop(self, made: Windows, length: int) -> None:
        expected = np.full((len(made), length, len(made.panel.channels)), np.nan)
        for i, (values, cutoff) in enumerate(zip(series_of(made), made.cutoffs, strict=True)):
            past = values[:cutoff][-min(length, made.max_context or length) :]
            expected[i, length - len(past) :] = past

        past = made.contexts.last(length)

        np.testing.assert_array_equal(past, expected)
        np.testing.assert_array_equal(made.contexts.last_targets(length), expected[:, :, list(made.panel.targets)])

    @given(windows(), st.integers(1, 12))
    def test_nothing_shown_can_be_written_to(self, made: Windows, length: int) -> None:
        contexts = made.contexts

        assert not contexts.last(length).flags.writeable
        assert not contexts.last_targets(length).flags.writeable
        assert all(not context.values.flags.writeable for context in contexts)

    @given(windows())
    def test_known_covariates_reach_to_the_end_of_the_horizon(self, made: Windows) -> None:
        known = list(made.panel.channels_of("known covariate"))
        ahead = made.gap + made.horizon
        expected = [
            values[cutoff : cutoff + ahead, known] for values, cutoff in zip(series_of(made), made.cutoffs, strict=True)
        ]

        np.testing.assert_array_equal(made.contexts.known(), np.array(expected).reshape(len(made), ahead, len(known)))

    def test_known_covariates_past_the_end_of_a_series_are_missing(self) -> None:
        panel = Panel.of([[[1, 10], [2, 20]], [[3, 30]]], channels=[Channel("y"), Channel("k", "known covariate")])
        made = Windows(panel, np.array([0]), np.array([1]), horizon=3)

        np.testing.assert_array_equal(made.contexts.known()[0, :, 0], [20, np.nan, np.nan])

    @given(windows())
    def test_nothing_shown_depends_on_the_future_of_targets_and_past_covariates(self, made: Windows) -> None:
        known = made.panel.channels_of("known covariate")
        for i in range(len(made)):
            values = made.panel.values.copy()
            first = int(made.panel.offsets[made.series[i]] + made.cutoffs[i])
            for channel in set(range(values.shape[1])) - set(known):
                values[first:, channel] = -1
            alone = made.take(slice(i, i + 1))
            (honest,), (other,) = alone.contexts, replace(alone, panel=made.panel.with_values(values)).contexts

            np.testing.assert_array_equal(honest.values, other.values)
            np.testing.assert_array_equal(honest.known, other.known)

    @given(windows())
    def test_one_at_a_time_shows_the_whole_past(self, made: Windows) -> None:
        for context, values, cutoff in zip(made.contexts, series_of(made), made.cutoffs, strict=True):
            shown = min(int(cutoff), made.max_context or int(cutoff))

            np.testing.assert_array_equal(context.values, values[cutoff - shown : cutoff])
            np.testing.assert_array_equal(context.target, values[cutoff - shown : cutoff, list(made.panel.targets)])
            assert context.cutoff == cutoff
            assert context.start == cutoff - shown

    @given(windows(), st.integers(1, 5))
    def test_batches_are_all_windows_in_their_order(self, made: Windows, size: int) -> None:
        batches = list(made.contexts.batches(size))

        assert all(len(batch) <= size for batch in batches)
        assert np.concatenate([batch.series for batch in batches]).tolist() == made.series.tolist()
        assert np.concatenate([batch.cutoffs for batch in batches]).tolist() == made.cutoffs.tolist()

    @given(windows())
    def test_by_series_visits_every_window_once_by_rising_cutoff(self, made: Windows) -> None:
        seen: list[int] = []
        for places, contexts in made.contexts.by_series():
            seen += places.tolist()
            assert len(set(contexts.series.tolist())) == 1
            assert contexts.cutoffs.tolist() == sorted(contexts.cutoffs.tolist())
            assert contexts.cutoffs.tolist() == made.cutoffs[places].tolist()

        assert sorted(seen) == list(range(len(made)))

    def test_times_follow_the_cutoff_and_cover_the_gap(self) -> None:
        panel = Panel.of([np.zeros(9)] * 2, start=["2020-01-01", "2021-01-01"], freq="MS")
        made = Windows(panel, np.array([1, 0]), np.array([2, 5]), horizon=2, gap=1)

        assert made.contexts.times().astype("M8[M]").astype(str).tolist() == [
            ["2021-03", "2021-04", "2021-05"],
            ["2020-06", "2020-07", "2020-08"],
        ]

    def test_a_clipped_context_starts_later(self) -> None:
        panel = Panel.of([np.arange(9.0)], start="2020-01-01", freq="MS")

        (context,) = Windows(panel, np.array([0]), np.array([6]), 1, max_context=2).contexts

        assert context.start == np.datetime64("2020-05-01")
        assert context.values.ravel().tolist() == [4, 5]

    def test_facts_and_ids_are_those_of_each_window(self) -> None:
        panel = Panel.of([np.zeros(5)] * 2, ids=["a", "b"], static={"size": [1.0, 2.0]})
        contexts = Windows(panel, np.array([1, 0, 1]), np.array([1, 2, 3]), 1).contexts

        assert contexts.ids == ("b", "a", "b")
        assert contexts.static == {"size": (2.0, 1.0, 2.0)}
        assert [context.static["size"] for context in contexts] == [2.0, 1.0, 2.0]


@given(windows())
def test_observed_counts_the_target_values_shown(made: Windows) -> None:
    expected = [int((~np.isnan(context.target)).sum()) for context in made.contexts]

    assert made.observed().tolist() == expected


@given(st.integers(1, 4), st.lists(st.integers(0, 8), max_size=6))
def test_gathered_rows_are_those_of_a_loop(length: int, starts: list[int]) -> None:
    values = np.arange(24.0).reshape(12, 2)
    expected = np.array([values[first : first + length] for first in starts]).reshape(len(starts), length, 2)

    np.testing.assert_array_equal(consecutive_rows(values, np.array(starts, dtype=int), length), expected)


def test_training_data_is_filled_part_by_part() -> None:
    train = TrainingData(Panel.of([[5.0, np.nan]]), Panel.of([[1.0, np.nan]]), horizon=1)

    filled = train.filled("ffill")

    assert filled.panel.values.ravel().tolist() == [5, 5]
    assert filled.validation is not None
    assert filled.validation.values.ravel().tolist() == [1, 1]


def test_training_data_may_have_nothing_to_validate_by() -> None:
    assert TrainingData(Panel.of([[5.0, np.nan]]), None, horizon=1).filled("ffill").validation is None


def test_training_data_is_sent_to_other_processes_without_what_it_was_cut_from() -> None:
    source = Panel.of([np.arange(1000.0)])
    train = TrainingData(Rows(source, np.array([0]), np.array([3])), None, horizon=2)

    sent = pickle.dumps(train.filled("ffill"))

    assert len(sent) < 1000
    assert pickle.loads(sent).panel.fingerprint() == train.panel.fingerprint()
