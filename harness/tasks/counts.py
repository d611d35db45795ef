"""Checks of the whole numbers in tasks."""

from __future__ import annotations

from harness.errors import BadTask

MOST = 10**9


def check_counts(value: object, least: int, *names: str) -> None:
    """Raise BadTask where an attribute is neither None nor a count from `least` on."""
    for name in names:
        count = getattr(value, name)
        if count is not None and count > MOST:
            raise BadTask(f"{name} must be at most {MOST:,}, not {count:,}")
        if count is not None and count < least:
            raise BadTask(f"{name} must be at least {least}, not {count}")
