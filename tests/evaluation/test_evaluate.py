"""What comes of forecasters that do well, fail, cheat or say nonsense."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from harness.arrays import Floats
from harness.data.panel import Panel
from harness.errors import BadTask, Unsupported
from harness.evaluation.description import hyperparameters
from harness.evaluation.evaluate import evaluate, score_run
from harness.evaluation.notes import NOT_ALIGNED
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell, Run, Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import FittedLocalForecaster, LocalForecaster
from harness.tasks.folds import backtest
from harness.tasks.protocols import Generation, RollingOrigin
from harness.tasks.splits import SeriesSplit, TimeSplit
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

from ..numeric_metrics import METRICS

LEVELS = (0.1, 0.5, 0.9)
LAST_THREE = Task("trial", RollingOrigin(2, windows=3))
WITH_LEVELS = Task("trial", RollingOrigin(2, windows=3), quantile_levels=LEVELS)


def counting(*lengths: int) -> Panel:
    """Series that count their observations: what comes after cutoff c is c + 1, c + 2, …"""
    return Panel.of([np.arange(1.0, length + 1) for length in lengths], season_length=4)


@dataclass
class Last:
    """The last value at every step, as a mean alone."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        return Forecast.point(self.mean(contexts))

    def mean(self, contexts: Contexts) -> Floats:
        last = np.nan_to_num(contexts.last_targets(1))
        return np.repeat(last, contexts.horizon, axis=1)


class Said(Last):
    """Whatever a function makes of the windows."""

    def __init__(self, says: Callable[[Contexts], Any]) -> None:
        self.says = says

    def predict(self, contexts: Contexts) -> Forecast:
        return self.says(contexts)


def raising(error: Exception) -> Said:
    def says(contexts: Contexts) -> Forecast:
        raise error

    return Said(says)


def filled(contexts: Contexts, value: float, *more: int) -> Floats:
    return np.full((len(contexts), contexts.horizon, len(contexts.targets), *more), value)


# A cell's status


def test_an_honest_forecaster_completes():
    run = evaluate(Last(), LAST_THREE, counting(20, 20))

    assert (run.status, run.reason, run.traceback) == (Status.COMPLETED, "", "")
    assert run.windows == 6
    assert run.scores["MAE"] == 1.5


def test_what_predict_raises_is_the_runs_reason():
    run = evaluate(raising(ZeroDivisionError("by nothing")), LAST_THREE, counting(20))

    assert (run.status, run.reason) == (Status.FAILED, "ZeroDivisionError: by nothing")
    assert "in says" in run.traceback
    assert (run.scores, run.results, run.windows) == ({}, None, 3)


def test_what_fit_raises_is_the_runs_reason():
    class FailsInFit(Last):
        def fit(self, train: TrainingData) -> None:
            raise ValueError("nothing to learn")

    run = evaluate(FailsInFit(), LAST_THREE, counting(20))

    assert (run.status, run.reason) == (Status.FAILED, "ValueError: nothing to learn")


def test_a_forecaster_that_fails_without_a_word_is_called_by_its_error():
    assert evaluate(raising(KeyError()), LAST_THREE, counting(20)).reason == "KeyError"


@pytest.mark.parametrize("phase", ["fit", "predict"])
def test_running_out_of_memory_has_its_own_status(phase: str):
    def runs_out(self: Last, given: object) -> Forecast:
        raise MemoryError("too large")

    run = evaluate(type("Large", (Last,), {phase: runs_out})(), LAST_THREE, counting(20))

    assert run.status is Status.OUT_OF_MEMORY


def test_what_a_forecaster_cannot_do_is_unsupported_and_needs_no_traceback():
    run = evaluate(raising(Unsupported("needs known covariates")), LAST_THREE, counting(20))

    assert (run.status, run.reason, run.traceback) == (Status.UNSUPPORTED, "needs known covariates", "")


