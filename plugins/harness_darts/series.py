"""Series of Darts: targets, past covariates and known covariates of the series of a panel, or of windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from darts import TimeSeries

from harness import Context, Contexts, Floats, Panel, Unsupported


@dataclass(frozen=True)
class Series:
    """The arguments of Darts for some series; None where the model takes no such covariates, or there are none."""

    targets: list[TimeSeries]
    past: list[TimeSeries] | None
    known: list[TimeSeries] | None

    @property
    def arguments(self) -> dict[str, Any]:
        """As the keywords of `fit` and `predict`."""
        given = {"past_covariates": self.past, "future_covariates": self.known}
        return {"series": self.targets} | {name: series for name, series in given.items() if series is not None}


@dataclass(frozen=True)
class Inputs:
    """What a model takes of a panel: channels by position, and static covariates that are numbers by name."""

    targets: tuple[int, ...]
    past: tuple[int, ...]
    known: tuple[int, ...]
    static: tuple[str, ...]
    dtype: type = np.float64

    @classmethod
    def of(cls, panel: Panel, model: Any, dtype: type) -> Inputs:
        """The channels that a model of Darts supports."""
        return cls(
            panel.targets,
            panel.channels_of("past covariate") if model.supports_past_covariates else (),
            panel.channels_of("known covariate") if model.supports_future_covariates else (),
            tuple(numeric_static(panel.static)) if model.supports_static_covariates else (),
            dtype,
        )

    def of_panel(self, panel: Panel) -> Series:
        """All series of a panel."""
        facts = [{name: panel.static[name][i] for name in self.static} for i in range(len(panel))]
        rows = [
            (values, _times(start, panel.freq, len(values)), static)
            for values, start, static in zip(panel, panel.start, facts, strict=True)
        ]
        return self._series(rows, None)

    def of_windows(self, contexts: Contexts, lookback: int) -> Series:
        """The last rows of each window, all of which have as many."""
        firsts = contexts.times()[:, 0]
        facts = contexts.static
        static = [{name: facts[name][i] for name in self.static} for i in range(len(contexts))]
        past = contexts.last(lookback)
        times = [_times_before(first, contexts.freq, lookback) for first in firsts]
        return self._series(list(zip(past, times, static, strict=True)), contexts.known() if self.known else None)

    def of_context(self, context: Context) -> Series:
        """The whole history of one window."""
        times = _times(context.start, context.freq, len(context.values))
        static = {name: context.static[name] for name in self.static}
        return self._series([(context.values, times, static)], context.known[None] if self.known else None)

    def _series(self, rows: Sequence[tuple[Floats, Any, Mapping[str, Any]]], ahead: Floats | None) -> Series:
        """The series of these values and times, with the known covariates of the steps after them, if given."""
        targets = [self._one(values[:, list(self.targets)], times, static) for values, times, static in rows]
        past = [self._one(values[:, list(self.past)], times, {}) for values, times, _ in rows] if self.past else None
        known = list(self._known(rows, ahead)) if self.known else None
        return Series(targets, past, known)

    def _known(
        self, rows: Sequence[tuple[Floats, Any, Mapping[str, Any]]], ahead: Floats | None
    ) -> Iterator[TimeSeries]:
        for i, (values, times, _) in enumerate(rows):
            known = values[:, list(self.known)]
            if ahead is not None:
                known = np.concatenate([known, ahead[i]])
                times = longer(times, len(known))
            yield self._one(known, times, {})

    def _one(self, values: Floats, times: pd.Index, static: Mapping[str, Any]) -> TimeSeries:
        if np.isnan(values).any():
            raise Unsupported("a channel has missing values, which Darts does not take")
        table = pd.DataFrame([static]).astype(np.float64) if static else None
        return TimeSeries(times=times, values=values.astype(self.dtype), static_covariates=table, copy=False)


def numeric_static(static: Mapping[str, tuple[str | float, ...]]) -> list[str]:
    """The static covariates whose values are numbers, none of which is missing."""
    return [
        name for name, values in static.items() if all(not isinstance(fact, str) and fact == fact for fact in values)
    ]


def longer(times: Any, length: int) -> pd.Index:
    """The times continued to so many."""
    if isinstance(times, pd.RangeIndex):
        return pd.RangeIndex(times.start, times.start + length)
    return pd.date_range(times[0], periods=length, freq=times.freq)


def _times(start: Any, freq: str | None, length: int) -> pd.Index:
    if freq is None:
        return pd.RangeIndex(int(start), int(start) + length)
    return pd.date_range(start, periods=length, freq=freq)


@lru_cache(maxsize=1024)
def _times_before(first: Any, freq: str | None, length: int) -> pd.Index:
    """The times before the first one ahead."""
    if freq is None:
        return pd.RangeIndex(int(first) - length, int(first))
    return pd.date_range(end=first, periods=length + 1, freq=freq)[:-1]
