"""Phase drift and amplitude drift: errors of free runs in phase and in amplitude.

Actuals and forecast are split into four parts, and a sinusoid of the actuals' dominant frequency and a line
are fitted to each part by least squares. The phase drift is the change of the phase difference between
forecast and actuals from the first part to the last, unwrapped, in radians. The amplitude drift is the
change of the ratio of their amplitudes, as |log|: 0.1 is about ten per cent. A ratio below a thousandth has
no phase, and counts as a thousandth in the amplitude drift.

Both are NaN where a part is shorter than a period or than 16 steps: they are meant for generation. They are NaN
too where the actuals are constant in a part.
"""

from __future__ import annotations

import numpy as np

from harness import Floats, Outcomes

PARTS = 4
SHORTEST_PART = 16  # steps
LEAST_SHARE = 1e-3  # of the actual amplitude
ROUNDING = 1e-12  # of the largest actual: an amplitude that is not larger is rounding


def phase_drift(outcomes: Outcomes) -> Floats:
    """|phase drift|, the same number at every step, (window, horizon, target)."""
    return outcomes.once(_drifts)[0]


def amplitude_drift(outcomes: Outcomes) -> Floats:
    """Amplitude drift, |log|, the same number at every step, (window, horizon, target)."""
    return outcomes.once(_drifts)[1]


def _drifts(outcomes: Outcomes) -> tuple[Floats, Floats]:
    """Both drifts, (window, horizon, target) each."""
    actuals, forecasts = outcomes.actuals, outcomes.point
    windows, horizon, targets = actuals.shape
    if horizon < PARTS * SHORTEST_PART:
        none = np.broadcast_to(np.nan, actuals.shape)
        return none, none
    flat = [values.transpose(0, 2, 1).reshape(-1, horizon) for values in (actuals, forecasts)]
    complete = ~np.isnan(flat[0].sum(axis=1) + flat[1].sum(axis=1))
    both = np.full((2, len(complete)), np.nan)
    if complete.any():
        both[:, complete] = drifts(flat[0][complete], flat[1][complete])
    phase, amplitude = (np.broadcast_to(drift.reshape(windows, 1, targets), actuals.shape) for drift in both)
    return phase, amplitude


def drifts(actuals: Floats, forecasts: Floats) -> tuple[Floats, Floats]:
    """Phase and amplitude drift of each wave, of actuals and forecasts (wave, step) without missing values."""
    length = actuals.shape[1] // PARTS
    frequency = dominant_frequency(actuals)
    parts = np.stack([actuals, forecasts])[..., : PARTS * length].reshape(2, len(actuals), PARTS, length)
    waves = _fit_sinusoids(parts, frequency, length)  # complex amplitudes, (2, wave, part)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.abs(waves[1]) / np.abs(waves[0])
    shift = np.unwrap(np.angle(waves[1] * waves[0].conj()), axis=-1)
    log_share = np.log(np.maximum(share, LEAST_SHARE))
    sizes = np.abs(actuals).max(axis=1, keepdims=True)
    periodic = (frequency * length >= 2 * np.pi) & (np.abs(waves[0]) > ROUNDING * sizes).all(axis=1)
    phase = np.where(periodic & (share >= LEAST_SHARE).all(axis=1), np.abs(shift[:, -1] - shift[:, 0]), np.nan)
    with np.errstate(invalid="ignore"):  # of actuals without a wave
        change = np.abs(log_share[:, -1] - log_share[:, 0])
    amplitude = np.where(periodic & (share[:, 0] >= LEAST_SHARE), change, np.nan)
    return phase, amplitude


def dominant_frequency(waves: Floats) -> Floats:
    """The peak of the spectrum of each wave (wave, step), in radians per step; parabolic interpolation of bins."""
    steps = waves.shape[1]
    centred = waves - waves.mean(axis=1, keepdims=True)
    power = np.log(np.abs(np.fft.rfft(centred * np.hanning(steps), axis=1)) + np.finfo(float).tiny)
    peak = np.clip(power.argmax(axis=1), 1, power.shape[1] - 2)
    rows = np.arange(len(waves))
    left, top, right = power[rows, peak - 1], power[rows, peak], power[rows, peak + 1]
    curvature = left - 2 * top + right
    shift = np.where(curvature < 0, 0.5 * (left - right) / np.where(curvature < 0, curvature, 1.0), 0.0)
    return np.asarray(2 * np.pi * (peak + np.clip(shift, -0.5, 0.5)) / steps)


def _fit_sinusoids(
    parts: Floats, frequency: Floats, length: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.complex128]]:
    """The complex amplitude of each part (…, wave, part, step) at its wave's frequency, by least squares."""
    angle = frequency[:, None] * np.arange(length)
    line = np.broadcast_to(np.linspace(-1, 1, length), angle.shape)
    design = np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle), line], axis=-1)  # (wave, step, 4)
    across = design.swapaxes(-1, -2)  # well-conditioned over a whole period: no decomposition needed
    fit = np.linalg.solve(across @ design, across @ parts.swapaxes(-1, -2))  # (…, wave, 4, part)
    return np.asarray(fit[..., 0, :] - 1j * fit[..., 1, :])
