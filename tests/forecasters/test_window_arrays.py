"""Windows as arrays: what a global model is trained on, and what it forecasts from."""

from __future__ import annotations

import numpy as np
import pytest

from harness import BadInput, Channel, Contexts, Panel, TrainingData, Unsupported, training_windows, window_arrays


def training_data(panel: Panel, horizon: int, gap: int = 0) -> TrainingData:
    return TrainingData(panel, None, horizon, gap)


def test_windows_have_the_rows_before_and_the_targets_after_each_cutoff() -> None:
    windows = training_windows(training_data(Panel.of([range(8)]), horizon=2, gap=1), lookback=3)

    assert windows.past[:, :, 0].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert windows.targets is not None
    assert windows.targets[:, :, 0].tolist() == [[4, 5], [5, 6], [6, 7]]
    assert windows.cutoffs is not None
    assert windows.cutoffs.tolist() == [3, 4, 5]
    assert windows.mask.all()


def test_the_stride_counts_back_from_the_latest_window() -> None:
    windows = training_windows(training_data(Panel.of([range(8)]), horizon=1), lookback=2, stride=3)

    assert windows.targets is not None
    assert windows.targets[:, 0, 0].tolist() == [4, 7]


def test_short_series_are_padded_and_longer_ones_are_not() -> None:
    windows = training_windows(training_data(Panel.of([[5.0, 6.0, 7.0], range(6)]), horizon=1), lookback=4)

    assert windows.series is not None
    assert windows.series.tolist() == [0, 1, 1]
    assert windows.past[0, :, 0].tolist() == [0, 0, 5, 6]
    assert windows.mask[0, :, 0].tolist() == [False, False, True, True]
    assert windows.mask[1:].all()


def test_windows_with_missing_targets_are_left_out() -> None:
    panel = Panel.of([[0.0, 1.0, 2.0, np.nan, 4.0, 5.0]])

    windows = training_windows(training_data(panel, horizon=1), lookback=2)

    assert windows.targets is not None
    assert windows.targets[:, 0, 0].tolist() == [2, 4, 5]
    assert windows.past[1, :, 0].tolist() == [2, 0]
    assert windows.mask[1, :, 0].tolist() == [True, False]


def test_known_covariates_are_those_after_the_cutoff_and_delayed_ones_are_not_known() -> None:
    channels = (Channel("y"), Channel("late", "past covariate", delay=1), Channel("known", "known covariate"))
    values = np.stack([np.arange(6.0), 10 + np.arange(6.0), 20 + np.arange(6.0)], axis=1)

    windows = training_windows(training_data(Panel.of([values], channels=channels), horizon=2), lookback=2)

    assert windows.known[:, :, 0].tolist() == [[22, 23], [23, 24], [24, 25]]
    assert windows.past[0].tolist() == [[0, 10, 20], [1, 0, 21]]
    assert windows.mask[0].tolist() == [[True, True, True], [True, False, True]]


def test_training_windows_are_those_that_predict_receives() -> None:
    panel = Panel.of([np.arange(20.0) ** 2, np.arange(9.0)])
    windows = training_windows(training_data(panel, horizon=3), lookback=5)
    assert windows.series is not None
    assert windows.cutoffs is not None

    same = window_arrays(Contexts(panel, windows.series, windows.cutoffs, 3), 5)

    assert np.array_equal(same.past, windows.past)
    assert np.array_equal(same.mask, windows.mask)
    assert same.targets is None


def test_at_most_so_many_windows_are_evenly_spaced() -> None:
    windows = training_windows(training_data(Panel.of([range(103)]), horizon=1), lookback=2, most=5)

    assert windows.cutoffs is not None
    assert windows.cutoffs.tolist() == [2, 27, 52, 77, 102]


def test_no_window_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="no window of the training data has 4 rows of history"):
        training_windows(training_data(Panel.of([range(5)]), horizon=2), lookback=8)


@pytest.mark.parametrize("arguments", [{"lookback": 0}, {"lookback": 2, "stride": 1.5}, {"lookback": 2, "most": True}])
def test_bad_arguments_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="must be a whole number of at least 1"):
        training_windows(training_data(Panel.of([range(9)]), horizon=1), **arguments)  # type: ignore[arg-type]
