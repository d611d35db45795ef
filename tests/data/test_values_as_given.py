"""Panels of whatever their caller has: converted to clean values, or refused in one sentence."""

from __future__ import annotations

import datetime
import decimal
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.panel import Channel, Panel
from harness.errors import BadData

NAN = math.nan
TWO = (Channel("a"), Channel("b"))
ODD: list[Any] = [
    *(None, True, np.True_, 3, -1, 10**30, 7.0, 0.5, NAN, math.inf, 1j, "", "a", "3", b"a", "a\nb", "2020-01-01"),
    *(np.int64(3), np.int8(-1), np.uint8(7), np.float32(2.0), np.float64(0.5), np.str_("a"), np.array(3)),
    *(np.array([1, 2]), np.array(["a", "b"]), np.zeros((2, 2)), np.zeros(0), np.ma.masked),
    *(np.ma.masked_array([1], [1]), np.datetime64("NaT"), np.datetime64("2020-01-01"), np.timedelta64(1, "D")),
    *(pd.NA, pd.NaT, pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC"), pd.Series([1, 2])),
    *(pd.DataFrame({"a": [1.0]}), pd.offsets.Hour(), pd.Period("2020")),
    *([], [1, 2], ["a", "b"], [None, None], [[1], [2, 3]], (), ("a",), {}, {"a": 1}, {"a", "b"}, range(2), object()),
    *(int, Panel, lambda: 1, decimal.Decimal("1.5"), datetime.date(2020, 1, 1), datetime.time(1), Channel("a")),
    *([Channel("a")], (Channel("a"), Channel("b")), {"a": [1, 2]}, {"a": ["x", NAN]}, {3: [1, 2]}, {"a": "xy"}),
]


def panel_of(**changes: Any) -> Panel:
    """A panel of two dated series, by `Panel.of` with other arguments."""
    given: dict[str, Any] = {"series": [[1.0, 2.0], [3.0, 4.0]], "start": "2020-01-01", "freq": "D"} | changes
    return Panel.of(given.pop("series"), **given)


def sentence(action: Callable[[], Any]) -> str:
    """The message with which an action is refused as bad data: one line."""
    with pytest.raises(BadData) as raised:
        action()
    assert raised.type is BadData
    message = str(raised.value)
    assert message
    assert "\n" not in message
    return message


def made(action: Callable[[], Any]) -> Any:
    """What an action makes; None where it is refused as bad data in one line."""
    try:
        return action()
    except BadData as error:
        refusal = error
    assert type(refusal) is BadData
    assert "\n" not in str(refusal)
    return None


def assert_clean(panel: Panel) -> None:
    """All fields have the types that they declare, and the metadata can be written as JSON."""
    assert {type(name) for name in panel.ids} == {str}
    assert type(panel.ids) is type(panel.channels) is tuple
    assert {type(channel) for channel in panel.channels} == {Channel}
    assert type(panel.season_length) is int
    assert panel.freq is None or type(panel.freq) is str
    assert panel.values.dtype == np.float64
    assert panel.offsets.dtype == np.int64
    assert panel.start.dtype == (np.int64 if panel.freq is None else np.dtype("M8[ns]"))
    assert not np.isinf(panel.values).any()
    for name, values in panel.static.items():
        assert type(name) is str
        assert {type(value) for value in values} <= {str, float, int, bool}
    json.dumps([panel.ids, panel.freq, panel.season_length, panel.static])
    assert len(panel.fingerprint()) == 64


class TestEveryArgument:
    @pytest.mark.parametrize("argument", ["series", "ids", "start", "freq", "season_length", "channels", "static"])
    @pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
    def test_panel_of_makes_a_clean_panel_or_says_what_is_wrong(self, argument: str, value: Any) -> None:
        panel = made(lambda: panel_of(**{argument: value}))

        if panel is not None:
            assert_clean(panel)

    @pytest.mark.parametrize(
        "field", ["ids", "values", "offsets", "start", "freq", "season_length", "channels", "static"]
    )
    @pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
    def test_so_does_the_constructor(self, field: str, value: Any) -> None:
        fields = {"ids": ("a", "b"), "values": np.ones((2, 1)), "offsets": np.arange(3), "start": np.array([0, 0])}
        panel = made(lambda: Panel(**{**fields, field: value}))

        if panel is not None:
            assert_clean(panel)

    @pytest.mark.parametrize("field", ["name", "role", "categories"])
    @pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
    def test_and_a_channel(self, field: str, value: Any) -> None:
        channel = made(lambda: Channel(**{"name": "a", field: value}))

        if channel is not None:
            assert type(channel.name) is type(channel.role) is str
            assert channel.categories is None or {type(name) for name in channel.categories} <= {str}
            assert channel.categories is None or type(channel.categories) is tuple

    @given(st.lists(st.sampled_from(ODD), min_size=1, max_size=3))
    def test_values_of_a_series_become_numbers_or_are_refused(self, values: list[Any]) -> None:
        panel = made(lambda: Panel.of([values]))

        if panel is not None:
            assert_clean(panel)


class TestValues:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (np.ma.masked_equal([1.0, -9999.0, 4.0], -9999.0), [1, NAN, 4]),
            (np.ma.masked_array(np.array([1, 2]), mask=[False, True]), [1, NAN]),
            (np.ma.masked_array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]])[:, :1], [1, 3]),
            ([1.0, np.ma.masked], [1, NAN]),
            (pd.Series([1, None, 3], dtype="Int64"), [1, NAN, 3]),
            (pd.Series([1, None], dtype="Float32"), [1, NAN]),
            (pd.Series([True, None], dtype="boolean"), [1, NAN]),
            (pd.DataFrame({"a": pd.Series([1, pd.NA], dtype="Int64")}), [1, NAN]),
            ([None, decimal.Decimal("1.5"), pd.NA, pd.NaT, NAN], [NAN, 1.5, NAN, NAN, NAN]),
            ([True, False], [1, 0]),
            (np.array([1, 2], np.float16), [1, 2]),
            (np.array([1, 2], ">i2"), [1, 2]),
            (range(2), [0, 1]),
        ],
    )
    def test_what_is_missing_is_nan_and_numbers_are_floats(self, given: Any, expected: list[float]) -> None:
        panel = Panel.of([given])

        np.testing.assert_array_equal(panel.values[:, 0], expected)
        assert_clean(panel)

    def test_columns_of_several_types_are_one_series(self) -> None:
        whole = pd.Series([1, None], dtype="Int64")

        panel = Panel.of([pd.DataFrame({"a": whole, "b": whole.astype("Float64")})], channels=TWO)

        np.testing.assert_array_equal(panel.values, [[1, 1], [NAN, NAN]])

    def test_masked_rows_are_masked_series(self) -> None:
        panel = Panel.of(np.ma.masked_less(np.array([[1.0, -1.0], [2.0, 3.0]]), 0))

        np.testing.assert_array_equal(panel.values[:, 0], [1, NAN, 2, 3])

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ([1.0, "x"], "series 'b' holds"),
            (["1", "2"], "series 'b' holds texts instead of real numbers"),
            (np.array([1 + 1j]), "series 'b' holds complex numbers instead of real numbers"),
            (np.array(["2020"], "M8[D]"), "series 'b' holds dates instead of real numbers"),
            (pd.Series(["x"], dtype="category"), "series 'b' holds 'x', which is not a number"),
            ([10**400], "series 'b' holds 1000"),
            ([[1.0], [2.0, 3.0]], "series 'b' holds lists of different lengths"),
            (np.zeros((2, 1, 1)), "series 'b' must have the shape (length,) or (length, channel), not (2, 1, 1)"),
            (np.zeros((2, 3)), "series 'b' has 3 columns for 1 channels (value); give one Channel per column"),
            ([1.0, math.inf], "series 'b' has the value inf in channel 'value', observation 1; a missing value is NaN"),
            ([-math.inf, NAN], "series 'b' has the value -inf in channel 'value', observation 0"),
            ([], "series 'b' is empty; leave it out of the panel"),
        ],
    )
    def test_what_is_no_number_is_refused_by_the_name_of_its_series(self, given: Any, message: str) -> None:
        assert message in sentence(lambda: Panel.of([[1.0], given], ids=["a", "b"]))

    def test_infinite_covariates_are_refused(self) -> None:
        channels = [Channel("y"), Channel("x", "known covariate")]

        assert "channel 'x'" in sentence(lambda: Panel.of([[[1.0, math.inf]]], channels=channels))

    @pytest.mark.parametrize(
        ("series", "remedy"),
        [
            (np.arange(9.0), "not one ndarray: write Panel.of([values])"),
            (pd.Series([1.0]), "not one Series: write Panel.of([values])"),
            ([1.0, 2.0], "not a list of 1.0: write Panel.of([values])"),
            (np.array(1.0), "write Panel.of([values])"),
            (pd.DataFrame({"y": [1.0]}), "write Panel.of([frame[name] for name in frame], ids=list(frame))"),
            ({"a": [1.0]}, "write Panel.of(list(series.values()), ids=list(series))"),
            ("ab", "series must be a list with one array per series, not 'ab'"),
            (None, "series must be a list with one array per series, not None"),
        ],
    )
    def test_one_series_alone_is_refused_with_the_way_to_write_it(self, series: Any, remedy: str) -> None:
        assert remedy in sentence(lambda: Panel.of(series))


