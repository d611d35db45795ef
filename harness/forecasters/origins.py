"""Origins: what a forecaster gave, of which the arrays of its forecast were made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

# own: as given; level: the quantile of level 0.5; quantiles: computed from quantiles; mean, median: the other one
# stands for it; none: neither was given, nor quantiles around level 0.5
Origin = Literal["own", "level", "quantiles", "mean", "median", "none"]
Centre = Literal["mean", "median"]
Functional = Literal["mean", "median", "quantiles"]  # of the predictive distribution, by which a metric scores it


@dataclass(frozen=True)
class Origins:
    """Where the mean, the median and the quantiles of a forecast come from; all origins where windows differ."""

    mean: tuple[Origin, ...] = ("own",)
    median: tuple[Origin, ...] = ("own",)
    levels: tuple[float, float] | None = None  # the lowest and the highest level given; None: no quantiles
    point: bool = False  # whether some windows are point forecasts, and others have quantiles
    interpolated: tuple[float, ...] = ()  # levels that were asked for and interpolated between those given
    pairs: int = 0  # of quantiles of neighbouring levels
    crossings: int = 0  # pairs that crossed, and were sorted
    largest_crossing: float = 0.0

    def of(self, functional: Centre) -> tuple[Origin, ...]:
        """The origins of a functional."""
        return self.mean if functional == "mean" else self.median

    @classmethod
    def merged(cls, parts: Iterable[Origins]) -> Origins:
        """The origins of a forecast that was joined from these parts."""
        parts = tuple(parts)
        distinct = dict.fromkeys(parts)
        if len(distinct) == 1 and not parts[0].pairs:
            return parts[0]
        ranges = [part.levels for part in distinct if part.levels is not None]
        return cls(
            tuple(dict.fromkeys(origin for part in distinct for origin in part.mean)),
            tuple(dict.fromkeys(origin for part in distinct for origin in part.median)),
            (max(low for low, _ in ranges), min(high for _, high in ranges)) if ranges else None,
            any(part.point for part in distinct) or 0 < len(ranges) < len(distinct),
            tuple(sorted({level for part in distinct for level in part.interpolated})),
            sum(part.pairs for part in parts),
            sum(part.crossings for part in parts),
            max(part.largest_crossing for part in distinct),
        )


POINT = Origins()
