"""Model size: what a forecaster says, or else what its fitted attributes hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from harness import Forecast, Panel, RollingOrigin, Task, evaluate
from harness.evaluation.model_size import ModelSize, model_size


@dataclass
class Holder:
    """A forecaster that learned something."""

    given: Any = field(default_factory=lambda: np.ones(99))
    learned_: Any = None

    def fit(self, train: Any) -> None:
        self.learned_ = np.zeros(7)

    def predict(self, contexts: Any) -> Forecast:
        return Forecast.point(np.repeat(contexts.last_targets(1), contexts.horizon, axis=1))


class Plain:
    def __init__(self, values: Any) -> None:
        self.values = values


@pytest.mark.parametrize(
    ("learned", "size"),
    [
        (np.zeros((3, 4)), ModelSize(12, 96)),
        (np.zeros(5, dtype=np.float32), ModelSize(5, 20)),
        (np.zeros(3, dtype=[("a", np.float64), ("b", np.int8)]), ModelSize(6, 27)),
        ({"a": [np.zeros(2)], "b": (1.5, np.float64(2.0))}, ModelSize(4, 32)),
        ({"position": np.int64(7), "length": 7, "slope": np.float32(1.0)}, ModelSize(1, 8)),
        pytest.param(Plain({"a": np.zeros(2)}), ModelSize(2, 16), id="an object"),
        (torch.zeros(3, 3), ModelSize(9, 36)),
        (torch.nn.Linear(4, 3), ModelSize(15, 60)),
        (np.array([np.zeros(2), None], dtype=object), ModelSize(2, 16)),
        (np.array(["text"]), ModelSize()),
        ("text", ModelSize()),
        pytest.param(lambda: 1, ModelSize(), id="a function"),
        (None, ModelSize()),
    ],
    ids=str,
)
def test_what_counts(learned, size) -> None:
    assert model_size(Holder(learned_=learned)) == size


def test_a_forecaster_may_say_its_size() -> None:
    class Says(Holder):
        parameter_count = 12
        parameter_bytes = 48

    assert model_size(Says(learned_=np.zeros(7))) == ModelSize(12, 48)


def test_a_forecaster_may_say_its_number_of_parameters_alone() -> None:
    class Says(Holder):
        parameter_count = np.int64(12)

    assert model_size(Says(learned_=np.zeros(7))) == ModelSize(12, None)


def test_a_size_that_is_not_known_before_the_fit_is_counted() -> None:
    class Says(Holder):
        @property
        def parameter_count(self) -> int:
            return self.network_.size  # type: ignore[attr-defined]

    assert model_size(Says(learned_=np.zeros(7))) == ModelSize(7, 56)


def test_the_same_array_counts_once() -> None:
    array = np.zeros(5)

    assert model_size(Holder(learned_=[array, array])).parameters == 5


def test_data_that_is_kept_does_not_count() -> None:
    assert model_size(Holder(learned_=[Panel.of([range(10)])])) == ModelSize()


def test_cycles_end() -> None:
    cycle: list[Any] = [np.zeros(3)]
    cycle.append(cycle)

    assert model_size(Holder(learned_=cycle)).parameters == 3


def test_the_size_of_a_forecaster_that_cannot_be_inspected_is_unknown() -> None:
    class Fails(Holder):
        @property
        def parameter_count(self) -> int:
            raise RuntimeError("not yet")

    assert model_size(Fails(learned_=np.zeros(7))) == ModelSize()


def test_curves_and_remarks_are_not_the_model() -> None:
    forecaster = Holder()
    forecaster.curves_ = {"loss": np.zeros(100)}

    assert model_size(forecaster) == ModelSize()


def test_a_run_has_the_number_of_parameters() -> None:
    task = Task("ramp", RollingOrigin(horizon=2, windows=2))

    assert evaluate(Holder(given=1), task, Panel.of([range(20)])).costs.parameters == 7