class TestStarts:
    @pytest.mark.parametrize(
        "start",
        [
            "2024-03-30",
            "2024-03-30T00:00:00.000000000",
            datetime.date(2024, 3, 30),
            datetime.datetime(2024, 3, 30),
            pd.Timestamp("2024-03-30"),
            np.datetime64("2024-03-30"),
            np.datetime64("2024-03-30T00", "us"),
            ["2024-03-30"],
            [pd.Timestamp("2024-03-30")],
            pd.DatetimeIndex(["2024-03-30"]),
            pd.Series(pd.to_datetime(["2024-03-30"])),
            np.array(["2024-03-30"]),
        ],
        ids=repr,
    )
    def test_dates_of_every_kind_are_the_same_time(self, start: Any) -> None:
        panel = Panel.of([[1.0]], start=start, freq="h")

        assert panel.start.dtype == np.dtype("M8[ns]")
        assert panel.start[0] == np.datetime64("2024-03-30")

    @pytest.mark.parametrize(
        "start",
        [
            *("20240330", "2024-13-01", "2024-02-30", "today", "", "NaT", "30.03.2024", "2024-03-30T00:00Z", None),
            *("2024-03-30T00:00+01:00", np.datetime64("NaT"), pd.NaT, pd.Timestamp("2024-03-30", tz="Europe/Berlin")),
            *(pd.Period("2024-03", "M"), 1.5, True, datetime.datetime(2024, 3, 30, tzinfo=datetime.UTC)),
            *(["2024-03-30", None], pd.DatetimeIndex(["2024-03-30"], tz="UTC"), [pd.NaT]),
            pd.Series(pd.DatetimeIndex(["2024-03-30"], tz="UTC")),
        ],
        ids=repr,
    )
    def test_what_is_no_date_is_refused(self, start: Any) -> None:
        message = sentence(lambda: Panel.of([[1.0]], start=start, freq="h"))

        assert "start must be a date without a time zone, such as 2024-03-30" in message

    def test_a_time_zone_is_refused_with_the_way_out(self) -> None:
        start = pd.Timestamp("2024-03-30", tz="Europe/Berlin")

        assert "drop the time zone, in pandas by tz_localize(None)" in sentence(lambda: panel_of(start=start))

    @pytest.mark.parametrize("start", ["1500-01-01", "1677-12-31", "2262-01-01", "9999", np.datetime64("1500-01-01")])
    def test_years_that_nanoseconds_cannot_hold_are_refused(self, start: Any) -> None:
        assert "is outside of the range of timestamps, 1678 to 2261" in sentence(lambda: panel_of(start=start))

    @pytest.mark.parametrize("freq", ["D", "h", "W-SUN", "MS", "YS", "B", "1000YS"])
    def test_a_series_may_not_reach_beyond_these_years(self, freq: str) -> None:
        starts = ["1700-01-01", "2230-01-01" if freq != "W-SUN" else "2230-01-03"]
        if freq == "W-SUN":
            starts[0] = "1700-01-03"
        long = np.zeros(40_000 * (24 if freq == "h" else 1))

        message = sentence(lambda: Panel.of([[1.0], long], ids=["short", "long"], start=starts, freq=freq))

        assert "series 'long'" in message
        assert "end after 2261, the last year of timestamps" in message

    def test_a_series_may_end_in_the_last_year(self) -> None:
        assert len(Panel.of([np.zeros(12)], start="2261-01-01", freq="MS")) == 1
        assert len(Panel.of([np.zeros(365)], start="2261-01-01", freq="D")) == 1

    @pytest.mark.parametrize("start", ["2020", 1.5, True, None, 10**30, [0, "a"], pd.Timestamp("2020")])
    def test_numbered_series_start_at_whole_numbers(self, start: Any) -> None:
        assert "start" in sentence(lambda: Panel.of([[1.0], [2.0]], start=start))

    def test_the_number_of_starts_is_that_of_the_series(self) -> None:
        assert sentence(lambda: panel_of(start=["2020-01-01"])) == "there are 1 starts for 2 series"

    def test_a_calendar_needs_a_start(self) -> None:
        assert "such as start='2024-03-30'" in sentence(lambda: Panel.of([[1.0]], freq="D"))


