"""The audit finds those who look ahead or at their neighbours, and accuses nobody else."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.arrays import Floats
from harness.data.missing import FILLINGS, Missing
from harness.data.panel import Channel, Panel, Vintages
from harness.errors import BadTask, Failure, Unsupported
from harness.evaluation.audit.leakage import audit
from harness.evaluation.audit.rules import AuditResult, Rules, Scored
from harness.evaluation.calls import Calls
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Run, Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import (
    FittedLocalForecaster,
    Forecaster,
    LocalForecaster,
    PartialFailure,
)
from harness.forecasters.spec import Batches
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

LEVELS = (0.1, 0.9)
COVARIATES = (Channel("y"), Channel("past", "past covariate"), Channel("known", "known covariate"))


def random_panel(series: int = 6, length: int = 40, channels: tuple[Channel, ...] = (Channel("y"),)) -> Panel:
    values = np.random.default_rng(0).normal(10, 3, (series, length, len(channels)))
    return Panel.of(list(values), season_length=4, channels=channels)


def audited(
    forecaster: Forecaster,
    panel: Panel | None = None,
    windows: int = 1,
    missing: Missing = "native",
    sample: int = 3,
    protocol: RollingOrigin | None = None,
    tolerance: float = 0.0,
    batches: Batches = "any",
    stochastic: bool = False,
    seed: int = 0,
) -> AuditResult:
    """What the audit says of a forecaster on the last windows of every series."""
    protocol = RollingOrigin(3, windows=windows) if protocol is None else protocol
    task = Task("trial", protocol, quantile_levels=LEVELS)
    fold = next(backtest(task, random_panel() if panel is None else panel).folds())
    contexts = fold.windows.contexts.filled(missing)
    forecaster.fit(fold.train.filled(missing))
    if isinstance(forecaster, FittedLocalForecaster):
        forecaster.fit_contexts(contexts)
    forecast = Calls(missing, batches).predict(forecaster, fold.windows)
    if isinstance(forecast, Failure):
        assert isinstance(forecast.error, PartialFailure), forecast.traceback
        forecast = forecast.error.forecast
    rules, rng = Rules(Calls(missing, batches), tolerance, stochastic), np.random.default_rng(seed)
    return audit(forecaster, Scored(fold.windows, forecast), rules, rng, sample)


def passes(result: AuditResult) -> bool:
    """Whether nothing was found, nor anything to report."""
    return result.finding is result.in_batches is result.repeated is None


def status(result: AuditResult) -> Status | None:
    return None if result.finding is None else result.finding[0]


class Unfitted:
    """Forecasts a number a window, at every step."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        return said(self.numbers(contexts), contexts)

    def numbers(self, contexts: Contexts) -> Floats:
        return last(contexts)


def last(contexts: Contexts) -> Floats:
    return contexts.last_targets(1)[:, 0, 0]


def said(numbers: Floats, contexts: Contexts, seen: Floats | None = None) -> Forecast:
    """The same number at every step, and quantiles around `seen` or that number."""
    shape = (len(contexts), contexts.horizon, len(contexts.targets))
    mean = np.broadcast_to(np.asarray(numbers)[:, None, None], shape)
    middle = mean if seen is None else np.broadcast_to(seen[:, None, None], shape)
    return Forecast(mean, contexts.quantile_levels, np.stack([middle - 1, middle + 1], axis=-1))


def ahead(contexts: Contexts, channel: int = 0) -> Floats:
    """The first value after each cutoff: what nobody may know."""
    panel = contexts._panel
    return panel.values[panel.offsets[contexts.series] + contexts.cutoffs, channel]


# Those who look ahead


