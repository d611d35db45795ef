"""Regression of a target on known covariates, whose errors another model forecasts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness import Contexts, Floats, Forecast, Ints
from harness_models.univariate import TargetPasts

LEAST_OWN_SHARE = 1e-6  # of a column's norm that other columns must leave unexplained: less is rounding


@dataclass(frozen=True, eq=False)
class Regressors:
    """The known covariates that a target is regressed on, standardised by the training data.

    A missing value is the mean of the training data.
    """

    columns: Ints  # (regressor,) positions among the known covariates
    mean: Floats  # (regressor,)
    spread: Floats  # (regressor,) standard deviation
    left_out: tuple[str, ...] = ()  # names of known covariates that are constant or collinear

    @classmethod
    def of(cls, known: Floats, names: Sequence[str], difference: Callable[[Floats], Floats]) -> Regressors:
        """The regressors among the known covariates of the training data, (length, known covariate).

        A covariate is left out if it is constant, or a linear combination of a constant and the covariates before
        it; both after `difference`, since a model of differences has no effect for what they remove.
        """
        observed = ~np.isnan(known)
        count = np.maximum(observed.sum(axis=0), 1)
        mean = np.where(observed, known, 0.0).sum(axis=0) / count
        centred = np.where(observed, known - mean, 0.0)
        spread = np.sqrt((centred**2).sum(axis=0) / count)
        kept = _independent(difference(centred / np.where(spread > 0, spread, 1.0)))
        left_out = tuple(name for i, name in enumerate(names) if i not in kept)
        return cls(np.array(kept, dtype=np.int64), mean[kept], spread[kept], left_out)

    def apply(self, known: Floats) -> Floats:
        """The regressors (…, regressor) of known covariates (…, known covariate)."""
        return np.nan_to_num((known[..., self.columns] - self.mean) / self.spread)


def _independent(columns: Floats) -> list[int]:
    """The columns that are no linear combination of a constant and the columns before them."""
    kept: list[int] = []
    basis = np.empty((len(columns), 0))
    for i, column in enumerate((columns - columns.mean(axis=0)).T):
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)  # again, as the first pass leaves rounding errors
        norm = float(np.linalg.norm(rest))
        if norm > LEAST_OWN_SHARE * max(float(np.linalg.norm(columns[:, i])), np.sqrt(len(columns)) * 1e-6):
            kept.append(i)
            basis = np.column_stack([basis, rest / norm])
    return kept


@dataclass(frozen=True, eq=False)
class KnownRegression:
    """The regressors of a target, and their estimated coefficients."""

    regressors: Regressors
    coefficients: Floats  # (regressor,)

    def adjust(self, past: TargetPasts) -> TargetPasts:
        """The pasts without the part that the regressors explain."""
        return replace(past, values=past.values - self._effect(_known_pasts(past)))

    def restore(self, past: TargetPasts, forecast: Forecast) -> Forecast:
        """The forecast of the errors, with the effect of the known covariates of each step."""
        effect = self._effect(past.contexts.known()[:, past.steps - 1])[:, :, None]
        return forecast.mapped(lambda array: array + (effect if array.ndim == effect.ndim else effect[..., None]))

    def is_incomplete(self, contexts: Contexts) -> bool:
        """Whether a value of a regressor is missing in the steps that are forecast."""
        return bool(np.isnan(contexts.known()[:, contexts.gap :, self.regressors.columns]).any())

    def _effect(self, known: Floats) -> Floats:
        return np.asarray(self.regressors.apply(known) @ self.coefficients)


def known_channels(contexts: Contexts) -> list[int]:
    """The positions of the known covariates among the channels."""
    return [i for i, channel in enumerate(contexts.channels) if channel.role == "known covariate"]


def _known_pasts(past: TargetPasts) -> Floats:
    """The known covariates of each past, (past, length, known covariate)."""
    length = past.values.shape[1]
    whole = np.flatnonzero(past.ends == length)  # the windows whose context is all of their past
    windows = whole[np.unique(past.rows[whole], return_index=True)[1]]
    return past.contexts.take(windows).last(length)[:, :, known_channels(past.contexts)]


def regression_remarks(regressions: Iterable[KnownRegression | None], incomplete: int) -> list[str]:
    """Sentences that say which known covariates have no effect, and in how many series values were missing."""
    used = [regression for regression in regressions if regression is not None]
    counts: dict[str, int] = {}
    for regression in used:
        for name in regression.regressors.left_out:
            counts[name] = counts.get(name, 0) + 1
    remarks = [
        f"known covariate {name!r} is constant or collinear in the training data of {count} of {len(used)} targets, "
        "and is left out there"
        for name, count in counts.items()
    ]
    if incomplete:
        remarks.append(
            f"where known covariates of steps to forecast are missing, in {incomplete} series, "
            "the means of the training data are used"
        )
    return remarks