SHAPE = r"predict: the mean must have the shape (window, horizon, target) = (3, 2, 1), not "
TARGETS = "; the axis of targets is missing, which array[..., np.newaxis] adds"
NO_NUMBERS = "every window: NaN or infinite values in series '0' at cutoff 14"
HOW = (
    "return Forecast.point(mean), with a mean of the shape (window, horizon, target), or "
    "Forecast.quantiles_only(levels, quantiles), with quantiles of the shape (window, horizon, target, level)"
)
INVALID: dict[str, tuple[Callable[[Contexts], Any], str]] = {
    "no forecast": (lambda contexts: filled(contexts, 1.0), f"predict must return a Forecast, not ndarray: {HOW}"),
    "nothing": (lambda contexts: None, f"predict must return a Forecast, not NoneType: {HOW}"),
    "no mean": (
        lambda contexts: Forecast(None),
        "a Forecast needs a mean, a median or quantiles: return Forecast.point(values)",
    ),
    "a list of another shape": (lambda contexts: Forecast([[1.0]]), f"{SHAPE}(1, 1)"),
    "texts": (lambda contexts: Forecast(np.full((3, 2, 1), "1")), "the array mean holds texts instead of real numbers"),
    "complex numbers": (
        lambda contexts: Forecast(filled(contexts, 1.0) * 1j),
        "the array mean holds complex numbers instead of real numbers",
    ),
    "ragged lists": (
        lambda contexts: Forecast([[[1.0], [1.0]], [[1.0]]]),
        "the array mean holds lists of different lengths, or something that is not a number",
    ),
    "levels as a text": (
        lambda contexts: Forecast(filled(contexts, 1.0), "0.5", filled(contexts, 1.0, 1)),
        "quantile_levels must be a list of numbers, not '0.5'",
    ),
    "too few windows": (lambda contexts: Forecast.point(filled(contexts, 1.0)[1:]), f"{SHAPE}(2, 2, 1)"),
    "a longer horizon": (lambda contexts: Forecast.point(filled(contexts, 1.0).repeat(2, 1)), f"{SHAPE}(3, 4, 1)"),
    "no axis of targets": (lambda contexts: Forecast.point(filled(contexts, 1.0)[..., 0]), f"{SHAPE}(3, 2){TARGETS}"),
    "too few levels": (
        lambda contexts: Forecast(filled(contexts, 1.0), (0.1, 0.9), filled(contexts, 1.0, 3)),
        "the last axis of the quantiles must have one value for each of the 2 quantile_levels; "
        "their shape is (3, 2, 1, 3)",
    ),
    "levels in falling order": (
        lambda contexts: Forecast(filled(contexts, 1.0), LEVELS[::-1], filled(contexts, 1.0, 3)),
        "quantile levels must rise and lie between 0 and 1, not (0.9, 0.5, 0.1)",
    ),
    "quantiles of fewer windows": (
        lambda contexts: Forecast(None, LEVELS, filled(contexts, 1.0, 3)[1:]),
        "predict: the quantiles must have the shape (window, horizon, target, level) = (3, 2, 1, 3), not (2, 2, 1, 3)",
    ),
    "a median of fewer windows": (
        lambda contexts: Forecast(filled(contexts, 1.0), median=filled(contexts, 1.0)[1:]),
        "predict: the median must have the shape (window, horizon, target) = (3, 2, 1), not (2, 2, 1)",
    ),
    "crossing quantiles": (
        lambda contexts: Forecast(filled(contexts, 1.0), LEVELS, filled(contexts, 1.0, 3) * [3, 2, 1]),
        "every window: quantiles cross in series '0' at cutoff 14, step 1: 3 at level 0.1, 2 at level 0.5; "
        "return them in the order of their levels",
    ),
    "missing values": (lambda contexts: Forecast.point(filled(contexts, math.nan)), NO_NUMBERS),
    "infinite values": (lambda contexts: Forecast.point(filled(contexts, math.inf)), NO_NUMBERS),
    "infinite quantiles": (
        lambda contexts: Forecast(filled(contexts, 1.0), LEVELS, filled(contexts, math.inf, 3)),
        NO_NUMBERS,
    ),
}


@pytest.mark.parametrize(("says", "reason"), INVALID.values(), ids=INVALID)
def test_nonsense_is_invalid(says: Callable[[Contexts], Any], reason: str):
    run = evaluate(Said(says), WITH_LEVELS, counting(20))

    assert (run.status, run.reason) == (Status.INVALID, reason)


