"""What the functions of a metric return, checked: an error of a metric names the metric and the function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from harness.arrays import Floats
from harness.errors import DataUnavailable, Failure, InvalidMetric, NotGiven, attempt
from harness.evaluation.metrics import Metric

if TYPE_CHECKING:
    from harness.evaluation.outcomes import Outcomes

LONGEST_MESSAGE = 200  # characters of an exception's message
STEP_AXES, WINDOW_AXES = "(window, horizon, target)", "(window, target)"


def only_overall(metric: Metric) -> str:
    """Why a metric without losses has no score of a window, as a sentence."""
    return f"{metric.name} is a score of all windows together, and has none of a single window"


def losses_of(metric: Metric, outcomes: Outcomes) -> Floats:
    """The losses, (window, horizon, target); raises InvalidMetric, and NotGiven where the forecast lacks something."""
    if metric.losses is None:
        raise NotGiven(only_overall(metric))
    return _array(metric, "losses", metric.losses, outcomes, outcomes.actuals.shape, STEP_AXES)


def overall_score(metric: Metric, outcomes: Outcomes) -> float:
    """The score of all windows together; raises InvalidMetric, and NotGiven where the forecast lacks something."""
    assert metric.overall is not None
    returned: object = attempt(partial(metric.overall, outcomes.of(metric.functional)))
    if isinstance(returned, Failure):
        if isinstance(returned.error, DataUnavailable | NotGiven):
            raise returned.error
        raise InvalidMetric(f"overall of metric {metric.name!r} raised {_exception(returned)}") from returned.error
    if isinstance(returned, bool) or not isinstance(returned, int | float | np.floating):
        raise InvalidMetric(f"overall of metric {metric.name!r} must be a number, not {type(returned).__name__}")
    return float(returned)


def check_root(metric: Metric, sums: Floats) -> None:
    """Raise InvalidMetric if a root is to be taken of negative sums of losses."""
    if metric.root and (sums < 0).any():
        raise InvalidMetric(f"metric {metric.name!r} has negative losses, of which no root can be taken")


def weights_of(metric: Metric, outcomes: Outcomes) -> Floats:
    """The weights, (window, horizon, target), 1 where the metric has none; raises InvalidMetric."""
    if metric.weights is None:
        return np.broadcast_to(1.0, outcomes.actuals.shape)
    weights = _array(metric, "weights", metric.weights, outcomes, outcomes.actuals.shape, STEP_AXES)
    if np.isinf(weights).any():
        raise InvalidMetric(f"weights of metric {metric.name!r} are infinite")
    return weights


def scale_of(metric: Metric, outcomes: Outcomes) -> Floats:
    """The scale, (window, target), 1 where the metric has none; NaN where it is not positive and finite.

    Raises InvalidMetric, and DataUnavailable for a scale that is neither stored nor can be computed.
    """
    windows, _, targets = outcomes.actuals.shape
    if metric.scale is None:
        return np.broadcast_to(1.0, (windows, targets))
    scale = _array(metric, "scale", metric.scale, outcomes, (windows, targets), WINDOW_AXES)
    if scale.min() > 0 and scale.max() < np.inf:
        return scale
    return np.where((scale > 0) & (scale < np.inf), scale, np.nan)


def _array(
    metric: Metric,
    name: str,
    function: Callable[[Outcomes], Floats],
    outcomes: Outcomes,
    shape: tuple[int, ...],
    axes: str,
) -> Floats:
    """What a function of the metric returns, as float64; raises InvalidMetric for any other shape or type.

    Raises NotGiven where the function needs what the forecast lacks.
    """
    returned: object = attempt(partial(function, outcomes))
    if isinstance(returned, Failure):
        if isinstance(returned.error, DataUnavailable | NotGiven):
            raise returned.error
        raise InvalidMetric(f"{name} of metric {metric.name!r} raised {_exception(returned)}") from returned.error
    if not isinstance(returned, np.ndarray) or isinstance(returned, np.ma.MaskedArray):
        kind = type(returned).__name__
        raise InvalidMetric(f"{name} of metric {metric.name!r} must be an array of floats, not {kind}")
    if returned.dtype.kind not in "fiub":
        raise InvalidMetric(f"{name} of metric {metric.name!r} must be an array of floats, not of {returned.dtype}")
    if returned.shape != shape:
        raise InvalidMetric(
            f"{name} of metric {metric.name!r} must have the shape {axes} = {shape}, not {returned.shape}"
        )
    return returned if returned.dtype == np.float64 else returned.astype(np.float64)


def _exception(failure: Failure) -> str:
    """The exception's type and message, on one line."""
    message = " ".join(str(failure.error).split())
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE] + "…"
    return f"{type(failure.error).__name__}: {message}" if message else type(failure.error).__name__
