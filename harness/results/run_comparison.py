"""Comparison of two runs of the same cell: their results, and the environments in which they were made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.evaluation.run import Run

TOLERANCE = 1e-5  # of forecasts, relative to the largest value of a window; a spec may have a larger one
Verdict = Literal["equal", "within tolerance", "different"]


@dataclass(frozen=True)
class Difference:
    """A value that is not as it is recorded."""

    name: str
    recorded: str
    present: str


def compare_results(recorded: Run, present: Run, difference: float | None, tolerance: float) -> Verdict:
    """Whether two runs of a cell have the same results; `difference` is that of their forecasts."""
    if recorded.status is not present.status or (recorded.results is None) is not (present.results is None):
        return "different"
    if difference is None:
        return "equal" if recorded.reason == present.reason else "different"
    scores = _largest_difference(recorded.scores, present.scores)
    if difference > tolerance or (difference == 0 and scores > tolerance):
        return "different"  # scores of equal forecasts are other ones if a metric or the actuals changed
    same_failures = recorded.window_failures == present.window_failures
    return "equal" if difference == scores == 0 and same_failures else "within tolerance"


def _largest_difference(recorded: Mapping[str, float], present: Mapping[str, float]) -> float:
    """The largest relative difference of scores; infinite where one of both is absent or not finite."""
    largest = 0.0
    for name in {*recorded, *present}:
        before, now = recorded.get(name, math.inf), present.get(name, -math.inf)
        if before == now or (math.isnan(before) and math.isnan(now)):
            continue
        difference = abs(before - now) / max(abs(before), abs(now))
        largest = max(largest, difference if math.isfinite(difference) else math.inf)
    return largest


def score_differences(recorded: Mapping[str, float], present: Mapping[str, float]) -> Iterator[Difference]:
    """The scores that differ."""
    for name in dict.fromkeys((*recorded, *present)):
        before, now = recorded.get(name), present.get(name)
        both_nan = before is not None and now is not None and math.isnan(before) and math.isnan(now)
        if before != now and not both_nan:
            yield Difference(name, _number(before), _number(now))


def _number(score: float | None) -> str:
    return "none" if score is None else repr(score)


def environment_differences(recorded: Mapping[str, Any], present: Mapping[str, Any]) -> Iterator[Difference]:
    """What differs between two provenances, by the path of each value."""
    before, now = dict(_values("", recorded)), dict(_values("", present))
    for name in dict.fromkeys((*before, *now)):
        if before.get(name) != now.get(name):
            yield Difference(name, before.get(name, "none"), now.get(name, "none"))


def _values(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """The values of nested tables as texts, by their paths."""
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _values(f"{path}.{key}" if path else str(key), inside)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for position, inside in enumerate(sorted(value, key=str)):  # libraries are listed in the order of their loading
            yield from _values(f"{path}[{position}]", inside)
    else:
        yield path, str(value)
