"""Missing values: filled from the past, and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.arrays import Floats, Ints
from harness.data.missing import FILLINGS, Missing, fill
from harness.data.panel import Channel, Panel
from harness.errors import BadInput
from harness.tasks.windows import Contexts, Windows

NAN = np.nan
WORKING: tuple[Missing, ...] = ("ffill", "interpolate", "seasonal")


def one_series(*values: float) -> Panel:
    return Panel.of([np.array(values)])


def filled(missing: Missing, *values: float, season_length: int = 2) -> list[float]:
    return fill(one_series(*values), missing, season_length).values.ravel().tolist()


class TestFilling:
    def test_ffill_repeats_the_last_value(self) -> None:
        assert filled("ffill", 1, NAN, NAN, 4, NAN) == [1, 1, 1, 4, 4]

    def test_interpolate_draws_a_line_and_repeats_the_last_value_at_the_end(self) -> None:
        assert filled("interpolate", 1, NAN, NAN, 4, NAN, NAN) == [1, 2, 3, 4, 4, 4]

    def test_seasonal_takes_the_value_of_a_season_ago(self) -> None:
        assert filled("seasonal", 1, 2, 3, NAN, NAN, NAN) == [1, 2, 3, 2, 3, 2]

    def test_seasonal_repeats_the_last_value_where_a_season_ago_is_missing_too(self) -> None:
        assert filled("seasonal", 1, NAN, 3, NAN, season_length=2) == [1, 1, 3, 3]
        assert filled("seasonal", 1, NAN, 3, NAN, season_length=9) == [1, 1, 3, 3]

    @pytest.mark.parametrize("missing", WORKING)
    def test_what_lies_before_the_first_observation_takes_its_value(self, missing: Missing) -> None:
        assert filled(missing, NAN, NAN, 5, 6) == [5, 5, 5, 6]

    @pytest.mark.parametrize("missing", WORKING)
    def test_series_and_channels_do_not_mix(self, missing: Missing) -> None:
        series = [[[1, NAN], [2, NAN]], [[NAN, 7], [NAN, NAN]]]
        panel = Panel.of(series, channels=[Channel("x"), Channel("y")])

        values = fill(panel, missing, 1).values

        np.testing.assert_array_equal(values, [[1, NAN], [2, NAN], [NAN, 7], [NAN, 7]])

    @pytest.mark.parametrize("missing", FILLINGS)
    def test_a_complete_panel_is_left_alone(self, missing: Missing) -> None:
        panel = one_series(1, 2, 3)

        assert fill(panel, missing, 1) is panel

    def test_native_fills_nothing(self) -> None:
        panel = one_series(1, NAN)

        assert fill(panel, "native", 1) is panel

    @pytest.mark.parametrize("missing", WORKING)
    def test_the_panel_itself_keeps_its_gaps(self, missing: Missing) -> None:
        panel = one_series(1, NAN, 3)

        fill(panel, missing, 1)

        assert np.isnan(panel.values[1, 0])

    def test_an_unknown_filling_is_refused(self) -> None:
        with pytest.raises(BadInput, match="missing is one of native, ffill, interpolate, seasonal, not 'zero'"):
            fill(one_series(1), "zero", 1)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    """A panel with random gaps, and one cutoff of one of its series."""

    panel: Panel
    series: int
    cutoff: int
    season_length: int
    max_context: int | None
    length: int  # of the past that is looked at

    def contexts(self, panel: Panel) -> Contexts:
        where = np.array([self.series]), np.array([self.cutoff])
        made = Windows(panel, *where, 1, season_length=self.season_length, max_context=self.max_context)
        return made.contexts

    def past(self, missing: Missing, panel: Panel) -> Floats:
        past: Floats = self.contexts(panel).filled(missing).last(self.length)[0]
        return past


@st.composite
def cases(draw: st.DrawFn) -> Case:
    lengths = draw(st.lists(st.integers(2, 12), min_size=1, max_size=3))
    delay = draw(st.sampled_from([0, 0, 1, 2, 7]))
    channels = (Channel("x", "past covariate", delay=delay), Channel("y"))[-draw(st.integers(1, 2)) :]
    value = st.one_of(st.just(NAN), st.integers(-9, 9).map(float))
    rows = [draw(st.lists(st.tuples(*[value] * len(channels)), min_size=n, max_size=n)) for n in lengths]
    series = draw(st.integers(0, len(lengths) - 1))
    return Case(
        Panel.of(rows, channels=channels),
        series,
        cutoff=draw(st.integers(1, lengths[series] - 1)),
        season_length=draw(st.integers(1, 5)),
        max_context=draw(st.none() | st.integers(1, 6)),
        length=draw(st.integers(1, 8)),
    )


def with_other_future(case: Case, seed: int, *, gaps: float) -> Panel:
    """The panel with everything that is not known at the cutoff replaced by noise, and all other series too."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=case.panel.values.shape) * 100
    noise[rng.uniform(size=noise.shape) < gaps] = NAN
    first = case.panel.offsets[case.series]
    for i, channel in enumerate(case.panel.channels):
        known = slice(first, first + max(case.cutoff - channel.delay, 0))
        noise[known, i] = case.panel.values[known, i]
    return case.panel.with_values(noise)


