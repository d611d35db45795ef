"""Numbers of columns of any type, and of texts."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.data.tables.number_columns import is_number, number_column
from harness.data.tables.rows import RowOrigin, RowOrigins
from harness.errors import BadData

ORIGINS = RowOrigins((RowOrigin("a.csv", 2, "line"),))


def column(values: list[object], kind: pa.DataType | None = None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


def numbers(texts: list[str | None], decimal: str | None = None) -> list[float]:
    return number_column(column(list(texts), pa.string()), "y", decimal, ORIGINS).values.tolist()


class TestTexts:
    @pytest.mark.parametrize(
        ("texts", "expected"),
        [
            (["1", "2.5", "-3", "+4", "1e3", ".5", "5."], [1, 2.5, -3, 4, 1000, 0.5, 5]),
            (["1,5", "2,25", "10"], [1.5, 2.25, 10]),
            (["1,234.5", "12", "1,234,567"], [1234.5, 12, 1234567]),
            (["1.234,5", "12", "1.234.567"], [1234.5, 12, 1234567]),
            (["1 234,5", "1\u00a0234,5", "1\u202f234,5"], [1234.5] * 3),
            (["1'234.5", "2"], [1234.5, 2]),
            (["1,234", "5.5"], [1234, 5.5]),  # a point in another number is the decimal mark
            (["1.234", "5,5"], [1234, 5.5]),
            (["1,234", "0,5"], [1.234, 0.5]),
            (["0,125", "1,234"], [0.125, 1.234]),  # no number of thousands begins with 0
            (["−3", " 4 "], [-3, 4]),
            (["1.234", "2"], [1.234, 2]),
        ],
    )
    def test_the_decimal_mark_is_found(self, texts: list[str | None], expected: list[float]) -> None:
        assert numbers(texts) == expected

    @pytest.mark.parametrize("text", ["", "-", "NA", "n/a", "NaN", "null", "None", "?", "#N/A", None])
    def test_missing_values(self, text: str | None) -> None:
        values = numbers(["1", text, "2"])

        assert np.isnan(values[1])
        assert values[::2] == [1, 2]

    @pytest.mark.parametrize("texts", [["1,234", "2,345"], ["1,234", "2.345"]])
    def test_an_unclear_decimal_mark_is_refused(self, texts: list[str | None]) -> None:
        with pytest.raises(BadData, match=r"may have the decimal mark '\.' or ','; say which by --decimal"):
            numbers(texts)

    @pytest.mark.parametrize(("decimal", "expected"), [(".", 1234), (",", 1.234)])
    def test_the_decimal_mark_may_be_named(self, decimal: str, expected: float) -> None:
        assert numbers(["1,234"], decimal) == [expected]

    @pytest.mark.parametrize(
        ("texts", "decimal", "example"),
        [
            (["998", "1.005", "?"], ",", "'1.005' is 1005"),
            (["998", "1.005"], ".", "'1.005' is 1.005"),
            (["1", "?"], None, "'?' is a missing value"),
            (["1", "2"], None, "'1' is 1"),
        ],
    )
    def test_a_finding_has_an_example(self, texts: list[str], decimal: str | None, example: str) -> None:
        found = number_column(column(list(texts), pa.string()), "y", decimal, ORIGINS).findings

        assert [each.problem for each in found] == [f"the texts of column 'y' are read as numbers: {example}"]

    def test_another_text_is_refused_with_its_line(self) -> None:
        with pytest.raises(BadData, match=r"^a\.csv, line 4: 'four' in column 'y' is not a number; correct it"):
            numbers(["1", "2", "four"])

    @hypothesis_settings(max_examples=100)
    @given(st.lists(st.integers(-(10**9), 10**9).map(lambda n: n / 100), min_size=1, max_size=8), st.sampled_from(".,"))
    def test_formatted_numbers_are_read(self, values: list[float], mark: str) -> None:
        swap = str.maketrans(",.", ".,") if mark == "," else {}

        texts: list[str | None] = [f"{value:,.2f}".translate(swap) for value in values]

        assert numbers(texts, mark) == values
        assert numbers([*texts, f"0{mark}5"]) == [*values, 0.5]


class TestTypes:
    @pytest.mark.parametrize(
        ("values", "kind", "expected"),
        [
            ([True, False, None], pa.bool_(), [1, 0, np.nan]),
            ([Decimal("1.50"), None], pa.decimal128(5, 2), [1.5, np.nan]),
            ([2**63 - 1], pa.int64(), [float(2**63)]),
            ([2**64 - 1], pa.uint64(), [float(2**64)]),
            ([0.5], pa.float32(), [0.5]),
            ([None, None], pa.null(), [np.nan, np.nan]),
        ],
    )
    def test_numbers(self, values: list[object], kind: pa.DataType, expected: list[float]) -> None:
        found = column(values, kind)

        assert is_number(found)
        np.testing.assert_array_equal(number_column(found, "y", None, ORIGINS).values, expected)

    def test_other_types_are_refused(self) -> None:
        with pytest.raises(BadData, match="column 'y' has values of type list<item: int64>, which are no numbers"):
            number_column(column([[1]]), "y", None, ORIGINS)
