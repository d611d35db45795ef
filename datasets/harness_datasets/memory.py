"""Tasks of long memory: what must be forecast depends on values many steps ago, and on nothing since.

They are the adding problem (S. Hochreiter and J. Schmidhuber, Long Short-Term Memory, Neural Computation 9, 1997) and a
copy task, both after M. Arjovsky, A. Shah and Y. Bengio, Unitary Evolution Recurrent Neural Networks, ICML 2016, as
series whose last rows are to be forecast from the 60 rows before. The tasks differ in how many of these rows matter.

The static covariate `part` is `training`, `validation` or `held-out`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from harness import Channel, Floats, Panel

PARTS = {"training": 5000, "validation": 500, "held-out": 1000}  # series
ROWS = 60  # before those to be forecast
COPIED = 4  # values

Series = Callable[[np.random.Generator, int, int], Floats]  # (generator, series, rows) → (series, row, channel)


def adding(rows: int) -> Panel:
    """The sum of two marked values of the last rows: its last row has the sum minus its mean 1 as target.

    `value` is uniform in [0, 1); `marker` is 1 at a random row of each half of so many rows, and else 0. Until the last
    row the target is 0. The forecast 0 has a mean squared error of 1/6.
    """
    channels = [Channel("sum"), Channel("value", "past covariate"), Channel("marker", "past covariate")]
    return _panel(_sums, rows, channels, seed=31)


def copy(rows: int) -> Panel:
    """Four values, again after so many rows: each is uniform in [-1, 1); at all other rows, the target is 0.

    The forecast 0 has a mean squared error of 1/3.
    """
    return _panel(_copies, rows, [Channel("value")], seed=41)


adding_10, adding_30, adding_60 = (partial(adding, rows) for rows in (10, 30, 60))
copy_10, copy_30, copy_60 = (partial(copy, rows) for rows in (10, 30, 60))


def _sums(rng: np.random.Generator, series: int, rows: int) -> Floats:
    values, markers = rng.uniform(size=(series, ROWS)), np.zeros((series, ROWS))
    begin, middle = ROWS - rows, ROWS - rows // 2
    for first, last in ((begin, middle), (middle, ROWS)):
        markers[np.arange(series), rng.integers(first, last, size=series)] = 1
    table = np.zeros((series, ROWS + 1, 3))
    table[:, :-1, 1], table[:, :-1, 2] = values, markers
    table[:, -1, 0] = (values * markers).sum(axis=1) - 1
    return table


def _copies(rng: np.random.Generator, series: int, rows: int) -> Floats:
    table, first = np.zeros((series, ROWS + COPIED, 1)), ROWS - rows
    copied = rng.uniform(-1, 1, size=(series, COPIED))
    table[:, first : first + COPIED, 0] = table[:, -COPIED:, 0] = copied
    return table


def _panel(series: Series, rows: int, channels: list[Channel], seed: int) -> Panel:
    """The series of the three parts, generated from `seed`, `seed + 1` and `seed + 2`."""
    tables = [series(np.random.default_rng(seed + i), count, rows) for i, count in enumerate(PARTS.values())]
    return Panel.of(
        [table for part in tables for table in part],
        ids=[f"{part}-{number:04d}" for part, count in PARTS.items() for number in range(1, count + 1)],
        static={"part": [part for part, count in PARTS.items() for _ in range(count)]},
        channels=channels,
    )