class TestCutoffs:
    @pytest.mark.parametrize("missing", FILLINGS)
    @pytest.mark.parametrize("gaps", [0.0, 0.5, 1.0])
    @given(case=cases(), seed=st.integers(0, 99))
    def test_no_filling_looks_past_the_cutoff(self, missing: Missing, gaps: float, case: Case, seed: int) -> None:
        other = with_other_future(case, seed, gaps=gaps)

        np.testing.assert_array_equal(case.past(missing, case.panel), case.past(missing, other))

    @pytest.mark.parametrize("missing", WORKING)
    @given(case=cases())
    def test_a_window_is_filled_as_if_its_series_ended_at_its_cutoff(self, missing: Missing, case: Case) -> None:
        ends = np.where(np.arange(len(case.panel)) == case.series, case.cutoff, 0)
        known = case.panel.between(np.zeros_like(ends), ends)
        assert known is not None
        shown = min(case.length, case.cutoff, case.max_context or case.cutoff)
        expected = fill(known, missing, case.season_length).values[len(known.values) - shown :]

        past = case.past(missing, case.panel)

        np.testing.assert_array_equal(past[case.length - shown :], expected)
        assert np.isnan(past[: case.length - shown]).all()

    @pytest.mark.parametrize("missing", WORKING)
    @given(case=cases())
    def test_one_window_is_filled_as_in_a_batch(self, missing: Missing, case: Case) -> None:
        cutoffs: Ints = np.arange(1, case.panel.lengths[case.series])
        together = Windows(
            case.panel, np.full_like(cutoffs, case.series), cutoffs, 1, season_length=case.season_length
        ).contexts.filled(missing)

        batch = together.last(case.length)

        for window, past in zip(together, batch, strict=True):
            shown = min(case.length, window.cutoff)
            np.testing.assert_array_equal(window.values[window.cutoff - shown :], past[case.length - shown :])

    @pytest.mark.parametrize("missing", WORKING)
    @given(case=cases())
    def test_targets_are_filled_as_all_channels_are(self, missing: Missing, case: Case) -> None:
        contexts = case.contexts(case.panel).filled(missing)

        targets = contexts.last(case.length)[:, :, list(contexts.targets)]

        np.testing.assert_array_equal(contexts.last_targets(case.length), targets)

    def test_inside_a_gap_the_last_value_is_carried(self) -> None:
        panel = one_series(1, NAN, NAN, 4)
        windows = Windows(panel, np.zeros(3, int), np.array([1, 2, 3]), 1)

        past = windows.contexts.filled("interpolate").last(3)[:, :, 0]

        np.testing.assert_array_equal(past, [[NAN, NAN, 1], [NAN, 1, 1], [1, 1, 1]])

    def test_before_the_first_observation_nothing_is_known(self) -> None:
        panel = one_series(NAN, NAN, 3, 4)
        windows = Windows(panel, np.zeros(2, int), np.array([2, 3]), 1)

        for missing in WORKING:
            past = windows.contexts.filled(missing).last(3)[:, :, 0]

            np.testing.assert_array_equal(past, [[NAN, NAN, NAN], [3, 3, 3]])