class TestFrequencies:
    @pytest.mark.parametrize("freq", ["M", "Q", "banana", "", " ", "0D", "-1D", 3, True, b"D", np.nan])
    def test_a_frequency_that_there_is_not_is_noticed_at_once(self, freq: Any) -> None:
        assert "freq" in sentence(lambda: panel_of(freq=freq))

    @pytest.mark.parametrize(("freq", "new"), [("M", "ME"), ("H", "h"), ("Q-DEC", "QE-DEC")])
    def test_the_new_name_of_an_alias_is_given(self, freq: str, new: str) -> None:
        assert f"{freq!r} is not a frequency; did you mean {new!r}?" in sentence(lambda: panel_of(freq=freq))

    @pytest.mark.parametrize("freq", ["h", "15min", "D", "B", "W-SAT", "2W-SAT", "MS", "ME", "QS", "QE-NOV", "YE"])
    def test_frequencies_of_pandas_are_known(self, freq: str) -> None:
        start = pd.Timestamp("2020-01-01")
        start = pd.tseries.frequencies.to_offset(freq).rollforward(start)

        assert panel_of(freq=freq, start=start).freq == freq

    def test_an_offset_is_its_alias(self) -> None:
        assert panel_of(freq=pd.offsets.Hour()).freq == "h"
        assert panel_of(freq=pd.date_range("2020-01-05", periods=3, freq="W").freq, start="2020-01-05").freq == "W-SUN"

    @pytest.mark.parametrize("freq", ["W", "W-SAT", "2W-MON", "MS", "ME", "QS", "QE", "YS", "YE", "B"])
    def test_every_anchored_frequency_refuses_a_start_that_is_none_of_its_times(self, freq: str) -> None:
        off = "2024-03-30" if freq != "W-SAT" else "2024-03-29"  # a Saturday, a Friday

        message = sentence(lambda: Panel.of([[1.0]], ids=["a"], start=off, freq=freq))

        assert message.startswith(f"series 'a' starts at {off}T")
        assert f"which is not a time of frequency {freq!r}; the next is" in message

    def test_the_weeks_of_that_day_are_named(self) -> None:
        assert "use freq='W-FRI'" in sentence(lambda: panel_of(start="2024-03-29", freq="W"))
        assert "use freq='2W-FRI'" in sentence(lambda: panel_of(start="2024-03-29", freq="2W"))

    @pytest.mark.parametrize("freq", ["D", "3D", "h", "15min", "s"])
    def test_days_and_parts_of_days_may_begin_at_any_time(self, freq: str) -> None:
        assert panel_of(start="2024-03-30T10:20:30", freq=freq).freq == freq


