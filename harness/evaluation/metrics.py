"""The standard metrics: their losses, and how losses are aggregated to a score.

A metric has a numerator and a denominator at every step; both are summed over the steps of a group, and then
divided. The groups are

- `pooled`: all steps of all windows (GluonTS, GIFT-Eval);
- `series`: each series; the score is the mean over targets and series;
- `cutoff`: all series at the same cutoff; the score is the mean over targets and cutoffs (fev);
- `window`: each window; the score is the mean over targets and windows (M4, M5, TFB).

A metric scores a functional of the predictive distribution: absolute losses are lowest for its median, squared ones for
its mean (Gneiting 2011). Of categorical targets it scores the probabilities of classes, or the mode, the most probable
class. A metric that is no quotient of sums has a function of all windows together instead, and no score of a part.

Steps without an actual are ignored, and so are windows whose scale is undefined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from harness.forecasters.origins import ClassFunctional, Functional

if TYPE_CHECKING:
    from harness.arrays import Floats
    from harness.evaluation.outcomes import Outcomes

Aggregation = Literal["pooled", "series", "cutoff", "window"]
Best = Literal["lowest", "zero", "nominal", "one"]
CHOICES = {"aggregation": get_args(Aggregation), "best": get_args(Best), "functional": get_args(Functional)}
FORMER_NAMES = {"CRPS": "MQL"}


@dataclass(frozen=True)
class Metric:
    """A loss with its aggregation; by default the mean of the losses over all windows, steps and targets."""

    name: str
    losses: Callable[[Outcomes], Floats] | None = None  # numerators, (window, horizon, target); NaN is ignored
    weights: Callable[[Outcomes], Floats] | None = None  # denominators of that shape; None: 1 each
    scale: Callable[[Outcomes], Floats] | None = None  # by which the numerators are divided, (window, target)
    root: bool = False  # whether the square root is taken of each group's ratio
    aggregation: Aggregation = "pooled"
    best: Best = "lowest"
    quantiles: bool = False  # whether the task must ask for quantile levels
    in_units: bool = False  # whether it is in units of the data, so that a mean over several tasks means nothing
    description: str = ""
    interval: bool = False  # whether the task must ask for at least two quantile levels
    # what of the forecast the losses compare with the actuals; by default the mean, or the quantiles if it needs them
    functional: Functional = None  # type: ignore[assignment]
    ordered: bool = False  # whether the classes of all targets must be ordered
    overall: Callable[[Outcomes], float] | None = None  # the score of all windows together, instead of losses

    def __post_init__(self) -> None:
        if self.functional is None:
            object.__setattr__(self, "functional", "quantiles" if self.quantiles is True else "mean")

    @property
    def scores_classes(self) -> bool:
        """Whether it is a metric of categorical targets."""
        return self.functional in get_args(ClassFunctional)

    @property
    def targets(self) -> str:
        """The kind of targets that it is a metric of, as a phrase."""
        if not self.scores_classes:
            return "numeric targets"
        return f"categorical targets{' with ordered classes' if self.ordered else ''}"

    @property
    def least_levels(self) -> int:
        """The number of quantile levels that a task must at least ask for."""
        return 2 if self.interval or self.best == "nominal" else int(self.quantiles)

    @property
    def requirement(self) -> str:
        """What a task must ask for, or its targets must be, as a phrase; empty if nothing."""
        if self.scores_classes:
            return f"needs {self.targets}"
        return ("", "needs quantile levels", "needs at least two quantile levels")[self.least_levels]

    @property
    def summary(self) -> str:
        """The description and the requirement."""
        return "; ".join(filter(None, (self.description, self.requirement)))

    def distance(self, score: float, quantile_levels: tuple[float, ...] = ()) -> float:
        """The distance of a score from the best, by which standings rank; the lower the better."""
        if self.best == "lowest":
            return score
        return abs(score - self.best_score(quantile_levels))

    def best_score(self, quantile_levels: tuple[float, ...] = ()) -> float:
        """The best score."""
        if self.best == "nominal":
            return quantile_levels[-1] - quantile_levels[0]
        return 1.0 if self.best == "one" else 0.0


def metric_problem(metric: Metric) -> str:
    """What is wrong with the arguments of a metric, as a sentence; empty if nothing is."""
    name: object = metric.name
    if not (isinstance(name, str) and name and name.isprintable() and name == name.strip() and _is_plain_path(name)):
        return (
            f"the name of a metric must be printable text without spaces or slashes at its ends, "
            f"'//' or parts that begin with a dot{_but_is(name)}"
        )
    for argument in ("losses", "weights", "scale", "overall"):
        value = getattr(metric, argument)
        is_optional = argument != "losses" or metric.overall is not None
        if not callable(value) and not (is_optional and value is None):
            return f"{argument} of metric {name!r} must be a function of Outcomes{_but_is(value)}"
    for argument, choices in CHOICES.items():
        value = getattr(metric, argument)
        if not isinstance(value, str) or value not in choices:
            known = f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
            return f"{argument} of metric {name!r} must be {known}{_but_is(value)}"
    if metric.functional == "quantiles" and metric.quantiles is False:
        return f"metric {name!r} scores quantiles, and so needs quantiles=True"
    for argument in ("root", "quantiles", "in_units", "interval", "ordered"):
        value = getattr(metric, argument)
        if not isinstance(value, bool):
            return f"{argument} of metric {name!r} must be True or False{_but_is(value)}"
    description: object = metric.description
    if not isinstance(description, str):
        return f"the description of metric {name!r} must be text{_but_is(description)}"
    return ""


def _but_is(value: object) -> str:
    """The end of a sentence on what a value should be."""
    from harness.fields.errors import short_repr  # an import that valid metrics do not need

    return f", not {short_repr(value)}"


def _is_plain_path(name: str) -> bool:
    """Whether a name stays the same where it is used as a path, as MLflow does."""
    return all(part and not part.startswith(".") for part in name.split("/"))


def _symmetric_percentage(outcomes: Outcomes) -> Floats:
    """200 |e| / (|actual| + |forecast|), 0 where both are 0."""
    losses = 200 * outcomes.absolute_error
    sizes = abs(outcomes.point)
    sizes += outcomes.absolute_actuals  # in place, for speed
    return outcomes.ratio(losses, outcomes.without_rounding(sizes), empty=0.0)


METRICS = (
    Metric(
        "MAE",
        lambda o: o.absolute_error,
        in_units=True,
        functional="median",
        description="mean absolute error of the forecast median",
    ),
    Metric("MSE", lambda o: o.squared_error, in_units=True, description="mean squared error"),
    Metric(
        "RMSE",
        lambda o: o.squared_error,
        root=True,
        in_units=True,
        description="root of the mean squared error over all windows, steps and targets",
    ),
    Metric(
        "MAPE",
        lambda o: o.ratio(o.absolute_error, o.without_rounding(o.absolute_actuals)),
        functional="median",
        description="mean absolute percentage error, as a fraction; actuals of zero are ignored",
    ),
    Metric(
        "sMAPE",
        _symmetric_percentage,
        functional="median",
        description="symmetric percentage error of M4, 0 to 200; zero where both actual and forecast are",
    ),
    Metric(
        "WAPE",
        lambda o: o.absolute_error,
        functional="median",
        weights=lambda o: o.absolute_actuals,
        description="sum of absolute errors over sum of absolute actuals, over all windows, steps and targets (ND)",
    ),
    Metric(
        "MASE",
        lambda o: o.absolute_error,
        functional="median",
        scale=lambda o: o.seasonal_error,
        description="absolute error over the mean absolute seasonal difference of the history",
    ),
    Metric(
        "RMSSE",
        lambda o: o.squared_error,
        scale=lambda o: o.seasonal_squared_error,
        root=True,
        aggregation="window",
        description="root of squared error over the mean squared seasonal difference, window by window",
    ),
    Metric("bias", lambda o: o.error, best="zero", in_units=True, description="mean of forecast minus actual"),
    Metric(
        "WQL",
        lambda o: o.quantile_loss,
        weights=lambda o: o.absolute_actuals,
        quantiles=True,
        description="twice the pinball loss, mean over levels, over the sum of absolute actuals",
    ),
    Metric(
        "SQL",
        lambda o: o.quantile_loss,
        scale=lambda o: o.seasonal_error,
        quantiles=True,
        description="scaled quantile loss: twice the pinball loss, mean over levels, on MASE's scale",
    ),
    Metric(
        "MQL",
        lambda o: o.quantile_loss,
        quantiles=True,
        in_units=True,
        description="mean quantile loss: twice the pinball loss, mean over levels",
    ),
    Metric(
        "coverage",
        lambda o: o.covered,
        best="nominal",
        quantiles=True,
        interval=True,
        description="share of actuals inside the interval between the outermost quantile levels",
    ),
    Metric(
        "MSIS",
        lambda o: o.interval_score,
        scale=lambda o: o.seasonal_error,
        quantiles=True,
        interval=True,
        description="interval score of the outermost quantile levels, on MASE's scale (M4)",
    ),
    Metric(
        "log loss",
        lambda o: o.classes.log_loss,
        functional="probabilities",
        description="mean of −log p of the class that occurred (cross-entropy, in nats)",
    ),
    Metric(
        "perplexity",
        functional="probabilities",
        best="one",
        overall=lambda o: o.classes.perplexity(),
        description="exponential of the log loss",
    ),
    Metric(
        "Brier score",
        lambda o: o.classes.brier,
        functional="probabilities",
        description="mean squared error of the probabilities, summed over classes, 0 to 2",
    ),
    Metric(
        "RPS",
        lambda o: o.classes.ranked_probability,
        functional="probabilities",
        ordered=True,
        description="ranked probability score: squared error of the cumulative probabilities, summed over classes",
    ),
    Metric(
        "accuracy",
        lambda o: o.classes.correct,
        functional="mode",
        best="one",
        description="share of steps at which the most probable class occurred",
    ),
    Metric(
        "exact match",
        lambda o: o.classes.exact,
        functional="mode",
        aggregation="window",
        best="one",
        description="share of windows in which the most probable class occurred at every step",
    ),
    Metric(
        "macro F1",
        functional="mode",
        best="one",
        overall=lambda o: o.classes.macro_f1(),
        description="mean over classes of F1, of the most probable class",
    ),
    Metric(
        "ECE",
        functional="probabilities",
        overall=lambda o: o.classes.calibration_error(),
        description="expected calibration error of the most probable class, 15 bins",
    ),
)
