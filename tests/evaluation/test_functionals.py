"""Each metric scores its functional of a forecast (Gneiting 2011), and notes say what stood for what was not given."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.data.panel import Panel
from harness.errors import NotGiven
from harness.evaluation.audit.leakage import audit
from harness.evaluation.audit.rules import Rules, Scored
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import Metric, metric_problem
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Run, Status
from harness.evaluation.scoring import score, terms
from harness.forecasters.forecast import Forecast
from harness.results.journal import Journal, prepare_home
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts

from ..numeric_metrics import METRICS

METRIC = {metric.name: metric for metric in METRICS}
SIGMA = 1.0
LOGNORMAL = stats.lognorm(SIGMA)
NINE = tuple(i / 10 for i in range(1, 10))
SERIES = Panel.of([np.random.default_rng(0).lognormal(0, SIGMA, 20_500)], season_length=1)
TASK = Task("lognormal", RollingOrigin(10, windows=2_000, stride=10))


@dataclass
class Says:
    """The same forecast for every window."""

    result: Callable[[tuple[int, int, int]], Forecast]

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        return self.result((len(contexts), contexts.horizon, 1))


def run_of(result: Callable[[tuple[int, int, int]], Forecast], task: Task = TASK) -> Run:
    return evaluate(Says(result), task, SERIES)


def mean_of(shape: tuple[int, int, int]) -> Forecast:
    return Forecast.point(np.full(shape, LOGNORMAL.mean()))


def median_of(shape: tuple[int, int, int]) -> Forecast:
    return Forecast.point(np.full(shape, LOGNORMAL.median()))


def mean_and_median_of(shape: tuple[int, int, int]) -> Forecast:
    return Forecast(np.full(shape, LOGNORMAL.mean()), median=np.full(shape, LOGNORMAL.median()))


def quantiles_of(shape: tuple[int, int, int]) -> Forecast:
    return Forecast.quantiles_only(NINE, np.broadcast_to(LOGNORMAL.ppf(NINE), (*shape, 9)))


def expected_absolute_error(value: float) -> float:
    """E|Y − x| = x (2 F(x) − 1) + E Y − 2 E[Y; Y ≤ x], where E[Y; Y ≤ x] = exp(σ²/2) Φ(ln x / σ − σ)."""
    partial = math.exp(SIGMA**2 / 2) * stats.norm.cdf(math.log(value) / SIGMA - SIGMA)
    return value * (2 * float(LOGNORMAL.cdf(value)) - 1) + float(LOGNORMAL.mean()) - 2 * partial


class TestLognormal:
    """The true distribution, of which the mean is exp(σ²/2) and the median 1."""

    def test_the_median_has_the_lower_absolute_error_by_the_ratio_of_the_distribution(self) -> None:
        mean, median = run_of(mean_of).scores, run_of(median_of).scores

        expected = expected_absolute_error(float(LOGNORMAL.mean())) / expected_absolute_error(1.0)
        assert expected > 1.1
        for metric in ("MAE", "MASE", "WAPE"):
            assert mean[metric] / median[metric] == pytest.approx(expected, rel=0.01)

    def test_the_mean_has_the_lower_squared_error_by_the_ratio_of_the_distribution(self) -> None:
        mean, median = run_of(mean_of).scores, run_of(median_of).scores

        variance = float(LOGNORMAL.var())
        expected = (variance + (float(LOGNORMAL.mean()) - 1) ** 2) / variance
        assert median["MSE"] / mean["MSE"] == pytest.approx(expected, rel=0.03)
        assert median["RMSSE"] > mean["RMSSE"]

    def test_who_gives_both_has_the_better_of_both(self) -> None:
        mean, median, both = (run_of(result).scores for result in (mean_of, median_of, mean_and_median_of))

        for metric in METRICS:
            if metric.name in both:
                better = median if metric.functional == "median" else mean
                assert both[metric.name] == better[metric.name], metric.name

    def test_quantiles_alone_have_the_score_of_their_median(self) -> None:
        assert run_of(quantiles_of).scores["MASE"] == pytest.approx(run_of(median_of).scores["MASE"], rel=1e-12)


class TestNotes:
    ABSOLUTE = "MAE, MAPE, sMAPE, WAPE, MASE"
    SQUARED = "MSE, RMSE, RMSSE, bias"

    @pytest.mark.parametrize("result", [mean_of, mean_and_median_of])
    def test_what_is_given_needs_no_note(self, result: Callable[[tuple[int, int, int]], Forecast]) -> None:
        assert run_of(result).notes == ()

    def test_a_mean_for_the_median(self) -> None:
        run = run_of(lambda shape: Forecast(np.ones(shape)))

        assert run.notes == (f"{self.ABSOLUTE}: the mean stands for the median, which the forecaster does not give",)

    def test_a_median_for_the_mean(self) -> None:
        run = run_of(lambda shape: Forecast(median=np.ones(shape)))

        assert run.notes == (f"{self.SQUARED}: the median stands for the mean, which the forecaster does not give",)

    def test_quantiles_for_the_mean(self) -> None:
        expected = "a number computed from the quantiles stands for the mean, which the forecaster does not give"

        assert run_of(quantiles_of).notes == (f"{self.SQUARED}: {expected}",)

    def test_quantiles_for_the_median(self) -> None:
        levels = (0.1, 0.4, 0.6)
        expected = "a number computed from the quantiles stands for the median, which the forecaster does not give"

        run = run_of(lambda shape: Forecast(np.ones(shape), levels, np.ones((*shape, 3))))

        assert run.notes == (f"{self.ABSOLUTE}: {expected}",)

    def test_only_metrics_with_a_score_are_named(self) -> None:
        run = evaluate(Says(lambda shape: Forecast(np.ones(shape))), TASK, SERIES, metrics=[METRIC["RMSE"]])

        assert run.notes == ()


class TestMetric:
    def test_a_metric_of_quantiles_scores_quantiles_unless_it_says_otherwise(self) -> None:
        assert Metric("M", lambda o: o.error).functional == "mean"
        assert Metric("M", lambda o: o.quantile_loss, quantiles=True).functional == "quantiles"
        assert Metric("M", lambda o: o.error, quantiles=True, functional="median").functional == "median"

    @pytest.mark.parametrize("value", ["modes", "", 3, [], True])
    def test_other_functionals_are_refused(self, value: object) -> None:
        metric = Metric("M", lambda o: o.error, functional=value)  # type: ignore[arg-type]

        assert (
            "functional of metric 'M' must be 'mean', 'median', 'quantiles', 'probabilities' or 'mode', not"
            in metric_problem(metric)
        )

    def test_quantiles_need_a_task_with_levels(self) -> None:
        assert metric_problem(Metric("M", lambda o: o.error, functional="quantiles")) == (
            "metric 'M' scores quantiles, and so needs quantiles=True"
        )

    @pytest.mark.parametrize(("functional", "value"), [("mean", 2.0), ("median", 1.0)])
    def test_the_errors_that_a_metric_is_given_are_those_of_its_functional(self, functional, value: float) -> None:
        outcomes = outcomes_of(Forecast(np.full((3, 10, 1), 2.0), median=np.full((3, 10, 1), 1.0)))

        for losses in (lambda o: o.point - o.actuals, lambda o: o.error):
            metric = Metric("M", losses, functional=functional)
            difference = score(metric, terms(metric, outcomes), outcomes.observed)
            assert difference == pytest.approx(value - outcomes.actuals.mean())

    def test_mean_and_median_remain_what_they_say(self) -> None:
        outcomes = outcomes_of(Forecast(np.full((3, 10, 1), 2.0), median=np.full((3, 10, 1), 1.0)))

        for functional in ("mean", "median", "quantiles"):
            seen = outcomes.of(functional)  # type: ignore[arg-type]
            assert (seen.mean == 2).all()
            assert (seen.median == 1).all()

    @pytest.mark.parametrize("losses", [lambda o: o.mean - o.actuals, lambda o: o.median - o.actuals])
    @pytest.mark.parametrize("windows", [0, 2])
    def test_a_mean_and_a_median_that_are_unknown_are_not_scored(self, losses: Any, windows: int) -> None:
        known = Forecast.quantiles_only(NINE, np.ones((windows, 10, 1, 9)))
        unknown = Forecast.quantiles_only((0.9,), np.ones((3 - windows, 10, 1, 1)))
        parts = [known, unknown] if windows else [unknown]

        with pytest.raises(NotGiven, match="the forecaster gives neither a mean nor a median") as raised:
            terms(Metric("M", losses), outcomes_of(Forecast.concatenate(parts)))

        assert str(raised.value).startswith("in some windows ") == bool(windows)

    def test_one_number_for_both_is_computed_once(self) -> None:
        outcomes = outcomes_of(Forecast.point(np.ones((3, 10, 1))))

        assert outcomes.of("median") is outcomes.of("mean") is outcomes

    def test_both_are_standardised(self) -> None:
        outcomes = outcomes_of(Forecast(np.full((3, 10, 1), 2.0), median=np.full((3, 10, 1), 1.0)))
        standard = (np.full((3, 1), 1.0), np.full((3, 1), 2.0))

        standardised = Outcomes(replace(outcomes.observed, standard=standard), outcomes.forecast)

        assert (standardised.mean == 0.5).all()
        assert (standardised.of("median").point == 0).all()


def outcomes_of(forecast: Forecast) -> Outcomes:
    windows = backtest(Task("short", RollingOrigin(10, windows=3)), SERIES).windows
    index = np.arange(len(windows))
    actuals = Actuals(("0",), windows.series, windows.cutoffs, index, windows.actuals, _windows=windows)
    return Outcomes(actuals, forecast)


@dataclass
class WithLeakingMedian:
    """The mean is honest, and the median knows the first actual."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        mean = np.repeat(contexts.last_targets(1), contexts.horizon, axis=1)
        panel = contexts._panel
        rows = panel.offsets[contexts.series] + contexts.cutoffs
        return Forecast(mean, median=mean + panel.target_values[rows][:, None])


