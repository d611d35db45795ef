"""Metrics of categorical targets against scikit-learn and scoringrules, or against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scoringrules
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from harness import Channel, Forecast, Panel, RollingOrigin, Task, evaluate
from harness.arrays import Floats, Ints
from harness.errors import BadData, BadTask, NotGiven
from harness.evaluation.class_outcomes import ClassOutcomes
from harness.evaluation.metric_values import overall_score
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.scoring import by_step, by_window, fits_targets, score, terms
from harness.tasks.folds import backtest

METRIC = {metric.name: metric for metric in METRICS if metric.scores_classes}
NAN = math.nan


def example(classes: int = 4, seed: int = 0, targets: int = 1, ordered: bool = True) -> tuple[Actuals, Forecast]:
    """The actuals of 18 windows of 5 steps, and random probabilities."""
    rng = np.random.default_rng(seed)
    series = list(rng.integers(classes, size=(3, 50, targets)).astype(np.float64))
    names = tuple(f"class {i}" for i in range(classes))
    channels = [Channel(f"target {i}", categories=names, ordered=ordered) for i in range(targets)]
    task = Task("trial", RollingOrigin(5, windows=6))
    actuals = Actuals.of(backtest(task, Panel.of(series, channels=channels)))
    return actuals, Forecast.from_probabilities(rng.dirichlet(np.full(classes, 0.5), size=actuals.values.shape))


def score_of(name: str, actuals: Actuals, forecast: Forecast) -> float:
    metric, outcomes = METRIC[name], Outcomes(actuals, forecast)
    if metric.overall is not None:
        return overall_score(metric, outcomes)
    return score(metric, terms(metric, outcomes), actuals)


def flat(actuals: Actuals, forecast: Forecast) -> tuple[Ints, Floats]:
    """The classes that occurred, (step,), and their probabilities, (step, class)."""
    assert forecast.probabilities is not None
    return actuals.values.ravel().astype(np.int64), forecast.probabilities.reshape(-1, forecast.probabilities.shape[-1])


class TestOracles:
    @settings(max_examples=15, deadline=None)
    @given(classes=st.integers(2, 40), seed=st.integers(0, 99))
    def test_scores_are_those_of_scikit_learn_and_scoringrules(self, classes: int, seed: int) -> None:
        actuals, forecast = example(classes, seed)
        occurred, probabilities = flat(actuals, forecast)
        labels = list(range(classes))
        predicted = probabilities.argmax(axis=1)
        expected = {
            "log loss": sk.log_loss(occurred, probabilities, labels=labels),
            "perplexity": np.exp(sk.log_loss(occurred, probabilities, labels=labels)),
            "Brier score": sk.brier_score_loss(occurred, probabilities, labels=labels, scale_by_half=False),
            "RPS": np.mean(scoringrules.rps_score(occurred + 1, probabilities)),
            "accuracy": sk.accuracy_score(occurred, predicted),
            "exact match": np.mean((probabilities.argmax(axis=1) == occurred).reshape(-1, 5).all(axis=1)),
            "macro F1": sk.f1_score(occurred, predicted, average="macro"),
        }

        assert {name: score_of(name, actuals, forecast) for name in expected} == pytest.approx(expected)

    def test_a_probability_of_zero_is_clipped_as_in_scikit_learn(self) -> None:
        actuals, _ = example(3)
        forecast = Forecast.from_probabilities(np.tile([1.0, 0.0, 0.0], (*actuals.values.shape, 1)))

        occurred, probabilities = flat(actuals, forecast)
        assert score_of("log loss", actuals, forecast) == pytest.approx(sk.log_loss(occurred, probabilities))

    def test_confusion_is_that_of_scikit_learn(self) -> None:
        actuals, forecast = example(5)
        occurred, probabilities = flat(actuals, forecast)

        table = Outcomes(actuals, forecast).classes.confusion(0)

        assert (table[:, :5] == sk.confusion_matrix(occurred, probabilities.argmax(axis=1), labels=range(5))).all()
        assert not table[:, 5].any()

    def test_calibration_error_by_hand(self) -> None:
        actuals, _ = example(2)
        actuals = with_values(actuals, np.arange(90.0).reshape(18, 5, 1) % 2)
        confident = np.where(
            np.arange(90).reshape(18, 5, 1) < 30, 0.9, 0.6
        )  # in the class that occurs every other time

        forecast = Forecast.from_probabilities(np.stack([confident, 1 - confident], axis=-1))

        assert score_of("ECE", actuals, forecast) == pytest.approx((30 * 0.4 + 60 * 0.1) / 90)


def with_values(actuals: Actuals, values: Floats) -> Actuals:
    from dataclasses import replace

    return replace(actuals, values=values)


def test_every_metric_is_perfect_where_the_class_that_occurs_is_certain() -> None:
    actuals, _ = example(4, targets=2)
    certain = Forecast.from_probabilities(np.eye(4)[actuals.values.astype(np.int64)])

    for name, metric in METRIC.items():
        assert metric.distance(score_of(name, actuals, certain)) == pytest.approx(0, abs=1e-12), name


def test_of_equal_probabilities_the_first_class_is_predicted() -> None:
    actuals, _ = example(4)
    even = Forecast.from_probabilities(np.full((*actuals.values.shape, 4), 0.25))

    assert not Outcomes(actuals, even).classes.predicted.any()
    assert score_of("log loss", actuals, even) == pytest.approx(math.log(4))
    assert score_of("perplexity", actuals, even) == pytest.approx(4)


def test_missing_actuals_are_ignored_by_all() -> None:
    actuals, forecast = example(4)
    assert forecast.probabilities is not None
    values = actuals.values.copy()
    values[:, 2] = NAN
    changed = forecast.probabilities.copy()
    changed[:, 2] = [1.0, 0, 0, 0]

    for name in METRIC:
        scores = [
            score_of(name, with_values(actuals, values), each)
            for each in (forecast, Forecast.from_probabilities(changed))
        ]
        assert scores[0] == scores[1], name


def test_a_failed_window_is_wrong_for_scores_of_all_windows_together() -> None:
    actuals, _ = example(3)
    certain = Forecast.from_probabilities(np.eye(3)[actuals.values.astype(np.int64)])
    failed = certain.without(np.array([0, 1]))

    assert score_of("ECE", actuals, failed) == pytest.approx(2 / 18)
    assert score_of("macro F1", actuals, failed) < 1
    assert score_of("perplexity", actuals, failed) == pytest.approx(np.finfo(float).eps ** (-2 / 18))
    assert score_of("accuracy", actuals, failed) == 1  # whose failed windows standings impute


def test_a_window_with_one_wrong_step_of_five_is_no_exact_match() -> None:
    actuals, _ = example(3)
    probabilities = np.eye(3)[actuals.values.astype(np.int64)]
    probabilities[:6, 4] = np.roll(probabilities[:6, 4], 1, axis=-1)
    values = actuals.values.copy()
    values[:2, 4] = NAN  # of two of the six windows, the wrong step is not known

    scores = [
        score_of("exact match", each, Forecast.from_probabilities(probabilities))
        for each in (actuals, with_values(actuals, values))
    ]

    assert scores == pytest.approx([12 / 18, 14 / 18])
    assert score_of("accuracy", actuals, Forecast.from_probabilities(probabilities)) == pytest.approx(84 / 90)


def test_perplexity_does_not_average_over_windows() -> None:
    actuals, _ = example(2)
    probability = np.where(np.arange(18)[:, None, None] < 9, 0.5, 0.125) * np.ones(actuals.values.shape)
    occurred = np.eye(2)[actuals.values.astype(np.int64)]

    forecast = Forecast.from_probabilities(np.where(occurred == 1, probability[..., None], 1 - probability[..., None]))

    assert score_of("perplexity", actuals, forecast) == pytest.approx(math.sqrt(2 * 8))


def test_losses_by_window_and_step_are_means() -> None:
    actuals, forecast = example(4)
    metric, outcomes = METRIC["log loss"], Outcomes(actuals, forecast)

    losses = outcomes.classes.log_loss[..., 0]

    np.testing.assert_allclose(by_window(metric, terms(metric, outcomes)), losses.mean(axis=1))
    np.testing.assert_allclose(by_step(metric, outcomes), losses.mean(axis=0))
    with pytest.raises(NotGiven, match="macro F1 is a score of all windows together"):
        terms(METRIC["macro F1"], outcomes)


@pytest.mark.parametrize("ordered", [True, False])
def test_metrics_apply_to_targets_of_their_kind(ordered: bool) -> None:
    actuals, _ = example(3, ordered=ordered)

    fitting = {metric.name for metric in METRICS if fits_targets(metric, actuals)}

    assert fitting == set(METRIC) - (set() if ordered else {"RPS"})


class Giving:
    """The probabilities that it is given, for all windows."""

    def __init__(self, probabilities: Floats) -> None:
        self.probabilities = probabilities

    def fit(self, train: object) -> None: ...

    def predict(self, contexts: object) -> Forecast:
        return Forecast.from_probabilities(self.probabilities)


def panel(*channels: Channel, values: Floats | None = None) -> Panel:
    if values is None:
        values = np.random.default_rng(0).integers(2, size=(40, len(channels))).astype(np.float64)
    return Panel.of([values], ids=["a"], channels=channels)


SWITCH = Channel("switch", categories=("off", "on"))
TASK = Task("trial", RollingOrigin(3, windows=2))


class TestBadInput:
    @pytest.mark.parametrize(
        ("step", "reason"),
        [
            ([0.5, 0.4], "the probabilities add up to 0.9 instead of 1 (tolerance 0.0001) in series 'a' at cutoff 37"),
            ([1.5, -0.5], "the probability -0.5 is negative in series 'a' at cutoff 37, step 2"),
            ([NAN, 0.5], "NaN or infinite values in series 'a' at cutoff 37"),
        ],
    )
    def test_a_window_without_probabilities_is_invalid(self, step: list[float], reason: str) -> None:
        probabilities = np.full((2, 3, 1, 2), 0.5)
        probabilities[1, 1, 0] = step

        run = evaluate(Giving(probabilities), TASK, panel(SWITCH))

        assert [(failure.window, failure.status.value) for failure in run.window_failures] == [(1, "invalid")]
        assert run.window_failures[0].reason.startswith(reason)

    def test_sums_are_mended_within_the_tolerance(self) -> None:
        run = evaluate(Giving(np.full((2, 3, 1, 2), 0.50004)), TASK, panel(SWITCH))

        assert run.results is not None
        assert run.results.forecast.probabilities is not None
        assert (run.results.forecast.probabilities == 0.5).all()
        assert run.scores["log loss"] == pytest.approx(math.log(2))

    def test_zeros_that_the_log_loss_clips_are_noted(self) -> None:
        run = evaluate(Giving(np.tile([1.0, 0.0], (2, 3, 1, 1))), TASK, panel(SWITCH))

        occurred = int(panel(SWITCH).values[-6:].sum())
        assert 0 < occurred < 6
        assert any(
            f"in {occurred} of 6 steps the class that occurred had a probability below 2.2e-16" in note
            for note in run.notes
        )

    def test_numbers_for_classes_and_classes_for_numbers_are_unsupported(self) -> None:
        class Zero:
            def fit(self, train: object) -> None: ...

            def predict(self, contexts: object) -> Forecast:
                return Forecast.point(np.zeros((2, 3, 1)))

        numbers = evaluate(Zero(), TASK, panel(SWITCH))
        classes = evaluate(Giving(np.full((2, 3, 1, 2), 0.5)), TASK, panel(Channel("value")))

        assert [numbers.status.value, classes.status.value] == ["unsupported", "unsupported"]
        assert "it forecasts numbers, and the targets of the task are categorical" in numbers.reason
        assert "it forecasts probabilities of classes, and the targets of the task are numeric" in classes.reason

    def test_another_shape_is_named(self) -> None:
        run = evaluate(Giving(np.full((2, 3, 1, 3), 1 / 3)), TASK, panel(SWITCH))

        assert run.status.value == "invalid"
        assert "(window, horizon, target, class) = (2, 3, 1, 2), not (2, 3, 1, 3)" in run.reason

    def test_a_target_has_its_own_classes_only(self) -> None:
        three = Channel("colour", categories=("red", "green", "blue"))
        run = evaluate(Giving(np.full((2, 3, 2, 3), 1 / 3)), TASK, panel(three, SWITCH))

        assert (
            "probabilities of classes that the target does not have in series 'a' at cutoff 34, step 1, target 2"
            in (run.reason)
        )

    @pytest.mark.parametrize(
        ("channels", "task", "problem"),
        [
            ((SWITCH, Channel("value")), TASK, "target 'switch' is categorical and target 'value' is numeric"),
            (
                (Channel("one", categories=("only",)),),
                TASK,
                "target 'one' has 1 category: there is nothing to forecast",
            ),
            ((SWITCH,), Task("trial", TASK.protocol, quantile_levels=(0.5,)), "is categorical and has no quantiles"),
            ((SWITCH,), Task("trial", TASK.protocol, standardise=True), "is categorical and cannot be standardised"),
        ],
    )
    def test_what_cannot_be_forecast_is_refused(self, channels: tuple[Channel, ...], task: Task, problem: str) -> None:
        with pytest.raises((BadTask, BadData), match=problem):
            backtest(task, panel(*channels))

    @pytest.mark.parametrize("value", [2.0, -1.0, 0.5])
    def test_values_are_indices_into_the_categories(self, value: float) -> None:
        values = np.zeros((40, 1))
        values[7] = value

        with pytest.raises(BadData, match=f"series 'a' has the value {value:g} in channel 'switch', observation 7"):
            backtest(TASK, panel(SWITCH, values=values))

    def test_one_categorical_target_of_a_mixed_panel_can_be_chosen(self) -> None:
        chosen = Task("trial", TASK.protocol, targets=("switch",))

        assert backtest(chosen, panel(SWITCH, Channel("value"))).windows.contexts.classes == 2

    def test_channels_are_checked(self) -> None:
        with pytest.raises(BadData, match="two categories called 'a'"):
            Channel("x", categories=("a", "b", "a"))
        with pytest.raises(BadData, match="ordered=True is for categorical channels only"):
            Channel("x", ordered=True)

    def test_a_metric_of_all_windows_must_return_a_number(self) -> None:
        from harness.errors import InvalidMetric

        actuals, forecast = example()
        wrong = Metric("wrong", functional="mode", overall=lambda outcomes: "much")  # type: ignore[arg-type, return-value]

        with pytest.raises(InvalidMetric, match="overall of metric 'wrong' must be a number, not str"):
            overall_score(wrong, Outcomes(actuals, forecast))


def test_numeric_forecasts_have_no_classes() -> None:
    actuals, _ = example()

    with pytest.raises(NotGiven, match="no probabilities of classes"):
        _ = Outcomes(actuals, Forecast.point(actuals.values)).classes


def test_losses_are_read_only() -> None:
    actuals, forecast = example()
    assert forecast.probabilities is not None
    outcomes = ClassOutcomes(actuals, forecast.probabilities)

    for array in (outcomes.log_loss, outcomes.brier, outcomes.ranked_probability, outcomes.correct):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
