"""Roles of columns: inferred where there is one reading only, and refused where there are several."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from harness import Panel
from harness.data.tables.columns import Columns, find_columns
from harness.data.tables.frames import arrow_table
from harness.data.tables.options import TableOptions
from harness.errors import BadInput

DATES = pd.date_range("2024-01-01", periods=6, freq="D")


def two_series(**columns: Any) -> pd.DataFrame:
    """A table of two series of six days."""
    return pd.DataFrame({"date": [*DATES, *DATES], **columns})


def columns_of(frame: pd.DataFrame, **options: Any) -> Columns:
    return find_columns(arrow_table(frame), TableOptions(**options))


class TestIds:
    @pytest.mark.parametrize("name", ["store", "Store", "unique_id", "store_nbr", "customer_id"])
    def test_numbers_with_a_usual_name(self, name: str) -> None:
        found = columns_of(two_series(**{name: [1] * 6 + [2] * 6, "sales": range(12)}))

        assert (found.id, found.target) == ((name,), ("sales",))

    def test_numbers_with_another_name_if_only_they_identify_series(self) -> None:
        found = columns_of(two_series(filiale=[1] * 6 + [2] * 6, umsatz=range(12)))

        assert (found.id, found.target) == (("filiale",), ("umsatz",))

    def test_two_such_columns_of_numbers_are_refused(self) -> None:
        with pytest.raises(BadInput, match="name the column that identifies the series by --id: one of 'a', 'b'"):
            columns_of(two_series(a=[1] * 6 + [2] * 6, b=[3] * 6 + [4] * 6, sales=range(12)))

    def test_texts(self) -> None:
        found = columns_of(two_series(ort=["x"] * 6 + ["y"] * 6, n=range(12)))

        assert (found.id, found.target) == (("ort",), ("n",))

    def test_several_columns_together(self) -> None:
        frame = pd.DataFrame(
            {
                "state": list("aabb") * 3,
                "store": [1, 2, 1, 2] * 3,
                "city": list("xxyy") * 3,
                "date": DATES[:3].repeat(4),
                "n": range(12),
            }
        )

        found = columns_of(frame)

        assert (found.id, found.static) == (("store", "state"), ("city",))

    def test_store_and_item_of_numbers(self) -> None:
        frame = pd.DataFrame({"date": DATES[:3].repeat(4), "store": [1, 1, 2, 2] * 3, "item": [1, 2] * 6})

        assert columns_of(frame.assign(sales=range(12))).id == ("store", "item")

    def test_series_of_other_times_by_blocks(self) -> None:
        frame = pd.DataFrame({"date": [*DATES[3:], *DATES[:3]], "ort": list("aaabbb"), "n": range(6)})

        assert columns_of(frame).id == ("ort",)

    def test_an_id_of_each_row_is_ignored(self) -> None:
        found = columns_of(pd.DataFrame({"id": range(6), "date": DATES, "y": range(6)}))

        assert (found.id, found.ignored, found.reasons["id"]) == ((), ("id",), "it numbers the rows")

    def test_ids_of_the_panel_are_texts(self) -> None:
        for ids in ([1] * 6 + [2] * 6, [1.0] * 6 + [2.0] * 6, pd.Categorical(["1"] * 6 + ["2"] * 6)):
            assert Panel.from_frame(two_series(store=ids, sales=range(12))).ids == ("1", "2")

    def test_a_missing_id_is_refused_with_its_row(self) -> None:
        frame = two_series(store=["a"] * 6 + ["b"] * 5 + [None], sales=range(12))

        with pytest.raises(BadInput, match="row 11: column 'store' is empty, and names the series; fill it in"):
            Panel.from_frame(frame)


class TestTime:
    def test_parts_of_dates_are_refused(self) -> None:
        frame = pd.DataFrame({"year": [2024] * 6, "month": range(1, 7), "y": range(6)})

        with pytest.raises(BadInput, match="'year', 'month' may be parts of a date; write it in one column"):
            columns_of(frame)

    def test_days_beside_times_of_the_day_are_refused(self) -> None:
        clock = [pd.Timestamp("2024-01-01 07:00").time(), pd.Timestamp("2024-01-01 08:00").time()] * 6

        with pytest.raises(BadInput, match="column 'date' has days, and 'clock' times of the day"):
            columns_of(pd.DataFrame({"date": DATES.repeat(2), "clock": clock, "y": range(12)}))

    def test_two_columns_of_dates_are_refused(self) -> None:
        with pytest.raises(BadInput, match="the columns 'ordered', 'shipped' have dates; name the time by --time"):
            columns_of(pd.DataFrame({"ordered": DATES, "shipped": DATES, "y": range(6)}))

    def test_ids_such_as_t1_are_no_times(self) -> None:
        frame = pd.DataFrame({"unique_id": ["T1"] * 3 + ["T2"] * 3, "ds": [1, 2, 3] * 2, "y": range(6)})

        found = columns_of(frame)

        assert (found.time, found.id) == ("ds", ("unique_id",))

    def test_without_times_rows_are_steps(self) -> None:
        panel = Panel.from_frame(pd.DataFrame({"store": ["a"] * 3 + ["b"] * 3, "y": range(6)}))

        assert (panel.ids, panel.freq, panel.start.tolist()) == (("a", "b"), None, [0, 0])


class TestRoles:
    def test_several_numbers_at_each_time_are_refused(self) -> None:
        with pytest.raises(BadInput, match="may be 2 series, or the target and covariates of one; say --wide"):
            columns_of(pd.DataFrame({"date": DATES, "a": range(6), "b": range(6)}))

    def test_covariates(self) -> None:
        frame = two_series(
            store=[1] * 6 + [2] * 6,
            sales=range(12),
            promo=[0, 1] * 6,
            size=[5] * 6 + [6] * 6,
            weather=list("abcabc") * 2,
            opened=[DATES[0]] * 12,
            tags=[["x"]] * 12,
            nothing=[None] * 12,
        )

        found = columns_of(frame, time="date", known="promo", target="sales")

        assert (found.known, found.past, found.static) == (("promo",), ("weather",), ("size", "opened"))
        assert found.ignored == ("tags", "nothing")
        assert found.reasons["promo"] == "named by --known"

    def test_a_static_covariate_that_changes_is_refused(self) -> None:
        with pytest.raises(BadInput, match="column 'promo' changes within a series; name it by --known or --past"):
            columns_of(two_series(store=[1] * 6 + [2] * 6, sales=range(12), promo=[0, 1] * 6), static="promo")

    def test_texts_that_are_named_are_classes(self) -> None:
        panel = Panel.from_frame(pd.DataFrame({"date": DATES, "state": list("bababc")}), target="state")

        assert panel.channels[0].categories == ("a", "b", "c")
        assert panel.values[:, 0].tolist() == [1, 0, 1, 0, 1, 2]

    def test_a_wide_table_has_a_series_in_each_column(self) -> None:
        frame = pd.DataFrame({"date": DATES, "a": range(6), "b": [None, None, 1, 2, 3, 4], "p": [0, 1] * 3})

        panel = Panel.from_frame(frame, layout="wide", known="p")

        assert panel.ids == ("a", "b")
        assert panel.lengths.tolist() == [6, 4]
        assert panel.start[1] == DATES[2]
        assert panel.values[6:].tolist() == [[1, 0], [2, 1], [3, 0], [4, 1]]

    def test_columns_of_a_wide_table_may_be_of_several_types(self) -> None:
        frame = pd.DataFrame({"date": DATES, "a": range(6), "b": ["1,000.5", "-", "2", "3", "4", "5"], "c": [True] * 6})

        panel = Panel.from_frame(frame, layout="wide")

        assert panel.values[6:12, 0].tolist()[::2] == [1000.5, 2, 4]
        assert panel.values[12:, 0].tolist() == [1] * 6

    def test_a_wide_table_of_numbers_and_classes_is_refused(self) -> None:
        frame = pd.DataFrame({"date": DATES, "a": range(6), "b": list("abcabc")})

        with pytest.raises(BadInput, match="the columns of a wide table must be all numbers or all texts, not"):
            Panel.from_frame(frame, layout="wide", target=("a", "b"))

    @pytest.mark.parametrize("role", ["id", "known"])
    def test_lists_have_no_role(self, role: str) -> None:
        with pytest.raises(BadInput, match="column 'z' has values of type list<item: int64>, which a series cannot"):
            Panel.from_frame(two_series(y=range(12), z=[[1]] * 12), **{role: "z"})

    def test_rows_after_the_last_actual_are_left_out(self) -> None:
        frame = pd.DataFrame({"date": DATES, "y": [1, 2, 3, None, None, None], "p": range(6)})

        panel = Panel.from_frame(frame, target="y", known="p")

        assert panel.values.tolist() == [[1, 0], [2, 1], [3, 2]]


class TestOptions:
    def test_a_misspelled_column_has_a_hint(self) -> None:
        with pytest.raises(BadInput, match="there is no column 'Date'; did you mean 'date'"):
            columns_of(two_series(y=range(12)), time="Date")

    def test_a_misspelled_option_has_a_hint(self) -> None:
        with pytest.raises(BadInput, match=r"there is no option 'tme' of a table; did you mean 'time'\?"):
            Panel.from_frame(two_series(y=range(12)), tme="date")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"freq": "M"}, "'M' is not a frequency; did you mean 'ME'"),
            ({"season_length": 0}, "season_length is at least 1 step, not 0"),
            ({"time": "a", "target": "a"}, "column 'a' is named as time and as target; name it once"),
            ({"layout": "tall"}, "layout must be 'long' or 'wide', not 'tall'"),
            ({"decimal": ";"}, "decimal must be"),
        ],
    )
    def test_wrong_options_are_refused(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(BadInput, match=message):
            TableOptions(**options)

    def test_messages_of_data_frames_name_arguments(self) -> None:
        with pytest.raises(BadInput, match="name the target by `target=`: one of 'a', 'b'"):
            Panel.from_frame(two_series(store=[1] * 6 + [2] * 6, a=range(12), b=range(1, 13)))
