"""What hyperparameters may be, said in one sentence where they are not."""

from __future__ import annotations

from collections.abc import Iterable


def at_least(forecaster: object, least: int, *names: str) -> None:
    """Raises ValueError for a hyperparameter below its least value; None is allowed."""
    for name in names:
        value = getattr(forecaster, name)
        if value is not None and value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")


def one_of(forecaster: object, name: str, allowed: Iterable[str]) -> None:
    """Raises ValueError for a hyperparameter that is none of the allowed words."""
    value = getattr(forecaster, name)
    if value not in allowed:
        raise ValueError(f"{name} is one of {', '.join(allowed)}, not {value!r}")


def share(forecaster: object, *names: str) -> None:
    """Raises ValueError for a rate of dropout that is not from 0 to less than 1."""
    for name in names:
        value = getattr(forecaster, name)
        if not 0 <= value < 1:
            raise ValueError(f"{name} is a share from 0 to less than 1, not {value}")


def positive(forecaster: object, *names: str) -> None:
    """Raises ValueError for a hyperparameter that is not above zero; None is allowed."""
    for name in names:
        value = getattr(forecaster, name)
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, not {value}")
