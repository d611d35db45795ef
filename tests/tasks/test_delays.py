"""Channels with an availability delay: no context and no training data holds what is not known yet."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.missing import FILLINGS, Missing
from harness.data.panel import Channel, Panel
from harness.errors import BadData
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import FittedLocalForecaster
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.splits import TimeSplit
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts, Windows

NAN = np.nan


@st.composite
def delayed_windows(draw: st.DrawFn) -> Windows:
    """Windows over a small ragged panel; every value is its own name, but some are missing."""
    horizon, gap = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    least = horizon + gap + 1
    lengths = draw(st.lists(st.integers(least, least + 8), min_size=1, max_size=3))
    delays = draw(st.tuples(st.integers(0, 12), st.integers(1, 12)))
    channels = (
        Channel("late", "past covariate", delay=delays[0]),
        Channel("y"),
        Channel("known", "known covariate"),
        Channel("later", "past covariate", delay=delays[1]),
    )
    values = np.arange(1.0, 4 * sum(lengths) + 1).reshape(-1, 4)
    values[draw(st.lists(st.integers(0, len(values) - 1), max_size=4)), draw(st.integers(0, 3))] = NAN
    panel = Panel.of(np.split(values, np.cumsum(lengths)[:-1]), channels=channels)
    pair = st.integers(0, len(lengths) - 1).flatmap(
        lambda i: st.tuples(st.just(i), st.integers(1, lengths[i] - horizon - gap))
    )
    series, cutoffs = np.array(draw(st.lists(pair, min_size=1, max_size=8))).T
    return Windows(panel, series, cutoffs, horizon, gap, max_context=draw(st.none() | st.integers(1, 6)))


def unknown_values(made: Windows, i: int) -> set[float]:
    """The values that are not known at the cutoff of window i, in the channels that are not known ahead."""
    panel, cutoff = made.panel, int(made.cutoffs[i])
    first, last = panel.offsets[made.series[i] : made.series[i] + 2]
    columns = [c for c, channel in enumerate(panel.channels) if channel.role != "known covariate"]
    values = [panel.values[max(first, first + cutoff - panel.channels[c].delay) : last, c] for c in columns]
    return set(np.concatenate(values).tolist())


class TestContexts:
    @pytest.mark.parametrize("missing", ["native", "ffill", "seasonal"])
    @given(made=delayed_windows(), length=st.integers(1, 12))
    def test_they_hold_no_value_that_is_not_known(self, missing: Missing, made: Windows, length: int) -> None:
        contexts = made.contexts.filled(missing)
        last = contexts.last(length)

        for i, context in enumerate(contexts):
            unknown = unknown_values(made, i)
            assert unknown.isdisjoint(last[i].ravel().tolist())
            assert unknown.isdisjoint(context.values.ravel().tolist())

    @pytest.mark.parametrize("missing", FILLINGS)
    @given(made=delayed_windows(), length=st.integers(1, 12))
    def test_nothing_shown_depends_on_a_value_that_is_not_known(
        self, missing: Missing, made: Windows, length: int
    ) -> None:
        for i in range(len(made)):
            values, first = made.panel.values.copy(), int(made.panel.offsets[made.series[i]])
            for column, channel in enumerate(made.panel.channels):
                if channel.role != "known covariate":
                    values[max(first, first + int(made.cutoffs[i]) - channel.delay) :, column] = -1
            alone = made.take(slice(i, i + 1))
            other = replace(alone, panel=made.panel.with_values(values))
            shown, changed = (windows.contexts.filled(missing) for windows in (alone, other))

            np.testing.assert_array_equal(shown.last(length), changed.last(length))
            np.testing.assert_array_equal(shown.last_targets(length), changed.last_targets(length))
            np.testing.assert_array_equal(next(iter(shown)).values, next(iter(changed)).values)

    @given(delayed_windows(), st.integers(1, 12))
    def test_the_last_values_are_those_of_a_loop(self, made: Windows, length: int) -> None:
        expected = np.full((len(made), length, 4), NAN)
        for i, (series, cutoff) in enumerate(zip(made.series, made.cutoffs, strict=True)):
            values = list(made.panel)[series][:cutoff].copy()
            for column, channel in enumerate(made.panel.channels):
                values[max(cutoff - channel.delay, 0) :, column] = NAN
            past = values[-min(length, made.max_context or length) :]
            expected[i, length - len(past) :] = past

        np.testing.assert_array_equal(made.contexts.last(length), expected)

    @pytest.mark.parametrize(
        ("missing", "expected"),
        [
            ("native", [1, NAN, 3, NAN, NAN]),
            ("ffill", [1, 1, 3, 3, 3]),
            ("interpolate", [1, 2, 3, 3, 3]),
            ("seasonal", [1, 1, 3, 3, 3]),
        ],
    )
    def test_whatever_the_filling_the_last_value_known_is_carried_forward(
        self, missing: Missing, expected: list[float]
    ) -> None:
        late = [1.0, NAN, 3.0, 40.0, 50.0, 60.0]
        panel = Panel.of([np.stack([np.arange(6.0), late], axis=1)], channels=channels(2))
        contexts = Windows(panel, np.array([0]), np.array([5]), 1, season_length=3).contexts.filled(missing)

        np.testing.assert_array_equal(contexts.last(5)[0, :, 1], expected)

    def test_a_gap_is_not_interpolated_to_a_value_that_is_not_known(self) -> None:
        panel = Panel.of([np.stack([np.arange(5.0), [1, NAN, NAN, 4, 5]], axis=1)], channels=channels(1))
        contexts = Windows(panel, np.array([0, 0]), np.array([4, 5]), 1).contexts.filled("interpolate")

        np.testing.assert_array_equal(contexts.last(5)[:, :, 1], [[NAN, 1, 1, 1, 1], [1, 2, 3, 4, 4]])

    def test_panels_without_delays_are_still_shown_as_views(self) -> None:
        panel = Panel.of([np.arange(20.0).reshape(10, 2)], channels=channels(0))

        assert np.shares_memory(Windows(panel, np.array([0]), np.array([5]), 1).contexts.last(3), panel.values)


class TestTrainingData:
    @pytest.mark.parametrize(
        ("missing", "expected"),
        [
            ("native", [0, NAN, 2, NAN, NAN]),
            ("ffill", [0, 0, 2, 2, 2]),
            ("interpolate", [0, 1, 2, 2, 2]),
            ("seasonal", [0, 0, 2, 2, 2]),
        ],
    )
    def test_the_last_values_of_training_and_validation_part_are_not_known(
        self, missing: Missing, expected: list[float]
    ) -> None:
        train = first_training_data(np.array([0, NAN, *range(2, 5), 10, NAN, *range(12, 15), *range(20, 24)]))
        filled = train.filled(missing)
        assert filled.validation is not None

        np.testing.assert_array_equal(filled.panel.values[:, 1], expected)
        shown = filled.validation.values[:, 1]
        np.testing.assert_array_equal(shown[[0, 2]], [10, 12])
        assert np.isnan(shown[3:]).all() if missing == "native" else (shown[3:] == 12).all()

    @pytest.mark.parametrize("missing", FILLINGS)
    def test_it_is_the_same_in_another_process(self, missing: Missing) -> None:
        train = first_training_data(np.array([0, 1, NAN, 3, 4, 5, 6, NAN, 8, *range(9, 14)])).filled(missing)

        sent = pickle.loads(pickle.dumps(train))

        np.testing.assert_array_equal(sent.panel.values, train.panel.values)
        np.testing.assert_array_equal(sent.validation.values, train.validation.values)

    def test_its_contexts_have_the_delay_and_the_filling(self) -> None:
        train = TrainingData(Panel.of([np.arange(12.0).reshape(6, 2)], channels=channels(2)), None, 1)

        native, filled = (
            train.filled(missing).contexts(np.array([0, 0]), np.array([4, 6])).last(3)[:, :, 1].tolist()
            for missing in ("native", "ffill")
        )

        np.testing.assert_array_equal(native, [[3, NAN, NAN], [7, NAN, NAN]])
        assert filled == [[3, 3, 3], [7, 7, 7]]

    def test_what_is_known_at_an_earlier_end_is_less(self) -> None:
        train = TrainingData(Panel.of([np.arange(12.0).reshape(6, 2)] * 2, channels=channels(2)), None, 1)

        earlier = train.filled("ffill").until(np.array([4, 0]))

        assert earlier is not None
        assert earlier.panel.ids == ("0",)
        assert earlier.panel.values[:, 1].tolist() == [1, 3, 3, 3]
        assert train.until(np.array([0, 0])) is None

    @pytest.mark.parametrize("missing", FILLINGS)
    def test_a_series_is_fitted_to_what_is_known(self, missing: Missing) -> None:
        panel = Panel.of([np.arange(40.0).reshape(20, 2)], channels=channels(3))
        (fold,) = backtest(Task("toy", RollingOrigin(2, first_cutoff=10, windows=1)), panel).folds()
        forecaster = Remembers()
        forecaster.fit(fold.train.filled(missing))
        forecaster.fit_contexts(fold.windows.contexts.filled(missing))

        shown = forecaster.states_["0"][:, 1]

        assert shown[:7].tolist() == [1, 3, 5, 7, 9, 11, 13]
        np.testing.assert_array_equal(shown[7:], [NAN if missing == "native" else 13] * 3)


@dataclass
class Remembers(FittedLocalForecaster):
    """Its state is what it was fitted to."""

    def fit_series(self, context: Context) -> np.ndarray:
        return context.values

    def predict_windows(self, state: np.ndarray, contexts: Contexts) -> Forecast:
        return Forecast.point(np.zeros((len(contexts), contexts.horizon, len(contexts.targets))))


def channels(delay: int) -> tuple[Channel, ...]:
    return Channel("y"), Channel("late", "past covariate", delay=delay)


def first_training_data(late: np.ndarray) -> TrainingData:
    """The training data of a task on one series that is split into 5, 5 and 4 rows, with a delay of 2."""
    panel = Panel.of([np.stack([np.arange(14.0), late], axis=1)], channels=channels(2), season_length=3)
    (fold,) = backtest(Task("toy", RollingOrigin(2), TimeSplit(5, 5, 4)), panel).folds()
    return fold.train


class TestChannel:
    @pytest.mark.parametrize("role", ["target", "known covariate"])
    def test_only_past_covariates_have_a_delay(self, role: str) -> None:
        with pytest.raises(BadData, match=f"channel 'x' is a {role}; only a past covariate may have a delay"):
            Channel("x", role, delay=1)  # type: ignore[arg-type]

    @pytest.mark.parametrize("delay", [-1, 10**9 + 1])
    def test_a_delay_is_a_count_of_steps(self, delay: int) -> None:
        with pytest.raises(BadData, match="channel 'x': delay must be from 0 to 1,000,000,000 steps, not"):
            Channel("x", "past covariate", delay=delay)

    def test_a_delay_is_a_whole_number(self) -> None:
        with pytest.raises(BadData, match="channel 'x': delay must be a whole number"):
            Channel("x", "past covariate", delay=1.5)  # type: ignore[arg-type]

    @pytest.mark.parametrize("role", ["target", "past covariate"])
    def test_only_known_covariates_may_be_forecasts(self, role: str) -> None:
        with pytest.raises(BadData, match=f"channel 'x' is a {role}; certain=False is for known covariates only"):
            Channel("x", role, certain=False)  # type: ignore[arg-type]

    def test_a_channel_with_a_delay_is_no_target(self) -> None:
        panel = Panel.of([np.zeros((9, 2))], channels=channels(2))

        with pytest.raises(BadData, match="channel 'late' cannot be a target: it has a delay"):
            panel.with_targets(("late",))
