"""Stochastic forecasters in `harness.evaluate` and `harness.compare`: their seeds, and how they are audited."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import harness
from harness import (
    BadInput,
    Contexts,
    Forecast,
    ForecasterSpec,
    Panel,
    RollingOrigin,
    Status,
    Task,
    TrainingData,
    hookimpl,
)
from harness.boards.workspace import Workspace
from harness.plugins.catalog import load_catalog

TASK = Task("waves", RollingOrigin(horizon=3, windows=12))


@dataclass
class Sampled:
    """Samples its paths from one generator, window after window, as an autoregressive network does."""

    seed: int = 0
    paths: int = 20

    def fit(self, train: TrainingData) -> None:
        """Nothing is fitted."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The last value, with noise."""
        rng = np.random.default_rng(self.seed)
        last = contexts.last_targets(1)[:, -1:]
        noise = rng.normal(0, 1, (len(contexts), self.paths, contexts.horizon, len(contexts.targets)))
        return Forecast.from_samples(last[:, None] + noise, contexts.quantile_levels)


def waves() -> Panel:
    rng = np.random.default_rng(1)
    return Panel.of([np.sin(np.arange(80) / 4) + rng.normal(0, 0.1, 80) for _ in range(3)], season_length=8)


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let `sampled` be a name of the catalog."""
    plugin = SimpleNamespace(harness_forecasters=hookimpl(lambda: [ForecasterSpec("sampled", Sampled)]))
    workspace = Workspace(tmp_path, load_catalog({"sampled": plugin}))
    monkeypatch.setattr("harness.api.functions._workspace", lambda home: workspace)


@pytest.mark.parametrize("forecaster", ["sampled", Sampled(), Sampled(seed=3)])
def test_a_sampled_forecast_is_no_inconsistent_one(forecaster: str | Sampled) -> None:
    run = harness.evaluate(forecaster, TASK, waves())

    assert (run.status, run.reason) == (Status.COMPLETED, "")
    assert run.cell.seed == (0 if isinstance(forecaster, str) else forecaster.seed)


def test_the_seed_of_a_forecaster_by_name_can_be_chosen() -> None:
    runs = [harness.evaluate("sampled", TASK, waves(), seed=seed) for seed in (0, 0, 1)]

    assert [run.cell.seed for run in runs] == [0, 0, 1]
    first, again, other = (run.scores["MASE"] for run in runs)
    assert first == again != other
    assert harness.evaluate(Sampled(seed=1), TASK, waves()).scores["MASE"] == other


@pytest.mark.parametrize(
    ("forecaster", "words"),
    [
        ("naive", "forecaster 'naive' is not stochastic; leave out seed"),
        (Sampled(), "the seed of a forecaster object is its own: leave out seed, and pass Sampled(seed=1)"),
    ],
)
def test_a_seed_that_is_not_used_is_refused(forecaster: str | Sampled, words: str) -> None:
    with pytest.raises(BadInput, match=re.escape(words)):
        harness.evaluate(forecaster, TASK, waves(), seed=1)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1"])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(BadInput, match="seed must be a whole number from 0"):
        harness.evaluate("sampled", TASK, waves(), seed=seed)  # type: ignore[arg-type]


def test_comparisons_pass_seeds_too() -> None:
    data = pd.DataFrame({"value": waves().values[:80, 0]})

    result = harness.compare(["sampled", Sampled(seed=2)], data, horizon=3, windows=12)

    assert {name: (run.status, run.cell.seed) for name, run in result.runs.items()} == {
        "seasonal-naive": (Status.COMPLETED, None),
        "sampled": (Status.COMPLETED, 0),
        "Sampled": (Status.COMPLETED, 2),
    }
