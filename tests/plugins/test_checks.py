"""The checks find what a plugin's author did wrong, and call it by its name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.arrays import Floats
from harness.data.dataset import DatasetSpec
from harness.data.panel import Panel
from harness.errors import DataUnavailable, DuplicateName, UnknownName, Unsupported
from harness.evaluation.metrics import Metric
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import FittedLocalForecaster, LocalForecaster
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.catalog import load_catalog
from harness.plugins.check_results import CheckResult
from harness.plugins.checks.contracts import check, check_dataset, check_forecaster
from harness.plugins.checks.forecasters import AUDIT
from harness.plugins.checks.metrics import check_metric
from harness.plugins.checks.tasks import check_tasks
from harness.plugins.hookspecs import hookimpl
from harness.tasks.folds import backtest
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

DATACLASS = "is a dataclass of hyperparameters"
METHODS = "has the methods fit and predict"
INSTALLED = "its distributions are installed"
JSON = "its hyperparameters are JSON values"
CAPABILITIES = (
    "gives quantiles as its spec states",
    "uses covariates as its spec states",
    "forecasts several targets as its spec states",
    "needs a season as its spec states",
    "forecasts categorical targets as its spec states",
)
REPEATS = "the same seed gives the same forecasts"
STRICT = "forecasts several series in strict mode as otherwise"
UNCHANGED = "predict does not change its state"


@dataclass
class Good:
    """The last value observed, with quantiles where they are asked for."""

    seed: int = 0

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        mean = self.mean(contexts)
        return Forecast.from_normal(mean, np.asarray(self.spread()), contexts.quantile_levels)

    def mean(self, contexts: Contexts) -> Floats:
        last = np.nan_to_num(contexts.last_targets(1))
        return np.repeat(last, contexts.horizon, axis=1)

    def spread(self) -> float:
        return 1.0


@dataclass
class GoodAlone(LocalForecaster):
    length: int = 3

    def predict_series(self, context: Context) -> Floats:
        mean = np.nanmean(context.target[-self.length :], axis=0)
        return np.tile(mean, (context.horizon, 1))


@dataclass
class GoodAndFitted(FittedLocalForecaster):
    def fit_series(self, context: Context) -> Floats:
        return np.nanmean(context.target, axis=0)

    def predict_windows(self, state: Floats, contexts: Contexts) -> Forecast:
        return Forecast.point(np.tile(state, (len(contexts), contexts.horizon, 1)))


def results(factory: Callable[..., Any]) -> dict[str, CheckResult]:
    return {result.name: result for result in check_forecaster(ForecasterSpec("trial", factory))}


def failed(factory: Callable[..., Any]) -> dict[str, str]:
    """What did not pass, and why."""
    return {name: result.detail for name, result in results(factory).items() if not result.passed}


@pytest.mark.parametrize("factory", [Good, GoodAlone, GoodAndFitted])
def test_a_good_forecaster_passes_everything(factory: Callable[..., Any]):
    found = results(factory)

    assert all(result.passed and not result.skipped for result in found.values()), found
    assert list(found) == [
        DATACLASS,
        METHODS,
        JSON,
        *(f"forecasts {description}" for description, _, _ in check_tasks()),
        *CAPABILITIES,
        REPEATS,
        UNCHANGED,
        AUDIT,
    ]


class Plain:
    """Forecasts well, but its hyperparameters cannot be seen."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        return Good().predict(contexts)


def test_a_class_that_is_no_dataclass_is_found():
    assert failed(Plain) == {DATACLASS: "the factory must be a dataclass"}


@pytest.mark.parametrize(
    "factory", [partial(Good), partial(GoodAlone, length=5), partial(partial(GoodAlone), length=4)]
)
def test_a_partial_of_a_dataclass_is_a_factory(factory: Callable[..., Any]):
    assert failed(factory) == {}


def test_a_partial_of_a_class_that_is_no_dataclass_is_found():
    assert failed(partial(Plain)) == {DATACLASS: "the factory must be a dataclass"}


@dataclass
class WithoutFit:
    def predict(self, contexts: Contexts) -> Forecast:
        return Good().predict(contexts)


