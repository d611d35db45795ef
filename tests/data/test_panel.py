"""Panels: checked, immutable, sliced without copying, and fingerprinted over all they hold."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from harness.arrays import Ints
from harness.data.panel import Channel, Panel
from harness.errors import BadData

SEVERAL = (Channel("load"), Channel("wind", "past covariate"), Channel("holiday", "known covariate"))


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Small ragged panels of one or three channels, dated or numbered, with and without missing values."""
    lengths = draw(st.lists(st.integers(1, 8), min_size=1, max_size=4))
    channels = draw(st.sampled_from([(Channel("value"),), SEVERAL]))
    numbers = st.floats(-1e6, 1e6, allow_subnormal=False) | st.just(np.nan)
    freq = draw(st.sampled_from([None, "D", "MS"]))
    return Panel.of(
        [draw(npst.arrays(np.float64, (length, len(channels)), elements=numbers)) for length in lengths],
        start=0 if freq is None else "2020-01-01",
        freq=freq,
        season_length=draw(st.integers(1, 3)),
        channels=channels,
        static={"region": [f"r{i}" for i in range(len(lengths))]},
    )


def two_series(**changes: Any) -> Panel:
    made = Panel.of([[1.0, 2.0, 3.0], [4.0, 5.0]], ids=["a", "b"], start=[0, 7], static={"size": [1.5, 2.5]})
    return replace(made, **changes)


