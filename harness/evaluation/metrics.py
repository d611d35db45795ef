"""The losses of the field: what is summed in each window, and how windows become one number.

A metric says what its numerator is at every step, what its denominator is, and over which group the
two are summed before they are divided:

- `pooled`: over everything (GluonTS, GIFT-Eval);
- `series`: in each series, then the mean over targets and series;
- `cutoff`: over all series at the same cutoff, for each target, then the mean over targets and cutoffs (fev);
- `window`: in each window, then the mean over targets and windows (M4, M5, TFB).

Where an actual is missing, the step counts for nothing; where a scale is undefined, the window does not.
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
    """A loss with its aggregation; the plain mean of `losses` unless it says otherwise."""

    name: str
    losses: Callable[[Outcomes], Floats]  # numerators, (window, horizon, target); NaN counts for nothing
    weights: Callable[[Outcomes], Floats] | None = None  # denominators of that shape; None: 1 each
    scale: Callable[[Outcomes], Floats] | None = None  # divides the numerators, (window, target)
    root: bool = False  # the square root is taken of each group's ratio
    aggregation: Aggregation = "pooled"
    best: Best = "lowest"
    quantiles: bool = False  # whether the task must ask for quantile levels
    in_units: bool = False  # whether it is in units of the data, so that a mean over several tasks means nothing
    description: str = ""

    def distance(self, score: float, quantile_levels: tuple[float, ...] = ()) -> float:
        """How far a score is from the best: what standings rank by, the lower the better."""
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
        description="root of the mean squared error over everything",
    ),
    Metric(
        "MAPE",
        lambda o: o.ratio(o.absolute_error, o.absolute_actuals),
        description="mean absolute percentage error, as a fraction; actuals of zero count for nothing",
    ),
    Metric(
        "sMAPE",
        lambda o: o.ratio(200 * o.absolute_error, o.absolute_actuals + abs(o.mean), empty=0.0),
        description="symmetric percentage error of M4, 0 to 200; zero where actual and forecast both are",
    ),
    Metric(
        "WAPE",
        lambda o: o.absolute_error,
        weights=lambda o: o.absolute_actuals,
        description="sum of absolute errors over sum of absolute actuals, over everything (ND)",
    ),
    Metric(
        "MASE",
        lambda o: o.absolute_error,
        scale=lambda o: o.seasonal_error,
        description="absolute error over the mean absolute seasonal difference of all of the past",
    ),
    Metric(
        "RMSSE",
        lambda o: o.squared_error,
        scale=lambda o: o.seasonal_squared_error,
        root=True,
        aggregation="window",
        description="root of squared error over the mean squared seasonal difference, window by window (M5)",
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
