"""Numbers as text."""

from __future__ import annotations

import math

import pytest

from harness.report import numbers

NAN = math.nan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.fixed(1.23456, 2), "1.23"),
        (numbers.fixed(NAN, 2), "–"),
        (numbers.error(0.01234), "0.0123"),
        (numbers.error(12345.6), "1.23e+04"),
        (numbers.error(100.0, logarithmic=True), "2.00"),
        (numbers.error(0.0, logarithmic=True), "−∞"),
        (numbers.interval((0.1, 0.25)), "0.10…0.25"),
        (numbers.interval((NAN, 0.25)), "–"),
        (numbers.significant(None), "–"),
        (numbers.significant(12.345), "12.3"),
        (numbers.significant(12345.0), "12345"),
        (numbers.significant(1e-4), "<0.001"),
        (numbers.milliseconds(0.0123), "12.3"),
        (numbers.count(2_400_000), "2.40M"),
        (numbers.count(17), "17"),
        (numbers.megabytes(1_500_000_000), "1.50k"),
        (numbers.time(0.00123), "1.23 ms"),
        (numbers.time(1e-9), "0.00100 µs"),
        (numbers.percent(2.5), "+2.50"),
        (numbers.percent(-math.inf), "∞"),
        (numbers.p_value(0.00001), "<0.0001"),
        (numbers.number(-1.5), "−1.500"),
        (numbers.number(-0.0001), "0.000"),
        (numbers.number(123456.0), "1.23e5"),
        (numbers.interval_in_brackets((-0.1, 0.2)), "[−0.10, 0.20]"),
        (numbers.interval_in_brackets((NAN, 0.2)), ""),
        (numbers.duration(0.0025), "2.5 ms"),
        (numbers.duration(90.0), "1.5 min"),
        (numbers.duration(0.0), "0 s"),
        (numbers.clock_time(0.04), "0.0 s"),
        (numbers.clock_time(0.44), "0.4 s"),
        (numbers.clock_time(9.949), "9.9 s"),
        (numbers.clock_time(9.951), "10 s"),
        (numbers.clock_time(59.4), "59 s"),
        (numbers.clock_time(59.6), "1:00"),
        (numbers.clock_time(125.0), "2:05"),
        (numbers.clock_time(3600.0), "1:00:00"),
        (numbers.moment("2026-01-02T03:04:05+01:00"), "2026-01-02 02:04 UTC"),
        (numbers.moment("yesterday"), "yesterday"),
        (numbers.plural(1, "block"), "1 block"),
        (numbers.plural(1200, "block"), "1,200 blocks"),
        (numbers.sortable(math.inf), None),
    ],
)
def test_each_kind_of_number(text: str | None, expected: str | None) -> None:
    assert text == expected
