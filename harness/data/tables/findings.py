"""Findings: what is wrong or unusual in a table, its effect on an evaluation, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from harness.errors import BadData

Level = Literal["error", "changed", "note"]
LEVELS: tuple[Level, ...] = ("error", "changed", "note")


@dataclass(frozen=True)
class Finding:
    """The result of a check of a table.

    An "error" must be mended before the data can be evaluated; what is "changed" was mended by harness; a "note"
    changes nothing.
    """

    level: Level
    check: str  # a name, such as "repeated times"
    problem: str  # what is wrong and where, a sentence without a full stop
    effect: str = ""  # on the evaluation
    remedy: str = ""  # an option of the command line, or lines of pandas

    def __str__(self) -> str:
        parts = [self.problem, *filter(None, (self.effect, self.remedy))]
        return "; ".join(parts)


class BadTable(BadData):
    """A table that cannot be evaluated as it is; `findings` has all that the checks found."""

    findings: tuple[Finding, ...] = ()


def check_findings(findings: Iterable[Finding]) -> None:
    """Raise BadTable, with the message of the first error, if there is one."""
    found = tuple(findings)
    errors = [finding for finding in found if finding.level == "error"]
    if errors:
        more = f" ({len(errors) - 1} more: see `harness data check`)" if len(errors) > 1 else ""
        error = BadTable(f"{errors[0]}{more}")
        error.findings = found
        raise error
