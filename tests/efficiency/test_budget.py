"""Budgets: what may be written, what is meant, and why costs do not fit."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.efficiency.budget import (
    BYTES,
    OPERATORS,
    QUANTITIES,
    format_quantity,
    parse_budget,
    parse_seconds,
    violation,
)
from harness.errors import BadInput, UnknownName
from harness.results.costs import BenchCosts

COSTS = BenchCosts("m", "CPU", "2026-01-01", "ramp", 1, "cpu", latency_p99=0.004, memory=600_000_000, parameters=10)


@pytest.mark.parametrize(
    ("text", "quantity", "comparison", "value"),
    [
        ("latency_p99 < 5ms", "latency_p99", "<", 0.005),
        ("latency_p99<=250 µs", "latency_p99", "<=", 0.00025),
        ("latency_p50 < 250us", "latency_p50", "<", 0.00025),
        ("latency_p50 < 80ns", "latency_p50", "<", 8e-8),
        ("training_seconds < 2min", "training_seconds", "<", 120.0),
        ("memory < 500MB", "memory", "<", 5e8),
        ("memory < 1.5 GiB", "memory", "<", 1.5 * 2**30),
        ("throughput >= 1e4", "throughput", ">=", 10_000.0),
        ("server_rate > 100/s", "server_rate", ">", 100.0),
        ("parameters <= 1_000_000", "parameters", "<=", 1e6),
        ("energy < 2 J", "energy", "<", 2.0),
    ],
)
def test_what_is_meant(text, quantity, comparison, value) -> None:
    (limit,) = parse_budget(text)

    assert (limit.quantity, limit.comparison) == (quantity, comparison)
    assert limit.value == pytest.approx(value)


limits = st.sampled_from(sorted(QUANTITIES)).flatmap(
    lambda quantity: st.tuples(
        st.just(quantity),
        st.sampled_from(sorted(OPERATORS)),
        st.floats(0, 1e6, allow_nan=False),
        st.sampled_from(sorted(QUANTITIES[quantity])),
        st.sampled_from(["", " "]),
    )
)


@given(st.lists(limits, min_size=1, max_size=4))
def test_every_budget_that_can_be_written_is_read(wanted) -> None:
    text = ",".join(f"{name}{space}{sign}{space}{number}{space}{unit}" for name, sign, number, unit, space in wanted)

    found = parse_budget(text)

    assert [(one.quantity, one.comparison) for one in found] == [(name, sign) for name, sign, *_ in wanted]
    for one, (name, _, number, unit, _) in zip(found, wanted, strict=True):
        assert one.value == pytest.approx(number * QUANTITIES[name][unit])


@given(st.text(max_size=30))
def test_anything_else_is_refused_and_nothing_breaks(text) -> None:
    with contextlib.suppress(BadInput):
        parse_budget(text)


@pytest.mark.parametrize("text", ["", "memory", "memory < ", "memory = 5MB", "memory < MB", "memory < 5 < 6", "< 5ms"])
def test_a_mistake_shows_an_example(text) -> None:
    with pytest.raises(BadInput, match="latency_p99 < 5ms, memory < 500MB"):
        parse_budget(text)


@pytest.mark.parametrize(("text", "unit"), [("memory < 5ms", "'ms'"), ("latency_p99 < 5", "without a unit")])
def test_a_wrong_unit_tells_those_that_there_are(text, unit) -> None:
    with pytest.raises(BadInput, match=f"is given in .*, not {unit}"):
        parse_budget(text)


def test_an_unknown_quantity_is_asked_back() -> None:
    with pytest.raises(UnknownName, match="did you mean 'latency_p99'"):
        parse_budget("latency_99 < 5ms")


def test_a_time_alone() -> None:
    assert parse_seconds("5ms") == pytest.approx(0.005)
    with pytest.raises(BadInput, match="a time takes a number and a unit, such as 5ms"):
        parse_seconds("soon")


def test_costs_fit() -> None:
    assert violation(COSTS, parse_budget("latency_p99 < 5ms, memory <= 600MB, parameters > 9")) == ""


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        ("latency_p99 < 4ms", "latency_p99 is 4 ms, not < 4ms"),
        ("latency_p99 < 5ms, memory < 500 MB", "memory is 600 MB, not < 500 MB"),
        ("energy < 1J", "energy was not measured"),
    ],
)
def test_why_costs_do_not_fit(budget, why) -> None:
    assert violation(COSTS, parse_budget(budget)) == why


def test_what_was_never_measured_does_not_fit() -> None:
    assert "not measured on this machine" in violation(None, parse_budget("memory < 1GB"))


@pytest.mark.parametrize(
    ("quantity", "value", "said"),
    [
        ("latency_p99", 0.0000042, "4.2 µs"),
        ("latency_p99", 0.000000001, "1 ns"),
        ("training_seconds", 90.0, "1.5 min"),
        ("memory", 143_000_000, "143 MB"),
        ("memory", 0, "0 B"),
        ("throughput", 12_345.6, "12,346/s"),
        ("parameters", 50, "50"),
        ("energy", 0.0042, "4.2 mJ"),
    ],
)
def test_values_are_said_in_a_unit_that_suits_them(quantity, value, said) -> None:
    assert format_quantity(quantity, value) == said


def test_quantities_are_the_figures_that_have_a_direction() -> None:
    assert list(QUANTITIES) == [
        *("latency_p50", "latency_p90", "latency_p99", "latency_p99_high", "throughput", "points_per_second"),
        *("training_seconds", "training_samples_per_second", "memory", "memory_increase", "device_memory"),
        *("parameters", "model_bytes", "energy", "start_seconds", "server_rate"),
    ]
    assert BYTES["KiB"] == 1024
