"""Training data: contexts and earlier ends are filled from the values that were known there."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.missing import FILLINGS, Missing
from harness.data.panel import Channel, Panel
from harness.errors import BadInput
from harness.tasks.training import Rows, TrainingData
from harness.tasks.windows import Contexts

NAN = np.nan
CHANNELS = (Channel("y"), Channel("late", "past covariate", delay=2), Channel("known", "known covariate"))


@st.composite
def incomplete_panels(draw: st.DrawFn) -> Panel:
    """Panels of two series, with missing values in every channel; every value is its own name."""
    lengths = draw(st.tuples(st.integers(6, 14), st.integers(6, 14)))
    values = np.arange(1.0, 3 * sum(lengths) + 1).reshape(-1, 3)
    values[draw(st.lists(st.integers(0, len(values) - 1), max_size=12)), draw(st.integers(0, 2))] = NAN
    values[draw(st.lists(st.integers(0, len(values) - 1), max_size=12)), draw(st.integers(0, 2))] = NAN
    return Panel.of(np.split(values, [lengths[0]]), channels=CHANNELS, season_length=3)


def as_rows(panel: Panel) -> Rows:
    return Rows(panel, np.zeros(len(panel), dtype=np.int64), panel.lengths)


@pytest.mark.parametrize("missing", FILLINGS)
@pytest.mark.parametrize("part", [lambda panel: panel, as_rows])
@given(panel=incomplete_panels(), data=st.data())
def test_contexts_are_those_that_predict_would_receive(
    part: type[Rows], missing: Missing, panel: Panel, data: st.DataObject
) -> None:
    series = np.array([0, 1])
    cutoffs = np.array([data.draw(st.integers(1, length - 2)) for length in panel.lengths])
    expected = Contexts(panel, series, cutoffs, 2, season_length=3).filled(missing)

    train = TrainingData(part(panel), None, 2, season_length=3).filled(missing)

    for shown in (train, pickle.loads(pickle.dumps(train))):
        found = shown.contexts(series, cutoffs)
        np.testing.assert_array_equal(found.last(6), expected.last(6))
        np.testing.assert_array_equal(found.last_targets(6), expected.last_targets(6))
        np.testing.assert_array_equal(found.known(), expected.known())


@pytest.mark.parametrize("missing", FILLINGS)
@given(panel=incomplete_panels(), data=st.data())
def test_an_earlier_end_is_filled_from_the_values_before_it(
    missing: Missing, panel: Panel, data: st.DataObject
) -> None:
    ends = np.array([data.draw(st.integers(1, length)) for length in panel.lengths])
    begins = np.array([data.draw(st.integers(0, end - 1)) for end in ends])
    expected = TrainingData(Rows(panel, begins, ends), None, 2, season_length=3).filled(missing)
    train = TrainingData(Rows(panel, begins, panel.lengths), None, 2, season_length=3).filled(missing)

    for shown in (train, pickle.loads(pickle.dumps(train))):
        earlier = shown.until(ends - begins)

        assert earlier is not None
        np.testing.assert_array_equal(earlier.panel.values, expected.panel.values)
        np.testing.assert_array_equal(earlier.panel.start, begins)


def test_an_earlier_end_of_a_part_of_the_series_leaves_the_others_out() -> None:
    panel = Panel.of([[1.0, 2.0], [3.0, NAN, 5.0], [6.0, NAN, 8.0]])
    train = TrainingData(Rows(panel, np.array([0, 1, 0]), np.array([0, 3, 3])), None, 1).filled("interpolate")

    earlier = train.until(np.array([1, 0]))

    assert train.panel.ids == ("1", "2")
    assert train.panel.values.ravel().tolist() == [4, 5, 6, 7, 8]
    assert earlier is not None
    assert earlier.panel.ids == ("1",)
    assert earlier.panel.values.ravel().tolist() == [3]
    assert train.until(np.array([0, 0])) is None


def test_contexts_of_complete_data_are_views_of_the_panel() -> None:
    train = TrainingData(as_rows(Panel.of([np.arange(20.0)])), None, 1).filled("interpolate")

    assert np.shares_memory(train.contexts(np.array([0]), np.array([9])).last(4), train.panel.values)


@pytest.mark.parametrize("missing", FILLINGS)
@given(panel=incomplete_panels(), data=st.data())
def test_at_the_end_of_validation_more_of_a_delayed_channel_is_known(
    missing: Missing, panel: Panel, data: st.DataObject
) -> None:
    lasts = np.array([data.draw(st.integers(2, length)) for length in panel.lengths])
    ends = np.array([data.draw(st.integers(1, last)) for last in lasts])
    begins = np.array([data.draw(st.integers(0, end - 1)) for end in ends])
    known = TrainingData(Rows(panel, begins, lasts), None, 2, season_length=3).filled(missing).panel
    train = TrainingData(Rows(panel, begins, ends), Rows(panel, ends, lasts), 2, season_length=3).filled(missing)

    for shown in (train, pickle.loads(pickle.dumps(train))):
        later = shown.panel_at_validation_end

        for i, series in enumerate(later):
            np.testing.assert_array_equal(series, list(known)[i][: ends[i] - begins[i]])
        np.testing.assert_array_equal(shown.panel.values, train.panel.values)
        assert (shown.validation is None) == (train.validation is None)
        if train.validation is not None and shown.validation is not None:
            np.testing.assert_array_equal(shown.validation.values, train.validation.values)


def test_without_delays_or_a_validation_part_the_panel_is_known_already() -> None:
    panel = Panel.of([np.arange(24.0).reshape(8, 3)], channels=CHANNELS)
    without = TrainingData(Rows(panel, np.array([0]), np.array([5])), None, 2)
    simple = Panel.of([np.arange(8.0)])
    parts = Rows(simple, np.array([0]), np.array([5])), Rows(simple, np.array([5]), np.array([8]))

    for train in (without, TrainingData(*parts, 2)):
        assert train.panel_at_validation_end is train.panel


def test_series_without_validation_rows_are_part_of_the_panel_at_the_end_of_validation() -> None:
    panel = Panel.of([np.arange(12.0).reshape(4, 3)] * 3, channels=CHANNELS, ids=["a", "b", "c"])
    training = Rows(panel, np.array([0, 0, 0]), np.array([4, 0, 2]))
    train = TrainingData(training, Rows(panel, np.array([4, 0, 2]), np.array([4, 4, 3])), 1)

    later = train.panel_at_validation_end

    assert later.ids == train.panel.ids == ("a", "c")
    np.testing.assert_array_equal(later.values[:, 1], [1, 4, NAN, NAN, 1, NAN])
    np.testing.assert_array_equal(train.panel.values[:, 1], [1, 4, NAN, NAN, NAN, NAN])


@pytest.mark.parametrize("part", [lambda panel: panel, as_rows])
@pytest.mark.parametrize(
    ("series", "cutoffs", "message"),
    [
        ([0], [4], "cutoff 4 of series 'a' is not from 1 to 3, the number of observations of this series"),
        ([1, 1], [5, 6], "cutoff 6 of series 'b' is not from 1 to 5"),
        ([0], [0], "cutoff 0 of series 'a' is not from 1 to 3"),
        ([0, 0], [2, -1], "cutoff -1 of series 'a' is not from 1 to 3"),
        ([2], [1], "series must be positions from 0 to 1, the series of the panel, not 2"),
        ([-1], [1], "series must be positions from 0 to 1, the series of the panel, not -1"),
        (["a"], [1], "series must be an array of whole numbers; it holds texts"),
        ([0], [1.5], "cutoffs must be an array of whole numbers; it holds 1.5, which is not a whole number"),
        ([0], [True], "cutoffs must be an array of whole numbers; it holds booleans"),
        ([0, 1], [1], r"series and cutoffs must have one element a window, not the shapes \(2,\) and \(1,\)"),
        (0, 1, r"series and cutoffs must have one element a window, not the shapes \(\) and \(\)"),
    ],
)
def test_windows_outside_of_the_training_data_are_refused(
    part: type[Rows], series: Any, cutoffs: Any, message: str
) -> None:
    train = TrainingData(part(Panel.of([np.arange(3.0), np.arange(5.0)], ids=["a", "b"])), None, 1)

    with pytest.raises(BadInput, match=message):
        train.contexts(series, cutoffs)


def test_windows_are_given_as_any_whole_numbers() -> None:
    train = TrainingData(Panel.of([np.arange(3.0), np.arange(5.0)]), None, 1)
    expected = train.contexts(np.array([0, 1]), np.array([3, 5])).last(2)

    for series, cutoffs in (([0, 1], (3, 5)), (np.array([0.0, 1.0]), np.array([3, 5], dtype=np.int32))):
        np.testing.assert_array_equal(train.contexts(series, cutoffs).last(2), expected)
    assert len(train.contexts([], [])) == 0
