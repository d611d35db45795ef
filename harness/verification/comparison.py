"""Cases of published numbers, and the comparison of ours with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from harness.errors import DataUnavailable, DuplicateName, HarnessError, UnknownName
from harness.verification.context import VerificationContext
from harness.verification.published import Source

HALF_A_UNIT = 0.5000001  # of the last digit given; a little more, for binary rounding


@dataclass(frozen=True)
class CaseResult:
    """Our number beside the published one."""

    source: Source
    of: str  # a forecaster, or a test
    quantity: str
    published: float
    digits: int  # given after the decimal point
    ours: float = math.nan  # NaN where it could not be computed
    reason: str = ""  # why not, and how to make it available
    available: bool = True  # whether the data and forecasters that it needs are

    @property
    def difference(self) -> float:
        """Ours minus the published number."""
        return self.ours - self.published

    @property
    def verdict(self) -> Literal["holds", "fails", "not available"]:
        """Whether ours is the published number, to the digits given."""
        if not self.available:
            return "not available"
        return "holds" if abs(self.difference) <= HALF_A_UNIT * 10**-self.digits else "fails"


@dataclass(frozen=True)
class Case:
    """A published number, and how ours is computed."""

    source: Source
    of: str
    quantity: str
    compute: Callable[[VerificationContext, str, str], float]  # ours, from `of` and `quantity`

    def __str__(self) -> str:
        return f"{self.source.title}: {self.of}, {self.quantity}"

    def compare(self, context: VerificationContext) -> CaseResult:
        """Compute our number; a HarnessError becomes the reason why there is none."""
        printed = self.source.numbers[self.of][self.quantity]
        digits = len(printed.partition(".")[2])
        result = CaseResult(self.source, self.of, self.quantity, float(printed), digits)
        try:
            return replace(result, ours=self.compute(context, self.of, self.quantity))
        except (DataUnavailable, UnknownName, DuplicateName) as error:
            return replace(result, reason=str(error), available=False)
        except HarnessError as error:
            return replace(result, reason=str(error))


def cases_of(source: Source, compute: Callable[[VerificationContext, str, str], float]) -> Iterator[Case]:
    """A case for each number of a source."""
    for of, quantities in source.numbers.items():
        for quantity in quantities:
            yield Case(source, of, quantity, compute)


def compare_cases(cases: Iterable[Case], context: VerificationContext) -> tuple[CaseResult, ...]:
    """The result of each case, in their order."""
    return tuple(case.compare(context) for case in cases)
