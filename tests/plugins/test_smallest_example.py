"""The smallest example that fails: what is left out, what is kept, and that its code makes it."""

from __future__ import annotations

import numpy as np
import pytest

import harness
from harness import Channel, Panel, RollingOrigin, Task
from harness.plugins.check_results import CheckResult
from harness.plugins.checks.smallest_example import MOST_TRIES, example_code, smallest_example
from harness.plugins.checks.tasks import check_tasks

EXAMPLES = {description: (task, panel) for description, task, panel in check_tasks()}


def smallest(description: str, fails) -> tuple[Task, Panel]:
    """The smallest example of a task on which something holds."""

    def check(task: Task, panel: Panel) -> CheckResult:
        return CheckResult("check", not fails(task, panel), "failed: every window: it fails")

    found = smallest_example(EXAMPLES[description], check(*EXAMPLES[description]), check, seconds=60.0)
    return found.task, found.panel


def test_what_does_not_matter_is_left_out() -> None:
    task, panel = smallest("with delayed, forecast and static covariates", lambda task, panel: True)

    assert task == Task("check", RollingOrigin(1, windows=1))
    assert panel.values.tolist() == [[1.0]]
    assert panel.channels == (Channel("y"),)
    assert not panel.static
    assert not panel.vintages


def test_what_matters_is_kept() -> None:
    task, panel = smallest(
        "with covariates and a calendar",
        lambda task, panel: panel.channels_of("known covariate") and panel.lengths.max() >= 7,
    )

    assert [channel.role for channel in panel.channels] == ["target", "known covariate"]
    assert panel.lengths.tolist() == [7]
    assert task.protocol == RollingOrigin(1, windows=1)


def test_missing_values_are_kept_where_they_matter() -> None:
    _, panel = smallest("series with missing values", lambda task, panel: np.isnan(panel.values).any())

    assert len(panel) == 1
    assert np.isnan(panel.values).any()
    assert panel.lengths[0] < 12


def test_the_first_cutoff_can_be_kept_while_the_horizon_is_shortened() -> None:
    def fails(task: Task, panel: Panel) -> bool:
        cutoff = panel.lengths[0] - task.protocol.horizon * (task.protocol.windows or 1)
        return bool(cutoff > 0 and np.isnan(panel.values[cutoff - 1, 0]))

    task, panel = smallest("series with missing values", fails)

    assert task.protocol == RollingOrigin(1, windows=1)
    assert np.isnan(panel.values[:, 0]).tolist() == [True, False]


def test_another_failure_is_no_smaller_example() -> None:
    example = EXAMPLES["several series"]

    def check(task: Task, panel: Panel) -> CheckResult:
        return CheckResult("check", False, "ValueError: first" if len(panel) == 3 else "TypeError: second")

    found = smallest_example(example, check(*example), check, seconds=60.0)

    assert len(found.panel) == 3


def test_tries_are_bounded() -> None:
    example, tried = EXAMPLES["several series"], []

    def check(task: Task, panel: Panel) -> CheckResult:
        tried.append(panel)
        return CheckResult("check", False, "fails" if panel.lengths.max() > 20 else "fails otherwise")

    found = smallest_example(example, CheckResult("check", False, "fails"), check, seconds=60.0)

    assert len(tried) <= MOST_TRIES
    assert found.is_smallest is (len(tried) < MOST_TRIES)


def test_nothing_is_tried_without_time() -> None:
    example = EXAMPLES["several series"]

    def check(task: Task, panel: Panel) -> CheckResult:
        raise AssertionError("it was tried")

    found = smallest_example(example, CheckResult("check", False, "fails"), check, seconds=-1.0)

    assert (found.task, found.panel) == example
    assert not found.is_smallest


@pytest.mark.parametrize("description", [name for name in EXAMPLES if "calendar" not in name])
def test_the_code_makes_the_example(description: str) -> None:
    task, panel = smallest(description, lambda task, panel: panel.lengths.max() >= 3)
    code = example_code(task, panel, "'naive'", "native")
    assert code is not None
    found: dict[str, object] = {}

    exec(code.partition("run = ")[0], found)

    assert found["task"] == task
    assert isinstance(found["panel"], harness.Panel)
    assert found["panel"].fingerprint() == panel.fingerprint()


def test_data_that_is_too_large_has_no_code() -> None:
    assert example_code(*EXAMPLES["several series"], "'naive'", "native") is None


def test_failures_in_signs_alone_are_told_apart() -> None:
    example = EXAMPLES["several series"]

    def check(task: Task, panel: Panel) -> CheckResult:
        return CheckResult("check", False, "≠" if len(panel) == 3 else "∞")

    found = smallest_example(example, check(*example), check, seconds=60.0)

    assert len(found.panel) == 3
