"""Charts of skill against cost: Pareto fronts against their definition, and how numbers are written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import BenchCosts, Column, Row, Standings
from harness_mlflow.costs import pareto_costs, pareto_front, pareto_picture, pareto_points

COSTS = ["latency_p99", "throughput", "training_seconds"]
SVG = "{http://www.w3.org/2000/svg}"
NAN = math.nan
COST = st.sampled_from([None, 1e-3, 2e-3, 5.0])  # few, so that many tie
SKILL = st.sampled_from([-1.0, 0.0, 0.5, NAN])


def row(forecaster: str, skill: float, measured: bool = True, **costs: Any) -> Row:
    found = BenchCosts("m", "CPU", "2026-01-01", "ramp", 1, "cpu", **costs) if measured else None
    return Row(
        forecaster,
        *(1, skill, 1 - skill, 0.5, 1.0, 1.0, {}, NAN, False, 1, NAN, False, {}, {}, {}, 0.0, 0.0, 1, 1, {}, 0),
        costs=found,
    )


def board(*rows: Row) -> Standings:
    return Standings("toys", "Toys", "MAE", "base", (), rows, cost_notes=("cost: measured by harness bench",))


def column(standings: Standings, quantity: str) -> Column:
    """The column of a cost."""
    return next(column for column in pareto_costs(standings) if column.name == quantity)


def meaning(standings: Standings, quantity: str) -> str:
    """The label of a cost's axis."""
    return column(standings, quantity).meaning


@dataclass(frozen=True)
class Drawn:
    """A chart of the picture, read back."""

    texts: tuple[str, ...]  # upright ones, in their order
    places: dict[str, float]  # of texts across


def drawn(standings: Standings, quantity: str) -> Drawn:
    """The picture of rows in which only this cost was measured."""
    root = ElementTree.fromstring(pareto_picture(standings))
    found = [element for element in root.iter(f"{SVG}text") if "transform" not in element.attrib]
    assert any(meaning(standings, quantity) in (text.text or "") for text in found)
    return Drawn(
        tuple(element.text or "" for element in found),
        {element.text or "": float(element.attrib["x"]) for element in found},
    )


def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether it costs no more, is as good, and is ahead in one of both."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other


class TestFront:
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=9))
    def test_is_whom_nobody_beats(self, pairs: list[tuple[int, int]]) -> None:
        points = [(float(cost), float(skill), f"{k}") for k, (cost, skill) in enumerate(pairs)]

        expected = {point for point in points if not any(beats(other[:2], point[:2]) for other in points)}

        assert set(pareto_front(points)) == expected
        assert [point[0] for point in pareto_front(points)] == sorted(point[0] for point in expected)

    @given(st.lists(st.tuples(COST, SKILL, st.booleans()), max_size=9), st.sampled_from(COSTS))
    def test_leaves_out_whose_cost_or_skill_is_missing(self, values: list[Any], quantity: str) -> None:
        rows = [row(f"{k}", skill, known, **{quantity: cost}) for k, (cost, skill, known) in enumerate(values)]
        sign = -1 if quantity == "throughput" else 1

        standings = board(*rows)
        points = pareto_points(standings, column(standings, quantity)) if standings.measured else []
        found = {name for _, _, name in pareto_front(points)}

        known = {
            f"{k}": (sign * cost, skill)
            for k, (cost, skill, told) in enumerate(values)
            if told and cost and skill == skill
        }
        assert found == {k for k, one in known.items() if not any(beats(other, one) for other in known.values())}

    def test_of_equals_has_both(self) -> None:
        assert pareto_front([(1.0, 0.5, "a"), (1.0, 0.5, "b"), (1.0, 0.4, "c"), (2.0, 0.5, "d")]) == [
            (1.0, 0.5, "a"),
            (1.0, 0.5, "b"),
        ]


class TestPicture:
    def test_throughput_is_said_in_millions_and_more_of_it_stands_left(self) -> None:
        rows = (row("quick", 0.1, throughput=2_400_000.0), row("slow", 0.3, throughput=480_000.0))

        found = drawn(board(*rows), "throughput")

        assert {"2M", "1M", "500k"} <= set(found.texts)
        assert found.places["2M"] < found.places["1M"] < found.places["500k"]
        assert found.places["quick"] < found.places["slow"]

    @pytest.mark.parametrize("quantity", ["training_seconds", "latency_p99"])
    def test_times_have_units_and_the_longer_stand_right(self, quantity: str) -> None:
        rows = (row("quick", 0.1, **{quantity: 9e-6}), row("slow", 0.3, **{quantity: 1200.0}))

        found = drawn(board(*rows), quantity)

        assert [text for text in found.texts if text in ("10 µs", "1 ms", "1 s", "1000 s")] == [
            "10 µs",
            "1 ms",
            "1 s",
            "1000 s",
        ]
        assert found.places["10 µs"] < found.places["1 ms"] < found.places["1000 s"]

    @pytest.mark.parametrize(
        ("quantity", "cost", "said"),
        [("throughput", 1_234_567.0, "1.23M"), ("throughput", 3.0, "3"), ("training_seconds", 0.0317, "31.7 ms")],
    )
    def test_a_single_one_is_said_in_three_digits(self, quantity: str, cost: float, said: str) -> None:
        assert said in drawn(board(row("only", 0.1, **{quantity: cost})), quantity).texts

    @given(st.sampled_from(COSTS), st.floats(1e-4, 1e5), st.floats(1, 1e5))
    def test_nothing_is_said_in_powers_of_ten(self, quantity: str, low: float, factor: float) -> None:
        rows = [row("quick", 0.1, **{quantity: low}), row("slow", 0.2, **{quantity: min(low * factor, 1e5)})]

        assert not [text for text in drawn(board(*rows), quantity).texts if "e+" in text or "e-" in text]

    def test_has_a_chart_for_each_cost_that_was_measured(self) -> None:
        standings = board(row("a", 0.1, latency_p99=0.001), row("b", 0.2, throughput=5.0))

        texts = drawn(standings, "throughput").texts

        assert meaning(standings, "latency_p99") in texts
        assert meaning(standings, "training_seconds") not in texts

    def test_is_not_drawn_of_nothing(self) -> None:
        assert pareto_picture(board(row("a", 0.1, measured=False), row("b", NAN, latency_p99=0.001))) == ""