class TestMaking:
    def test_series_lie_end_to_end(self) -> None:
        panel = two_series()

        assert panel.values.tolist() == [[1], [2], [3], [4], [5]]
        assert panel.offsets.tolist() == [0, 3, 5]
        assert panel.lengths.tolist() == [3, 2]
        assert [series.ravel().tolist() for series in panel] == [[1, 2, 3], [4, 5]]

    def test_ids_are_positions_where_none_are_given(self) -> None:
        assert Panel.of([[1.0], [2.0]]).ids == ("0", "1")

    def test_one_start_serves_all_series(self) -> None:
        panel = Panel.of([[1.0], [2.0]], start="2020-01-01", freq="D")

        assert panel.start.tolist() == [np.datetime64("2020-01-01", "ns").astype(int)] * 2

    def test_targets_may_stand_anywhere_among_the_channels(self) -> None:
        channels = (Channel("a", "known covariate"), Channel("b"), Channel("c", "past covariate"), Channel("d"))
        panel = Panel.of([[[1, 2, 3, 4]]], channels=channels)

        assert panel.targets == (1, 3)
        assert panel.target_values.tolist() == [[2, 4]]
        assert panel.channels_of("known covariate") == (0,)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"values": np.zeros((5, 2))}, "a panel with 1 channels needs values of shape"),
            ({"values": np.zeros(5)}, "a panel with 1 channels needs values of shape"),
            ({"offsets": np.array([0, 5])}, "a panel of 2 series needs 3 offsets and 2 starts"),
            ({"start": np.array([0])}, "a panel of 2 series needs 3 offsets and 2 starts"),
            ({"offsets": np.array([0, 3, 4])}, "offsets must rise from 0 to the number of observations"),
            ({"offsets": np.array([1, 3, 5])}, "offsets must rise from 0"),
            ({"offsets": np.array([0, 7, 5])}, "offsets must rise from 0"),
            ({"offsets": np.array([0, 0, 5])}, "series 'a' is empty; leave it out of the panel"),
            ({"ids": ("a", "a")}, "two series are called 'a'; ids must be unique"),
            ({"freq": "D"}, "series start at dates exactly where the panel has a frequency"),
            ({"start": np.array(["2020-01-01"] * 2, "M8[ns]")}, "series start at dates exactly where"),
            ({"season_length": 0}, "the season length must be at least 1, not 0"),
            ({"channels": (Channel("x", "past covariate"),)}, "a panel needs at least one target channel"),
            ({"static": {"size": (1.0,)}}, "static covariate 'size' has 1 values for 2 series"),
        ],
    )
    def test_what_does_not_fit_together_is_refused(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(BadData, match=message):
            two_series(**changes)

    def test_a_panel_without_series_is_refused(self) -> None:
        with pytest.raises(BadData, match="at least one series"):
            Panel.of([])

    def test_channels_of_one_name_are_refused(self) -> None:
        with pytest.raises(BadData, match="channel names must be unique, not x, x"):
            Panel.of([[[1, 2]]], channels=[Channel("x"), Channel("x")])

    @pytest.mark.parametrize("name", ["load", "wind", "holiday"])
    def test_a_static_covariate_has_a_name_of_its_own(self, name: str) -> None:
        with pytest.raises(BadData, match=f"static covariate '{name}' has the name of a channel; rename one of them"):
            Panel.of([np.zeros((3, 3))], channels=SEVERAL, static={"area": [1.0], name: [2.0]})

    def test_an_unknown_role_is_refused(self) -> None:
        with pytest.raises(BadData, match="channel 'x' has the role 'label'; allowed: target"):
            Channel("x", "label")  # type: ignore[arg-type]


class TestImmutability:
    @given(panels())
    def test_no_array_can_be_written_to(self, panel: Panel) -> None:
        arrays = [panel.values, panel.offsets, panel.start, panel.target_values, next(iter(panel))]

        for array in arrays:
            with pytest.raises(ValueError, match="read-only"):
                array[0] = array[0]

    def test_fields_cannot_be_assigned(self) -> None:
        with pytest.raises(FrozenInstanceError):
            two_series().freq = "D"  # type: ignore[misc]

    def test_the_arrays_of_a_caller_stay_writable(self) -> None:
        values = np.zeros((5, 1))

        two_series(values=values)

        assert values.flags.writeable


class TestSlicing:
    @given(panels(), st.integers(0, 4), st.integers(0, 4))
    def test_a_slice_holds_its_series_and_copies_nothing(self, panel: Panel, first: int, last: int) -> None:
        if not panel.ids[first:last]:
            with pytest.raises(BadData, match="at least one series"):
                panel[first:last]
            return

        part = panel[first:last]

        assert part.ids == panel.ids[first:last]
        assert part.static["region"] == panel.static["region"][first:last]
        assert part.start.tolist() == panel.start[first:last].tolist()
        assert np.shares_memory(part.values, panel.values)
        for mine, its in zip(part, list(panel)[first:last], strict=True):
            np.testing.assert_array_equal(mine, its)

    def test_steps_are_refused(self) -> None:
        with pytest.raises(ValueError, match="step 1 only"):
            two_series()[::2]

    @given(panels(), st.data())
    def test_rows_between_are_those_of_a_loop(self, panel: Panel, data: st.DataObject) -> None:
        borders = st.lists(st.integers(-2, 10), min_size=len(panel), max_size=len(panel))
        begins, ends = np.array(data.draw(borders)), np.array(data.draw(borders))
        expected = {
            name: values[max(first, 0) : max(last, 0)]
            for name, values, first, last in zip(panel.ids, panel, begins, ends, strict=True)
        }
        expected = {name: values for name, values in expected.items() if len(values)}

        part = panel.between(begins, ends)

        if part is None:
            assert not expected
            return
        assert part.ids == tuple(expected)
        for mine, its in zip(part, expected.values(), strict=True):
            np.testing.assert_array_equal(mine, its)

    def test_rows_between_begin_later(self) -> None:
        panel = Panel.of([np.arange(5.0)] * 2, start=["2020-01-01", "2020-03-01"], freq="MS", static={"i": [0.0, 1.0]})

        part = panel.between(np.array([5, 2]), np.array([5, 5]))

        assert part is not None
        assert part.start.astype("M8[D]").astype(str).tolist() == ["2020-05-01"]
        assert part.static == {"i": (1.0,)}


class TestTargets:
    def test_other_targets_become_past_covariates(self) -> None:
        panel = Panel.of([[[1, 2, 3]]], channels=(Channel("a"), Channel("b"), Channel("c", "known covariate")))

        chosen = panel.with_targets(("b",))

        assert [channel.role for channel in chosen.channels] == ["past covariate", "target", "known covariate"]
        assert chosen.target_values.tolist() == [[2]]

    def test_an_unknown_channel_is_named(self) -> None:
        with pytest.raises(BadData, match="no channel called 'x'; the panel has value"):
            two_series().with_targets(("x",))

    def test_a_series_without_a_value_is_named(self) -> None:
        values = np.array([[1, 2], [np.nan, np.nan], [3, np.nan]])
        panel = Panel.of([values[:1], values[1:]], ids=["a", "b"], channels=[Channel("x"), Channel("y")])

        with pytest.raises(BadData, match="series 'b' has no value in channel 'y'"):
            panel.check_observed()

    def test_covariates_may_be_missing_throughout(self) -> None:
        Panel.of([[[1, np.nan]]], channels=[Channel("x"), Channel("y", "past covariate")]).check_observed()

    @given(panels())
    def test_complete_means_that_nothing_is_missing(self, panel: Panel) -> None:
        assert panel.complete == (not any(np.isnan(series).any() for series in panel))


class TestFingerprint:
    @given(panels())
    def test_it_is_that_of_any_copy(self, panel: Panel) -> None:
        copy = replace(panel, values=panel.values.copy(order="F"), start=panel.start.copy())

        assert copy.fingerprint() == panel.fingerprint()
        assert len(panel.fingerprint()) == 64

    @given(panels(), st.data())
    def test_it_changes_with_any_value(self, panel: Panel, data: st.DataObject) -> None:
        values = panel.values.copy()
        place = data.draw(st.integers(0, values.size - 1))
        values.flat[place] = 0.5 if np.isnan(values.flat[place]) else np.nextafter(values.flat[place], np.inf)

        assert panel.with_values(values).fingerprint() != panel.fingerprint()

    @given(panels(), st.data())
    def test_it_changes_with_any_id_start_and_fact(self, panel: Panel, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(panel) - 1))

        def other(facts: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple("other" if i == place else fact for i, fact in enumerate(facts))

        start = panel.start + (np.arange(len(panel)) == place)
        changed = [
            replace(panel, ids=other(panel.ids)),
            replace(panel, start=start),
            replace(panel, static={"region": other(panel.static["region"])}),
        ]

        assert panel.fingerprint() not in {other.fingerprint() for other in changed}

    @pytest.mark.parametrize(
        "changes",
        [
            {"season_length": 2},
            {"offsets": np.array([0, 2, 5])},
            {"channels": (Channel("other"),)},
            {"channels": (Channel("value", categories=("no", "yes")),)},
            {"static": {}},
            {"freq": "D", "start": np.array([0, 7], "M8[ns]")},
        ],
    )
    def test_it_changes_with_all_that_is_said_of_the_data(self, changes: dict[str, Any]) -> None:
        assert two_series(**changes).fingerprint() != two_series().fingerprint()

    def test_the_unit_of_dates_does_not_matter(self) -> None:
        def dated(unit: str) -> Panel:
            return two_series(start=np.array(["2020-01-01", "2020-02-01"], f"M8[{unit}]"), freq="D")

        assert dated("D").fingerprint() == dated("ns").fingerprint()

    def test_roles_matter(self) -> None:
        panel = Panel.of([[[1, 2]]], channels=[Channel("x"), Channel("y")])

        assert panel.with_targets(("x",)).fingerprint() != panel.fingerprint()


def test_lengths_are_whole_numbers() -> None:
    lengths: Ints = two_series().lengths

    assert lengths.dtype == np.int64