class LooksAhead(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return ahead(contexts)


class LooksAheadWithItsQuantiles(Unfitted):
    def predict(self, contexts: Contexts) -> Forecast:
        return said(last(contexts), contexts, ahead(contexts))


class LooksWhetherSomethingIsMissing(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return np.isnan(ahead(contexts)).astype(float)


class LooksAtItsNeighboursFuture(Unfitted):
    """Adds what comes next in the other series of the batch; alone it sees nothing."""

    def numbers(self, contexts: Contexts) -> Floats:
        next_values = ahead(contexts)
        others = [next_values[contexts.series != series].sum() for series in contexts.series]
        return last(contexts) + np.array(others)


class LooksAtTheFutureOfASeriesNotAsked(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        panel = contexts._panel
        asked = np.isin(np.arange(len(panel)), contexts.series)
        return last(contexts) + (0.0 if asked.all() else panel.values[panel.offsets[1:][~asked].min() - 1, 0])


def with_a_short_series() -> Panel:
    """A panel whose last series begins when the others end, and is too short for a window."""
    return Panel.of([*random_panel(5), [7.0, 8.0, 9.0]], season_length=4, start=[0, 0, 0, 0, 0, 38])


class LooksAtItsOwnFutureThroughLaterWindows(Unfitted):
    """Looks at nothing but contexts, some of which are later ones of the same series."""

    def numbers(self, contexts: Contexts) -> Floats:
        newest = {contexts.series[i]: last(contexts)[i] for i in np.argsort(contexts.cutoffs)}
        return np.array([newest[series] for series in contexts.series])


class LooksAheadTheFirstTime(Unfitted):
    looked = False

    def numbers(self, contexts: Contexts) -> Floats:
        first, self.looked = not self.looked, True
        return ahead(contexts) if first else last(contexts)


class LooksAheadInLargeBatches(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return ahead(contexts) if len(contexts) > 5 else last(contexts)


class FailsWhereTheFutureIsMissing(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        if np.isnan(ahead(contexts)).any():
            raise ValueError("cannot look ahead")
        return last(contexts)


@pytest.mark.parametrize(
    "cheat",
    [
        LooksAhead,
        LooksAheadWithItsQuantiles,
        LooksWhetherSomethingIsMissing,
        LooksAtItsNeighboursFuture,
        LooksAheadInLargeBatches,
        FailsWhereTheFutureIsMissing,
    ],
)
def test_who_looks_ahead_is_found(cheat: type[Unfitted]):
    finding = audited(cheat())

    assert status(finding) is Status.LEAKED


def test_who_learns_a_windows_future_from_later_windows_is_found():
    finding = audited(LooksAtItsOwnFutureThroughLaterWindows(), random_panel(1), windows=4)

    assert status(finding) is Status.LEAKED


def test_who_looks_at_the_future_of_a_series_that_is_not_forecast_is_found():
    finding = audited(LooksAtTheFutureOfASeriesNotAsked(), with_a_short_series(), windows=2)

    assert status(finding) is Status.LEAKED


def test_the_future_of_a_past_covariate_is_found():
    class LooksAtACovariate(Unfitted):
        def numbers(self, contexts: Contexts) -> Floats:
            return ahead(contexts, channel=1)

    finding = audited(LooksAtACovariate(), random_panel(channels=COVARIATES))

    assert status(finding) is Status.LEAKED


@pytest.mark.parametrize("missing", FILLINGS)
def test_who_looks_ahead_is_found_whatever_is_filled(missing: Missing):
    values = random_panel().values.copy()
    values[::7] = math.nan
    panel = random_panel().with_values(values)

    finding = audited(LooksAhead(), panel, windows=3, missing=missing)

    assert status(finding) is Status.LEAKED


@pytest.mark.parametrize("windows", [1, 4])
def test_who_looks_ahead_is_found_between_windows_that_fail(windows: int):
    class LooksAheadBetweenFailures(Unfitted):
        def numbers(self, contexts: Contexts) -> Floats:
            return np.where(np.isin(contexts.series, [0, 5]), math.nan, ahead(contexts))

    finding = audited(LooksAheadBetweenFailures(), windows=windows)

    assert status(finding) is Status.LEAKED


@pytest.mark.parametrize("cheat", [LooksAhead, LooksAheadWithItsQuantiles, LooksAtItsNeighboursFuture])
def test_who_looks_ahead_is_found_within_a_declared_tolerance(cheat: type[Unfitted]):
    assert status(audited(cheat(), tolerance=1e-2)) is Status.LEAKED


def test_what_a_verdict_says():
    verdict = audited(LooksAhead()).finding

    assert verdict is not None
    assert verdict[0] is Status.LEAKED
    assert re.fullmatch(
        r"series '[0-5]' at cutoff 37: its forecast changes when the values not known at its cutoff are replaced by "
        r"noise, by [0-9.e+]+ times its size; the tolerance is 0 \(ForecasterSpec.tolerance\)",
        verdict[1],
    )


# Those whose forecasts differ a little from call to call


class ShiftsWithItsPosition(Unfitted):
    """Multiplies the forecasts of a batch by 1, 1.001, 1.002, …"""

    def numbers(self, contexts: Contexts) -> Floats:
        return last(contexts) * (1 + 0.001 * np.arange(len(contexts)))


class RoundsToBfloat16(Unfitted):
    """Rounds to eight bits, after a sum whose order depends on the size of the batch."""

    def numbers(self, contexts: Contexts) -> Floats:
        exponents = np.floor(np.log2(np.abs(last(contexts))))
        unit = 2.0 ** (exponents - 7)
        return np.floor(last(contexts) / unit) * unit + unit * (len(contexts) % 2)


class IsNoisy(Unfitted):
    """Adds noise of the machine, relative to the forecast, in a share of the calls."""

    def __init__(self, size: float, share: float, seed: int) -> None:
        self.size, self.share, self.rng = size, share, np.random.default_rng(seed)

    def numbers(self, contexts: Contexts) -> Floats:
        noise = self.size * self.rng.uniform(-1, 1, len(contexts)) * (self.rng.random() < self.share)
        return last(contexts) * (1 + noise)


class IsNoisyAndLooksAhead(IsNoisy):
    def numbers(self, contexts: Contexts) -> Floats:
        return super().numbers(contexts) + ahead(contexts)


def test_a_change_with_the_batch_is_reported_with_the_largest_difference_and_the_tolerance():
    result = audited(ShiftsWithItsPosition(), tolerance=1e-4)

    assert result.finding is None
    assert result.in_batches is not None
    assert 0.001 <= result.in_batches.size <= 0.007
    assert result.in_batches.reason.endswith("times its size; the tolerance is 0.0001 (ForecasterSpec.tolerance)")
    stated = float(result.in_batches.reason.partition(", by ")[2].partition(" times its size")[0])
    assert stated == pytest.approx(result.in_batches.size, rel=0.1)


def test_bfloat16_is_reported_with_a_small_tolerance_and_not_with_a_sufficient_one():
    result = audited(RoundsToBfloat16(), windows=3, tolerance=1e-5)

    assert result.finding is None
    assert result.in_batches is not None
    assert 1e-3 < result.in_batches.size <= 2**-7
    assert passes(audited(RoundsToBfloat16(), windows=3, tolerance=2**-7))


@pytest.mark.parametrize("tolerance", [0.0, 1e-5, 1e-3])
@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("size", [1e-5, 3e-4, 1.5e-3, 5e-3])
def test_noise_is_never_called_leakage(size: float, share: float, tolerance: float):
    found = {status(audited(IsNoisy(size, share, seed), tolerance=tolerance)) for seed in range(20)}

    assert found <= {None, Status.INCONSISTENT}
    assert found == {Status.INCONSISTENT} or size < 10 * max(tolerance, 1e-5) or share < 1


@pytest.mark.parametrize("size", [0.0, 1e-7, 4e-4])
def test_leakage_is_found_below_noise_within_the_tolerance(size: float):
    found = {status(audited(IsNoisyAndLooksAhead(size, 1.0, seed), tolerance=1e-3)) for seed in range(20)}

    assert found == {Status.LEAKED}


# Those who look at their neighbours, or at themselves


class NormalisesOverItsBatch(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return last(contexts) - last(contexts).mean()


class CountsItsWindows(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return last(contexts) + np.arange(len(contexts))


class LooksAtTheFirstWindow(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return last(contexts) + last(contexts)[0]


class GoesOnDrawing(Unfitted):
    def fit(self, train: TrainingData) -> None:
        self.rng_ = np.random.default_rng(0)

    def numbers(self, contexts: Contexts) -> Floats:
        return last(contexts) + self.rng_.normal(size=len(contexts))


class DrawsAnewInEachCall(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return last(contexts) + np.random.default_rng(0).normal(size=len(contexts))


class CountsItsCalls(Unfitted):
    calls = 0

    def numbers(self, contexts: Contexts) -> Floats:
        self.calls += 1
        return last(contexts) + self.calls


class NeedsABatch(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        if len(contexts) < 2:
            raise ValueError("one window is not enough")
        return last(contexts)


class NeedsAllWindows(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        if len(contexts) < 6:
            raise ValueError("some windows are not enough")
        return last(contexts)


class LosesAnAxisAlone(Unfitted):
    def predict(self, contexts: Contexts) -> Forecast:
        mean = np.broadcast_to(last(contexts)[:, None, None], (len(contexts), contexts.horizon, 1))
        return Forecast.point(mean.squeeze(0) if len(mean) == 1 else mean)


class HasQuantilesInBatchesOnly(Unfitted):
    def predict(self, contexts: Contexts) -> Forecast:
        forecast = super().predict(contexts)
        return Forecast.point(forecast.mean) if len(contexts) == 1 else forecast


@pytest.mark.parametrize(
    "forecaster",
    [
        HasQuantilesInBatchesOnly,
        NormalisesOverItsBatch,
        CountsItsWindows,
        LooksAtTheFirstWindow,
        GoesOnDrawing,
        DrawsAnewInEachCall,
        CountsItsCalls,
        LooksAheadTheFirstTime,
        NeedsABatch,
        NeedsAllWindows,
        LosesAnAxisAlone,
    ],
)
def test_whose_forecast_depends_on_the_call_is_found(forecaster: type[Unfitted]):
    finding = audited(forecaster())

    assert status(finding) is Status.INCONSISTENT


class FailsInLaterCalls(Unfitted):
    """Raises in each call but the first ones, or has no forecast of the first or of all windows then."""

    def __init__(self, calls: int, lacks: str = "call") -> None:
        self.calls, self.lacks = calls, lacks

    def predict(self, contexts: Contexts) -> Forecast:
        forecast, self.calls = super().predict(contexts), self.calls - 1
        if self.calls >= 0:
            return forecast
        try:
            raise RuntimeError("the model was freed")
        except RuntimeError as error:
            if self.lacks == "call":
                raise
            lost = np.arange(1 if self.lacks == "first window" else len(contexts))
            raise PartialFailure(forecast.without(lost), dict.fromkeys(lost, Failure(error)), self) from error


class FailsInLaterCallsAndLooksAhead(FailsInLaterCalls):
    def numbers(self, contexts: Contexts) -> Floats:
        return ahead(contexts)


@pytest.mark.parametrize("forecaster", [FailsInLaterCalls, FailsInLaterCallsAndLooksAhead])
@pytest.mark.parametrize("calls", range(1, 8))  # the batch is forecast for the second time in the eighth call
@pytest.mark.parametrize("lacks", ["call", "first window", "all windows"])
@pytest.mark.parametrize("stochastic", [True, False])
def test_who_raises_in_later_calls_does_not_escape(
    forecaster: type[FailsInLaterCalls], calls: int, lacks: str, stochastic: bool
):
    finding = audited(forecaster(calls, lacks), sample=1, stochastic=stochastic).finding

    assert finding is not None
    if finding.status is Status.LEAKED:
        assert forecaster is FailsInLaterCallsAndLooksAhead
    else:
        assert finding.status is Status.INCONSISTENT
        assert finding.reason.endswith(": RuntimeError: the model was freed")
        assert "in predict" in finding.place
        assert "RuntimeError: the model was freed" in finding.traceback


def test_the_run_of_who_raises_in_later_calls_names_the_exception_its_place_and_its_traceback():
    task = Task("trial", RollingOrigin(3, windows=1), quantile_levels=LEVELS)

    run = evaluate(FailsInLaterCalls(1), task, random_panel())

    assert run.status is Status.INCONSISTENT
    assert re.search(r"RuntimeError: the model was freed \(.*test_audit.py, line \d+, in predict\)", run.explanation)
    assert "RuntimeError: the model was freed" in run.traceback


def test_a_stochastic_forecaster_may_need_all_windows_which_is_noted():
    result = audited(NeedsAllWindows(), stochastic=True)

    assert result.finding is None
    assert result.in_batches is not None
    assert result.in_batches.reason.endswith(": ValueError: some windows are not enough")


def test_who_normalises_over_later_windows_looks_ahead():
    finding = audited(NormalisesOverItsBatch(), random_panel(1), windows=4)

    assert status(finding) is Status.LEAKED


# Those who do nothing wrong


class Honest(Unfitted):
    """Looks at everything that it is shown, each value with a weight of its own."""

    def numbers(self, contexts: Contexts) -> Floats:
        past = contexts.last(12)
        weights = np.random.default_rng(1).normal(size=past.shape[1:])
        ahead = np.nan_to_num(contexts.known()).sum(axis=(1, 2))
        return np.nansum(past * weights, axis=(1, 2)) + ahead


class HonestAlone(LocalForecaster):
    def predict_series(self, context: Context) -> Floats | Forecast:
        weights = np.sqrt(np.arange(1, len(context.values) + 1))[:, None]
        number = np.nansum(context.values * weights) + np.nansum(context.known)
        mean = np.full((1, context.horizon, 1), number)
        return Forecast.from_normal(mean, np.asarray(abs(number) + 1), context.quantile_levels)


class HonestAndFitted(FittedLocalForecaster):
    def fit_series(self, context: Context) -> Floats:
        return np.nanmean(np.nan_to_num(context.values), axis=0)

    def predict_windows(self, state: Floats, contexts: Contexts) -> Forecast:
        past = np.nan_to_num(contexts.last(int(contexts.lengths.max())))
        return said(past.sum(axis=(1, 2)) + state[0], contexts)


class OnePass(HonestAndFitted):
    """Runs once along the longest context, and takes from it what each cutoff knows."""

    def predict_windows(self, state: Floats, contexts: Contexts) -> Forecast:
        longest = contexts.last(int(contexts.lengths.max()))[-1, :, 0]
        running = np.cumsum(np.nan_to_num(longest))
        return said(running[contexts.cutoffs - contexts.cutoffs[-1] - 1] + state[0], contexts)


class HonestAndDrawing(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        keys = zip(contexts.ids, contexts.cutoffs.tolist(), strict=True)
        draws = [np.random.default_rng([int(series), cutoff]).normal() for series, cutoff in keys]
        return np.nansum(contexts.last(5), axis=(1, 2)) + np.array(draws)


class SaysNothing(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return np.where(np.arange(len(contexts)) >= 0, math.nan, 0.0)


class FailsOnOneSeries(LocalForecaster):
    def predict_series(self, context: Context) -> Floats:
        if context.id == "0":
            raise ValueError("not this one")
        return np.full((context.horizon, 1), context.target[-1, 0])


class FailsAloneWhereItFailsAnyway(Unfitted):
    """Says nothing of some windows in a batch, and raises where there are no others."""

    def numbers(self, contexts: Contexts) -> Floats:
        lost = np.array(contexts.ids) == "0"
        if lost.all():
            raise ValueError("nothing but what cannot be forecast")
        return np.where(lost, math.nan, last(contexts))


class GivesUpOnMissingNeighbours(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        if np.isnan(contexts.last(4)).any():
            raise ValueError("cannot take missing values")
        return last(contexts)


class FailsOnOneSeriesBesideQuantiles(HonestAlone):
    failing = "0"

    def predict_series(self, context: Context) -> Floats | Forecast:
        if context.id == self.failing:
            raise Unsupported("not this one")
        return super().predict_series(context)


class FailsOnTheLastSeriesBesideQuantiles(FailsOnOneSeriesBesideQuantiles):
    failing = "5"


class IsAPointForecastBesideQuantiles(HonestAlone):
    """Of one series it has a mean alone."""

    def predict_series(self, context: Context) -> Floats | Forecast:
        forecast = super().predict_series(context)
        assert isinstance(forecast, Forecast)
        return forecast.mean[0] if context.id == "0" else forecast


class FailsPartOfTheWay(Unfitted):
    """Forecasts of a series are NaN from the second step in a batch, and at all steps alone."""

    def predict(self, contexts: Contexts) -> Forecast:
        forecast = Forecast.point(super().predict(contexts).mean.copy())
        forecast.mean[np.array(contexts.ids) == "0", 1 if len(contexts) > 1 else 0 :] = math.nan
        return forecast


class CannotTakeMissingValues(HonestAndFitted):
    """Raises for all windows of a series if values are missing in the longest context of them."""

    def predict_windows(self, state: Floats, contexts: Contexts) -> Forecast:
        if np.isnan(contexts.last(int(contexts.lengths.max()))).any():
            raise Unsupported("needs complete series")
        return super().predict_windows(state, contexts)


class RoundsAboutZero(Unfitted):
    """A forecast of zero but for rounding, which a batch sums in another order than a window alone."""

    def numbers(self, contexts: Contexts) -> Floats:
        return np.full(len(contexts), 1e-15 if len(contexts) == 1 else -2e-15)


class RoundsOtherwiseInEachCall(Unfitted):
    """As threads do that add up in no order."""

    calls = 0

    def numbers(self, contexts: Contexts) -> Floats:
        self.calls += 1
        return last(contexts) * (1 + 1e-9 * (self.calls % 3))


HONEST = (Honest, HonestAlone, HonestAndFitted, HonestAndDrawing)


@pytest.mark.parametrize("windows", [1, 4])
@pytest.mark.parametrize(
    "honest",
    [
        *HONEST,
        OnePass,
        Unfitted,
        SaysNothing,
        FailsOnOneSeries,
        FailsAloneWhereItFailsAnyway,
        FailsOnOneSeriesBesideQuantiles,
        FailsOnTheLastSeriesBesideQuantiles,
        IsAPointForecastBesideQuantiles,
        FailsPartOfTheWay,
        CannotTakeMissingValues,
        RoundsAboutZero,
        GivesUpOnMissingNeighbours,
        RoundsOtherwiseInEachCall,
    ],
)
def test_honest_forecasters_pass(honest: type[Forecaster], windows: int):
    result = audited(honest(), windows=windows, sample=10)

    assert passes(result), result


def test_known_covariates_may_be_known():
    assert passes(audited(Honest(), random_panel(channels=COVARIATES), windows=4))


def test_one_pass_over_a_gap_that_is_interpolated_looks_ahead():
    """The value on the line between its neighbours is not known at a cutoff inside of the gap."""
    values = random_panel(1).values.copy()
    values[34:37] = math.nan
    panel, protocol = random_panel(1).with_values(values), RollingOrigin(1, windows=5)

    findings = [audited(OnePass(), panel, missing=missing, protocol=protocol) for missing in FILLINGS]

    assert dict(zip(FILLINGS, map(status, findings), strict=True)) == {
        "native": None,
        "ffill": None,
        "interpolate": Status.LEAKED,
        "seasonal": None,
    }


@st.composite
def holed_panels(draw) -> Panel:
    """Ragged series with gaps anywhere, at their ends too, and covariates."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.0, 0.1, 0.5, 0.9]))
    series = []
    for length in draw(st.lists(st.integers(8, 25), min_size=1, max_size=4)):
        values = rng.normal(0, 10, (length, 3)) * 10.0 ** rng.integers(-3, 4)
        values[rng.random(values.shape) < share] = math.nan
        values[: draw(st.integers(0, 6))] = math.nan
        values[rng.integers(0, length), 0] = 1.0  # a series without any value is no series
        series.append(values)
    return Panel.of(series, season_length=draw(st.integers(1, 5)), channels=COVARIATES)


@dataclass
class Case:
    """One honest forecaster on one task."""

    forecaster: Forecaster
    panel: Panel
    protocol: RollingOrigin
    missing: Missing


@st.composite
def cases(draw) -> Case:
    protocol = RollingOrigin(
        horizon=draw(st.integers(1, 3)),
        windows=draw(st.integers(1, 4)),
        stride=draw(st.integers(1, 3)),
        gap=draw(st.integers(0, 2)),
        max_context=draw(st.sampled_from([None, 1, 5])),
    )
    honest = draw(st.sampled_from(HONEST))()
    return Case(honest, draw(holed_panels()), protocol, draw(st.sampled_from(FILLINGS)))


@given(cases())
def test_honest_forecasters_pass_whatever_is_missing_and_however_it_is_filled(case: Case):
    try:
        result = audited(case.forecaster, case.panel, missing=case.missing, sample=2, protocol=case.protocol)
    except BadTask:
        assume(False)

    assert passes(result), result


# Delays and vintages


def delayed_and_forecast(length: int = 40, vintages: bool = True, series: int = 3) -> Panel:
    """Series with a past covariate that is known three steps later, and a known one that is a forecast."""
    rng = np.random.default_rng(0)
    values = rng.normal(10, 3, (series, length, 3))
    issued = np.arange(0, length, 2)
    given = Vintages.of([(issued, rng.normal(10, 3, (len(issued), 6))) for _ in range(series)])
    channels = (
        Channel("y"),
        Channel("late", "past covariate", delay=3),
        Channel("weather", "known covariate", certain=False),
    )
    return Panel.of(list(values), season_length=4, channels=channels, vintages={"weather": given} if vintages else {})


class UsesAllThatIsGiven(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return np.nansum(contexts.last(12), axis=(1, 2)) + np.nansum(contexts.known(), axis=(1, 2))


class ReadsAnUnavailableValue(Unfitted):
    """Reads the last value before the cutoff of a channel with a delay, past the contexts."""

    def numbers(self, contexts: Contexts) -> Floats:
        panel = contexts._panel
        return panel.values[panel.offsets[contexts.series] + contexts.cutoffs - 1, 1]


class ReadsTheFirstUnavailableValue(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        panel = contexts._panel
        return panel.values[panel.offsets[contexts.series] + contexts.cutoffs - 3, 1]


class ReadsTheWeather(Unfitted):
    """Reads what the weather was, instead of its forecasts."""

    def numbers(self, contexts: Contexts) -> Floats:
        return ahead(contexts, channel=2)


class ReadsALaterVintage(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        return contexts._panel.vintages["weather"].at(contexts.series, contexts.cutoffs + 2, 1)[:, 0]


class ReadsTheVintagesOfASeriesNotAsked(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        vintages = contexts._panel.vintages["weather"]
        asked = np.isin(vintages.series, contexts.series)
        return last(contexts) + (0.0 if asked.all() else vintages.values[~asked][-1, 0])


class ReadsTheLastAvailableValue(Unfitted):
    def numbers(self, contexts: Contexts) -> Floats:
        panel = contexts._panel
        return panel.values[panel.offsets[contexts.series] + contexts.cutoffs - 4, 1]


@pytest.mark.parametrize("missing", FILLINGS)
@pytest.mark.parametrize(
    "cheat", [ReadsAnUnavailableValue, ReadsTheFirstUnavailableValue, ReadsTheWeather, ReadsALaterVintage]
)
def test_who_reads_what_is_not_known_yet_is_found(cheat: type[Unfitted], missing: Missing):
    finding = audited(cheat(), delayed_and_forecast(), windows=3, missing=missing)

    assert status(finding) is Status.LEAKED


def test_who_reads_vintages_of_other_series_is_found():
    panel = delayed_and_forecast(series=6)
    late = panel.between(np.where(np.arange(6) == 5, 37, 0), panel.lengths)
    assert late is not None

    finding = audited(ReadsTheVintagesOfASeriesNotAsked(), late)

    assert status(finding) is Status.LEAKED


@pytest.mark.parametrize("missing", FILLINGS)
@pytest.mark.parametrize("forecaster", [UsesAllThatIsGiven, ReadsTheLastAvailableValue])
@pytest.mark.parametrize("vintages", [True, False])
def test_who_uses_what_is_known_is_not_accused(forecaster: type[Unfitted], missing: Missing, vintages: bool):
    panel = delayed_and_forecast(vintages=vintages)

    assert passes(audited(forecaster(), panel, windows=4, missing=missing, sample=9))


def test_without_vintages_the_actual_values_may_be_used():
    assert passes(audited(ReadsTheWeather(), delayed_and_forecast(vintages=False), windows=3))


def test_a_note_says_that_actual_values_were_given_as_forecasts():
    protocol, note = RollingOrigin(3, windows=2), "known covariate 'weather' is a forecast"

    def run(covariates: tuple[str, ...] | None, vintages: bool) -> Run:
        task = Task("trial", protocol, quantile_levels=LEVELS, covariates=covariates)
        return evaluate(UsesAllThatIsGiven(), task, delayed_and_forecast(vintages=vintages))

    without, with_vintages, unused = run(None, False), run(None, True), run(("late",), False)

    assert f"{note}, and the dataset has no vintages: its actual values were given" in without.notes
    assert with_vintages.status is unused.status is Status.COMPLETED
    assert not any(note in line for other in (with_vintages, unused) for line in other.notes)
