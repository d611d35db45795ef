"""Pairs of token sequences, an input and an output that follows from it: reversed and sorted letters, and dates.

The input is the past covariate `input`, the output the target in the last rows of each series. The output ends with the
token `end`, and rows after it are missing. No input occurs twice, so those held out are not in the training data. The
static covariate `part` is `training`, `validation` or `held-out`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from harness import Channel, Floats, Panel

PARTS = {"training": 4000, "validation": 500, "held-out": 500}  # series
LETTERS = tuple("abcdefgh")
SHORTEST, LONGEST = 3, 10  # letters of an input
END = "end"
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
DATE_CHARACTERS = (*sorted({*"".join(MONTHS)}), *"0123456789", " ", ",", ".")
ISO_CHARACTERS = (*"0123456789", "-")
FIRST_DAY, DAYS = datetime.date(1900, 1, 1), 73_049  # up to 31 December 2099

Pair = tuple[Sequence[str], Sequence[str]]


def reverse() -> Panel:
    """Three to ten letters, and the same in reverse order."""
    return _panel((LETTERS, LETTERS), lambda rng: _letters(rng, lambda letters: letters[::-1]), LONGEST, seed=61)


def sort() -> Panel:
    """Three to ten letters, and the same in alphabetical order."""
    return _panel((LETTERS, LETTERS), lambda rng: _letters(rng, sorted), LONGEST, seed=71)


def dates() -> Panel:
    """The characters of a date in one of three formats, and those of the same date as YYYY-MM-DD."""
    return _panel((DATE_CHARACTERS, ISO_CHARACTERS), _dates, len("2021-03-03"), seed=81)


def _letters(rng: np.random.Generator, output: Callable[[list[str]], list[str]]) -> Iterator[Pair]:
    while True:
        letters = [LETTERS[i] for i in rng.integers(len(LETTERS), size=rng.integers(SHORTEST, LONGEST + 1))]
        yield letters, output(letters)


def _dates(rng: np.random.Generator) -> Iterator[Pair]:
    while True:
        day = FIRST_DAY + datetime.timedelta(days=int(rng.integers(DAYS)))
        yield date_formats(day)[rng.integers(3)], day.isoformat()


def date_formats(day: datetime.date) -> tuple[str, str, str]:
    """A date as "3 march 2021", "march 3, 2021" and "3.3.2021"."""
    month = MONTHS[day.month - 1]
    return (
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{day.day}.{day.month}.{day.year}",
    )


def _panel(
    tokens: tuple[Sequence[str], Sequence[str]],
    pairs: Callable[[np.random.Generator], Iterator[Pair]],
    longest: int,
    seed: int,
) -> Panel:
    """The series of pairs with different inputs; `longest` is the number of tokens of the longest output."""
    channels = [
        Channel("output", categories=(*tokens[1], END)),
        Channel("input", "past covariate", categories=tuple(tokens[0])),
    ]
    chosen: dict[str, Pair] = {}
    for pair in pairs(np.random.default_rng(seed)):
        chosen.setdefault("".join(pair[0]), pair)
        if len(chosen) == sum(PARTS.values()):
            break
    return Panel.of(
        [_series(*pair, channels, longest + 1) for pair in chosen.values()],
        ids=[f"{part}-{number:04d}" for part, count in PARTS.items() for number in range(1, count + 1)],
        static={"part": [part for part, count in PARTS.items() for _ in range(count)]},
        channels=channels,
    )


def _series(before: Sequence[str], after: Sequence[str], channels: Sequence[Channel], steps: int) -> Floats:
    """The rows of a pair, (row, channel), with so many rows for the output."""
    output, source = (channel.categories or () for channel in channels)
    table = np.full((len(before) + steps, 2), np.nan)
    table[: len(before), 1] = [source.index(token) for token in before]
    table[len(before) : len(before) + len(after) + 1, 0] = [output.index(token) for token in (*after, END)]
    return table
