"""Budgets: what may be written, what is meant, and why costs do not fit."""

from __future__ import annotations

import contextlib
from dataclasses import replace

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
)
from harness.efficiency.verdict import MAX_UNREST, verdict
from harness.errors import BadInput, UnknownName
from harness.results.costs import BenchCosts

COSTS = BenchCosts(
    *("m", "CPU", "2026-01-01", "ramp", 1, "cpu"),
    latency_p99=0.004,
    throughput=1000.0,
    start_seconds=2.0,
    memory=600_000_000,
    parameters=10,
    repetitions=5,
    intervals={"latency_p99": (0.003, 0.0045), "throughput": (800.0, 1250.0), "start_seconds": (1.8, None)},
)


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

    assert [(limit.quantity, limit.comparison) for limit in found] == [(name, sign) for name, sign, *_ in wanted]
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


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("memory < 500 mb", "not 'mb'; did you mean 500MB?"),
        ("memory < 2 gigabytes", "did you mean 2GB?"),
        ("start_seconds < 1 minute", "did you mean 1min?"),
        ("start_seconds < 3 Seconds", "did you mean 3s?"),
        ("latency_p99 < 10 milliseconds", "did you mean 10ms?"),
        ("latency_p99 < 10 mins", "did you mean 10min?"),
    ],
)
def test_another_spelling_of_a_unit_is_asked_back(text, suggested) -> None:
    with pytest.raises(BadInput) as raised:
        parse_budget(text)

    assert suggested in str(raised.value)


@pytest.mark.parametrize("conjunction", [" and ", " AND ", " && ", "; "])
def test_limits_that_are_not_separated_by_commas_are_shown_with_them(conjunction) -> None:
    with pytest.raises(BadInput) as raised:
        parse_budget(f"latency_p99 < 10ms{conjunction}memory < 500MB")

    assert "limits are separated by commas: 'latency_p99 < 10ms, memory < 500MB', not" in str(raised.value)


@pytest.mark.parametrize("heading", ["p50", "p90", "p99"])
def test_headings_of_percentiles_are_names(heading) -> None:
    (limit,) = parse_budget(f"{heading} <10ms")

    assert (limit.quantity, str(limit), limit.bound) == (f"latency_{heading}", f"latency_{heading} <10ms", "<10ms")


def test_the_lower_end_of_an_interval_has_no_limit() -> None:
    with pytest.raises(BadInput, match=r"all of the interval decides; did you mean 'latency_p99'\?"):
        parse_budget("latency_p99_low < 5ms")


def test_an_unknown_quantity_is_asked_back() -> None:
    with pytest.raises(UnknownName, match="did you mean 'latency_p99'"):
        parse_budget("latency_99 < 5ms")


def test_a_time_alone() -> None:
    assert parse_seconds("5ms") == pytest.approx(0.005)
    with pytest.raises(BadInput, match="a time takes a number and a unit, such as 5ms"):
        parse_seconds("soon")


def decided(text: str, costs: BenchCosts | None = COSTS) -> tuple[str, str]:
    found = verdict(costs, parse_budget(text))
    return found.kind, "; ".join(filter(None, (found.reason, found.remedy)))


@pytest.mark.parametrize(
    "budget",
    [
        "latency_p99 < 5ms, memory <= 600MB, parameters > 9",
        "latency_p99 <= 4.5ms",
        "latency_p99 > 2.9ms",
        "throughput > 700/s",
        "throughput >= 800/s",
        "latency_p99_high < 5ms",
    ],
)
def test_a_limit_is_met_if_the_whole_interval_meets_it(budget) -> None:
    assert decided(budget) == ("met", "")


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        ("latency_p99 < 3ms", "latency_p99 is 4 ms [3 ms, 4.5 ms], not < 3ms"),
        ("latency_p99_high < 2ms", "latency_p99 is 4 ms [3 ms, 4.5 ms], not < 2ms"),
        ("latency_p99 >= 5ms", "latency_p99 is 4 ms [3 ms, 4.5 ms], not >= 5ms"),
        ("throughput > 2000/s", "throughput is 1000/s [800/s, 1250/s], not > 2000/s"),
        ("start_seconds < 1s", "start_seconds is 2 s [1.8 s, …], not < 1s"),
        ("latency_p99 < 5ms, memory < 500 MB", "memory is 600 MB, not < 500 MB"),
        ("energy < 1J", "energy was not measured"),
    ],
)
def test_a_limit_is_not_met_if_no_part_of_the_interval_meets_it(budget, why) -> None:
    assert decided(budget) == ("not met", why)


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        (
            "latency_p99 < 4.4ms",
            "latency_p99 is 4 ms [3 ms, 4.5 ms]; about 23 repetitions in all would decide: "
            "run the same `harness bench` command 4 more times, which adds its repetitions to these 5",
        ),
        (
            "latency_p99_high < 3.9999ms",
            "latency_p99 is 4 ms [3 ms, 4.5 ms]; it is too close to the limit for 100 repetitions to decide",
        ),
        (
            "throughput > 810/s",
            "throughput is 1000/s [800/s, 1250/s]; about 6 repetitions in all would decide: "
            "run the same `harness bench` command once more, which adds its repetitions to these 5",
        ),
        (
            "start_seconds < 3s",
            "start_seconds is 2 s [1.8 s, …]; it was not measured in enough repetitions; repeat `harness bench`",
        ),
    ],
)
def test_a_limit_within_the_interval_is_undecided_and_the_reason_says_what_helps(budget, why) -> None:
    assert decided(budget) == ("undecided", why)


