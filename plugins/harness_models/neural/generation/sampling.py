"""Scheduled sampling: inputs in training are actual values, or the network's own predictions more and more often.

S. Bengio et al. 2015, "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", section 2.4. In
iteration i, counted from 0, each input is the actual value with the probability ε_i:

    steps            ε_i = max(ε, k - c ⌊i / 100⌋)
    linear           ε_i = max(ε, k - c i)
    exponential      ε_i = max(ε, kⁱ), k < 1
    inverse-sigmoid  ε_i = max(ε, k / (k + exp(i / k))), k ≥ 1

The last three are those of the paper, which has the minimum ε in the linear one only. Gradients are propagated through
the predictions that become inputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

SCHEDULES = ("steps", "linear", "exponential", "inverse-sigmoid")
STEP = 100  # iterations with the same probability in the schedule "steps"
LAST = 0.01  # the probability at the end of the training, of an exponential schedule without a k


@dataclass(frozen=True)
class SamplingSchedule:
    """The probability that an input is the actual value, by iteration."""

    kind: str
    k: float
    slope: float  # c
    least: float  # ε

    @classmethod
    def of(
        cls, kind: str, iterations: int, k: float | None = None, slope: float | None = None, least: float | None = None
    ) -> SamplingSchedule:
        """A schedule for so many iterations. Raises ValueError for parameters that give no probabilities.

        Without parameters, "steps" starts at 0.5 and loses 0.1 every 100 iterations down to 0.15; "linear" falls from
        1 to 0, "exponential" from 1 to 0.01, and "inverse-sigmoid" passes 0.5 after half of the iterations.
        """
        if kind not in SCHEDULES:
            raise ValueError(f"sampling is one of {', '.join(SCHEDULES)}, not {kind!r}")
        iterations = max(iterations, 1)
        own_k = {
            "steps": 0.5,
            "linear": 1.0,
            "exponential": LAST ** (1 / iterations),
            "inverse-sigmoid": _middle(iterations / 2) if kind == "inverse-sigmoid" else math.nan,
        }[kind]
        schedule = cls(
            kind,
            own_k if k is None else k,
            (0.1 if kind == "steps" else 1 / iterations) if slope is None else slope,
            (0.15 if kind == "steps" else 0.0) if least is None else least,
        )
        schedule._check()
        return schedule

    def _check(self) -> None:
        if self.kind == "inverse-sigmoid" and not 1 <= self.k < math.inf:
            raise ValueError(f"sampling_k of the schedule inverse-sigmoid must be at least 1, not {self.k}")
        if self.kind != "inverse-sigmoid" and not 0 <= self.k <= 1:
            raise ValueError(f"sampling_k of the schedule {self.kind} is a probability from 0 to 1, not {self.k}")
        if not self.slope >= 0:
            raise ValueError(f"sampling_slope must be at least 0, not {self.slope}")
        if not 0 <= self.least <= 1:
            raise ValueError(f"sampling_least is a probability from 0 to 1, not {self.least}")

    def probability(self, iteration: int) -> float:
        """The probability that an input is the actual value in this iteration, counted from 0."""
        if self.kind == "steps":
            probability = self.k - self.slope * (iteration // STEP)
        elif self.kind == "linear":
            probability = self.k - self.slope * iteration
        elif self.kind == "exponential":
            probability = self.k**iteration
        else:
            probability = 1 / (1 + math.exp(min(iteration / self.k - math.log(self.k), 700.0)))
        return max(self.least, probability)

    def predicted_inputs(self, iteration: int, shape: tuple[int, ...], generator: torch.Generator) -> Any:
        """Which inputs of a batch, (step, wave), are predictions instead of actual values."""
        return torch.rand(shape, generator=generator) >= self.probability(iteration)


def _middle(iteration: float) -> float:
    """The k of an inverse sigmoid that is 0.5 in this iteration: k log k is the iteration."""
    from scipy.special import lambertw  # which takes time to import, and only this schedule needs

    return math.exp(float(lambertw(iteration).real))
