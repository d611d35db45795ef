"""Origins: what a forecaster gave, of which the arrays of its forecast were made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

# own: as given; level: the quantile of level 0.5; quantiles: computed from quantiles; mean, median: the other one
# stands for it; none: neither was given, nor quantiles around level 0.5
Origin = Literal["own", "level", "quantiles", "mean", "median", "none"]
PointFunctional = Literal["mean", "median"]  # by one number
# of the predictive distribution, by which a metric scores it; of classes the probabilities, or the most probable one
ClassFunctional = Literal["probabilities", "mode"]
Functional = Literal["mean", "median", "quantiles", "probabilities", "mode"]


@dataclass(frozen=True)
class Origins:
    """Where the mean, the median and the quantiles of a forecast come from; all origins where windows differ."""

    mean: tuple[Origin, ...] = ("own",)
    median: tuple[Origin, ...] = ("own",)
    ranges: tuple[tuple[float, float], ...] = ()  # the lowest and the highest level given; none without quantiles
    point: bool = False  # whether some windows are point forecasts, and others have quantiles
    interpolated: tuple[float, ...] = ()  # levels that were asked for and interpolated between those given
    pairs: int = 0  # of quantiles of neighbouring levels
    crossings: int = 0  # pairs that crossed, and were sorted
    largest_crossing: float = 0.0

    def of(self, functional: PointFunctional) -> tuple[Origin, ...]:
        """The origins of a functional."""
        return self.mean if functional == "mean" else self.median

    @property
    def without_centre(self) -> str:
        """Why neither the mean nor the median is known, as a sentence; empty where both are, in all windows."""
        if "none" not in self.mean:
            return ""
        return (
            f"{'in some windows ' if len(self.mean) > 1 else ''}the forecaster gives neither a mean nor a median, "
            "nor quantiles around level 0.5; return one of them"
        )

    def without_level(self, level: float) -> str:
        """Why the quantile of a level is not known, as a sentence."""
        some = "in some windows " if len(self.ranges) > 1 or self.point else ""
        low, high = next((given for given in self.ranges if not given[0] <= level <= given[1]), self.ranges[0])
        given = f"level {low:g}" if low == high else f"levels {low:g} to {high:g}"
        return (
            f"{some}the forecaster gives {given} and the task asks for {level:g}; "
            f"return this level, or levels on both sides of it"
        )

    @classmethod
    def merged(cls, parts: Iterable[Origins]) -> Origins:
        """The origins of a forecast that was joined from these parts."""
        parts = tuple(parts)
        distinct = dict.fromkeys(parts)
        if len(distinct) == 1 and not parts[0].pairs:
            return parts[0]
        return cls(
            tuple(dict.fromkeys(origin for part in distinct for origin in part.mean)),
            tuple(dict.fromkeys(origin for part in distinct for origin in part.median)),
            tuple(dict.fromkeys(levels for part in distinct for levels in part.ranges)),
            any(part.point for part in distinct) or len({bool(part.ranges) for part in distinct}) > 1,
            tuple(sorted({level for part in distinct for level in part.interpolated})),
            sum(part.pairs for part in parts),
            sum(part.crossings for part in parts),
            max(part.largest_crossing for part in distinct),
        )


POINT = Origins()
WITHOUT_CENTRE = Origins(("none",), ("none",))
