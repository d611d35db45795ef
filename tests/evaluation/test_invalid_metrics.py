"""A metric that breaks has no score, and costs nothing else: not the forecasts, nor any other score."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.arrays import Floats
from harness.data.panel import Panel
from harness.errors import BadInput, DataUnavailable, InvalidMetric, Unsupported
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS, Metric, metric_problem
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Run, Status
from harness.evaluation.scoring import terms, terms_by_step
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import LocalForecaster
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.windows import Context

TASK = Task("trial", RollingOrigin(2, windows=3), quantile_levels=(0.1, 0.5, 0.9))
PANEL = Panel.of([np.arange(1.0, 21.0) ** 1.5, 5 - np.arange(1.0, 21.0)], season_length=4)
SHAPE = (6, 2, 1)


class Last(LocalForecaster):
    def predict_series(self, context: Context) -> Forecast:
        mean = np.full((1, context.horizon, 1), context.target[-1, 0])
        return Forecast.from_normal(mean, np.asarray(1.0), context.quantile_levels)


def run_with(*metrics: Metric) -> Run:
    return evaluate(Last(), TASK, PANEL, metrics=(*METRICS[:2], *metrics, *METRICS[2:]))


def outcomes() -> Outcomes:
    actuals = Actuals.of(backtest(TASK, PANEL))
    return Outcomes(actuals, Forecast.from_normal(actuals.values + 1, np.asarray(1.0), TASK.quantile_levels))


def raising(error: BaseException) -> Callable[[Outcomes], Any]:
    def function(_: Outcomes) -> Floats:
        raise error

    return function


def returning(value: object) -> Callable[[Outcomes], Any]:
    return lambda _: value


def writing(name: str) -> Callable[[Outcomes], Any]:
    def function(outcomes: Outcomes) -> Floats:
        values: Floats = getattr(outcomes, name)
        values[...] = 0.0
        return values

    return function


def negative_root(outcomes: Outcomes) -> Floats:
    return -outcomes.squared_error


ARRAYS = (
    *("actuals", "mean", "median", "error", "absolute_error", "squared_error", "absolute_actuals"),
    *("quantile_loss", "covered", "interval_score", "seasonal_error", "seasonal_squared_error"),
)
ONES, BY_WINDOW = np.ones(SHAPE), np.ones(SHAPE[::2])
BROKEN: dict[str, tuple[Metric, str]] = {
    "raises": (
        Metric("M", raising(ValueError("needs positive\n  values"))),
        "losses of metric 'M' raised ValueError: needs positive values",
    ),
    "raises without a word": (Metric("M", raising(ZeroDivisionError())), "losses of metric 'M' raised ZeroDivision"),
    "exits": (Metric("M", raising(SystemExit(3))), "losses of metric 'M' raised SystemExit: 3"),
    "raises at length": (Metric("M", raising(ValueError("x" * 999))), f"ValueError: {'x' * 200}…"),
    "an axis lost": (Metric("M", returning(np.ones((6, 2)))), "(window, horizon, target) = (6, 2, 1), not (6, 2)"),
    "a number": (Metric("M", returning(1.0)), "losses of metric 'M' must be an array of floats, not float"),
    "a list": (Metric("M", returning([[[1.0]]])), "losses of metric 'M' must be an array of floats, not list"),
    "nothing": (Metric("M", returning(None)), "losses of metric 'M' must be an array of floats, not NoneType"),
    "a mask": (Metric("M", returning(np.ma.masked_less(ONES, 2))), "must be an array of floats, not MaskedArray"),
    "complex": (
        Metric("M", returning(ONES * 1j)),
        "losses of metric 'M' must be an array of floats, not of complex128",
    ),
    "objects": (Metric("M", returning(ONES.astype(object))), "must be an array of floats, not of object"),
    "text": (Metric("M", returning(ONES.astype(str))), "must be an array of floats, not of <U32"),
    "infinite": (Metric("M", returning(ONES * math.inf)), "no score by M: it is infinite"),
    "minus infinity": (Metric("M", returning(ONES * -math.inf)), "no score by M: it is infinite"),
    "both infinities": (
        Metric("M", returning(np.where(np.arange(2)[:, None] == 0, math.inf, -math.inf) * ONES), aggregation="window"),
        "no score by M: it is infinite",
    ),
    "weights without end": (
        Metric("M", returning(ONES), weights=returning(ONES * math.inf)),
        "weights of metric 'M' are infinite",
    ),
    "root of a negative": (Metric("M", negative_root, root=True), "metric 'M' has negative losses, of which no root"),
    "weights raise": (
        Metric("M", returning(ONES), weights=raising(KeyError("share"))),
        "weights of metric 'M' raised KeyError: 'share'",
    ),
    "weights without an axis": (
        Metric("M", returning(ONES), weights=returning(BY_WINDOW)),
        "weights of metric 'M' must have the shape (window, horizon, target) = (6, 2, 1), not (6, 1)",
    ),
    "scale raises": (
        Metric("M", returning(ONES), scale=raising(IndexError("no season"))),
        "scale of metric 'M' raised IndexError: no season",
    ),
    "scale by step": (
        Metric("M", returning(ONES), scale=returning(ONES)),
        "scale of metric 'M' must have the shape (window, target) = (6, 1), not (6, 2, 1)",
    ),
    "scale of no data": (Metric("M", returning(ONES), scale=raising(DataUnavailable("the data is gone"))), "is gone"),
    "another level": (Metric("M", lambda o: o.quantile(0.7)), "raised Unsupported: the task has no quantile level 0.7"),
    **{
        f"writes to {name}": (Metric("M", writing(name)), "losses of metric 'M' raised ValueError: assignment")
        for name in ARRAYS
    },
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_metric_that_breaks_has_no_score_and_a_note_names_it(case: str) -> None:
    metric, message = BROKEN[case]
    whole = run_with()

    run = run_with(metric)

    assert (run.status, run.reason, run.window_failures) == (Status.COMPLETED, "", ())
    assert run.scores == whole.scores
    (note,) = set(run.notes) - set(whole.notes)
    assert note.startswith("no score by M: ")
    assert message in note
    assert "\n" not in note
    assert run.results is not None
    assert whole.results is not None
    assert run.results.terms.keys() == whole.results.terms.keys()
    np.testing.assert_array_equal(run.results.forecast.mean, whole.results.forecast.mean)


@pytest.mark.parametrize("values", [ONES.astype(np.float32), ONES.astype(np.int8), ONES > 0])
def test_other_real_numbers_are_floats(values: Any) -> None:
    assert run_with(Metric("M", returning(values))).scores["M"] == 1.0


@pytest.mark.parametrize("array", ["quantiles", "actuals", "series", "cutoffs", "cutoff_index", "mean", "deviation"])
def test_no_array_that_a_metric_can_reach_can_be_written_to(array: str) -> None:
    task = Task("trial", RollingOrigin(2, windows=3), quantile_levels=(0.1, 0.9), standardise=True)
    actuals = Actuals.of(backtest(task, PANEL))
    seen = Outcomes(actuals, Forecast.from_normal(actuals.values, np.asarray(1.0), task.quantile_levels))
    assert seen.forecast.quantiles is not None
    assert seen.observed.standard is not None
    arrays: dict[str, Any] = {
        "quantiles": seen.forecast.quantiles,
        "actuals": seen.observed.values,
        "series": seen.observed.series,
        "cutoffs": seen.observed.cutoffs,
        "cutoff_index": seen.observed.cutoff_index,
        "mean": seen.observed.standard[0],
        "deviation": seen.observed.standard[1],
    }

    with pytest.raises(ValueError, match="read-only"):
        arrays[array][0] = 0


def test_what_is_computed_once_for_several_metrics_cannot_be_written_to() -> None:
    shared = outcomes().once(lambda o: o.error + 1)

    with pytest.raises(ValueError, match="read-only"):
        shared[0] = 0


def test_a_step_whose_weight_is_missing_is_ignored() -> None:
    weights = np.ones(SHAPE)
    weights[0, 0] = math.nan

    run = run_with(Metric("M", lambda o: o.absolute_error, weights=returning(weights)))

    assert run.results is not None
    errors = np.abs(run.results.forecast.mean - outcomes().actuals).ravel()[1:]
    assert run.scores["M"] == pytest.approx(errors.mean())


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_scale_that_divides_nothing_leaves_a_window_out_with_a_note(scale: float) -> None:
    scales = np.ones(SHAPE[::2])
    scales[0] = scale
    scaled = Metric("M", lambda o: o.absolute_error, scale=returning(scales))

    run = run_with(scaled)

    assert run.results is not None
    assert run.scores["M"] == pytest.approx(run.results.terms["MAE"].numerators[1:].sum() / 10)
    assert "1 of 6 windows are left out of M: their scale is undefined" in run.notes


def test_scores_by_step_name_the_metric_that_breaks_too() -> None:
    for case in ("raises", "an axis lost", "weights raise", "scale raises", "root of a negative"):
        metric, message = BROKEN[case]
        with pytest.raises(InvalidMetric) as raised:
            terms_by_step(metric, outcomes())
        assert message in str(raised.value)


def test_data_that_is_not_available_is_no_fault_of_a_metric() -> None:
    scaled = Metric("M", returning(ONES), scale=raising(DataUnavailable("gone")))

    with pytest.raises(DataUnavailable):
        terms(scaled, outcomes())


def test_a_level_that_the_task_lacks_is_named() -> None:
    with pytest.raises(Unsupported, match=r"the task has no quantile level 0\.7, only 0\.1, 0\.5, 0\.9"):
        outcomes().quantile(0.7)


# Values of Metric


def test_the_standard_metrics_have_no_problem() -> None:
    assert [metric_problem(metric) for metric in METRICS] == [""] * len(METRICS)


def losses(outcomes: Outcomes) -> Floats:
    return outcomes.absolute_error


HOSTILE: dict[str, Metric] = {
    "a name of two lines": Metric("two\nlines", losses),
    "a name with a tab": Metric("a\tb", losses),
    "an empty name": Metric("", losses),
    "a blank name": Metric(" ", losses),
    "a space at the end": Metric("MAE ", losses),
    "a name that is no text": Metric(3, losses),  # type: ignore[arg-type]
    "a name that leaves its folder": Metric("../MAE", losses),
    "a name that begins with a slash": Metric("/MAE", losses),
    "losses that are no function": Metric("M", ONES),  # type: ignore[arg-type]
    "no losses": Metric("M", None),  # type: ignore[arg-type]
    "weights that are no function": Metric("M", losses, weights=2.0),  # type: ignore[arg-type]
    "a scale that is no function": Metric("M", losses, scale="seasonal_error"),  # type: ignore[arg-type]
    "an unknown aggregation": Metric("M", losses, aggregation="mean"),  # type: ignore[arg-type]
    "an aggregation that is no text": Metric("M", losses, aggregation=["pooled"]),  # type: ignore[arg-type]
    "an unknown best": Metric("M", losses, best="highest"),  # type: ignore[arg-type]
    "an array as best": Metric("M", losses, best=ONES),  # type: ignore[arg-type]
    "root as text": Metric("M", losses, root="no"),  # type: ignore[arg-type]
    "levels as quantiles": Metric("M", losses, quantiles=(0.1, 0.9)),  # type: ignore[arg-type]
    "units as text": Metric("M", losses, in_units="EUR"),  # type: ignore[arg-type]
    "a description that is no text": Metric("M", losses, description=losses),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", HOSTILE)
def test_values_that_a_metric_cannot_have_are_named(case: str) -> None:
    problem = metric_problem(HOSTILE[case])

    assert "must be" in problem
    assert problem.isprintable()
    assert len(problem) < 300


@pytest.mark.parametrize("name", ["phase drift", "swing/10", "log-cosh", "R²", "P50"])
def test_names_may_have_spaces_and_signs(name: str) -> None:
    assert metric_problem(Metric(name, losses)) == ""


def test_an_invalid_metric_is_no_bad_input() -> None:
    assert not issubclass(InvalidMetric, BadInput)
