"""Conditions: what must not come of a comparison, as a user says it: `MASE worse by 2%, p < 0.05`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from harness.errors import BadInput

COSTS = ("fit_seconds", "predict_seconds", "peak_memory")
EXAMPLE = "MASE worse by 2%, p < 0.05"
Direction = Literal["worse", "better", "differs"]
DIRECTIONS: dict[str, Direction] = {"worse": "worse", "better": "better", "differs": "differs"}
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


@dataclass(frozen=True)
class Condition:
    """Something about B beside A that makes a comparison fail."""

    quantity: str  # a metric, or one of COSTS
    direction: Direction
    percent: float = 0.0  # it is worse by more than that
    level: float | None = None  # and the p-value is smaller than that; None: whatever it is

    def __str__(self) -> str:
        by = f" by {_short(self.percent)}%" if self.percent else ""
        return f"{self.quantity} {self.direction}{by}" + ("" if self.level is None else f", p < {_short(self.level)}")

    @property
    def is_cost(self) -> bool:
        """Whether it is about seconds or memory, which are not tested."""
        return self.quantity in COSTS

    def met(self, difference: float) -> bool:
        """Whether a difference, of B from A in percent, is as large as it says."""
        sizes = {"worse": difference, "better": -difference, "differs": abs(difference)}
        return sizes[self.direction] > self.percent


def parse_condition(text: str) -> Condition:
    """The condition that a text says; raises BadInput, which names the place where it cannot be read."""
    words = list(re.finditer(r"\S+", text))
    at = next((one for one in words if one.group().rstrip(",") in DIRECTIONS), None)
    if at is None or not text[: at.start()].strip():
        if at is not None or not words:
            _refuse(text, 0, "a metric")
        _refuse(text, words[1].start() if len(words) > 1 else len(text), "'worse', 'better' or 'differs'")
    quantity, word = text[: at.start()].strip(), at.group().rstrip(",")
    place, percent, level = at.start() + len(word), 0.0, None
    if by := re.compile(r"\s+by(?!\S)").match(text, place):
        number = re.compile(rf"\s*({NUMBER})").match(text, by.end())
        if number is None:
            _refuse(text, by.end(), "a number")
        sign = re.compile(r"\s*%").match(text, number.end())
        if sign is None:
            _refuse(text, number.end(), "'%'")
        percent, place = _finite(text, number), sign.end()
    if comma := re.compile(r"\s*,").match(text, place):
        less = re.compile(r"\s*p\s*<").match(text, comma.end())
        if less is None:
            _refuse(text, comma.end(), "'p <'")
        number = re.compile(rf"\s*({NUMBER})").match(text, less.end())
        if number is None or not 0 < float(number.group(1)) <= 1:
            _refuse(text, less.end(), "a number from 0 to 1")
        level, place = float(number.group(1)), number.end()
    if text[place:].strip():
        _refuse(text, place, "the end" if level is not None else "'by', ', p <' or the end")
    if level is not None and quantity in COSTS:
        raise BadInput(
            f"condition {text!r}: {quantity} is not tested; leave out the p, as in '{quantity} worse by 50%'"
        )
    return Condition(quantity, DIRECTIONS[word], percent, level)


def _short(value: float) -> str:
    """The number in as few characters as tell it exactly."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _finite(text: str, number: re.Match[str]) -> float:
    value = float(number.group(1))
    if value == float("inf"):
        _refuse(text, number.start(1), "a finite number")
    return value


def _refuse(text: str, place: int, expected: str) -> NoReturn:
    place += len(text[place:]) - len(text[place:].lstrip())
    rest = text[place:]
    where = f"at {rest!r} (character {place + 1})" if rest else "at its end"
    raise BadInput(f"condition {text!r}: expected {expected} {where}; an example: {EXAMPLE!r}")
