"""Tasks, protocols and splits of whatever their caller has: converted to clean values, or refused in one sentence."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.arrays import Ints
from harness.data.panel import Channel, Panel
from harness.errors import BadInput, BadTask
from harness.evaluation.run import Cell
from harness.tasks.folds import backtest
from harness.tasks.protocols import PROTOCOLS, Cutoffs, Generation, Protocol, RollingOrigin
from harness.tasks.splits import HeldOut, SeriesSplit, TimeSplit
from harness.tasks.task import Task

ODD: list[Any] = [
    *(None, True, False, np.True_, 0, 3, -1, 10**30, 7.0, 0.5, -0.5, math.nan, math.inf, 1j, "", "a", "3", b"a"),
    *("once", "every", np.str_("every"), "2020-01-01", "20200101", "2020-02-30", "1500-01-01", "a\nb", "\ud800"),
    *(np.int64(3), np.uint8(7), np.float32(2.0), np.float64(0.5), np.array(3), np.array([1, 2]), np.array([0.1, 0.9])),
    *(np.zeros((2, 2)), np.ma.masked, np.datetime64("NaT"), np.datetime64("2020-01-01"), np.timedelta64(1, "D")),
    *(pd.NA, pd.NaT, pd.Timestamp("2020"), pd.Series([0.1, 0.9]), pd.Index(["a", "b"]), datetime.date(2020, 1, 1)),
    *([], [0.1, 0.9], [0.9, 0.1], [0.5, 0.5], [0, 1], [0.5, math.nan], ["a", "b"], ["a", "a"], [None], [[0.1], 0.9]),
    *((), (0.5,), {}, {"a": 1}, {0.1, 0.9}, range(2), object(), int, RollingOrigin, RollingOrigin(3, windows=2)),
    *(Generation(), TimeSplit(0.5), SeriesSplit(1), TimeSplit, Fraction(1, 2), dataclasses.field()),
]
PAIR = Panel.of([np.arange(20.0), np.arange(20.0)])
MAKERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "task": (Task, {"dataset": "d", "protocol": RollingOrigin(3, windows=2)}),
    "rolling origin": (RollingOrigin, {"horizon": 3}),
    "generation": (Generation, {}),
    "time split": (TimeSplit, {"training": 0.5}),
    "series split": (SeriesSplit, {"training": 1}),
}
FIELDS = [
    (maker, field.name)
    for maker, (cls, _) in MAKERS.items()
    for field in dataclasses.fields(cls)  # type: ignore[arg-type]
]


def made(action: Callable[[], Any]) -> Any:
    """What an action makes; None where it is refused as a bad task in one line."""
    try:
        return action()
    except BadTask as error:
        refusal = error
    assert type(refusal) is BadTask
    assert str(refusal)
    assert "\n" not in str(refusal)
    return None


def refusal(action: Callable[[], Any]) -> str:
    """The message with which an action is refused as a bad task."""
    with pytest.raises(BadTask) as raised:
        action()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def assert_plain(value: Any) -> None:
    """The value is one of Python's own, or a dataclass or a tuple of such."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            assert_plain(getattr(value, field.name))
    elif type(value) is tuple:
        for element in value:
            assert_plain(element)
    else:
        assert value is None or type(value) in (int, float, str, bool)


def assert_round_trip(task: Task) -> None:
    """The task is clean, and the same after JSON and pickle; its cell has a key."""
    assert_plain(task)
    hash(task)
    again = Task.from_json(json.loads(json.dumps(task.to_json(), allow_nan=False)))
    assert dataclasses.replace(again, name=task.name) == task
    assert pickle.loads(pickle.dumps(task)) == task
    assert len(Cell(task, "naive").key("f", "1")) == 32


@pytest.mark.parametrize(("maker", "field"), FIELDS)
@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_a_clean_value_or_what_is_wrong(maker: str, field: str, value: Any) -> None:
    make, arguments = MAKERS[maker]

    result = made(lambda: make(**{**arguments, field: value}))

    if isinstance(result, Task):
        assert_round_trip(result)
    elif isinstance(result, Protocol):
        assert_round_trip(Task("d", result))
    elif result is not None:
        assert_round_trip(Task("d", RollingOrigin(3, windows=2), result))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 40),
    st.floats(),
    st.text(max_size=4),
    st.dates().map(str),
    st.sampled_from([np.int64(2), np.float32(0.5), np.array(2), "2020-01-03"]),
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.lists(st.floats(0, 1), max_size=3)


@given(st.sampled_from(FIELDS), VALUES, st.sampled_from(FIELDS), VALUES)
def test_any_two_values_together(first: tuple[str, str], one: Any, second: tuple[str, str], other: Any) -> None:
    maker, field = first
    make, arguments = MAKERS[maker]
    more = {second[1]: other} if second[0] == maker else {}

    result = made(lambda: make(**{**arguments, **more, field: one}))

    if isinstance(result, Protocol):
        assert_round_trip(Task("d", result))
    elif isinstance(result, Task):
        assert_round_trip(result)