@dataclass
class WithoutMethods:
    forecast: int = 0


@dataclass
class WithANumberForPredict(Good):
    predict: Any = 3


@pytest.mark.parametrize(
    ("factory", "missing"),
    [
        (WithoutFit, "WithoutFit has no method fit"),
        (WithoutMethods, "WithoutMethods has no method fit and no method predict"),
        (WithANumberForPredict, "WithANumberForPredict has no method predict"),
    ],
)
def test_a_class_without_the_methods_is_found_once(factory: Callable[..., Any], missing: str):
    mend = "write fit(train) and predict(contexts), or derive from LocalForecaster or FittedLocalForecaster"

    assert failed(factory) == {METHODS: f"{missing}; {mend}"}


def test_distributions_that_are_not_installed_are_found():
    spec = ForecasterSpec("trial", Good, depends=("numpy", "no-such-distribution"))

    found = {result.name: result for result in check_forecaster(spec)}

    assert {name for name, result in found.items() if not result.passed} == {INSTALLED}
    assert found[INSTALLED].detail == (
        "depends of the spec names no-such-distribution, which is not installed; install it or correct its name"
    )
    (installed,) = (
        result for result in check_forecaster(replace(spec, depends=("numpy",))) if result.name == INSTALLED
    )
    assert (installed.passed, installed.detail) == (True, f"numpy {np.__version__}")


@dataclass
class WithAnArray(Good):
    weights: Any = field(default_factory=lambda: np.ones(2))


def test_a_hyperparameter_that_json_cannot_say_is_found():
    assert failed(WithAnArray) == {JSON: "weights is array([1., 1.]), which is no JSON value"}


@dataclass
class Counts(Good):
    """Counts its calls, which changes no forecast."""

    calls_: int = field(default=0, init=False)

    def mean(self, contexts: Contexts) -> Floats:
        self.calls_ += 1
        return super().mean(contexts)


@dataclass
class KeepsWhatItSawFirst(Good):
    """Changes in its first call alone."""

    seen_: Any = field(default=None, init=False)

    def mean(self, contexts: Contexts) -> Floats:
        self.seen_ = contexts.cutoffs if self.seen_ is None else self.seen_
        return super().mean(contexts)


@dataclass
class LoadsWhenFirstUsed(Good):
    """Loads its weights in the first call of predict."""

    weights_: Any = field(default=None, init=False)

    def mean(self, contexts: Contexts) -> Floats:
        if self.weights_ is None:
            self.weights_ = np.array(2.0)
        return self.weights_ * super().mean(contexts)


@dataclass
class CannotBePickled(Good):
    def fit(self, train: TrainingData) -> None:
        self.function_ = lambda values: values + 1

    def mean(self, contexts: Contexts) -> Floats:
        return np.asarray(self.function_(super().mean(contexts)))


@pytest.mark.parametrize("factory", [Counts, KeepsWhatItSawFirst, LoadsWhenFirstUsed, CannotBePickled])
def test_a_predict_whose_attributes_change_without_its_forecasts_passes(factory: Callable[..., Any]):
    assert failed(factory) == {}


@dataclass
class Drifts(Good):
    """Each call forecasts a little more."""

    calls_: int = field(default=0, init=False)

    def mean(self, contexts: Contexts) -> Floats:
        self.calls_ += 1
        return super().mean(contexts) + self.calls_


def test_a_predict_that_forecasts_otherwise_the_second_time_is_found():
    found = results(Drifts)

    detail = found[UNCHANGED].detail
    assert not found[UNCHANGED].passed
    assert detail.startswith("not tested: forecasts already change when the same call is repeated, by 0.")
    assert "its forecast changes when the same call is repeated" in found[AUDIT].detail  # allowed: it takes a seed


@dataclass
class ChangesInEveryFourthCall(Good):
    calls_: int = field(default=0, init=False)

    def mean(self, contexts: Contexts) -> Floats:
        self.calls_ += 1
        return super().mean(contexts) + (self.calls_ % 4 == 0)


def test_a_predict_that_differs_in_some_calls_is_not_said_to_depend_on_other_windows():
    found = failed(ChangesInEveryFourthCall)

    assert found[UNCHANGED].startswith("not tested: forecasts already change when the same call is repeated, by ")


