"""Checks of hyperparameters."""

from __future__ import annotations

from collections.abc import Iterable


def check_at_least(forecaster: object, least: int, *names: str) -> None:
    """Raise ValueError for a hyperparameter below its minimum; None is allowed."""
    for name in names:
        value = getattr(forecaster, name)
        if value is not None and value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")


def check_choice(forecaster: object, name: str, allowed: Iterable[str]) -> None:
    """Raise ValueError for a hyperparameter that is not among the allowed values."""
    value = getattr(forecaster, name)
    if value not in allowed:
        raise ValueError(f"{name} is one of {', '.join(allowed)}, not {value!r}")


def check_rate(forecaster: object, *names: str) -> None:
    """Raise ValueError for a rate that is not from 0 to less than 1."""
    for name in names:
        value = getattr(forecaster, name)
        if not 0 <= value < 1:
            raise ValueError(f"{name} is a share from 0 to less than 1, not {value}")


def check_positive(forecaster: object, *names: str) -> None:
    """Raise ValueError for a hyperparameter that is not positive; None is allowed."""
    for name in names:
        value = getattr(forecaster, name)
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, not {value}")
