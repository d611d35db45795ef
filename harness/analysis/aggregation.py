"""Errors of forecasters on tasks → one number a forecaster: skill, win rate, mean rank.

Skill and win rate are fev-bench's (Shchur et al. 2025, fev-bench: A Realistic Benchmark for Time Series
Forecasting). Errors are (…, task, forecaster), the lower the better; leading axes are kept, so that many samples
of tasks take one call. What is NaN counts for nothing.
"""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats, mean_known

CLIP = (0.01, 100.0)  # of relative errors, in fev-bench


def relative_errors(errors: Floats, baseline: int, clip: tuple[float, float] | None = CLIP) -> Floats:
    """Errors over those of the forecaster at index `baseline`, (…, task, forecaster), clipped.

    Equal errors are 1, of zero too; an error over zero is infinite before it is clipped.
    """
    return _ratios(errors, errors[..., baseline], clip)


def skill(errors: Floats, baseline_errors: Floats, clip: tuple[float, float] | None = CLIP) -> Floats:
    """1 − the geometric mean, over tasks, of clipped errors relative to a baseline's, (…, forecaster).

    `baseline_errors` is (…, task). A task without a relative error counts for nothing; without any the skill
    is NaN.
    """
    with np.errstate(divide="ignore"):  # log 0, where nothing is clipped
        logs = np.log(_ratios(errors, baseline_errors, clip))
    return 1 - np.exp(mean_known(logs, axis=-2))


def win_rates(errors: Floats) -> Floats:
    """The share of the other forecasters that each beats, mean over tasks, (…, forecaster).

    A tie counts one half. NaN for whom nobody can be compared with.
    """
    return mean_known(wins(ranks(errors)), axis=-2)


def wins(ranked: Floats) -> Floats:
    """The share of the others that each beats in each task, from (…, task, forecaster) ranks, in their shape.

    NaN where a forecaster has no rank, or is alone.
    """
    ranked_ones = (~np.isnan(ranked)).sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares: Floats = (ranked_ones - ranked) / (ranked_ones - 1)
    return shares


def mean_ranks(errors: Floats) -> Floats:
    """The mean over tasks of each forecaster's rank, (…, forecaster); ties share the mean of their ranks."""
    return mean_known(ranks(errors), axis=-2)


def ranks(errors: Floats) -> Floats:
    """The rank of each forecaster in each task, (…, task, forecaster): 1 is best, ties share their mean."""
    order = np.argsort(errors, axis=-1)
    ordered = np.take_along_axis(errors, order, axis=-1)
    ranked = np.empty(errors.shape)
    np.put_along_axis(ranked, order, np.arange(1.0, errors.shape[-1] + 1), axis=-1)
    tied = ~(ordered[..., 1:] > ordered[..., :-1]).all(axis=-1) | np.isnan(ordered[..., -1])  # or something is missing
    ranked[tied] = _shared_ranks(errors[tied])
    return ranked


def _shared_ranks(errors: Floats) -> Floats:
    """Ranks where some tie or are missing, which takes longer."""
    order = np.argsort(errors, axis=-1)
    ordered = np.take_along_axis(errors, order, axis=-1)
    places = np.broadcast_to(np.arange(1, errors.shape[-1] + 1), errors.shape)
    differs = ordered[..., 1:] != ordered[..., :-1]
    edge = np.ones((*errors.shape[:-1], 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, differs], axis=-1), places, 0), axis=-1)
    last = np.where(np.concatenate([differs, edge], axis=-1), places, errors.shape[-1])
    last = np.minimum.accumulate(last[..., ::-1], axis=-1)[..., ::-1]
    ranked = np.empty(errors.shape)
    np.put_along_axis(ranked, order, (first + last) / 2, axis=-1)
    ranked[np.isnan(errors)] = np.nan
    return ranked


def _ratios(errors: Floats, baseline_errors: Floats, clip: tuple[float, float] | None) -> Floats:
    base = baseline_errors[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(errors == base, 1.0, errors / base)
    return ratios if clip is None else np.clip(ratios, *clip)
