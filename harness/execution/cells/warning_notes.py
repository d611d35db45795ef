"""Warnings of a cell, which become notes of its run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

MOST_WARNINGS = 5  # in the notes of a run


@contextmanager
def recorded_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """The warnings of a block, which are not shown."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        yield warned


def warning_notes(warned: Iterable[warnings.WarningMessage]) -> list[str]:
    """Distinct warnings as notes."""
    notes = dict.fromkeys(f"warning: {warning.category.__name__}: {warning.message}" for warning in warned)
    return list(notes)[:MOST_WARNINGS]
