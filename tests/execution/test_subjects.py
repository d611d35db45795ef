"""Subjects: what the search for the smallest example may take, and what it says of classes of tests."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.arrays import Floats
from harness.data.dataset import DatasetSpec
from harness.data.panel import Panel
from harness.errors import DataUnavailable
from harness.execution.checks import subjects
from harness.execution.checks.subjects import subject_of
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import LocalForecaster
from harness.plugins.checks.capabilities import CAPABILITIES
from harness.plugins.checks.contracts import SOUND_COVARIATES
from harness.tasks.windows import Context


@dataclass
class WrongAndSlow(LocalForecaster):
    """Of the wrong shape, and never done with one step."""

    def predict_series(self, context: Context) -> Floats:
        if context.horizon == 1:
            time.sleep(300)
        return np.zeros((context.horizon + 1, context.target.shape[1]))


@dataclass
class Good(LocalForecaster):
    """Zero."""

    def predict_series(self, context: Context) -> Floats:
        return np.zeros((context.horizon, context.target.shape[1]))


def test_a_smaller_example_that_hangs_ends_the_search_in_its_time_and_hides_no_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subjects, "MOST_SECONDS", 3.0)
    subjects._search_time.cache_clear()
    subject = subject_of(WrongAndSlow)
    names = [name for name in subject.names if name.startswith("forecasts ")]
    first = subject.result(names[0])

    begin = time.monotonic()
    text = subject.explanation(first)
    seconds = time.monotonic() - begin
    following = subject.result(names[1])

    assert "An example that fails" in text
    assert "The search for the smallest one was cut short" in text
    assert seconds < 10
    assert not following.passed
    assert "not checked" not in following.detail


@dataclass
class WithoutWindows(LocalForecaster):
    """Its forecasts have no axis of windows."""

    def predict_series(self, context: Context) -> Forecast:
        return Forecast.point(np.zeros((context.horizon, context.target.shape[1])))


def test_the_smallest_example_fails_for_the_same_axis() -> None:
    subjects._search_time.cache_clear()
    subject = subject_of(WithoutWindows)
    failed = subject.result(next(name for name in subject.names if name.startswith("forecasts ")))
    code = "\n".join(line[4:] for line in re.findall(r"^    .*|^$", subject.explanation(failed), re.M))
    found: dict[str, Any] = {"WithoutWindows": WithoutWindows}

    exec(code, found)

    assert "the axis of windows is missing" in failed.detail
    assert "the axis of windows is missing" in found["run"].reason


def test_without_time_the_example_is_that_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "_search_time", lambda: subjects.SearchTime(-1.0))
    subject = subject_of(WithoutWindows)
    failed = subject.result(next(name for name in subject.names if name.startswith("forecasts ")))

    text = subject.explanation(failed)

    assert "An example that fails has series of 90, 90, 90 observations" in text
    assert subjects.CUT_SHORT in text


def test_an_example_of_a_class_in_a_function_is_not_imported() -> None:
    @dataclass
    class Local(LocalForecaster):
        def predict_series(self, context: Context) -> Floats:
            return np.zeros(0)

    subject = subject_of(Local)
    failed = subject.result(next(name for name in subject.names if name.startswith("forecasts ")))
    text = subject.explanation(failed)

    assert "xample that fails, where Local is the class of your test:" in text
    assert "Local()" in text
    assert "import Local" not in text


@pytest.mark.parametrize("name", CAPABILITIES)
def test_a_check_of_the_spec_alone_starts_no_copies_of_copies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test, fork = os.getpid(), os.fork

    def from_here() -> int:
        if os.getpid() != test:
            raise AssertionError("a copy was copied")
        return fork()

    monkeypatch.setattr(os, "fork", from_here)

    result = subject_of(Good).result(name)

    assert result.passed, result.detail


class Once:
    """Loads once, and then no more."""

    loads: ClassVar[int] = 0

    def __call__(self) -> Panel:
        Once.loads += 1
        if Once.loads > 1:
            raise DataUnavailable("the file is gone")
        return Panel.of([range(20)])


def test_covariates_are_not_sound_where_the_data_could_not_be_loaded_again() -> None:
    subject = subject_of(DatasetSpec("once", Once(), source="made up", licence="CC0"))

    results = [subject.result(name) for name in subject.names]

    assert [result.name for result in results if not result.passed] == ["loads the same data again"]
    assert results[-1].name == SOUND_COVARIATES
    assert results[-1].skipped
    assert "not checked" in results[-1].detail