def test_quantiles_that_touch_do_not_cross():
    run = evaluate(
        Said(lambda contexts: Forecast(filled(contexts, 1.0), LEVELS, filled(contexts, 1.0, 3))),
        WITH_LEVELS,
        counting(20),
    )

    assert run.status is Status.COMPLETED


def test_single_precision_is_fine():
    run = evaluate(Said(lambda contexts: Forecast(filled(contexts, 1.0).astype(np.float32))), LAST_THREE, counting(20))

    assert run.status is Status.COMPLETED


class LooksAhead(Last):
    def mean(self, contexts: Contexts) -> Floats:
        panel = contexts._panel
        rows = panel.offsets[contexts.series] + contexts.cutoffs
        return panel.target_values[rows[:, None] + np.arange(contexts.horizon)]


class GoesOnDrawing(Last):
    def fit(self, train: TrainingData) -> None:
        self.rng_ = np.random.default_rng(0)

    def mean(self, contexts: Contexts) -> Floats:
        return super().mean(contexts) + self.rng_.normal()


@pytest.mark.parametrize(("cheat", "status"), [(LooksAhead, Status.LEAKED), (GoesOnDrawing, Status.INCONSISTENT)])
def test_a_broken_promise_is_the_cells_status_and_its_scores_are_kept(cheat: type[Last], status: Status):
    run = evaluate(cheat(), LAST_THREE, counting(20))

    assert run.status is status
    assert run.reason.startswith("series '0' at cutoff ")
    assert math.isfinite(run.scores["MAE"])


def test_who_is_not_audited_is_not_found():
    run = evaluate(LooksAhead(), LAST_THREE, counting(20), audited_windows=0)

    assert (run.status, run.scores["MAE"]) == (Status.COMPLETED, 0.0)


def test_a_task_that_does_not_fit_its_data_is_the_callers_error():
    with pytest.raises(BadTask, match="no window fits"):
        evaluate(Last(), Task("trial", RollingOrigin(50, windows=1)), counting(20))


# Windows that fail alone


class FailsOn(LocalForecaster):
    """Does not forecast the series of these ids."""

    def __init__(self, *ids: str, error: Exception | None = None) -> None:
        self.ids, self.error = ids, error or ValueError("not this one")

    def predict_series(self, context: Context) -> Floats:
        if context.id in self.ids:
            raise self.error
        return np.full((context.horizon, 1), context.target[-1, 0])


def lost(run: Run) -> list[tuple[int, Status, str]]:
    return [(failure.window, failure.status, failure.reason) for failure in run.window_failures]


def test_a_series_that_fails_does_not_stop_the_others():
    run = evaluate(FailsOn("1"), LAST_THREE, counting(20, 20, 20))

    assert run.status is Status.COMPLETED
    assert lost(run) == [(i, Status.FAILED, "ValueError: not this one") for i in (3, 4, 5)]
    assert run.scores["MAE"] == 1.5


def test_windows_that_failed_have_no_forecast():
    run = evaluate(FailsOn("1"), LAST_THREE, counting(20, 20, 20))

    assert run.results is not None
    assert run.results.forecast.finite().tolist() == [True] * 3 + [False] * 3 + [True] * 3


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ValueError("no"), Status.FAILED, "every window: ValueError: no"),
        (Unsupported("needs quantiles"), Status.UNSUPPORTED, "every window: needs quantiles"),
        (MemoryError(), Status.OUT_OF_MEMORY, "every window: MemoryError"),
    ],
)
def test_a_cell_of_which_every_window_failed_did_not_complete(error: Exception, status: Status, reason: str):
    run = evaluate(FailsOn("0", "1", error=error), LAST_THREE, counting(20, 20))

    assert (run.status, run.reason) == (status, reason)
    assert math.isnan(run.scores["MAE"])


class FailsToFit(FittedLocalForecaster):
    """Fits and forecasts all series but those of these ids."""

    def __init__(self, unfitted: str, unforecast: str) -> None:
        self.unfitted, self.unforecast = unfitted, unforecast

    def fit_series(self, context: Context) -> str:
        if context.id == self.unfitted:
            raise ValueError("cannot be fitted")
        return context.id

    def predict_windows(self, state: str, contexts: Contexts) -> Forecast:
        if state == self.unforecast:
            raise ValueError("cannot be forecast")
        return Forecast.point(filled(contexts, 1.0))