class TestMetadata:
    def test_numbers_as_ids_are_written_out(self) -> None:
        assert panel_of(ids=np.array([101, 205])).ids == ("101", "205")
        assert panel_of(ids=pd.Index(["x", "y"])).ids == ("x", "y")

    @pytest.mark.parametrize("ids", ["ab", [1.5, 2.5], [None, "a"], [True, False], 3, {"a", "b"}, [b"a", b"b"]])
    def test_other_ids_are_refused(self, ids: Any) -> None:
        assert "ids must be" in sentence(lambda: panel_of(ids=ids))

    def test_the_number_of_ids_is_that_of_the_series(self) -> None:
        assert sentence(lambda: panel_of(ids=["a"])) == "there are 1 ids for 2 series"

    def test_static_covariates_of_numpy_are_pythons(self) -> None:
        static = {
            "area": np.array([7, 9]),
            "size": np.array([0.5, NAN]),
            "kind": np.array(["x", "y"]),
            "open": np.array([True, False]),
            "none": [None, pd.NA],
        }

        panel = panel_of(static=static)

        assert panel.static["area"] == (7, 9)
        assert panel.static["kind"] == ("x", "y")
        assert panel.static["open"] == (True, False)
        assert all(math.isnan(value) for value in panel.static["none"])  # type: ignore[arg-type]
        assert_clean(panel)

    @pytest.mark.parametrize("values", ["xy", [1j, 2j], [object(), 1], [math.inf, 1], 3, [[1], [2]]])
    def test_other_static_covariates_are_refused(self, values: Any) -> None:
        assert "static covariate 'f'" in sentence(lambda: panel_of(static={"f": values}))

    @pytest.mark.parametrize("length", [7, 7.0, np.int64(7), np.float32(7), np.array(7), np.uint8(7)])
    def test_season_lengths_are_whole_numbers(self, length: Any) -> None:
        assert type(panel_of(season_length=length).season_length) is int
        assert panel_of(season_length=length).fingerprint() == panel_of(season_length=7).fingerprint()

    @pytest.mark.parametrize("length", [365.25, "7", True, None, NAN, math.inf, [7], 0, -1, 10**10])
    def test_other_season_lengths_are_refused(self, length: Any) -> None:
        assert "season" in sentence(lambda: panel_of(season_length=length))

    def test_channels_are_channels(self) -> None:
        assert "channels must be Channel objects such as Channel('value'), not 'a'" in sentence(
            lambda: panel_of(channels=["a"])
        )

    def test_targets_of_a_panel_are_names(self) -> None:
        panel = Panel.of([[[1.0, 2.0]]], channels=TWO)

        assert "targets must be a list such as ['ab'], not 'ab'" in sentence(lambda: panel.with_targets("ab"))
        assert "at least one target" in sentence(lambda: panel.with_targets([]))


class TestParts:
    def test_parts_of_a_valid_panel_are_not_checked_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        panel = panel_of(static={"f": [1.0, 2.0]})
        monkeypatch.setattr(Panel, "__post_init__", lambda self: pytest.fail("checked again"))

        panel[:1]
        panel.between(np.array([0, 1]), np.array([1, 2]))
        panel.with_values(panel.values + 1)

    def test_values_of_another_shape_are_refused(self) -> None:
        assert "must have the shape (4, 1), not (3, 1)" in sentence(lambda: panel_of().with_values(np.zeros((3, 1))))

    @pytest.mark.parametrize("part", [0, "a", None, np.int64(0), [0]])
    def test_series_are_selected_by_slices(self, part: Any) -> None:
        assert "selected by a slice such as panel[:3]" in sentence(lambda: panel_of()[part])
