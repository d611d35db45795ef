"""Model summaries: what a forecaster tells of the layers of its network, what is stored of it, and what is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from harness import Forecast, Layer, Panel, RollingOrigin, Run, Task, evaluate
from harness.evaluation.description import describe
from harness.execution.workers.answers import description_of
from harness.fields.dumping import dump
from harness.report.runs.model_summary import model_summaries, summary_lines

LAYERS = (Layer("hidden", "Linear", (None, 16), 26_896), Layer("head", "Linear", (None, 1), 17))


@dataclass
class Network:
    """A forecaster that states the layers of its network."""

    model_summary: Any = LAYERS

    def fit(self, train: Any) -> None:
        pass

    def predict(self, contexts: Any) -> Forecast:
        return Forecast.point(np.repeat(contexts.last_targets(1), contexts.horizon, axis=1))


def test_a_run_has_the_layers_and_keeps_them_when_it_is_stored() -> None:
    run = evaluate(Network(), Task("ramp", RollingOrigin(2, windows=1)), Panel.of([np.arange(20.0)]))

    assert run.model_summary == LAYERS
    assert replace(Run.from_json(run.to_json()), results=None).model_summary == LAYERS


@pytest.mark.parametrize("stated", [None, 7, [("hidden", 3)], [replace(LAYERS[0], output_shape=("x",))]])
def test_what_is_no_summary_is_left_out(stated: Any) -> None:
    assert describe(Network(stated)).model_summary == ()


def test_numbers_of_numpy_are_converted() -> None:
    layer = Layer("a", "Linear", (None, np.int64(3)), np.int64(4))  # type: ignore[arg-type]

    assert dump(describe(Network([layer])))["model_summary"] == [
        {"name": "a", "type": "Linear", "output_shape": [None, 3], "parameters": 4}
    ]


def test_another_number_of_parameters_than_the_forecaster_states_is_a_remark() -> None:
    class Counted(Network):
        parameter_count = 26_913

    class Miscounted(Network):
        parameter_count = 5

    assert describe(Counted()).remarks == ()
    assert describe(Miscounted()).remarks == (
        "the layers of its model summary have 26,913 parameters, but its parameter_count is 5",
    )


ROW = {"name": "a", "type": "Linear", "output_shape": [None, 3], "parameters": 4}


def test_the_answer_of_a_worker_is_read() -> None:
    told = {"model_summary": [{**ROW, "future": 1}]}

    assert description_of(told, None).model_summary == (Layer("a", "Linear", (None, 3), 4),)


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        [[]],
        [ROW] * 2001,
        *(
            [{**ROW, key: value}]
            for key, value in (("name", 1), ("type", None), ("parameters", -1), ("parameters", 0.5))
        ),
        *([{**ROW, "output_shape": shape}] for shape in (None, [True], [-1], ["3"], [1] * 9)),
    ],
)
def test_an_answer_that_is_no_summary_is_left_out(told: Any) -> None:
    assert description_of({"model_summary": told}, None).model_summary == ()


def test_tasks_with_the_same_network_share_a_table() -> None:
    other = LAYERS[1:]

    summaries = model_summaries([("a", LAYERS), ("b", other), ("c", LAYERS), ("c", LAYERS), ("d", ())])

    assert [(summary.layers, summary.tasks) for summary in summaries] == [(LAYERS, ("a", "c")), (other, ("b",))]
    assert list(summary_lines(summaries[0])) == [
        "model summary of a, c",
        "  layer   type    output shape  parameters",
        "  hidden  Linear  (None, 16)        26,896",
        "  head    Linear  (None, 1)             17",
        "  total                             26,913",
    ]