@dataclass
class Adapts(Good):
    """Scales by the largest value that any window ever had."""

    largest_: float = field(default=0.0, init=False)

    def mean(self, contexts: Contexts) -> Floats:
        mean = super().mean(contexts)
        self.largest_ = max(self.largest_, float(np.abs(mean).max()))
        return mean / self.largest_


def test_a_predict_that_learns_from_other_windows_is_found():
    assert failed(Adapts)[UNCHANGED] == (
        "forecasts change after other windows were forecast, by 0.33 times its size; "
        "the tolerance is 0 (ForecasterSpec.tolerance)"
    )


@dataclass
class Draws(Good):
    """Draws from the entropy of the machine."""

    def mean(self, contexts: Contexts) -> Floats:
        return super().mean(contexts) + np.random.default_rng().normal()


@dataclass
class DrawsItsSpread(Good):
    def spread(self) -> float:
        return float(np.random.default_rng().uniform(1, 2))


@dataclass
class DrawsInFit(Good):
    def fit(self, train: TrainingData) -> None:
        self.level_ = np.random.default_rng().normal()

    def mean(self, contexts: Contexts) -> Floats:
        return super().mean(contexts) + self.level_


@pytest.mark.parametrize("factory", [Draws, DrawsItsSpread, DrawsInFit])
def test_draws_that_the_seed_does_not_govern_are_found(factory: Callable[..., Any]):
    found = failed(factory)[REPEATS]

    assert found.startswith("two runs with seed 0 differ, by 0.")
    assert found.endswith(" times its size; the tolerance is 0 (ForecasterSpec.tolerance)")


@dataclass
class NoisyByRounding(Good):
    """Differs by 1e-6 in each call, as sums on a GPU do."""

    def mean(self, contexts: Contexts) -> Floats:
        mean = super().mean(contexts)
        return mean * (1 + 1e-6 * np.random.default_rng().uniform(0.5, 1, mean.shape))


@dataclass
class NoisyByMore(Good):
    def mean(self, contexts: Contexts) -> Floats:
        mean = super().mean(contexts)
        return mean * (1 + 1e-3 * np.random.default_rng().uniform(-1, 1, mean.shape))


@dataclass
class DrawsBySeed(Good):
    """As it should be: keyed by seed, series and cutoff."""

    def mean(self, contexts: Contexts) -> Floats:
        keys = zip(contexts.ids, contexts.cutoffs.tolist(), strict=True)
        draws = [np.random.default_rng([self.seed, int(name), cutoff]).normal() for name, cutoff in keys]
        return super().mean(contexts) + np.array(draws)[:, None, None]


def test_draws_keyed_by_seed_series_and_cutoff_pass():
    assert failed(DrawsBySeed) == {}


@dataclass
class LooksAhead(Good):
    def mean(self, contexts: Contexts) -> Floats:
        panel = contexts._panel
        rows = panel.offsets[contexts.series] + np.minimum(contexts.cutoffs, panel.lengths[contexts.series] - 1)
        return np.repeat(np.nan_to_num(panel.target_values[rows])[:, None], contexts.horizon, axis=1)


@dataclass
class LooksAheadWithItsQuantiles(LooksAhead):
    def predict(self, contexts: Contexts) -> Forecast:
        mean = Good.mean(self, contexts)
        return replace(Forecast.from_normal(self.mean(contexts), np.asarray(1.0), contexts.quantile_levels), mean=mean)


@pytest.mark.parametrize("factory", [LooksAhead, LooksAheadWithItsQuantiles])
def test_who_looks_ahead_is_found(factory: Callable[..., Any]):
    found = failed(factory)

    assert list(found) == [AUDIT]
    assert found[AUDIT].startswith("leaked: series '")


