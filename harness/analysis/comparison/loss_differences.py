"""The differences of two forecasters' losses, their test, and the smallest difference that the test would detect."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from harness.analysis.comparison.conditions import Condition, Direction

POWER = 0.8


@dataclass(frozen=True)
class LossDifferences:
    """The mean difference of losses, B minus A, and the t distribution of its test."""

    mean: float
    standard_error: float
    freedom: float  # degrees of freedom
    reference: float  # the mean loss of A
    root: bool  # whether the score is the square root of the mean loss

    def p_value(self, direction: Direction) -> float:
        """The p-value of the test that B is worse, better or different."""
        if self.standard_error == 0:
            statistic = math.copysign(math.inf, self.mean) if self.mean else 0.0
        else:
            statistic = self.mean / self.standard_error
        worse, better = (float(special.stdtr(self.freedom, sign * statistic)) for sign in (-1, 1))
        return {"differs": 2 * min(worse, better), "worse": worse, "better": better}[direction]

    def detectable(self, condition: Condition, tests: int) -> float:
        """The minimum detectable effect of a condition in percent of A's score, at 80 % power.

        If the true difference is that large, the condition is true with a probability of 80 %. By Bloom (1995,
        "Minimum detectable effects", Evaluation Review 19, p. 548) it is (t₁₋α + t₀.₈) · SE, for α the level divided
        by the number of `tests`, which is the first step of Holm's correction. The condition's percentage takes the
        place of t₁₋α · SE where it is larger, since the observed difference must exceed both. Infinite where B cannot
        be that much better.
        """
        assert condition.level is not None
        sign = -1 if condition.direction == "better" else 1
        threshold = abs(self._loss(sign * condition.percent) - self.reference)
        level = condition.level / tests / (2 if condition.direction == "differs" else 1)
        significant, margin = (
            float(special.stdtrit(self.freedom, probability)) * self.standard_error
            for probability in (1 - level, POWER)
        )
        return abs(self._percent(sign * (max(threshold, significant) + margin)))

    def _loss(self, percent: float) -> float:
        """The mean loss whose score is so many percent above A's."""
        if self.root:
            return self.reference * max(1 + percent / 100, 0.0) ** 2
        return self.reference + abs(self.reference) * percent / 100

    def _percent(self, difference: float) -> float:
        """How many percent the score changes with the mean loss."""
        if self.reference == 0 or (self.root and difference < -self.reference):
            return math.inf
        change = difference / abs(self.reference)
        return 100 * (math.sqrt(1 + change) - 1 if self.root else change)
