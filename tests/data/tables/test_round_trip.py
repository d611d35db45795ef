"""A panel as a data frame and back is the same panel."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import harness
from harness import Channel, Panel
from harness.data.tables.options import TableOptions
from harness.errors import BadData, BadInput

FREQUENCIES = ("D", "h", "15min", "B", "W-SUN", "W-WED", "MS", "ME", "QS", "QE", "YS", "YE-JUN", "2h", "10s", None)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6)
NUMBERS = st.floats(-1e9, 1e9) | st.just(np.nan)


def regular(values: list[float]) -> list[float]:
    """Values of a series, which has one at its last time: later ones would be left out."""
    return [*values, 1.0]


@st.composite
def panels(draw: st.DrawFn, *, wide: bool = False) -> Panel:
    freq = draw(st.sampled_from(FREQUENCIES))
    count = draw(st.integers(1, 4))
    ids = draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    lengths = [draw(st.integers(3, 12)) for _ in ids]
    series, channels = [], [Channel("y")]
    if not wide:
        channels += [Channel("price", "known covariate"), Channel("kind", "past covariate", categories=("a", "b"))]
    for length in lengths:
        target = regular(draw(st.lists(NUMBERS, min_size=length - 1, max_size=length - 1)))
        if wide:  # where missing values before the first one have no row
            target[0] = 0.5
        columns = [target]
        if not wide:
            columns += [
                draw(st.lists(NUMBERS, min_size=length, max_size=length)),
                draw(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=length, max_size=length)),
            ]
        series.append(np.array(columns).T)
    if not wide:  # so that both classes are in the table
        series[0][:2, 2] = [0, 1]
        series[0][0, 1] = 2.0
    if freq is None:
        start: Any = [draw(st.integers(-5, 5)) for _ in ids]
    else:
        dates = pd.date_range("2020-02-03", periods=8, freq=freq)
        start = np.array([dates[draw(st.integers(0, 7))] for _ in ids], "M8[ns]")
    static = {} if wide else {"size": [draw(st.floats(0, 9)) for _ in ids], "city": [f"c{i}" for i in range(count)]}
    return Panel.of(series, ids=ids, start=start, freq=freq, channels=channels, static=static, season_length=2)


def long_options(panel: Panel) -> TableOptions:
    return TableOptions(
        time="time",
        id=("series",),
        target=("y",),
        known=("price",),
        past=("kind",),
        static=("size", "city"),
        freq=panel.freq,
        season_length=2,
    )


class TestLong:
    @pytest.mark.parametrize("library", ["pandas", "pyarrow"])
    @hypothesis_settings(max_examples=60)
    @given(panel=panels())
    def test_fingerprints_are_equal(self, library: Literal["pandas", "pyarrow"], panel: Panel) -> None:
        frame = panel.to_frame(library=library)

        assert Panel.from_frame(frame, long_options(panel)).fingerprint() == panel.fingerprint()

    @hypothesis_settings(max_examples=60)
    @given(panel=panels(), seed=st.integers(0, 1000))
    def test_rows_may_be_in_any_order(self, panel: Panel, seed: int) -> None:
        frame = panel.to_frame()

        mixed = Panel.from_frame(frame.sample(frac=1, random_state=seed), long_options(panel))

        assert set(mixed.ids) == set(panel.ids)
        for i, name in enumerate(panel.ids):
            j = mixed.positions[name]
            own, others = slice(*panel.offsets[i : i + 2]), slice(*mixed.offsets[j : j + 2])
            np.testing.assert_array_equal(panel.values[own], mixed.values[others])
            assert panel.start[i] == mixed.start[j]
            assert panel.static["city"][i] == mixed.static["city"][j]

    def test_unknown_libraries_are_refused(self) -> None:
        with pytest.raises(BadInput, match="library is 'pandas', 'polars' or 'pyarrow', not 'excel'"):
            Panel.of([[1.0, 2]]).to_frame(library="excel")  # type: ignore[arg-type]

    def test_a_channel_cannot_have_the_name_of_the_times(self) -> None:
        panel = Panel.of([[1.0, 2]], channels=[Channel("time")])

        with pytest.raises(BadData, match="a column 'time' of its own"):
            panel.to_frame()


@pytest.mark.parametrize("freq", ["YE", "YE-JUN", "YE-FEB", "QE", "ME", "YS", "YS-JUL", "QS", "MS", "D", "W-SUN"])
def test_the_frequency_of_dates_is_found_again(freq: str) -> None:
    start = pd.date_range("2021-01-05", periods=1, freq=freq)[0]
    panel = Panel.of([np.arange(30.0)], start=start, freq=freq, season_length=4)

    again = Panel.from_frame(panel.to_frame(), season_length=4)

    assert again.freq == freq
    assert (again.start == panel.start).all()


@pytest.mark.parametrize(
    ("freq", "starts"),
    [
        ("12MS", ["2001-01-01", "2001-07-01"]),
        ("3MS", ["2001-01-01", "2001-02-01"]),
        ("2W-MON", ["2024-01-01", "2024-01-08"]),
    ],
)
def test_series_keep_their_own_steps(freq: str, starts: list[str]) -> None:
    panel = Panel.of(np.arange(24.0).reshape(2, 12), start=np.array(starts, "M8[ns]"), freq=freq, season_length=4)

    again = Panel.from_frame(panel.to_frame(), id="series", season_length=4)

    assert again.freq == freq
    assert (again.start == panel.start).all()
    assert again.values.tolist() == panel.values.tolist()
    found = next(each for each in harness.check_data(panel.to_frame(), id="series") if each.check == "steps of series")
    assert (found.level, found.problem[:50]) == (
        "note",
        f"series have different steps of frequency {freq!r}: those"[:50],
    )


class TestWide:
    @hypothesis_settings(max_examples=60)
    @given(panel=panels(wide=True))
    def test_series_are_equal(self, panel: Panel) -> None:
        frame = panel.to_frame("wide").rename(columns={"time": "the time"})

        again = Panel.from_frame(frame, time="the time", layout="wide", freq=panel.freq, season_length=2)

        assert again.ids == tuple(name.strip() for name in panel.ids)
        np.testing.assert_array_equal(again.values, panel.values)
        np.testing.assert_array_equal(again.offsets, panel.offsets)
        np.testing.assert_array_equal(again.start, panel.start)

    def test_several_channels_are_refused(self) -> None:
        panel = Panel.of([[[1.0, 2], [3, 4]]], channels=[Channel("a"), Channel("b")])

        with pytest.raises(BadInput, match="for panels with one channel of numbers"):
            panel.to_frame("wide")
