"""The entries of a dataset of GluonTS: one for each target of each series, or of each window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from harness import Contexts, Floats, Panel, Unsupported

NO_CALENDAR = "Y"  # of which GluonTS derives no time features


@dataclass(frozen=True)
class Inputs:
    """What an estimator takes of a panel: channels by position, and static covariates that are numbers by name."""

    targets: tuple[int, ...]
    past: tuple[int, ...]
    known: tuple[int, ...]
    static: tuple[str, ...]

    def of_panel(self, panel: Panel) -> list[dict[str, Any]]:
        """The entries of all series, to learn from."""
        rows = zip(panel, panel.start, range(len(panel)), strict=True)
        return [
            entry
            for values, start, i in rows
            for entry in self._entries(
                values,
                values[:, list(self.known)],
                period(start, panel.freq),
                {n: panel.static[n][i] for n in self.static},
            )
        ]

    def of_windows(self, contexts: Contexts) -> list[dict[str, Any]]:
        """The entries of the whole histories of windows, with the known covariates of the steps after them."""
        return list(self._of_windows(contexts))

    def _of_windows(self, contexts: Contexts) -> Iterator[dict[str, Any]]:
        for context in contexts:
            known = np.concatenate([context.known_past, context.known]) if self.known else np.empty((0, 0))
            static = {name: context.static[name] for name in self.static}
            yield from self._entries(context.values, known, period(context.start, context.freq), static)

    def _entries(
        self, values: Floats, known: Floats, start: pd.Period, static: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        used = [*self.targets, *self.past]
        if np.isnan(values[:, used]).any() or np.isnan(known).any():
            raise Unsupported("a channel has missing values at a cutoff, which GluonTS does not take in covariates")
        shared: dict[str, Any] = {}
        if self.known:
            shared["feat_dynamic_real"] = known.T.astype(np.float32)
        if self.past:
            shared["past_feat_dynamic_real"] = values[:, list(self.past)].T.astype(np.float32)
        if self.static:
            shared["feat_static_real"] = np.array([static[name] for name in self.static], dtype=np.float32)
        for target in self.targets:
            yield {"target": values[:, target].astype(np.float32), "start": start, **shared}


def numeric_static(static: Mapping[str, tuple[str | float, ...]]) -> tuple[str, ...]:
    """The static covariates whose values are numbers, none of which is missing."""
    return tuple(name for name, values in static.items() if all(not isinstance(v, str) and v == v for v in values))


def offset_alias(freq: str | None) -> str:
    """The frequency of an estimator."""
    return "YE" if freq is None else freq


@lru_cache(maxsize=4096)
def period(start: Any, freq: str | None) -> pd.Period:
    """The first time step as GluonTS takes it; of an index without calendar the year of its number after 1970."""
    if freq is None:
        return pd.Period("1970", freq=NO_CALENDAR) + int(start)
    return pd.DatetimeIndex([start], freq=freq).to_period()[0]