@given(st.sampled_from([field for field in FIELDS if field[0] != "task"]), VALUES)
def test_what_is_accepted_cuts_a_panel_or_does_not_fit_it(field: tuple[str, str], value: Any) -> None:
    make, arguments = MAKERS[field[0]]
    panel = Panel.of([np.arange(30.0), np.arange(20.0)], start="2020-01-01", freq="D")
    result = made(lambda: make(**{**arguments, field[1]: value}))
    if isinstance(result, RollingOrigin):
        task = Task("d", dataclasses.replace(result, windows=min(result.windows or 2, 5)))
    elif isinstance(result, Generation):
        task = Task("d", result, SeriesSplit(1))
    elif result is not None:
        task = Task("d", RollingOrigin(3), result)
    else:
        return

    with contextlib.suppress(BadInput):
        windows = backtest(task, panel).windows
        assert windows.actuals.shape[0] == len(windows)


class TestConversion:
    @pytest.mark.parametrize("horizon", [3, 3.0, np.int64(3), np.float64(3), np.uint8(3), np.array(3)])
    def test_whole_numbers_are_pythons(self, horizon: Any) -> None:
        assert type(RollingOrigin(horizon).horizon) is int
        assert RollingOrigin(horizon) == RollingOrigin(3)

    @pytest.mark.parametrize("horizon", ["3", True, 3.5, None, [3], math.nan, np.ma.masked])
    def test_what_is_no_whole_number_is_refused(self, horizon: Any) -> None:
        assert refusal(lambda: RollingOrigin(horizon)).startswith("horizon must be a whole number, not ")

    @pytest.mark.parametrize("levels", [[0.1, 0.9], (0.1, 0.9), np.array([0.1, 0.9]), pd.Series([0.1, 0.9])])
    def test_lists_are_tuples(self, levels: Any) -> None:
        task = Task("d", RollingOrigin(3), quantile_levels=levels)

        assert task.quantile_levels == (0.1, 0.9)
        assert {type(level) for level in task.quantile_levels} == {float}

    @pytest.mark.parametrize("levels", [(0.9, 0.1), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0), (math.nan,)])
    def test_levels_rise_between_0_and_1(self, levels: Any) -> None:
        message = refusal(lambda: Task("d", RollingOrigin(3), quantile_levels=levels))

        assert message.startswith("quantile levels must rise between 0 and 1, not ")

    def test_a_level_alone_is_no_list(self) -> None:
        message = refusal(lambda: Task("d", RollingOrigin(3), quantile_levels=0.5))  # type: ignore[arg-type]

        assert message == "quantile_levels must be a list, not 0.5"

    @pytest.mark.parametrize(("text", "wanted"), [("0.9", "a list such as [0.9]"), ("high", "a list")])
    def test_a_text_is_no_list_of_levels(self, text: str, wanted: str) -> None:
        message = refusal(lambda: Task("d", RollingOrigin(3), quantile_levels=text))  # type: ignore[arg-type]

        assert message == f"quantile_levels must be {wanted}, not {text!r}"

    def test_a_text_is_no_list_of_targets(self) -> None:
        message = refusal(lambda: Task("d", RollingOrigin(3), targets="ab"))  # type: ignore[arg-type]

        assert message == "targets must be a list such as ['ab'], not 'ab'"

    @pytest.mark.parametrize("targets", [(), ["a", "a"]])
    def test_targets_are_named_once(self, targets: Any) -> None:
        assert refusal(lambda: Task("d", RollingOrigin(3), targets=targets)).startswith("targets must be names")

    def test_a_class_is_no_protocol(self) -> None:
        message = refusal(lambda: Task("d", RollingOrigin))  # type: ignore[arg-type]

        assert message == "protocol must be a Protocol: pass RollingOrigin(…) instead of the class"

    @pytest.mark.parametrize("date", ["20170101", "2017-02-30", "2017-1-1", "yesterday", "", "2017-01-01T00:00Z"])
    def test_what_is_no_date_fits_no_panel(self, date: str) -> None:
        panel = Panel.of([np.arange(30.0)], start="2017-01-01", freq="D")

        for task in (Task("d", RollingOrigin(3, first_cutoff=date)), Task("d", RollingOrigin(3), TimeSplit(date))):
            assert "is not a date; write it as 2017-10-01" in refusal(lambda task=task: backtest(task, panel))

    def test_fractions_and_counts_are_told_apart(self) -> None:
        assert TimeSplit(np.float64(1.0)).training == 1.0
        assert type(TimeSplit(np.float64(1.0)).training) is float
        assert type(TimeSplit(np.int64(1)).training) is int
        assert refusal(lambda: TimeSplit(7.0)) == "training is a fraction from 0 to 1 or a whole number, not 7.0"

    @pytest.mark.parametrize("make", [lambda: RollingOrigin(3, first_cutoff=-(10**12)), lambda: TimeSplit(10**12)])
    def test_numbers_beyond_any_panel_are_refused(self, make: Callable[[], Any]) -> None:
        assert "1,000,000,000" in refusal(make)

    def test_the_key_of_a_cell_is_that_of_pythons_values(self) -> None:
        converted = Task(
            np.str_("d"), RollingOrigin(np.int64(2), windows=3.0), targets=["a"], quantile_levels=np.array([0.1, 0.9])
        )  # type: ignore[arg-type]
        plain = Task("d", RollingOrigin(2, windows=3), targets=("a",), quantile_levels=(0.1, 0.9))

        assert Cell(converted, "f").key("x", "y") == Cell(plain, "f").key("x", "y")


