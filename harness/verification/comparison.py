"""Cases of given numbers, published ones and others, and the comparison of ours with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from harness.errors import DataUnavailable, DuplicateName, HarnessError, UnknownName, UnusableFile
from harness.verification.context import VerificationContext
from harness.verification.published import WINDOWS, Kind, Source

Verdict = Literal["holds", "fails", "error", "skipped"]
HALF_A_UNIT = 0.5000001  # of the last digit given; a little more, for binary rounding


@dataclass(frozen=True)
class CaseResult:
    """Our number beside the given one."""

    source: Source
    of: str  # a forecaster, or a test
    quantity: str
    published: float
    digits: int  # given after the decimal point
    ours: float = math.nan  # NaN where it could not be computed
    reason: str = ""  # why not, and how to mend it
    problem: Literal["", "missing", "unusable"] = ""  # of the data or the forecaster that it needs

    @property
    def kind(self) -> Kind:
        """What kind of number it is."""
        return "count" if self.quantity == WINDOWS else self.source.kind

    @property
    def difference(self) -> float:
        """Ours minus the published number."""
        return self.ours - self.published

    @property
    def verdict(self) -> Verdict:
        """Whether ours is the given number, to its digits or within the tolerance of its source.

        Skipped where data, a forecaster or the results of a board are missing, an error where a data file is unusable.
        """
        if self.problem:
            return "skipped" if self.problem == "missing" else "error"
        tolerance = self.source.tolerance or 0.0
        return "holds" if abs(self.difference) <= tolerance + HALF_A_UNIT * 10**-self.digits else "fails"


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
        except UnusableFile as error:
            return replace(result, reason=str(error), problem="unusable")
        except (DataUnavailable, UnknownName, DuplicateName) as error:
            return replace(result, reason=str(error), problem="missing")
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