@pytest.mark.parametrize(
    ("factory", "tolerance", "expected"),
    [
        (NoisyByRounding, 0.0, {REPEATS, UNCHANGED}),
        (NoisyByRounding, 1e-5, set()),
        (NoisyByRounding, 1e-8, {REPEATS, UNCHANGED}),
        (NoisyByMore, 0.0, {REPEATS, UNCHANGED}),
        (NoisyByMore, 1e-5, {REPEATS, UNCHANGED}),
        (NoisyByMore, 1e-2, set()),
        (Good, 1e-2, set()),
        (Drifts, 1e-2, {UNCHANGED}),
        (LooksAhead, 1e-2, {AUDIT}),
    ],
)
def test_forecasts_may_differ_by_the_tolerance_that_is_declared(
    factory: Callable[..., Any], tolerance: float, expected: set[str]
):
    results = check_forecaster(ForecasterSpec("trial", factory, tolerance=tolerance))

    assert {result.name for result in results if not result.passed} == expected
    within = [result.detail for result in results if result.name in (REPEATS, UNCHANGED) and result.passed]
    assert set(within) <= {f"within {tolerance:g}" if tolerance else ""}


@dataclass
class Univariate(Good):
    def mean(self, contexts: Contexts) -> Floats:
        if len(contexts.targets) > 1:
            raise Unsupported("forecasts one target only")
        return super().mean(contexts)


def test_what_a_forecaster_does_not_do_is_skipped():
    found = results(Univariate)["forecasts two targets"]

    assert (found.passed, found.skipped, found.detail) == (True, True, "forecasts one target only")


@dataclass
class FailsOnGaps(Good):
    def mean(self, contexts: Contexts) -> Floats:
        if np.isnan(contexts.last(10)).any():
            raise ValueError("gaps")
        return super().mean(contexts)


def test_what_a_forecaster_fails_at_is_found_and_the_rest_is_still_tried():
    found = failed(FailsOnGaps)

    reason = found["forecasts series with missing values"]
    assert re.fullmatch(r"failed: ValueError: gaps \(.*test_checks.py, line \d+, in mean\)", reason)
    assert "forecasts several series" not in found


@dataclass
class SaysNothingOfOneSeries(Good):
    def mean(self, contexts: Contexts) -> Floats:
        return np.where(contexts.series[:, None, None] == 1, math.nan, super().mean(contexts))


def test_windows_without_a_forecast_are_found():
    found = failed(SaysNothingOfOneSeries)

    assert found["forecasts several series"] == "3 of 9 windows: NaN or infinite values in series '1' at cutoff 78"


@dataclass
class OfLevels:
    """The last value observed plus the level, at levels of its own; neighbours cross where asked."""

    levels: tuple[float, ...] = (0.1, 0.3, 0.45, 0.5, 0.55, 0.7, 0.9)
    crossing: bool = False

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        quantiles = Good().mean(contexts)[..., None] + np.array(self.levels)
        if self.crossing:
            quantiles[..., [2, 3]] = quantiles[..., [3, 2]]
        return Forecast.quantiles_only(self.levels, quantiles)


@pytest.mark.parametrize("crossing", [False, True])
def test_levels_of_its_own_and_small_crossings_pass(crossing: bool):
    found = results(lambda: OfLevels(crossing=crossing))

    assert {name for name, result in found.items() if not result.passed} == {DATACLASS}  # a function is none
    assert not any(result.skipped for result in found.values())


def test_a_forecaster_without_a_centre_is_told_which_metrics_cannot_score_it():
    found = results(lambda: OfLevels(levels=(0.05, 0.1)))

    assert found["forecasts several series"].skipped
    assert "neither a mean nor a median follows" in found["forecasts several series"].detail
    levels = found["forecasts with quantile levels"]
    assert levels.skipped
    assert "the forecaster gives neither a mean nor a median" in levels.detail


def test_scores_that_exist_are_shown_beside_those_that_cannot():
    found = results(lambda: OfLevels(levels=(0.2, 0.5, 0.8)))["forecasts with quantile levels"]

    assert found.passed
    assert not found.skipped
    assert found.detail.startswith("MAE ")
    assert "; no score by WQL, SQL, MQL, coverage, MSIS: unsupported, the forecaster gives levels 0.2 to 0.8 " in (
        found.detail
    )


@dataclass
class FailsOnOneSeries(LocalForecaster):
    def predict_series(self, context: Context) -> Floats:
        if context.id == "1":
            raise ValueError("not this one")
        return np.tile(np.nan_to_num(context.target[-1]), (context.horizon, 1))


