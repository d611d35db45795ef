"""The metrics of fev: errors of all series at a cutoff are aggregated for each target, then averaged.

The definitions are those of fev 0.10 (Shchur et al. 2025).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness import BadInput, Floats, Metric, Outcomes

PREFIX = "fev "
MEDIAN: Mapping[str, Any] = {"functional": "median"}
WITH_EPSILON = ("WAPE", "WQL")  # a lower bound of the mean absolute actual
SCALED = ("MASE", "RMSSE", "SQL")  # by the seasonal error of the history


def _squared_log_error(outcomes: Outcomes) -> Floats:
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.log1p(outcomes.point) - np.log1p(outcomes.actuals)
    return np.where(np.isfinite(errors), errors**2, np.nan)


def _relative_error(outcomes: Outcomes) -> Floats:
    return outcomes.ratio(outcomes.absolute_error, outcomes.absolute_actuals)


def _symmetric_error(outcomes: Outcomes) -> Floats:
    """2 |e| / (|y| + |f|); ignored where both are 0."""
    return outcomes.ratio(2 * outcomes.absolute_error, outcomes.absolute_actuals + abs(outcomes.point))


ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "MAE": {"losses": lambda o: o.absolute_error, "in_units": True, **MEDIAN},
    "WAPE": {"losses": lambda o: o.absolute_error, **MEDIAN},
    "MASE": {"losses": lambda o: o.absolute_error, "scale": lambda o: o.seasonal_error, **MEDIAN},
    "MSE": {"losses": lambda o: o.squared_error, "in_units": True},
    "RMSE": {"losses": lambda o: o.squared_error, "root": True, "in_units": True},
    "RMSSE": {"losses": lambda o: o.squared_error, "scale": lambda o: o.seasonal_squared_error, "root": True},
    "RMSLE": {"losses": _squared_log_error, "root": True},
    "MAPE": {"losses": _relative_error, **MEDIAN},
    "SMAPE": {"losses": _symmetric_error, **MEDIAN},
    "MQL": {"losses": lambda o: o.quantile_loss, "quantiles": True, "in_units": True},
    "WQL": {"losses": lambda o: o.quantile_loss, "quantiles": True},
    "SQL": {"losses": lambda o: o.quantile_loss, "scale": lambda o: o.seasonal_error, "quantiles": True},
}


def fev_metric(name: str, epsilon: float = 0.0) -> Metric:
    """A metric of fev by its name there; `epsilon` is the least mean absolute actual by which WAPE and WQL divide.

    Raises BadInput for an unknown name, and for an epsilon of another metric.
    """
    if name not in ARGUMENTS:
        raise BadInput(f"{name!r} is no metric of fev that harness has: {', '.join(ARGUMENTS)}")
    if epsilon and name not in WITH_EPSILON:
        raise BadInput(f"{name} has no epsilon in harness; {' and '.join(WITH_EPSILON)} have one")
    arguments = dict(ARGUMENTS[name])
    if name in WITH_EPSILON:
        arguments["weights"] = _sizes(epsilon)
    described = f"{name} of fev: for each target of all series at a cutoff, then averaged"
    return Metric(metric_name(name, epsilon), aggregation="cutoff", description=described, **arguments)


def metric_name(name: str, epsilon: float = 0.0) -> str:
    """The name in harness of a metric of fev."""
    return f"{PREFIX}{name}" + (f" (epsilon {epsilon:g})" if epsilon else "")


def _sizes(epsilon: float) -> Callable[[Outcomes], Floats]:
    """The weights of a quotient by the mean absolute actual of a cutoff and target, which is at least `epsilon`."""

    def sizes(outcomes: Outcomes) -> Floats:
        import numpy as np

        absolute = outcomes.absolute_actuals
        cutoffs = outcomes.observed.cutoff_index
        totals = np.zeros((int(cutoffs.max()) + 1, absolute.shape[2]))
        counts = np.zeros_like(totals)
        np.add.at(totals, cutoffs, np.nansum(absolute, axis=1))
        np.add.at(counts, cutoffs, (~np.isnan(absolute)).sum(axis=1))
        is_small = (totals < epsilon * counts)[cutoffs][:, None]
        return np.where(is_small & ~np.isnan(absolute), epsilon, absolute)

    return sizes
