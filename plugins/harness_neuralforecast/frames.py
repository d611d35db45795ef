"""Data frames as neuralforecast takes them: `unique_id`, `ds` and `y`, and a column for each covariate.

Each target of a series or of a window is a series of its own, and time is an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness import Contexts, Floats, Ints, Panel, Unsupported


@dataclass(frozen=True)
class Covariates:
    """The covariates that a network takes: positions of the channels, and names of static covariates."""

    known: tuple[int, ...]
    past: tuple[int, ...]
    static: tuple[str, ...]

    @property
    def known_names(self) -> list[str]:
        """The columns of the known covariates."""
        return [f"known {i}" for i in range(len(self.known))]

    @property
    def past_names(self) -> list[str]:
        """The columns of the past covariates."""
        return [f"past {i}" for i in range(len(self.past))]

    @property
    def static_names(self) -> list[str]:
        """The columns of the static covariates."""
        return [f"static {i}" for i in range(len(self.static))]


def training_frame(panel: Panel, covariates: Covariates) -> pd.DataFrame:
    """The rows of all series of a panel."""
    return _frame(list(panel), panel.targets, covariates)


def window_frame(contexts: Contexts, lookback: int, covariates: Covariates) -> pd.DataFrame:
    """The last rows of each window; windows with shorter histories have fewer."""
    lengths = np.minimum(contexts.lengths, lookback)
    past = contexts.last(lookback)
    return _frame(
        [rows[lookback - length :] for rows, length in zip(past, lengths, strict=True)], contexts.targets, covariates
    )


def future_frame(contexts: Contexts, lookback: int, covariates: Covariates) -> pd.DataFrame:
    """The known covariates of the steps after each window."""
    known = contexts.known()
    if np.isnan(known).any():
        raise Unsupported("known covariates have missing values, which neuralforecast does not take")
    targets, ahead = len(contexts.targets), known.shape[1]
    starts = np.repeat(np.minimum(contexts.lengths, lookback), targets)
    frame = {
        "unique_id": np.repeat(np.arange(len(starts)), ahead),
        "ds": (starts[:, None] + np.arange(ahead)).ravel(),
    }
    values = np.repeat(known, targets, axis=0).reshape(-1, known.shape[2])
    return pd.DataFrame(frame | dict(zip(covariates.known_names, values.T, strict=True)))


def static_frame(
    static: dict[str, tuple[str | float, ...]], targets: int, covariates: Covariates
) -> pd.DataFrame | None:
    """The static covariates of each target of each series or window; None if the network takes none."""
    if not covariates.static:
        return None
    columns = [np.repeat(np.asarray(static[name], dtype=np.float64), targets) for name in covariates.static]
    if any(np.isnan(column).any() for column in columns):
        raise Unsupported("static covariates have missing values, which neuralforecast does not take")
    frame = {"unique_id": np.arange(len(columns[0]))}
    return pd.DataFrame(frame | dict(zip(covariates.static_names, columns, strict=True)))


def _frame(series: Sequence[Floats], targets: Sequence[int], covariates: Covariates) -> pd.DataFrame:
    lengths: Ints = np.repeat([len(rows) for rows in series], len(targets))
    if any(np.isnan(rows).any() for rows in series):
        raise Unsupported("a channel of a series has no value before the cutoff, which neuralforecast does not take")
    used = [*covariates.known, *covariates.past]
    values = np.concatenate([rows[:, [target, *used]] for rows in series for target in targets])
    frame = {
        "unique_id": np.repeat(np.arange(len(lengths)), lengths),
        "ds": np.concatenate([np.arange(length) for length in lengths]),
    }
    names = ["y", *covariates.known_names, *covariates.past_names]
    return pd.DataFrame(frame | dict(zip(names, values.T, strict=True)))