def test_windows_that_fail_are_found_by_one_check_only():
    found = failed(FailsOnOneSeries)

    assert "not this one" in found["forecasts several series"]
    assert not {REPEATS, UNCHANGED, AUDIT} & set(found)


def test_there_is_a_task_of_every_kind():
    kinds = list(check_tasks())

    windows = [backtest(task, panel).windows for _, task, panel in kinds]
    assert any(not panel.complete for _, _, panel in kinds)
    assert any(task.quantile_levels for _, task, _ in kinds)
    assert any(window.gap for window in windows)
    assert any(len(window.panel.targets) > 1 for window in windows)
    assert any(window.contexts.known().size for window in windows)


# Metrics


@pytest.mark.parametrize("name", load_catalog().metrics)
def test_our_own_metrics_honour_the_contract(name: str):
    metric = load_catalog().metrics[name].spec

    assert [result for result in check_metric(metric) if not result.passed] == []


def metric_fails(metric: Metric) -> list[str]:
    return [result.name for result in check_metric(metric) if not result.passed]


def test_a_metric_that_rewards_errors_is_found():
    reward = Metric("reward", lambda outcomes: -outcomes.absolute_error)

    assert metric_fails(reward) == ["a perfect forecast scores better than a noisy one"]


def test_a_metric_that_counts_what_is_missing_is_found():
    counts = Metric("counts", lambda outcomes: np.abs(outcomes.mean - np.nan_to_num(outcomes.actuals)))

    assert metric_fails(counts) == ["missing actuals are ignored"]


def test_a_metric_without_a_score_is_found():
    nothing = Metric("nothing", lambda outcomes: outcomes.absolute_error * math.nan)

    assert "the score of a forecast is finite" in metric_fails(nothing)


def test_a_metric_that_depends_on_the_order_of_windows_is_found():
    def weighted(outcomes: Any) -> Floats:
        return outcomes.absolute_error * np.arange(len(outcomes.mean))[:, None, None]

    assert metric_fails(Metric("order", weighted)) == ["the order of windows does not matter"]


def raises_below_five(outcomes: Any) -> Floats:
    if (outcomes.actuals <= 5).any():
        raise ValueError("needs larger values")
    return np.asarray(np.abs(np.log(np.maximum(outcomes.mean, 1e-9)) - np.log(outcomes.actuals)))


def raises_where_something_is_missing(outcomes: Any) -> Floats:
    if np.isnan(outcomes.error).any():
        raise ValueError("needs complete windows")
    return np.asarray(outcomes.absolute_error)


def divides_by_the_range(outcomes: Any) -> Floats:
    with np.errstate(all="ignore"):
        ranges = np.ptp(outcomes.actuals, axis=1, keepdims=True)
        return np.asarray(outcomes.absolute_error / ranges)


def needs_several_windows(outcomes: Any) -> Floats:
    return np.asarray(outcomes.absolute_error / np.broadcast_to(1.0, (3, *outcomes.error.shape[1:])))


def loses_an_axis(outcomes: Any) -> Floats:
    return np.asarray(outcomes.absolute_error.squeeze())


def writes(outcomes: Any) -> Floats:
    errors: Floats = outcomes.absolute_error
    errors[errors > 100] = 100
    return errors


@pytest.mark.parametrize(
    ("losses", "failed"),
    [
        (raises_below_five, {"negative values", "values around zero", "zeros", "constant series"}),
        (raises_where_something_is_missing, {"missing actuals", "windows without a forecast", "no forecast at all"}),
        (divides_by_the_range, {"zeros", "constant series", "a single window of a single step"}),
        (needs_several_windows, {"a single window of a single step"}),
        (loses_an_axis, {"scores a forecast"}),
        (writes, {"scores a forecast"}),
    ],
)
def test_a_metric_that_breaks_on_some_data_is_found(losses: Callable[[Any], Floats], failed: set[str]):
    found = {name.removeprefix("scores ") for name in metric_fails(Metric("trial", losses))}

    assert {name.removeprefix("scores ") for name in failed} <= found


