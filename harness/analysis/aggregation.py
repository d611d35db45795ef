"""Errors of forecasters on tasks → one number a forecaster: skill, win rate, mean rank.

Skill and win rate are fev-bench's (Shchur et al. 2025, fev-bench: A Realistic Benchmark for Time Series
Forecasting). Errors are (…, task, forecaster), lower is better; leading axes are kept, so that many resamples of
tasks take one call. NaN is ignored.
"""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats, mean_known

CLIP = (0.01, 100.0)  # of relative errors, in fev-bench


def relative_errors(errors: Floats, baseline: int, clip: tuple[float, float] | None = CLIP) -> Floats:
    """Errors divided by those of the forecaster at index `baseline`, (…, task, forecaster), clipped.

    Equal errors have ratio 1, even 0 / 0; an error over zero is infinite before it is clipped.
    """
    return _ratios(errors, errors[..., baseline], clip)


def skill(errors: Floats, baseline_errors: Floats, clip: tuple[float, float] | None = CLIP) -> Floats:
    """1 − the geometric mean, over tasks, of clipped errors relative to a baseline's, (…, forecaster).

    `baseline_errors` is (…, task). A task without a relative error is ignored; without any the skill is NaN.
    """
    with np.errstate(divide="ignore"):  # log 0, where nothing is clipped
        logs = np.log(_ratios(errors, baseline_errors, clip))
    return 1 - np.exp(mean_over_tasks(logs))


def win_rates(errors: Floats) -> Floats:
    """The share of the other forecasters that each beats, mean over tasks, (…, forecaster).

    A tie is half a win. NaN for a forecaster that is never compared with another.
    """
    return win_rates_of_ranks(ranks(errors))


def win_rates_of_ranks(task_ranks: Floats, weights: Floats | None = None) -> Floats:
    """The win rates that follow from (…, task, forecaster) ranks; `weights`, (sample, task), of tasks."""
    return mean_over_tasks(wins(task_ranks), weights)


def wins(task_ranks: Floats) -> Floats:
    """The share of the other forecasters that each beats in each task, in the shape of the ranks.

    NaN where a forecaster has no rank, or no competitor.
    """
    count = (~np.isnan(task_ranks)).sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares: Floats = (count - task_ranks) / (count - 1)
    return shares


def mean_ranks(errors: Floats) -> Floats:
    """The mean over tasks of each forecaster's rank, (…, forecaster); ties share the mean of their ranks."""
    return mean_over_tasks(ranks(errors))


def mean_over_tasks(values: Floats, weights: Floats | None = None) -> Floats:
    """The mean of (…, task, forecaster) values over tasks, NaN ignored; or weighted by (sample, task) weights."""
    if weights is None:
        return mean_known(values, axis=-2)
    means: Floats = (weights / weights.sum(axis=1, keepdims=True)) @ values
    return means


def ranks(errors: Floats) -> Floats:
    """The rank of each forecaster in each task, (…, task, forecaster): 1 is best, ties share their mean."""
    order = np.argsort(errors, axis=-1)
    ordered = np.take_along_axis(errors, order, axis=-1)
    task_ranks = np.empty(errors.shape)
    np.put_along_axis(task_ranks, order, np.arange(1.0, errors.shape[-1] + 1), axis=-1)
    irregular = ~(ordered[..., 1:] > ordered[..., :-1]).all(axis=-1) | np.isnan(ordered[..., -1])  # ties, or NaN
    task_ranks[irregular] = _ranks_with_ties(errors[irregular])
    return task_ranks


def _ranks_with_ties(errors: Floats) -> Floats:
    """Ranks where errors may be tied or NaN, which takes longer."""
    order = np.argsort(errors, axis=-1)
    ordered = np.take_along_axis(errors, order, axis=-1)
    positions = np.broadcast_to(np.arange(1, errors.shape[-1] + 1), errors.shape)
    differs = ordered[..., 1:] != ordered[..., :-1]
    edge = np.ones((*errors.shape[:-1], 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, differs], axis=-1), positions, 0), axis=-1)
    last = np.where(np.concatenate([differs, edge], axis=-1), positions, errors.shape[-1])
    last = np.minimum.accumulate(last[..., ::-1], axis=-1)[..., ::-1]
    task_ranks = np.empty(errors.shape)
    np.put_along_axis(task_ranks, order, (first + last) / 2, axis=-1)
    task_ranks[np.isnan(errors)] = np.nan
    return task_ranks


def _ratios(errors: Floats, baseline_errors: Floats, clip: tuple[float, float] | None) -> Floats:
    base = baseline_errors[..., None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(errors == base, 1.0, errors / base)
    return ratios if clip is None else np.clip(ratios, *clip)
