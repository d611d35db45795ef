"""Why results failed, as standings tell it."""

from __future__ import annotations

from harness import RollingOrigin, Run, Status, Task
from harness.analysis.ranking import rows
from harness.evaluation.run import Cell, WindowFailure

SHAPE = "every window: predict_series must return an array of the shape (horizon, target) = ({0}, 1), not ({0},)"


def run(status: Status, reason: str = "", failures: tuple[WindowFailure, ...] = ()) -> Run:
    task = Task("toy", RollingOrigin(2, windows=3))
    return Run(Cell(task, "model"), status, reason=reason, windows=3, window_failures=failures)


def test_shapes_that_differ_by_task_are_one_reason() -> None:
    failed = [(f"task {steps}", run(Status.INVALID, SHAPE.format(steps))) for steps in (2, 4, 12)]

    (reason,) = rows._failure_reasons(failed)

    assert reason == f"task 2, task 4, task 12: {SHAPE.format(2)} (details of task 2)"


def test_equal_reasons_have_no_details_and_others_stay_apart() -> None:
    failed = [("a", run(Status.FAILED, "ValueError: 3 of 4")), ("b", run(Status.FAILED, "ValueError: 3 of 4"))]

    first, second = rows._failure_reasons([*failed, ("c", run(Status.FAILED, "ValueError: 4 of 4"))])

    assert first == "a, b: ValueError: 3 of 4"
    assert second == "c: ValueError: 4 of 4"


def test_windows_that_fail_for_one_reason_are_one_whatever_their_series() -> None:
    failed = [
        (
            task,
            run(Status.COMPLETED, failures=(WindowFailure(0, Status.FAILED, "no", name=f"series 'x' at cutoff {i}"),)),
        )
        for i, task in enumerate("ab")
    ]

    (reason,) = rows._failure_reasons(failed)

    assert reason == (
        "a, b: 1 of 3 windows failed and are imputed; the first: series 'x' at cutoff 0: no (details of a)"
    )
