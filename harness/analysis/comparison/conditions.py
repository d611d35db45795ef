"""Conditions under which a comparison fails, as users write them: `MASE worse by 2%, p < 0.05`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from harness.errors import BadInput

NEGLIGIBLE = {"fit_seconds": 0.01, "predict_seconds": 0.01, "peak_memory": 2**20}  # smaller differences pass
COSTS = tuple(NEGLIGIBLE)
TIMES = ("fit_seconds", "predict_seconds")
EXAMPLE = "MASE worse by 2%, p < 0.05"
Direction = Literal["worse", "better", "differs"]
DIRECTIONS: dict[str, Direction] = {"worse": "worse", "better": "better", "differs": "differs"}
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


@dataclass(frozen=True)
class Condition:
    """A difference of B from A that makes a comparison fail."""

    quantity: str  # a metric, or one of COSTS
    direction: Direction
    percent: float = 0.0  # the difference is larger than that
    level: float | None = None  # and the p-value is smaller than that; None: not tested

    def __str__(self) -> str:
        by = f" by {_short(self.percent)}%" if self.percent else ""
        return f"{self.quantity} {self.direction}{by}" + ("" if self.level is None else f", p < {_short(self.level)}")

    def is_met(self, difference: float) -> bool:
        """Whether a difference, of B from A in percent, is large enough."""
        sizes = {"worse": difference, "better": -difference, "differs": abs(difference)}
        return sizes[self.direction] > self.percent


def parse_condition(text: str) -> Condition:
    """The condition of a text; raises BadInput, which names the position of a mistake."""
    scanner = _Scanner(text)
    quantity, direction = scanner.quantity_and_direction()
    percent, level = scanner.percent(), scanner.level()
    scanner.end("the end" if level is not None else "'by', ', p <' or the end")
    if level is not None and quantity in COSTS:
        raise BadInput(
            f"condition {text!r}: {quantity} is not tested; leave out the p, as in '{quantity} worse by 50%'"
        )
    return Condition(quantity, direction, percent, level)


class _Scanner:
    """Reads the parts of a condition from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def quantity_and_direction(self) -> tuple[str, Direction]:
        """The quantity, which may have spaces, and the direction after it."""
        words = list(re.finditer(r"\S+", self.text))
        found = next((word for word in words if word.group().rstrip(",") in DIRECTIONS), None)
        if found is None:
            if not words:
                self.refuse("a metric")
            self.position = words[1].start() if len(words) > 1 else len(self.text)
            self.refuse("'worse', 'better' or 'differs'")
        quantity, direction = self.text[: found.start()].strip(), found.group().rstrip(",")
        if not quantity:
            self.refuse("a metric")
        self.position = found.start() + len(direction)
        return quantity, DIRECTIONS[direction]

    def percent(self) -> float:
        """The percent after "by"; 0 without."""
        if not self.take(r"\s+by(?!\S)"):
            return 0.0
        number = self.expect(rf"\s*({NUMBER})", "a number")
        self.expect(r"\s*%", "'%'")
        if float(number.group(1)) == float("inf"):
            self.position = number.start(1)
            self.refuse("a finite number")
        return float(number.group(1))

    def level(self) -> float | None:
        """The level after ", p <"; None without."""
        if not self.take(r"\s*,"):
            return None
        self.expect(r"\s*p\s*<", "'p <'")
        start = self.position
        number = self.expect(rf"\s*({NUMBER})", "a number from 0 to 1")
        if not 0 < float(number.group(1)) <= 1:
            self.position = start
            self.refuse("a number from 0 to 1")
        return float(number.group(1))

    def end(self, expected: str) -> None:
        """Refuse anything that is left."""
        if self.text[self.position :].strip():
            self.refuse(expected)

    def take(self, pattern: str) -> re.Match[str] | None:
        """What matches the pattern here, None where nothing does."""
        match = re.compile(pattern).match(self.text, self.position)
        if match is not None:
            self.position = match.end()
        return match

    def expect(self, pattern: str, expected: str) -> re.Match[str]:
        """What matches the pattern here; refuses the text where nothing does."""
        match = self.take(pattern)
        if match is None:
            self.refuse(expected)
        return match

    def refuse(self, expected: str) -> NoReturn:
        """Raise BadInput at the next character that is no space."""
        rest = self.text[self.position :].lstrip()
        where = f"at {rest!r} (character {len(self.text) - len(rest) + 1})" if rest else "at its end"
        raise BadInput(f"condition {self.text!r}: expected {expected} {where}; an example: {EXAMPLE!r}")


def _short(value: float) -> str:
    """The shortest text of the number that is exact."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