def test_what_a_metric_raised_is_said():
    details = [result.detail for result in check_metric(Metric("trial", raises_below_five)) if not result.passed]

    assert "losses of metric 'trial' raised ValueError: needs larger values" in details


# Datasets


def dataset_results(spec: DatasetSpec, home: Path) -> dict[str, bool]:
    return {result.name: result.passed for result in check_dataset(spec, home)}


def test_a_good_dataset_passes(tmp_path: Path):
    spec = DatasetSpec("trial", lambda: Panel.of([[1.0, 2.0]]), source="here", licence="none needed")

    assert set(dataset_results(spec, tmp_path).values()) == {True}


def test_a_dataset_that_changes_is_found(tmp_path: Path):
    rng = np.random.default_rng(0)
    spec = DatasetSpec("trial", lambda: Panel.of([rng.normal(size=3)]), source="here", licence="none needed")

    assert not dataset_results(spec, tmp_path)["loads the same data again"]


def test_a_dataset_that_does_not_load_is_found(tmp_path: Path):
    def load() -> Panel:
        raise DataUnavailable("not here")

    found = {result.name: result for result in check_dataset(DatasetSpec("trial", load), tmp_path)}

    assert (found["loads"].passed, found["loads"].detail) == (False, "not here")


def test_a_dataset_without_source_and_licence_is_found(tmp_path: Path):
    spec = DatasetSpec("trial", lambda: Panel.of([[1.0, 2.0]]))

    found = dataset_results(spec, tmp_path)

    assert [name for name, passed in found.items() if not passed] == [
        "gives its source",
        "gives its licence",
    ]


# By name


@pytest.mark.parametrize(("name", "first"), [("naive", DATACLASS), ("MASE", "a perfect forecast scores better")])
def test_things_are_checked_by_their_name(name: str, first: str, tmp_path: Path):
    found = list(check(name, load_catalog(), tmp_path))

    assert found[0].name.startswith(first)
    assert all(result.passed for result in found)


def test_a_name_unknown_is_told_with_the_nearest_one(tmp_path: Path):
    with pytest.raises(UnknownName, match="did you mean 'naive'"):
        check("naiv", load_catalog(), tmp_path)


def test_a_name_that_two_plugins_claim_is_refused_with_both_owners(tmp_path) -> None:
    class Provides:
        @hookimpl
        def harness_forecasters(self) -> list[ForecasterSpec]:
            return [ForecasterSpec("mine", "harness_models.naive:Naive")]

    catalog = load_catalog(extra={"first": Provides(), "second": Provides()})

    with pytest.raises(DuplicateName, match=r"first .* and second"):
        check("mine", catalog, tmp_path)


class Pools(Good):
    """Forecasts the mean of all windows of a call."""

    def predict(self, contexts: Contexts) -> Forecast:
        mean = self.mean(contexts)
        return Forecast.point(mean + mean.mean() + len(contexts))


class TestStrictMode:
    def test_its_forecasts_are_compared_with_those_of_batches(self):
        found = check_forecaster(ForecasterSpec("trial", GoodAlone), strict=True)
        compared = [result for result in found if result.name.endswith("in strict mode as otherwise")]

        assert len(compared) == len(list(check_tasks()))
        assert {result.detail for result in compared} == {"equal to the batch run to the last bit"}

    def test_one_that_depends_on_the_other_windows_fails(self):
        found = check_forecaster(ForecasterSpec("trial", Pools, draws=False), strict=True)
        (several,) = [result for result in found if result.name == STRICT]

        assert not several.passed
        assert several.detail.startswith("its forecasts are different from the batch run by ")
        assert 'declare batches = "cutoff" or "window" in its spec' in several.detail

    def test_unless_its_random_numbers_do(self):
        found = check_forecaster(ForecasterSpec("trial", Pools), strict=True)
        (several,) = [result for result in found if result.name == STRICT]

        assert several.passed
        assert several.detail.endswith("its random numbers depend on the windows of a call")

    def test_or_its_spec_says_so(self):
        found = check_forecaster(ForecasterSpec("trial", Pools, batches="cutoff"), strict=True)
        (several,) = [result for result in found if result.name == STRICT]

        assert several.passed
        assert several.detail == "equal to the batch run to the last bit"