def test_a_series_that_cannot_be_fitted_or_forecast_does_not_stop_the_others():
    run = evaluate(FailsToFit("0", "2"), LAST_THREE, counting(20, 20, 20))

    assert run.status is Status.COMPLETED
    assert lost(run) == [
        *((i, Status.FAILED, "ValueError: cannot be fitted") for i in (0, 1, 2)),
        *((i, Status.FAILED, "ValueError: cannot be forecast") for i in (6, 7, 8)),
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_window_with_a_value_that_is_no_number_is_invalid(value: float):
    def says(contexts: Contexts) -> Forecast:
        mean = filled(contexts, 1.0)
        mean[contexts.cutoffs == 16, 1] = value
        return Forecast.point(mean)

    run = evaluate(Said(says), LAST_THREE, counting(20))

    assert run.status is Status.COMPLETED
    assert lost(run) == [(1, Status.INVALID, "NaN or infinite values in series '0' at cutoff 16")]


def test_a_window_is_lost_whole():
    def says(contexts: Contexts) -> Forecast:
        quantiles = filled(contexts, 1.0, 3)
        quantiles[contexts.cutoffs == 16, 0, 0, 2] = math.inf
        return Forecast(filled(contexts, 1.0), LEVELS, quantiles)

    run = evaluate(Said(says), WITH_LEVELS, counting(20))

    assert run.results is not None
    assert np.isnan(run.results.forecast.mean).all(axis=(1, 2)).tolist() == [False, True, False]
    assert np.isnan(run.results.forecast.quantiles).all(axis=(1, 2, 3)).tolist() == [False, True, False]


def test_infinities_of_both_signs_are_no_sum_of_zero():
    def says(contexts: Contexts) -> Forecast:
        mean = filled(contexts, 1.0)
        mean[contexts.cutoffs == 14], mean[contexts.cutoffs == 16] = math.inf, -math.inf
        return Forecast.point(mean)

    run = evaluate(Said(says), LAST_THREE, counting(20))

    assert [failure.window for failure in run.window_failures] == [0, 1]


def test_numbers_whose_sum_is_too_large_are_finite():
    run = evaluate(
        Said(lambda contexts: Forecast(filled(contexts, 3e38).astype(np.float32))), LAST_THREE, counting(20), metrics=()
    )

    assert (run.status, run.window_failures) == (Status.COMPLETED, ())


def test_windows_are_counted_over_all_fits():
    def says(contexts: Contexts) -> Forecast:
        return Forecast.point(np.where(contexts.cutoffs[:, None, None] == 16, math.nan, filled(contexts, 1.0)))

    run = evaluate(Said(says), Task("trial", RollingOrigin(2, windows=3, refit="every")), counting(20))

    assert lost(run) == [(1, Status.INVALID, "NaN or infinite values in series '0' at cutoff 16")]


def test_scores_are_those_of_the_windows_left():
    levels = Task("trial", RollingOrigin(2, windows=3), quantile_levels=LEVELS)

    with_lost = evaluate(FailsOn("1"), levels, counting(20, 20, 20))

    assert with_lost.scores == pytest.approx(evaluate(FailsOn(), levels, counting(20, 20)).scores)


# Fits and refits


class SaysHowMuchItKnew(Last):
    """Forecasts the number of rows that it was fitted to."""

    def fit(self, train: TrainingData) -> None:
        self.rows_ = float(train.panel.lengths[0])

    def mean(self, contexts: Contexts) -> Floats:
        return filled(contexts, self.rows_)


@pytest.mark.parametrize(
    ("protocol", "split", "rows"),
    [
        (RollingOrigin(2, windows=4), None, [12, 12, 12, 12]),
        (RollingOrigin(2, windows=4, refit="every"), None, [12, 14, 16, 18]),
        (RollingOrigin(2, windows=4, refit=2), None, [12, 12, 16, 16]),
        (RollingOrigin(2, windows=4, refit=3), None, [12, 12, 12, 18]),
        (RollingOrigin(2, windows=4, refit="every", train_length=5), None, [5, 5, 5, 5]),
        (RollingOrigin(2), TimeSplit(10, 2), [10, 10, 10, 10]),
        (RollingOrigin(2, gap=2, windows=2, refit="every"), None, [14, 16]),
    ],
)
def test_a_fit_knows_what_lies_before_its_windows(protocol: RollingOrigin, split: TimeSplit | None, rows: list[int]):
    run = evaluate(SaysHowMuchItKnew(), Task("trial", protocol, split), counting(20))

    assert run.status is Status.COMPLETED
    assert run.results is not None
    assert run.results.forecast.mean[:, 0, 0].tolist() == rows


def test_results_stand_beside_their_series_and_cutoffs():
    task = Task("trial", RollingOrigin(2, windows=2, refit="every"))

    results = evaluate(Last(), task, counting(20, 20)).results

    assert results is not None
    assert results.series.tolist() == [0, 1, 0, 1]
    assert results.cutoffs.tolist() == [16, 16, 18, 18]
    assert results.forecast.mean[:, 0, 0].tolist() == [16, 16, 18, 18]


def test_quantiles_given_in_some_fits_only_are_a_point_forecast():
    class TiresOfQuantiles(Last):
        fits = 0

        def fit(self, train: TrainingData) -> None:
            self.fits += 1

        def predict(self, contexts: Contexts) -> Forecast:
            point = Forecast.point(self.mean(contexts))
            return point if self.fits > 1 else Forecast.from_normal(point.mean, np.asarray(1.0), LEVELS)

    task = Task("trial", RollingOrigin(2, windows=3, refit="every"), quantile_levels=LEVELS)

    run = evaluate(TiresOfQuantiles(), task, counting(20))

    assert run.notes == ("point forecast, scored as degenerate quantiles",)


def test_a_fit_that_forecasts_nothing_leaves_the_others_their_quantiles():
    class FailsInTheSecondFit(FittedLocalForecaster):
        fits = 0

        def fit_series(self, context: Context) -> None:
            self.fits += 1

        def predict_windows(self, state: None, contexts: Contexts) -> Forecast:
            if self.fits == 2:
                raise Unsupported("not a second time")
            return Forecast.from_normal(Last().mean(contexts), np.asarray(1.0), LEVELS)

    task = Task("trial", RollingOrigin(2, windows=3, refit="every"), quantile_levels=LEVELS)

    run = evaluate(FailsInTheSecondFit(), task, counting(20))

    assert run.status is Status.COMPLETED
    assert run.notes == ()
    assert [failure.window for failure in run.window_failures] == [1]
    assert run.results is not None
    assert run.results.forecast.quantiles is not None
    assert np.isfinite(run.results.forecast.quantiles[[0, 2]]).all()


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("task", [LAST_THREE, WITH_LEVELS])
def test_a_series_that_fails_costs_no_more_than_its_windows(failing: int, task: Task):
    @dataclass
    class FailsOnASeries(LocalForecaster):
        def predict_series(self, context: Context) -> Forecast:
            if context.id == str(failing):
                raise Unsupported("too short")
            mean = np.full((1, context.horizon, 1), context.target[-1, 0])
            return Forecast.from_normal(mean, np.asarray(1.0), context.quantile_levels)

    run = evaluate(FailsOnASeries(), task, counting(20, 20, 20))

    assert (run.status, run.reason, len(run.window_failures)) == (Status.COMPLETED, "", 3)


# What a run says


def test_windows_left_out_are_noted():
    run = evaluate(FailsOn(), LAST_THREE, counting(20, 5, 2))

    assert [note.partition(", ")[0] for note in run.notes[:2]] == ["1: 1 windows left out", "2: 3 windows left out"]


def test_windows_without_a_scale_are_noted():
    run = evaluate(FailsOn(), LAST_THREE, Panel.of([np.arange(20.0), np.full(20, 3.0)]))

    assert run.notes == (
        "3 of 6 windows are left out of MASE and RMSSE: the seasonal error of their history is undefined "
        "(too short, or exactly periodic)",
    )


def test_only_metrics_that_were_scored_are_noted_as_without_a_scale():
    points, quantiles, none = (
        evaluate(FailsOn(), task, Panel.of([np.full(20, 3.0)]), metrics=metrics).notes
        for task, metrics in ((LAST_THREE, METRICS), (WITH_LEVELS, METRICS), (LAST_THREE, METRICS[:1]))
    )

    assert [note.partition(":")[0] for note in (points[0], quantiles[1])] == [
        "3 of 3 windows are left out of MASE and RMSSE",
        "3 of 3 windows are left out of MASE, RMSSE, SQL and MSIS",
    ]
    assert not any("left out" in note for note in none)


def test_a_forecast_that_is_too_good_is_noted():
    run = evaluate(Last(), LAST_THREE, Panel.of([np.full(20, 3.0)]))

    assert "all forecasts equal the actuals exactly: check for leakage" in run.notes


@pytest.mark.parametrize(
    ("forecaster", "lengths", "notes"),
    [(Last(), (20, 20), ()), (Last(), (20, 15), (NOT_ALIGNED,)), (FailsOn(), (20, 15), ()), (Last(), (20,), ())],
)
def test_global_models_on_series_that_end_at_different_times_are_noted(forecaster, lengths, notes):
    run = evaluate(forecaster, LAST_THREE, counting(*lengths))

    assert run.notes == notes


def test_series_held_out_for_generation_are_aligned():
    task = Task("trial", Generation(4, 6), SeriesSplit(1))

    assert NOT_ALIGNED not in evaluate(Last(), task, counting(20, 20, 20)).notes


@pytest.mark.parametrize(
    ("missing", "notes"),
    [("native", ()), ("ffill", ("missing values of the history were filled: ffill",))],
)
def test_fillings_are_noted_where_something_was_missing(missing, notes):
    values = np.arange(1.0, 21)
    values[7] = math.nan

    run = evaluate(Last(), LAST_THREE, Panel.of([values]), missing=missing)

    assert run.notes == notes
    assert evaluate(Last(), LAST_THREE, counting(20), missing=missing).notes == ()


@dataclass
class Noisy(Last):
    """Differs by about 1e-4 in each call, as sums on a GPU do."""

    def predict(self, contexts: Contexts) -> Forecast:
        mean = super().predict(contexts).mean
        return Forecast.point(mean * (1 + 1e-4 * np.random.default_rng().uniform(-1, 1, mean.shape)))


@pytest.mark.parametrize(
    ("tolerance", "status", "notes"),
    [
        (0.0, Status.INCONSISTENT, ()),
        (5e-6, Status.INCONSISTENT, ("forecasts repeat within 5e-6 (declared)",)),
        (1e-3, Status.COMPLETED, ("forecasts repeat within 1e-3 (declared)",)),
    ],
)
def test_repeated_forecasts_may_differ_by_a_declared_tolerance_which_is_noted(tolerance, status, notes):
    run = evaluate(Noisy(), LAST_THREE, counting(20), tolerance=tolerance)

    assert (run.status, run.notes) == (status, notes)


def test_forecasters_see_missing_values_filled_as_declared():
    values = np.arange(1.0, 21)
    values[15] = math.nan
    task = Task("trial", RollingOrigin(1, first_cutoff=16, windows=1))

    run = evaluate(Last(), task, Panel.of([values]), missing="ffill")

    assert run.results is not None
    assert run.results.forecast.mean.item() == 15.0


def test_point_forecasts_are_noted_where_quantiles_are_scored():
    run = evaluate(Last(), WITH_LEVELS, counting(20))

    assert run.notes == ("point forecast, scored as degenerate quantiles",)
    assert math.isfinite(run.scores["WQL"])


@dataclass
class Tuned(Last):
    """Has hyperparameters of every kind."""

    layers: tuple[int, ...] = (8, 4)
    options: dict[str, Any] = field(default_factory=lambda: {"rate": 0.1, "names": ["a"]})
    where: object = complex(1, 2)
    name: str | None = None
    seed: int = 0
    learned_: float = field(default=0.0, init=False)


def test_hyperparameters_are_kept_as_json_values_without_the_seed():
    run = evaluate(Tuned(), LAST_THREE, counting(20))

    assert run.hyperparameters == {
        "layers": [8, 4],
        "options": {"rate": 0.1, "names": ["a"]},
        "where": "(1+2j)",
        "name": None,
    }


def test_what_is_no_dataclass_has_no_hyperparameters():
    assert hyperparameters(FailsOn()) == {}


def test_hyperparameters_of_a_forecaster_that_fails_are_kept():
    class Fails(Tuned):
        def mean(self, contexts: Contexts) -> Floats:
            raise ValueError

    assert evaluate(Fails(), LAST_THREE, counting(20)).hyperparameters["layers"] == [8, 4]


def test_time_is_counted_where_it_is_spent():
    class Slow(Last):
        def fit(self, train: TrainingData) -> None:
            time.sleep(0.02)

        def mean(self, contexts: Contexts) -> Floats:
            time.sleep(0.05)
            return super().mean(contexts)

    task = Task("trial", RollingOrigin(2, windows=2, refit="every"))

    costs = evaluate(Slow(), task, counting(20), audited_windows=0).costs

    assert costs.fits == 2
    assert costs.fit_seconds >= 0.04
    assert costs.predict_seconds >= 0.1
    assert costs.peak_memory is None or costs.peak_memory > 2**20


def test_the_audit_costs_a_forecaster_nothing():
    class Slow(Last):
        def mean(self, contexts: Contexts) -> Floats:
            time.sleep(0.02)
            return super().mean(contexts)

    begin = time.perf_counter()
    costs = evaluate(Slow(), LAST_THREE, counting(20)).costs

    assert costs.predict_seconds < (time.perf_counter() - begin) / 2


def test_a_series_fitted_on_its_own_is_fitted_in_the_time_of_fitting():
    class SlowToFit(FittedLocalForecaster):
        def fit_series(self, context: Context) -> None:
            time.sleep(0.02)

        def predict_windows(self, state: None, contexts: Contexts) -> Forecast:
            return Forecast.point(filled(contexts, 1.0))

    task = Task("trial", Generation(4, 6), SeriesSplit(1))

    costs = evaluate(SlowToFit(), task, counting(20, 20, 20), audited_windows=0).costs

    assert costs.fit_seconds >= 0.04
    assert costs.predict_seconds < 0.02


def test_a_run_names_its_cell_or_the_class():
    cell = Cell(LAST_THREE, "last", {"a": 1}, 3)

    assert evaluate(Last(), LAST_THREE, counting(20), cell=cell).cell is cell
    assert evaluate(Last(), LAST_THREE, counting(20)).cell == Cell(LAST_THREE, "Last")


def test_only_metrics_that_apply_are_scored():
    point, quantiles = (evaluate(Last(), task, counting(20)).scores for task in (LAST_THREE, WITH_LEVELS))

    assert set(quantiles) == {metric.name for metric in METRICS}
    assert set(point) == {metric.name for metric in METRICS if not metric.quantiles}


def test_a_metric_added_later_scores_the_same_and_keeps_the_others():
    run = evaluate(Last(), LAST_THREE, counting(20), metrics=METRICS[:1])
    actuals = Actuals.of(backtest(LAST_THREE, counting(20)))
    assert run.results is not None

    more = score_run(run, actuals, run.results.forecast, METRICS[1:3])

    assert more.scores == {"MAE": 1.5, "MSE": 2.5, "RMSE": pytest.approx(math.sqrt(2.5))}


@dataclass
class Trained(LocalForecaster):
    def fit(self, train: TrainingData) -> None:
        self.curves_ = {"loss": [2.0, np.float32(1.0), float("nan")]}
        self.remarks_ = ["the budget of 3 iterations was used up"]

    def predict_series(self, context: Context) -> Floats:
        return np.zeros((context.horizon, 1))


def test_what_a_forecaster_tells_of_its_training_is_kept() -> None:
    run = evaluate(Trained(), Task("x", RollingOrigin(2, windows=2)), Panel.of([np.arange(20.0)]))

    again = Run.from_json(json.loads(json.dumps(run.to_json())))

    assert "the budget of 3 iterations was used up" in again.notes
    assert again.curves["loss"][:2] == (2.0, 1.0)
    assert math.isnan(again.curves["loss"][2])