def test_advice_counts_runs_of_the_same_command() -> None:
    _, why = decided("latency_p99 < 4.4ms", replace(COSTS, repetitions=10, runs=2))

    assert "about 46 repetitions in all would decide: run the same `harness bench` command 8 more times" in why


BUSY = replace(
    COSTS,
    latency_p50=0.000062,
    latency_p99=0.0173,
    intervals=COSTS.intervals | {"latency_p50": (0.00006, 0.00007), "latency_p99": (0.0101, 0.0316)},
    unrest=22.35,
)


class TestBusyMachine:
    """A forecaster whose p50 is 0.06 ms, and whose p99 is that of other work on the machine."""

    def test_an_interval_above_the_limit_is_no_plain_no(self) -> None:
        assert decided("latency_p99 < 10ms", BUSY) == (
            "busy",
            "latency_p99 is 17.3 ms [10.1 ms, 31.6 ms]; the machine's speed varied by up to 2235%; "
            "measure again when it is idle, with `harness bench --fresh`",
        )

    def test_no_repetitions_are_advised(self) -> None:
        kind, why = decided("latency_p99 < 20ms", BUSY)

        assert kind == "busy"
        assert "repetitions" not in why

    @pytest.mark.parametrize(
        ("budget", "kind"),
        [
            ("latency_p99 < 40ms", "met"),  # other work only adds to a latency
            ("latency_p99 < 50us", "not met"),  # even the p50 exceeds it
            ("latency_p99 < 65us", "busy"),  # the interval of the p50 contains it
            ("latency_p99 > 5ms", "busy"),  # an idle machine may be faster
            ("latency_p99 > 40ms", "not met"),
            ("throughput > 700/s", "met"),
            ("throughput > 2000/s", "busy"),
            ("throughput < 2000/s", "busy"),
            ("start_seconds < 1s", "busy"),
            ("memory < 500MB", "not met"),  # does not depend on the speed
            ("memory < 1GB", "met"),
            ("latency_p99 < 10ms, memory < 500MB", "not met"),
            ("energy < 1J", "not met"),
        ],
    )
    def test_verdicts_that_hold_on_an_idle_machine_are_given(self, budget, kind) -> None:
        assert decided(budget, BUSY)[0] == kind

    def test_a_rate_that_no_repetition_kept_is_no_plain_no(self) -> None:
        unmet = replace(BUSY, server_rate=None, server_bound=0.01)

        kind, why = decided("server_rate > 5/s", unmet)

        assert kind == "busy"
        assert why.startswith("no rate keeps a p99 of 10 ms; the machine's speed varied")

    def test_a_steadier_machine_decides(self) -> None:
        assert decided("latency_p99 < 10ms", replace(BUSY, unrest=MAX_UNREST))[0] == "not met"


def test_one_repetition_decides_nothing_about_what_varies() -> None:
    once = replace(COSTS, repetitions=1, intervals={})

    assert decided("latency_p99 < 1s", once) == (
        "undecided",
        "latency_p99 is 4 ms; one repetition shows no variation; repeat `harness bench`",
    )
    assert decided("memory < 1GB", once) == ("met", "")


def test_a_violation_outweighs_what_is_undecided() -> None:
    assert decided("latency_p99 < 4.4ms, memory < 500MB") == ("not met", "memory is 600 MB, not < 500MB")


@given(st.floats(1e-4, 1e-1), st.sampled_from(sorted(OPERATORS)))
def test_a_verdict_agrees_with_both_ends_of_the_interval(limit, comparison) -> None:
    kind, _ = decided(f"latency_p99 {comparison} {limit!r}s")

    at_ends = {OPERATORS[comparison](end, float(repr(limit))) for end in COSTS.ends("latency_p99")}
    assert kind == ("undecided" if len(at_ends) == 2 else "met" if at_ends == {True} else "not met")


def test_what_was_never_measured_does_not_fit() -> None:
    assert decided("memory < 1GB", None) == ("not measured", "")


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
