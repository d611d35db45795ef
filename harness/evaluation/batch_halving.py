"""A call of a forecaster that runs out of memory is repeated once, with half of its batch size."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from harness.errors import Failure
from harness.evaluation.failures import is_out_of_memory

T = TypeVar("T")
NOTE = "halved_batch_size"  # the attribute of a forecaster whose batch size was halved


def with_enough_memory(forecaster: object, method: str, action: Callable[[], T]) -> T:
    """What a call of a forecaster returns; one that runs out of memory is repeated with half of its `batch_size`.

    That is done once for each forecaster, and `halving_note` says so. Raises what the last call raised.
    """
    try:
        return action()
    except Exception as error:
        if not is_out_of_memory(Failure(error)) or not _halve(forecaster, method):
            raise
    _free_gpu()  # after the exception is gone, which held what the call had allocated
    return action()


def halving_note(forecaster: object) -> tuple[str, ...]:
    """A note that the batch size of a forecaster was halved; none if it was not."""
    note = vars(forecaster).get(NOTE) if hasattr(forecaster, "__dict__") else None
    return (note,) if isinstance(note, str) else ()


def _halve(forecaster: object, method: str) -> bool:
    """Halve the batch size of a forecaster; returns whether it has one, and was not halved before."""
    size: Any = getattr(forecaster, "batch_size", None)
    if type(size) is not int or size < 2 or halving_note(forecaster):
        return False
    note = f"{method} ran out of memory with batch_size {size}, and was repeated with {size // 2}"
    try:
        forecaster.batch_size = size // 2  # type: ignore[attr-defined]
        setattr(forecaster, NOTE, note)
    except AttributeError:  # it cannot be changed
        return False
    return True


def _free_gpu() -> None:
    """Give the memory of a GPU back that torch keeps for later calls."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