def test_the_audit_compares_medians() -> None:
    windows = backtest(Task("short", RollingOrigin(10, windows=3)), SERIES).windows
    forecaster = WithLeakingMedian()

    scored = Scored(windows, forecaster.predict(windows.contexts))

    finding = audit(forecaster, scored, Rules(), np.random.default_rng(0), 2).finding

    assert finding is not None
    assert finding[0] is Status.LEAKED


FORECASTS = {  # with the number of arrays beside series, cutoffs and terms
    "point": (mean_of, 1),
    "mean": (lambda shape: Forecast(np.ones(shape)), 1),
    "mean and median": (mean_and_median_of, 2),
    "normal": (lambda shape: Forecast.from_normal(np.ones(shape), np.asarray(1.0), (0.1, 0.9)), 2),
    "level 0.5": (quantiles_of, 2),
    "no level 0.5": (
        lambda shape: Forecast.quantiles_only((0.1, 0.9), np.broadcast_to([1.0, 4.0], (*shape, 2))),
        3,
    ),
    "too few levels": (
        lambda shape: Forecast.quantiles_only((0.5, 0.8), np.broadcast_to([1.0, 4.0], (*shape, 2))),
        3,
    ),
}


class TestStored:
    def test_origins_that_were_stored_with_one_range_are_read(self, tmp_path: Path) -> None:
        levels = (0.2, 0.8)
        run = run_of(
            lambda shape: Forecast.quantiles_only(levels, np.ones((*shape, 2))), replace(TASK, quantile_levels=levels)
        )
        journal = Journal(prepare_home(tmp_path))
        journal.write(replace(run, key="key"))
        path = tmp_path / "journal" / "cells" / "key" / "record.json"
        record = json.loads(path.read_text()) | {"schema": 1}  # of 0.2.0, whose files have no checksum
        del record["checksum"]
        former = {name: value for name, value in record["results"]["origins"].items() if name != "ranges"}
        record["results"]["origins"] = {**former, "levels": [0.2, 0.8]}
        for name in ("functionals", "unsupported"):
            del record[name]
        path.write_text(json.dumps(record))

        stored = journal.read_with_results("key")

        assert stored is not None
        assert stored.results is not None
        assert stored.results.forecast.origins.ranges == ((0.2, 0.8),)
        assert (stored.functionals, stored.unsupported) == ({}, {})

    @pytest.mark.parametrize("name", FORECASTS)
    def test_a_forecast_is_read_as_it_was_stored(self, name: str, tmp_path: Path) -> None:
        result, arrays = FORECASTS[name]
        levels = {"level 0.5": NINE}.get(name, (0.1, 0.9))
        run = run_of(result, replace(TASK, quantile_levels=levels))
        journal = Journal(prepare_home(tmp_path))

        journal.write(replace(run, key="key"))

        stored = journal.read_with_results("key")
        assert stored is not None
        assert stored.results is not None
        assert run.results is not None
        before, after = run.results.forecast, stored.results.forecast
        assert (before.origins, before.quantile_levels) == (after.origins, after.quantile_levels)
        np.testing.assert_array_equal(before.mean, after.mean)
        np.testing.assert_array_equal(before.median, after.median)
        np.testing.assert_array_equal(before.quantiles, after.quantiles)
        assert len(list((tmp_path / "journal" / "cells" / "key").glob("*.npy"))) == arrays + 3
