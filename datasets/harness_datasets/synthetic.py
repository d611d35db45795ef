"""Synthetic waves, whose exact values are known at any step, to score free runs of any length.

All waves of a dataset share one frequency, w = 10/99 rad per step (a hundred steps from 0 to 10), which
forecasters must learn. So the season length is 1: 62, the integer nearest to the period 2π/w = 62.2, would
disclose w to one part in 250, and would be off by 3 steps after 16 periods. A task may override it.

The static covariate `part` is `training`, `validation` or `held-out`; a `SeriesSplit` with the same counts splits
the panel there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness import Floats, Panel

FREQUENCY = 10 / 99  # rad per step

Wave = Callable[[np.random.Generator, int, int], Floats]  # (generator, numbers of waves and of steps) → (wave, step)


def cosine() -> Panel:
    """x_t = A cos(w t + φ), A uniform in [0.5, 1.5), φ uniform in [0, 2π); 1,000 steps per wave."""
    return _panel(_cosines, training=(1024, 1000), validation=(128, 1000), held_out=(1000, 1000), seed=1)


def sine() -> Panel:
    """x_t = sin(w t + 2πu), u uniform in [0, 1); 100 steps per wave, as in the tutorial of their source."""
    return _panel(_sines, training=(2048, 100), validation=(256, 100), held_out=(1000, 100), seed=11)


def sine_generation() -> Panel:
    """The waves of `sine`, those of the held-out part with 1,100 steps: 100 to start from and 1,000 to generate."""
    return _panel(_sines, training=(2048, 100), validation=(256, 100), held_out=(1000, 1100), seed=21)


def _cosines(rng: np.random.Generator, waves: int, steps: int) -> Floats:
    amplitude = rng.uniform(0.5, 1.5, size=(waves, 1))
    phase = rng.uniform(0, 2 * np.pi, size=(waves, 1))
    return amplitude * np.cos(FREQUENCY * np.arange(steps) + phase)


def _sines(rng: np.random.Generator, waves: int, steps: int) -> Floats:
    turn = rng.uniform(size=(waves, 1))
    return np.sin(FREQUENCY * np.arange(steps) + 2 * np.pi * turn)


def _panel(
    wave: Wave, training: tuple[int, int], validation: tuple[int, int], held_out: tuple[int, int], seed: int
) -> Panel:
    """The waves of the three parts, (waves, steps) each, generated from `seed`, `seed + 1` and `seed + 2`."""
    parts = {"training": training, "validation": validation, "held-out": held_out}
    return Panel.of(
        [
            series
            for i, (waves, steps) in enumerate(parts.values())
            for series in wave(np.random.default_rng(seed + i), waves, steps)
        ],
        ids=[f"{part}-{number:04d}" for part, (waves, _) in parts.items() for number in range(1, waves + 1)],
        static={"part": [part for part, (waves, _) in parts.items() for _ in range(waves)]},
    )
