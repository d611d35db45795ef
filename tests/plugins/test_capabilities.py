"""What a spec states of a forecaster's capabilities is checked by its forecasts, and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from harness import (
    Card,
    Context,
    Contexts,
    Forecast,
    ForecasterSpec,
    LocalForecaster,
    Panel,
    RollingOrigin,
    Status,
    Task,
    TrainingData,
    Unsupported,
)
from harness.data.panel import Channel
from harness.evaluation.covariate_notes import ignored_covariates
from harness.evaluation.evaluate import NO_SEASON, evaluate
from harness.forecasters.hyperparameters import hyperparameters_of
from harness.forecasters.spec import spec_problem
from harness.plugins.checks.contracts import check_forecaster
from harness.report.catalog.capabilities import capability_letters, capability_rows

QUANTILES, COVARIATES = "gives quantiles as its spec states", "uses covariates as its spec states"
TARGETS, SEASON = "forecasts several targets as its spec states", "needs a season as its spec states"
CATEGORICAL = "forecasts categorical targets as its spec states"


@dataclass
class Adding(LocalForecaster):
    """The last value, and the known covariates times `effect`.

    Missing covariates count as zero.
    """

    effect: float = 1.0
    rounds: int = field(default=3, metadata={"meaning": "how often nothing is repeated"})

    def predict_series(self, context: Context) -> Any:
        known = np.nan_to_num(context.known).sum(axis=1, keepdims=True)[context.gap :]
        return np.tile(np.nan_to_num(context.target[-1]), (context.horizon, 1)) + self.effect * known


@dataclass
class Wide(LocalForecaster):
    """The last value, with quantiles."""

    def predict_series(self, context: Context) -> Any:
        mean = np.tile(np.nan_to_num(context.target[-1]), (context.horizon, 1))[None]
        return Forecast.from_normal(mean, np.ones(1), context.quantile_levels)


@dataclass
class Together(LocalForecaster):
    """The mean of the last values of all targets."""

    def predict_series(self, context: Context) -> Any:
        return np.full((context.horizon, context.target.shape[1]), np.nan_to_num(context.target[-1]).mean())


@dataclass
class Pooled:
    """The last value of each target, and the mean of all training data."""

    def fit(self, train: TrainingData) -> None:
        self.mean_ = float(np.nanmean(train.panel.target_values))

    def predict(self, contexts: Contexts) -> Forecast:
        last = np.nan_to_num(contexts.last_targets(1))
        return Forecast.point(np.repeat(last, contexts.horizon, axis=1) + self.mean_)


@dataclass
class Seasonal(LocalForecaster):
    """The last season, which a task without one has not."""

    def predict_series(self, context: Context) -> Any:
        if context.season_length == 1:
            raise Unsupported("there is no season to repeat")
        rows = np.arange(context.horizon) % context.season_length - context.season_length
        return np.nan_to_num(context.target[rows])


@dataclass
class Last(LocalForecaster):
    """Classes: evenly likely, but for the first one, which depends on the last class of the last target."""

    def predict_series(self, context: Context) -> Any:
        return first_class_is(0.1 + 0.1 * float(np.nan_to_num(context.target[-1, -1])), context)


@dataclass
class Dice(LocalForecaster):
    """Classes whose probabilities are random, whatever the seed."""

    def predict_series(self, context: Context) -> Any:
        return first_class_is(float(np.random.default_rng().random()), context)


def first_class_is(probability: float, context: Context) -> Any:
    """Probabilities of which that of the first class is given, (horizon, target, class)."""
    if not context.classes:
        raise Unsupported("targets are numbers")
    targets = [channel for channel in context.channels if channel.role == "target"]
    found = np.zeros((context.horizon, len(targets), context.classes))
    for i, channel in enumerate(targets):
        others = len(channel.categories or ()) - 1
        found[:, i, 0], found[:, i, 1 : others + 1] = probability, (1 - probability) / others
    return found


@dataclass
class Even(LocalForecaster):
    """Every class is equally likely."""

    def predict_series(self, context: Context) -> Any:
        counts = [len(channel.categories or ()) for channel in context.channels if channel.role == "target"]
        if not all(counts):
            raise Unsupported("targets are numbers")
        even = [np.arange(context.classes) < count for count in counts]
        return np.tile(np.stack([each / each.sum() for each in even]), (context.horizon, 1, 1))


def verdicts(factory: type, **stated: Any) -> Mapping[str, tuple[bool, str]]:
    results = check_forecaster(ForecasterSpec("x", factory, missing="ffill", **stated))
    return {result.name: (result.passed, result.detail) for result in results}


class TestChecks:
    def test_what_is_not_stated_is_observed(self) -> None:
        found = verdicts(Adding)

        assert found[QUANTILES] == (True, "no: its point forecasts are scored as quantiles")
        passed, detail = found[COVARIATES]
        assert passed
        assert detail == "changed by: known covariate; state it as covariates=('known covariate',)"
        assert verdicts(Wide)[QUANTILES] == (True, "yes")

    def test_a_wrong_statement_fails(self) -> None:
        found = verdicts(Adding, covariates=("static",), quantiles=True)

        assert found[QUANTILES] == (False, "it does not give quantiles; set quantiles=False in its spec")
        assert found[COVARIATES] == (
            False,
            "its forecasts change with 'known covariate': add it to its covariates",
        )

    def test_a_right_one_passes(self) -> None:
        found = verdicts(Adding, covariates=("known covariate", "static"), quantiles=False)

        assert found[QUANTILES][0]
        assert found[COVARIATES] == (True, "changed by: known covariate; not changed here by: static")

    def test_a_forecaster_of_classes_says_so(self) -> None:
        stated, silent = verdicts(Even, categorical=True), verdicts(Even)

        assert all(passed for passed, _ in stated.values())
        assert stated[CATEGORICAL] == (True, "yes")
        assert stated["forecasts several series"] == (True, "every window: targets are numbers")
        assert stated["forecasts a categorical target"] == (True, "log loss 1.1")
        assert silent[CATEGORICAL] == (False, "it forecasts categorical targets; set categorical=True in its spec")
        assert verdicts(Wide)[CATEGORICAL] == (True, "no")
        wrong = verdicts(Wide, categorical=True)[CATEGORICAL]
        assert not wrong[0]
        assert wrong[1].startswith("its spec states categorical=True, and it does not forecast classes")


class TestProbabilitiesOfClasses:
    def test_a_target_that_depends_on_others_is_found(self) -> None:
        found = verdicts(Last, categorical=True, multivariate=False)[TARGETS]

        assert not found[0]
        assert found[1].startswith("its forecasts of one target change with the history of another")
        assert verdicts(Even, categorical=True)[TARGETS][1].startswith("forecast one by one")

    def test_probabilities_that_change_from_run_to_run_are_found(self) -> None:
        name = "the same seed gives the same forecasts"

        assert not verdicts(Dice, categorical=True)[name][0]
        assert verdicts(Last, categorical=True)[name][0]


class TestSeveralTargets:
    @pytest.mark.parametrize(
        ("factory", "stated", "found"),
        [
            (Wide, None, (True, "forecast one by one; state it as multivariate=False")),
            (Together, None, (True, "forecast together, each from all; state it as multivariate=True")),
            (Pooled, False, (True, "forecast one by one")),
            (Together, True, (True, "forecast together, each from all")),
            (Wide, True, (True, "not changed here by the history of other targets")),
            (
                Together,
                False,
                (
                    False,
                    "its forecasts of one target change with the history of another; set multivariate=True in its spec",
                ),
            ),
        ],
    )
    def test_a_check_observes_whether_the_history_of_others_matters(
        self, factory: type, stated: bool | None, found: tuple[bool, str]
    ) -> None:
        assert verdicts(factory, multivariate=stated)[TARGETS] == found


class TestSeason:
    def test_a_forecaster_that_needs_one_refuses_a_task_without_and_states_it(self) -> None:
        assert verdicts(Seasonal, needs_season=True)[SEASON] == (True, "needed: there is no season to repeat")
        assert verdicts(Wide)[SEASON] == (True, "not needed")
        passed, mend = verdicts(Seasonal)[SEASON]
        assert not passed
        assert mend == (
            "it refuses a task for lack of a season (there is no season to repeat); set needs_season=True in its spec"
        )
        passed, mend = verdicts(Wide, needs_season=True)[SEASON]
        assert not passed
        assert mend == (
            "it forecasts a task without a season; raise harness.Unsupported('needs a season') there, or leave "
            "needs_season out of its spec"
        )

    @pytest.mark.parametrize(
        ("of_panel", "of_task", "status"),
        [
            (1, None, Status.UNSUPPORTED),
            (12, 1, Status.UNSUPPORTED),
            (12, None, Status.COMPLETED),
            (1, 12, Status.COMPLETED),
        ],
    )
    def test_a_task_without_one_is_unsupported(self, of_panel: int, of_task: int | None, status: Status) -> None:
        panel = Panel.of([np.sin(np.arange(60.0))], season_length=of_panel)
        task = Task("t", RollingOrigin(2, windows=3), season_length=of_task)

        run = evaluate(Wide(), task, panel, needs_season=True)

        assert run.status is status
        assert run.reason == (NO_SEASON if status is Status.UNSUPPORTED else "")


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        ({"covariates": "known covariate"}, "covariates of forecaster 'x' must be a tuple of some of 'past covariate'"),
        ({"covariates": ("known",)}, "must be a tuple of some of"),
        ({"quantiles": "yes"}, "quantiles of forecaster 'x' must be True or False or None, not 'yes'"),
        ({"multivariate": 1}, "multivariate of forecaster 'x' must be True or False or None, not 1"),
        ({"needs_season": None}, "needs_season of forecaster 'x' must be True or False, not None"),
        ({"categorical": None}, "categorical of forecaster 'x' must be True or False, not None"),
    ],
)
def test_statements_of_other_types_are_refused(stated: Any, problem: str) -> None:
    assert problem in spec_problem(ForecasterSpec("x", Wide, **stated))


def test_letters_tell_what_is_stated() -> None:
    kinds = ("static", "past covariate")
    full = ForecasterSpec("x", Wide, covariates=kinds, quantiles=True, multivariate=True, needs_season=True)
    card = Card(covariates=("known covariate",))
    carded = ForecasterSpec("x", Wide, card=card, quantiles=False, multivariate=False, missing="ffill")
    partly = replace(full, multivariate=None)

    assert [*map(capability_letters, (full, carded, partly, ForecasterSpec("x", Wide)))] == [
        "QPSTNM",
        "K",
        "QPSNM?",
        "N?",
    ]
    assert (
        capability_letters(
            ForecasterSpec("x", Even, covariates=(), quantiles=False, multivariate=False, categorical=True)
        )
        == "CN"
    )


def test_rows_tell_the_same_in_words() -> None:
    rows = [dict(capability_rows(ForecasterSpec("x", Wide, multivariate=stated))) for stated in (True, False, None)]

    assert [row["several targets"] for row in rows] == [
        "forecast together, each from all",
        "forecast one by one",
        "not stated",
    ]


def test_hyperparameters_have_the_meanings_of_docstring_and_field() -> None:
    effect, rounds = hyperparameters_of(ForecasterSpec("x", Adding))

    assert (effect.name, effect.default) == ("effect", "1.0")
    assert effect.meaning == "The last value, and the known covariates times `effect`."
    assert (rounds.default, rounds.meaning) == ("3", "how often nothing is repeated")


def test_covariates_of_a_task_are_ignored_by_kind() -> None:
    channels = (Channel("y"), Channel("late", "past covariate"), Channel("price", "known covariate"))
    panel = Panel.of([np.zeros((9, 3))], channels=channels, static={"kind": ["a"]})
    task = Task("t", RollingOrigin(1))

    assert ignored_covariates(task, panel, ()) == ("late", "price", "kind")
    assert ignored_covariates(task, panel, ("known covariate",)) == ("late", "kind")
    assert ignored_covariates(task, panel, None) == ()
    assert ignored_covariates(Task("t", RollingOrigin(1), covariates=("price",)), panel, ("static",)) == ("price",)