@dataclass(frozen=True)
class EveryKth(Protocol):
    """A protocol of a plugin, which checks nothing itself."""

    kind: ClassVar[str] = "every-kth"
    horizon: int
    k: int = 1
    names: tuple[str, ...] = ()

    def cutoffs(self, held_out: HeldOut) -> Cutoffs:
        cutoffs: Ints = np.arange(self.k, int(held_out.ends[0]) - self.horizon + 1, self.k)
        return Cutoffs(np.zeros_like(cutoffs), cutoffs, np.arange(len(cutoffs)))


class TestProtocolsOfPlugins:
    def test_their_fields_are_converted_by_the_task(self) -> None:
        task = Task("d", EveryKth(np.int64(2), 4.0, ["a"]))  # type: ignore[arg-type]

        assert task.protocol == EveryKth(2, 4, ("a",))
        assert_plain(task)
        assert json.loads(json.dumps(task.to_json()))["protocol"]["k"] == 4
        assert len(backtest(task, Panel.of([range(20)])).windows) == 4

    @pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
    @pytest.mark.parametrize("field", ["horizon", "k", "names"])
    def test_or_refused(self, field: str, value: Any) -> None:
        task = made(lambda: Task("d", EveryKth(**{"horizon": 2, field: value})))

        if task is not None:
            assert_plain(task)
            again = Task.from_json(json.loads(json.dumps(task.to_json())), (*PROTOCOLS, EveryKth))
            assert again == task

    def test_a_horizon_of_zero_is_refused(self) -> None:
        assert refusal(lambda: Task("d", EveryKth(0))) == "horizon must be at least 1, not 0"


@dataclass(frozen=True)
class Says(Protocol):
    """A protocol of a plugin, whose windows are those that it is told."""

    kind: ClassVar[str] = "says"
    horizon: int
    windows: Any

    def cutoffs(self, held_out: HeldOut) -> Any:
        return self.windows() if callable(self.windows) else self.windows


class TestWindowsOfPlugins:
    def test_lists_are_arrays(self) -> None:
        windows = backtest(Task("d", Says(2, Cutoffs([0, 1], [3, 4], [0, 0]))), PAIR).windows  # type: ignore[arg-type]

        assert windows.cutoffs.tolist() == [3, 4]
        assert windows.cutoffs.dtype == np.int64

    @pytest.mark.parametrize(
        ("windows", "problem"),
        [
            (None, "protocol 'says' must return Cutoffs, not NoneType"),
            ([3, 4], "protocol 'says' must return Cutoffs, not list"),
            (Cutoffs([], [], []), "protocol 'says' has no windows"),  # type: ignore[arg-type]
            (Cutoffs([0], [3.5], [0]), "must be three arrays of whole numbers"),  # type: ignore[arg-type]
            (Cutoffs([0], [3, 4], [0]), "must be three arrays of whole numbers"),  # type: ignore[arg-type]
            (Cutoffs([[0]], [[3]], [[0]]), "must be three arrays of whole numbers"),  # type: ignore[arg-type]
            (Cutoffs(["a"], [3], [0]), "must be three arrays of whole numbers"),  # type: ignore[arg-type]
            (Cutoffs([-1], [3], [0]), "name series by positions from 0 to 1"),  # type: ignore[arg-type]
            (Cutoffs([2], [3], [0]), "name series by positions from 0 to 1"),  # type: ignore[arg-type]
            (Cutoffs([0], [19], [0]), "whose window is not inside the held-out rows"),  # type: ignore[arg-type]
            (lambda: 1 / 0, "cannot cut the series into windows: ZeroDivisionError: division by zero"),
        ],
    )
    def test_what_are_no_windows_is_a_bad_task(self, windows: Any, problem: str) -> None:
        message = refusal(lambda: backtest(Task("d", Says(2, windows)), PAIR))

        assert message.startswith("task 'd' on dataset 'd': ")
        assert problem in message


def test_channels_of_a_panel_are_targets_by_a_list_of_names() -> None:
    panel = Panel.of([np.ones((9, 3))], channels=[Channel("ab"), Channel("a"), Channel("b")])

    windows = backtest(Task("d", RollingOrigin(2, windows=1), targets=["ab"]), panel).windows  # type: ignore[arg-type]

    assert windows.actuals.shape == (1, 2, 1)
