"""The standard metrics: their losses, and how losses are aggregated to a score.

A metric has a numerator and a denominator at every step; both are summed over the steps of a group, and then
divided. The groups are

- `pooled`: all steps of all windows (GluonTS, GIFT-Eval);
- `series`: each series; the score is the mean over targets and series;
- `cutoff`: all series at the same cutoff; the score is the mean over targets and cutoffs (fev);
- `window`: each window; the score is the mean over targets and windows (M4, M5, TFB).

Steps without an actual are ignored, and so are windows whose scale is undefined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from harness.arrays import Floats
    from harness.evaluation.outcomes import Outcomes

Aggregation = Literal["pooled", "series", "cutoff", "window"]
Best = Literal["lowest", "zero", "nominal"]


@dataclass(frozen=True)
class Metric:
    """A loss with its aggregation; by default the mean of the losses over all windows, steps and targets."""

    name: str
    losses: Callable[[Outcomes], Floats]  # numerators, (window, horizon, target); NaN is ignored
    weights: Callable[[Outcomes], Floats] | None = None  # denominators of that shape; None: 1 each
    scale: Callable[[Outcomes], Floats] | None = None  # by which the numerators are divided, (window, target)
    root: bool = False  # whether the square root is taken of each group's ratio
    aggregation: Aggregation = "pooled"
    best: Best = "lowest"
    quantiles: bool = False  # whether the task must ask for quantile levels
    in_units: bool = False  # whether it is in units of the data, so that a mean over several tasks means nothing
    description: str = ""

    def distance(self, score: float, quantile_levels: tuple[float, ...] = ()) -> float:
        """The distance of a score from the best, by which standings rank; the lower the better."""
        if self.best == "lowest":
            return score
        return abs(score - (quantile_levels[-1] - quantile_levels[0] if self.best == "nominal" else 0.0))


METRICS = (
    Metric("MAE", lambda o: o.absolute_error, in_units=True, description="mean absolute error of the forecast mean"),
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
        lambda o: o.ratio(o.absolute_error, o.absolute_actuals),
        description="mean absolute percentage error, as a fraction; actuals of zero are ignored",
    ),
    Metric(
        "sMAPE",
        lambda o: o.ratio(200 * o.absolute_error, o.absolute_actuals + abs(o.mean), empty=0.0),
        description="symmetric percentage error of M4, 0 to 200; zero where both actual and forecast are",
    ),
    Metric(
        "WAPE",
        lambda o: o.absolute_error,
        weights=lambda o: o.absolute_actuals,
        description="sum of absolute errors over sum of absolute actuals, over all windows, steps and targets (ND)",
    ),
    Metric(
        "MASE",
        lambda o: o.absolute_error,
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
        "CRPS",
        lambda o: o.quantile_loss,
        quantiles=True,
        in_units=True,
        description="continuous ranked probability score from quantiles: twice the pinball loss, mean over levels",
    ),
    Metric(
        "coverage",
        lambda o: o.covered,
        best="nominal",
        quantiles=True,
        description="share of actuals inside the interval between the outermost quantile levels",
    ),
    Metric(
        "MSIS",
        lambda o: o.interval_score,
        scale=lambda o: o.seasonal_error,
        quantiles=True,
        description="interval score of the outermost quantile levels, on MASE's scale (M4)",
    ),
)
