"""Why a free run goes wrong, in two numbers: it gets out of step, or it grows or dies away.

Actuals and forecast are cut into four parts, and to each part a sinusoid of the actuals' own dominant
frequency is fitted by least squares, with a line. The phase drift is how much further the forecast
is ahead or behind in the last part than in the first, in radians; a turn more is counted where no part
gains half a turn on the part before. The amplitude drift is by what factor the forecast's share of the
actual amplitude changes, as |log|: 0.1 is ten per cent. A share of less than a thousandth is as good as
none: it has no phase, and counts as a thousandth where a forecast dies away.

Both are NaN where a part would not hold a whole period, or is shorter than 16 steps: they are meant for
generation, and cost nothing elsewhere.
"""

from __future__ import annotations

import numpy as np

from harness import Floats, Outcomes

PARTS = 4
SHORTEST_PART = 16  # steps
LEAST_SHARE = 1e-3  # of the actual amplitude


def phase_drift(outcomes: Outcomes) -> Floats:
    """|drift of the phase|, the same number at every step, (window, horizon, target)."""
    return outcomes.once(_drifts)[0]


def amplitude_drift(outcomes: Outcomes) -> Floats:
    """|log of the drift of the amplitude|, the same number at every step, (window, horizon, target)."""
    return outcomes.once(_drifts)[1]


def _drifts(outcomes: Outcomes) -> tuple[Floats, Floats]:
    """Both drifts, (window, horizon, target) each."""
    actuals, mean = outcomes.actuals, outcomes.mean
    windows, horizon, targets = actuals.shape
    if horizon < PARTS * SHORTEST_PART:
        none = np.broadcast_to(np.nan, actuals.shape)
        return none, none
    flat = [one.transpose(0, 2, 1).reshape(-1, horizon) for one in (actuals, mean)]
    complete = ~np.isnan(flat[0].sum(axis=1) + flat[1].sum(axis=1))
    both = np.full((2, len(complete)), np.nan)
    if complete.any():
        both[:, complete] = drifts(flat[0][complete], flat[1][complete])
    phase, amplitude = (np.broadcast_to(one.reshape(windows, 1, targets), actuals.shape) for one in both)
    return phase, amplitude


def drifts(actuals: Floats, forecasts: Floats) -> tuple[Floats, Floats]:
    """Phase and amplitude drift of each wave, from (wave, step) twice; no value is missing."""
    length = actuals.shape[1] // PARTS
    frequency = dominant_frequency(actuals)
    both = np.stack([actuals, forecasts])[..., : PARTS * length].reshape(2, len(actuals), PARTS, length)
    waves = _fitted(both, frequency, length)  # complex amplitudes, (2, wave, part)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.abs(waves[1]) / np.abs(waves[0])
    ahead = np.unwrap(np.angle(waves[1] * waves[0].conj()), axis=-1)
    grown = np.log(np.maximum(share, LEAST_SHARE))
    periodic = (frequency * length >= 2 * np.pi) & np.isfinite(share).all(axis=1)
    phase = np.where(periodic & (share >= LEAST_SHARE).all(axis=1), np.abs(ahead[:, -1] - ahead[:, 0]), np.nan)
    amplitude = np.where(periodic & (share[:, 0] >= LEAST_SHARE), np.abs(grown[:, -1] - grown[:, 0]), np.nan)
    return phase, amplitude


def dominant_frequency(waves: Floats) -> Floats:
    """Where the spectrum of each wave (wave, step) is highest, in radians a step; between bins by a parabola."""
    steps = waves.shape[1]
    centred = waves - waves.mean(axis=1, keepdims=True)
    power = np.log(np.abs(np.fft.rfft(centred * np.hanning(steps), axis=1)) + np.finfo(float).tiny)
    peak = np.clip(power.argmax(axis=1), 1, power.shape[1] - 2)
    rows = np.arange(len(waves))
    left, top, right = power[rows, peak - 1], power[rows, peak], power[rows, peak + 1]
    curvature = left - 2 * top + right
    shift = np.where(curvature < 0, 0.5 * (left - right) / np.where(curvature < 0, curvature, 1.0), 0.0)
    return np.asarray(2 * np.pi * (peak + np.clip(shift, -0.5, 0.5)) / steps)


def _fitted(parts: Floats, frequency: Floats, length: int) -> np.ndarray[tuple[int, ...], np.dtype[np.complex128]]:
    """The complex amplitude of each part (…, wave, part, step) at its wave's frequency, by least squares."""
    angle = frequency[:, None] * np.arange(length)
    line = np.broadcast_to(np.linspace(-1, 1, length), angle.shape)
    design = np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle), line], axis=-1)  # (wave, step, 4)
    across = design.swapaxes(-1, -2)  # four columns of a whole period are far from alike: no decomposition needed
    fit = np.linalg.solve(across @ design, across @ parts.swapaxes(-1, -2))  # (…, wave, 4, part)
    return np.asarray(fit[..., 0, :] - 1j * fit[..., 1, :])
