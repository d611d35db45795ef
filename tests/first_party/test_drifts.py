"""Phase and amplitude drift: on waves that drift by a known amount."""

from __future__ import annotations

import numpy as np
import pytest

from harness import Floats, Forecast, Generation, Outcomes, Panel, RollingOrigin, SeriesSplit, Task
from harness.evaluation.outcomes import Actuals
from harness.tasks.folds import backtest
from harness_models.drifts import amplitude_drift, dominant_frequency, drifts, phase_drift

STEPS = np.arange(900)
W = 0.101


def wave(phase: Floats | float = 0.3, amplitude: Floats | float = 1.2) -> Floats:
    return np.asarray(amplitude * np.cos(W * STEPS + phase))[None]


def test_the_dominant_frequency_is_found_between_bins() -> None:
    assert dominant_frequency(wave()) == pytest.approx(W, rel=1e-3)


def test_a_true_run_drifts_by_nothing() -> None:
    phase, amplitude = drifts(wave(), wave())

    assert phase == pytest.approx(0)
    assert amplitude == pytest.approx(0)


@pytest.mark.parametrize("slip", [0.4, -0.4, 5.0])
def test_a_run_of_another_frequency_gets_out_of_step(slip: float) -> None:
    phase, amplitude = drifts(wave(), wave(phase=0.3 + slip * STEPS / 900))

    assert phase == pytest.approx(abs(slip) * 3 / 4, rel=0.03)  # from the middle of the first part to the last's
    assert amplitude < 0.02


def test_a_run_that_dies_away_loses_amplitude() -> None:
    phase, amplitude = drifts(wave(), wave(amplitude=np.exp(-STEPS / 900)))

    assert amplitude == pytest.approx(3 / 4, rel=0.03)
    assert phase < 0.02


def test_a_constant_shift_or_offset_is_no_drift() -> None:
    phase, amplitude = drifts(wave(), 7 + 0.5 * wave(phase=1.3))

    assert phase == pytest.approx(0, abs=0.01)
    assert amplitude == pytest.approx(0, abs=0.01)


def test_a_forecast_without_a_wave_drifts_nowhere() -> None:
    actuals = np.repeat(wave(), 3, axis=0)
    dying = wave(amplitude=np.where(STEPS < 450, 1.0, 0.0))[0]

    phase, amplitude = drifts(actuals, np.stack([np.full(900, 2.0), 0.1 * STEPS, dying]))

    assert np.isnan(phase).all()
    assert np.isnan(amplitude[:2]).all()
    assert amplitude[2] == pytest.approx(np.log(1000 / 1.2), rel=0.01)  # of which a thousandth is left


def test_as_metrics_they_are_undefined_for_short_horizons_and_missing_actuals() -> None:
    panel = Panel.of([np.append(wave()[0], wave()[0])] * 3)
    short = Actuals.of(backtest(Task("waves", RollingOrigin(24, windows=2)), panel))
    holed = panel.values.copy()
    holed[-1] = np.nan
    task = Task("waves", Generation(100, 900 + 800), SeriesSplit(1))
    long = Actuals.of(backtest(task, panel.with_values(holed)))

    for metric in (phase_drift, amplitude_drift):
        assert np.isnan(metric(Outcomes(short, Forecast.point(short.values)))).all()
        losses = metric(Outcomes(long, Forecast.point(np.nan_to_num(long.values))))
        assert losses.shape == long.values.shape
        assert np.isfinite(losses[0]).all()
        assert np.isnan(losses[1]).all()
