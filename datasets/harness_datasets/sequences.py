"""Sequences of classes whose best possible error is known: six rotating fields in three channels, in noise.

Class (j, d) is x_c(t) = cos(2π j t / 10 − d 2π c / 3) plus independent normal noise of standard deviation 1, for the
channels c = 0, 1, 2 and the steps t = 0, …, 9: three waves a third of a round apart, which rotate at the speed of j =
1, 2 or 3 rounds in 10 steps, forwards (d = 1) or backwards (d = −1). The classes differ in the order of the values in
time: those of speed 3 pass the same points as those of speed 1 in another order, and backwards two channels are
exchanged.

The noise-free sequences of the six classes are orthogonal and have the energy E = 15. The best classifier chooses the
class whose sequence has the largest inner product with the observed one, as the optimum receiver of orthogonal signals
does (J. G. Proakis, Digital Communications, 4th edition 2001, section 5.2.2).
"""

from __future__ import annotations

import math

import numpy as np

from harness import Channel, Floats, Panel

SPEEDS, DIRECTIONS = (1, 2, 3), {"forwards": 1, "backwards": -1}
CLASSES = tuple(f"{speed} {direction}" for speed in SPEEDS for direction in DIRECTIONS)
STEPS, CHANNELS = 10, 3
NOISE = 1.0  # standard deviation
PARTS = {"training": 500, "validation": 250, "held-out": 4000}  # series


def sequence_classes() -> Panel:
    """Series of 11 rows: 10 of the three channels, and one with the class of the sequence as target."""
    tables = [_table(np.random.default_rng(51 + i), count) for i, count in enumerate(PARTS.values())]
    return Panel.of(
        [table for part in tables for table in part],
        ids=[f"{part}-{number:04d}" for part, count in PARTS.items() for number in range(1, count + 1)],
        static={"part": [part for part, count in PARTS.items() for _ in range(count)]},
        channels=[
            Channel("class", categories=CLASSES),
            *(Channel(name, "past covariate") for name in ("x", "y", "z")),
        ],
    )


def means() -> Floats:
    """The sequence of each class without noise, (class, step, channel)."""
    time, channel = np.arange(STEPS)[:, None], np.arange(CHANNELS)
    return np.stack(
        [
            np.cos(2 * np.pi * (speed * time / STEPS - direction * channel / CHANNELS))
            for speed in SPEEDS
            for direction in DIRECTIONS.values()
        ]
    )


def posterior(sequences: Floats) -> Floats:
    """The probability of each class given sequences (sequence, step, channel), (sequence, class).

    All classes are equally likely and have the same energy E, so that ln p(k | x) is ⟨x, m_k⟩ / σ² plus a constant.
    """
    logits = np.einsum("ntc,ktc->nk", sequences, means()) / NOISE**2
    likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(likelihoods / likelihoods.sum(axis=1, keepdims=True))


def best_error() -> float:
    """The Bayes error: 1 − ∫ φ(z − √E / σ) Φ(z)⁵ dz, as of orthogonal signals (Proakis 2001, eq. 5.2-21)."""
    distance = math.sqrt(_energy()) / NOISE
    nodes = np.linspace(-12, distance + 12, 4001)
    below = np.array([0.5 * math.erfc(-node / math.sqrt(2)) for node in nodes])
    density = np.exp(-((nodes - distance) ** 2) / 2) / math.sqrt(2 * math.pi)
    return float(1 - np.sum(density * below ** (len(CLASSES) - 1)) * (nodes[1] - nodes[0]))


def best_log_loss() -> float:
    """The lowest expected log loss in nats, that of the posterior: E ln S − E s, S = Σ_k exp(s_k).

    The s_k = ⟨x, m_k⟩ / σ² are independent, normal with variance γ = E / σ² and mean γ for the class that occurred, and
    0 for the five others. By Frullani's integral, with v = eᵘ,

        E ln S = ∫ (exp(−v) − L₁(v) L₀(v)⁵) du,  L_i(v) = E exp(−v exp(s)).
    """
    ratio = _energy() / NOISE**2
    logs = np.linspace(-80, 60, 5601)[:, None]
    nodes = np.linspace(-10, 10, 801)
    weights = np.exp(-(nodes**2) / 2) * (nodes[1] - nodes[0]) / math.sqrt(2 * math.pi)
    transforms = [
        np.exp(-np.exp(np.minimum(logs + mean + math.sqrt(ratio) * nodes, 700))) @ weights for mean in (ratio, 0.0)
    ]
    occurred, others = transforms
    integrand = np.exp(-np.exp(logs[:, 0])) - occurred * others ** (len(CLASSES) - 1)
    return float(np.sum(integrand) * (logs[1, 0] - logs[0, 0]) - ratio)


def _energy() -> float:
    """The energy E of a sequence without noise, the same for all classes."""
    return float(np.sum(means()[0] ** 2))


def _table(rng: np.random.Generator, series: int) -> Floats:
    """So many series, (series, row, channel)."""
    classes = rng.integers(len(CLASSES), size=series)
    table = np.full((series, STEPS + 1, 1 + CHANNELS), math.nan)
    table[:, -1, 0] = classes
    table[:, :-1, 1:] = means()[classes] + NOISE * rng.normal(size=(series, STEPS, CHANNELS))
    return table
