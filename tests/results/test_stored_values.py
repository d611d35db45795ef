"""Every stored value comes back from JSON as it was, whatever its fields hold."""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Bench, Generation, RollingOrigin, Run, SeriesSplit, Standings, StoredPlan, Task, TimeSplit
from harness.evaluation.run import Cell
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.results.publication.records import SHARED, Publication, PublishedRun
from harness.tasks.protocols import PROTOCOLS, Protocol
from harness.tasks.splits import Split
from harness.tasks.task import task_classes

from ..whole_values import whole

STORED = (Task, Cell, Run, StoredPlan, Standings, Bench, Publication)
COUNT = st.integers(1, 1000)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
PART = st.floats(0, 1) | COUNT
CONSTRAINED: dict[Any, st.SearchStrategy[Any]] = {
    Protocol: st.builds(
        RollingOrigin,
        COUNT,
        windows=COUNT,
        first_cutoff=COUNT | st.text(),
        stride=COUNT,
        gap=COUNT,
        train_length=COUNT,
        min_context=COUNT,
        max_context=COUNT,
        refit=st.sampled_from(["once", "every", 3]),
    )
    | st.builds(Generation, COUNT, COUNT),
    Split: st.builds(TimeSplit, PART | st.text(), PART | st.text(), PART | st.text())
    | st.builds(SeriesSplit, PART, PART, PART),
    Task: st.deferred(
        lambda: st.builds(
            Task,
            st.text(),
            CONSTRAINED[Protocol],
            CONSTRAINED[Split],
            st.tuples(st.text()),
            COUNT,
            st.just((0.1, 0.9)),
            st.booleans(),
        )
    ),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """All values of a type that can be told apart in JSON; no field keeps its default."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in CONSTRAINED:
        return CONSTRAINED[kind]
    if origin is Annotated:
        return FINITE | st.just(math.nan)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        others = [argument for argument in arguments if argument is not type(None)]
        return FINITE if others == [float] else st.one_of([values_of(other) for other in others])
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values_of(arguments[0]), min_size=1, max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values_of, arguments))
    if origin is Mapping:
        inner = JSON if get_origin(arguments[1]) in (Union, types.UnionType) else values_of(arguments[1])
        return st.dictionaries(st.text(), inner, min_size=1, max_size=2)
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        stored = [field for field in dataclasses.fields(kind) if field.metadata.get("stored", True)]
        return st.builds(kind, **{field.name: values_of(hints[field.name]) for field in stored})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    simple = {float: st.floats(), int: st.integers(), str: st.text(), bool: st.booleans(), Any: JSON}
    return simple[kind]


@pytest.mark.parametrize(
    "cls", [Task, Cell, Run, StoredPlan, Standings, Bench, Publication], ids=lambda cls: cls.__name__
)
@settings(max_examples=50)
@given(data=st.data())
def test_it_comes_back_from_json(cls: Any, data: st.DataObject) -> None:
    value = data.draw(values_of(cls))

    text = json.dumps(dump(value), allow_nan=False)

    assert whole(load(cls, json.loads(text), task_classes(PROTOCOLS))) == whole(value)


@pytest.mark.parametrize("cls", [Task, Cell, Run, StoredPlan, Standings], ids=lambda cls: cls.__name__)
@settings(max_examples=2)
@given(data=st.data())
def test_its_own_methods_do_the_same(cls: Any, data: st.DataObject) -> None:
    value = data.draw(values_of(cls))

    again = cls.from_json(json.loads(json.dumps(value.to_json(), allow_nan=False)))

    assert whole(again) == whole(value)


def test_a_run_is_published_with_all_its_fields_but_these() -> None:
    fields = {field.name for field in dataclasses.fields(Run)}
    published = {field.name for field in dataclasses.fields(PublishedRun)}

    assert fields - SHARED == {
        *("cell", "key", "traceback", "curves", "window_failures", "provenance", "results"),
        *("audit", "place", "output", "gradient_norms"),
    }
    assert {"window_failures", "provenance"} <= published


class TestRules:
    def test_infinity_is_a_text_and_nan_is_null(self) -> None:
        stored = Run(Cell(Task("d", Generation()), "f"), "completed", curves={"loss": (math.inf, math.nan, -math.inf)})

        assert dump(stored)["curves"] == {"loss": ["inf", None, "-inf"]}

    def test_both_are_texts_where_null_is_a_value(self) -> None:
        cell = Cell(Task("d", Generation()), "f", {"clip": math.inf, "fill": [math.nan, None]})

        assert dump(cell)["parameters"] == {"clip": "inf", "fill": ["nan", None]}

    def test_an_infinite_score_is_null(self) -> None:
        stored = Run(Cell(Task("d", Generation()), "f"), "completed", scores={"MAE": math.inf})

        assert dump(stored)["scores"] == {"MAE": None}

    def test_a_key_is_that_of_infinity_as_a_number(self) -> None:
        """As in 0.2.0."""
        cell = Cell(Task("d", Generation(10, 20)), "f", {"clip": math.inf})

        assert cell.key("print", "plugin==1:0") == "422240a4365f22c76a65abd9c69374da"
