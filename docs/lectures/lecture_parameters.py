"""The number of parameters of a network that was not run: it is fitted to noise for one epoch, and counted."""

from __future__ import annotations

import numpy as np

from harness import BadInput, Channel, Panel, RollingOrigin, Task, evaluate
from harness.boards.leaderboard import Entry
from harness.plugins.catalog import Catalog

ROWS = 600


def counted_parameters(entry: Entry, channels: int, catalog: Catalog) -> int | None:
    """The learned parameters of a forecaster with one target and other channels as past covariates; None if none."""
    if not entry.parameters:
        return None
    noise = np.random.default_rng(0).normal(size=(ROWS, channels))
    names = [Channel(f"x{i}", "past covariate" if i else "target") for i in range(channels)]
    spec = catalog.forecasters[entry.name].spec
    forecaster = spec.make({**entry.parameters, "epochs": 1})
    run = evaluate(forecaster, Task("noise", RollingOrigin(1, windows=1)), Panel.of([noise], channels=names))
    if run.costs.parameters is None:
        raise BadInput(f"{entry.title!r} could not be fitted to noise: {run.reason}")
    return run.costs.parameters
