"""Remarks of a forecaster on its fit, which become notes of the run; those that count are added up over parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class CountedRemark:
    """A remark on some of the series, or targets, that a forecaster was fitted to; none where `count` is 0.

    `topic` tells it from other remarks. A cell may be evaluated in parts, by several processes: remarks of the same
    topic are then one, with the sums of their counts and totals. So a forecaster has it for 0 of them, too.

        CountedRemark("constant", "{count} of {total} series are constant", 3, 20)
    """

    topic: str
    text: str  # in which {count} and {total} are replaced; may be empty where the count is 0
    count: int
    total: int

    def __str__(self) -> str:
        return self.text.replace("{count}", str(self.count)).replace("{total}", str(self.total)) if self.count else ""


Remark = str | CountedRemark


def remark_texts(remarks: Iterable[Remark]) -> tuple[str, ...]:
    """The remarks as sentences."""
    return tuple(text for text in map(str, remarks) if text)


def merged_remarks(parts: Iterable[Sequence[Remark]]) -> tuple[Remark, ...]:
    """The remarks on all parts of a cell, each once."""
    merged: dict[object, Remark] = {}
    for remark in (remark for part in parts for remark in part):
        if isinstance(remark, str):
            merged.setdefault(remark, remark)
            continue
        key = CountedRemark, remark.topic
        before = merged.get(key, replace(remark, count=0, total=0))
        assert isinstance(before, CountedRemark)
        text = before.text if before.count else remark.text
        merged[key] = CountedRemark(remark.topic, text, before.count + remark.count, before.total + remark.total)
    return tuple(merged.values())
