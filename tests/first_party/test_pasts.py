"""Shared pasts: each window has the context that it has alone, also where a gap is open at its cutoff."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Panel, RollingOrigin, Status, Task
from harness.data.missing import FILLINGS
from harness.evaluation.evaluate import evaluate
from harness.plugins.catalog import load_catalog
from harness.tasks.windows import Contexts
from harness_models.pasts import pasts

LENGTH = 40


@given(
    st.lists(st.lists(st.integers(0, LENGTH - 1), max_size=20), min_size=1, max_size=3),
    st.lists(st.integers(1, LENGTH), min_size=1, max_size=6),
    st.sampled_from(FILLINGS),
    st.sampled_from([None, 7]),
    st.sampled_from([30, 10_000]),
)
def test_each_window_has_its_own_context(missing, cutoffs, filling, max_context, max_values) -> None:
    series = [np.random.default_rng(i).normal(size=LENGTH) for i in range(len(missing))]
    for values, absent in zip(series, missing, strict=True):
        values[absent] = np.nan
    panel = Panel.of(series, season_length=5)
    windows = np.repeat(np.arange(len(series)), len(cutoffs))
    contexts = Contexts(panel, windows, np.tile(cutoffs, len(series)), 3, max_context=max_context).filled(filling)

    known = set()
    for some in pasts(contexts, max_values):
        for window, row, end in zip(some.windows.tolist(), some.rows, some.ends, strict=True):
            length = int(contexts.lengths[window])
            alone = contexts.take(slice(window, window + 1)).last_targets(length)[0]
            np.testing.assert_array_equal(some.values[row, end - length : end], alone)
            known.add(window)

    assert known == set(range(len(contexts)))


@pytest.mark.parametrize("name", ["ridge", "gradient-boosting", "autoreg", "naive", "theta", "dense"])
def test_a_gap_at_a_cutoff_tells_nothing_of_later_values(name: str) -> None:
    values = 50 + 20 * np.sin(np.arange(300) * 2 * np.pi / 12) + np.random.default_rng(1).normal(0, 3, 300)
    values[[239, 263, 275]] = np.nan  # the last values before cutoffs
    panel = Panel.of([values], season_length=12)
    task = Task("gaps", RollingOrigin(12, windows=6), quantile_levels=(0.1, 0.5, 0.9))
    spec = load_catalog().forecasters[name].spec

    run = evaluate(
        spec.make({}), task, panel, missing=spec.missing, tolerance=spec.tolerance, audited_windows=6, audit_seed=1
    )

    assert run.status is Status.COMPLETED, run.reason
