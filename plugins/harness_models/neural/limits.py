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


def check_flag(forecaster: object, *names: str) -> None:
    """Raise ValueError for a hyperparameter that is not true or false."""
    for name in names:
        value = getattr(forecaster, name)
        if not isinstance(value, bool):
            raise ValueError(f"{name} is true or false, not {value!r}")


def check_biases(forecaster: object) -> None:
    """Raise ValueError for a number of bias vectors that is neither 1 nor 2, or does not fit `bias`."""
    bias, biases = (getattr(forecaster, name) for name in ("bias", "biases"))
    if biases not in (1, 2):
        raise ValueError(f"biases is 1 or 2, not {biases!r}; for none, set bias to false")
    if biases == 2 and not bias:
        raise ValueError("with bias false there are no bias vectors: leave biases at 1")


def check_batch_size(forecaster: object) -> None:
    """Raise ValueError for batches of one window that would have to be normalised."""
    if getattr(forecaster, "batch_normalisation", False) and getattr(forecaster, "batch_size", None) == 1:
        raise ValueError("batch_normalisation needs a batch_size of at least 2: one window has no variance")


def check_skips(forecaster: object, layers: int, unit: str) -> None:
    """Raise ValueError for skip connections of a network with one layer, whose input and output have other widths."""
    if getattr(forecaster, "skip_connections", False) and layers < 2:
        raise ValueError(f"skip_connections needs at least 2 {unit}: they lead around each from the second one on")
