"""The status of what a forecaster raises, here or in its own process."""

from __future__ import annotations

import errno
import pickle

import pytest

from harness.errors import BadInput, Failure, ForecasterError, InvalidForecast, NotGiven, Unsupported
from harness.evaluation.failures import status_of
from harness.evaluation.run import Status


class OutOfMemoryError(RuntimeError):
    """As that of torch.cuda."""


class HasNoText(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("no"), Status.FAILED),
        (BadInput("no"), Status.FAILED),
        (Unsupported("no"), Status.UNSUPPORTED),
        (NotGiven("no"), Status.UNSUPPORTED),
        (InvalidForecast("no"), Status.INVALID),
        (MemoryError(), Status.OUT_OF_MEMORY),
        (OutOfMemoryError("CUDA"), Status.OUT_OF_MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Status.OUT_OF_MEMORY),
        (OSError(errno.ENOENT, "No such file"), Status.FAILED),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
            Status.OUT_OF_MEMORY,
        ),
        (RuntimeError("shapes do not fit"), Status.FAILED),
        (SystemExit(0), Status.FAILED),
        (HasNoText(), Status.FAILED),
    ],
)
def test_the_status_of_an_exception(error: Exception | SystemExit, status: Status):
    assert status_of(Failure(error)) is status


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("unsupported", Status.UNSUPPORTED),
        ("not_given", Status.UNSUPPORTED),
        ("invalid", Status.INVALID),
        ("component", Status.FAILED),
        ("bad_input", Status.FAILED),
        ("data_unavailable", Status.FAILED),
        ("out_of_memory", Status.OUT_OF_MEMORY),
        ("timed_out", Status.TIMED_OUT),
        ("crashed", Status.CRASHED),
        ("failed", Status.FAILED),
        ("of a later version", Status.FAILED),
    ],
)
def test_the_status_of_an_exception_of_another_process(kind: str, status: Status):
    assert status_of(Failure(ForecasterError("ValueError: no", kind, "Traceback …"))) is status


def test_an_exception_of_another_process_keeps_its_texts():
    failure = Failure(
        pickle.loads(pickle.dumps(ForecasterError("ValueError: no", "failed", "Traceback of the worker")))
    )

    assert str(failure) == "ValueError: no"
    assert failure.traceback == "Traceback of the worker"
    assert isinstance(failure.error, ForecasterError)
    assert failure.error.kind == "failed"


def test_an_exception_whose_text_cannot_be_made_has_the_name_of_its_class():
    failure = Failure(HasNoText())

    assert str(failure) == "HasNoText"
    assert "HasNoText" in failure.traceback
