"""A claim, how ours is computed beside what was published, and what was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from harness.errors import DataUnavailable, DuplicateName, HarnessError, UnknownName
from harness.verification.context import VerificationContext
from harness.verification.published import Source

HALF_A_UNIT = 0.5000001  # of the last digit given; a little more, as decimals are not binary


@dataclass(frozen=True)
class CaseResult:
    """Ours beside a published number."""

    source: Source
    of: str  # what the number is of: a forecaster, a test
    quantity: str
    published: float
    digits: int  # that are given after the point
    ours: float = math.nan  # NaN where it could not be computed
    reason: str = ""  # why not, and what would help
    here: bool = True  # whether all that it takes is here

    @property
    def difference(self) -> float:
        """Ours minus the published number."""
        return self.ours - self.published

    @property
    def verdict(self) -> Literal["holds", "fails", "not available"]:
        """Whether ours is the published number to the digits given."""
        if not self.here:
            return "not available"
        return "holds" if abs(self.difference) <= HALF_A_UNIT * 10**-self.digits else "fails"


@dataclass(frozen=True)
class Case:
    """That we compute what somebody published."""

    source: Source
    of: str
    quantity: str
    compute: Callable[[VerificationContext, str, str], float]  # ours, of that and of that quantity

    def __str__(self) -> str:
        return f"{self.source.title}: {self.of}, {self.quantity}"

    def finding(self, materials: VerificationContext) -> CaseResult:
        """What comes of it; whatever of ours is raised becomes the reason."""
        printed = self.source.numbers[self.of][self.quantity]
        told = (self.source, self.of, self.quantity, float(printed), len(printed.partition(".")[2]))
        try:
            return CaseResult(*told, self.compute(materials, self.of, self.quantity))
        except (DataUnavailable, UnknownName, DuplicateName) as error:
            return CaseResult(*told, reason=str(error), here=False)
        except HarnessError as error:
            return CaseResult(*told, reason=str(error))


def cases_of(source: Source, compute: Callable[[VerificationContext, str, str], float]) -> Iterator[Case]:
    """A claim for each number of a source."""
    for of, quantities in source.numbers.items():
        for quantity in quantities:
            yield Case(source, of, quantity, compute)


def compare_cases(claims: Iterable[Case], materials: VerificationContext) -> tuple[CaseResult, ...]:
    """What comes of each claim, in their order."""
    return tuple(claim.finding(materials) for claim in claims)
