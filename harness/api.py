"""From Python: evaluate a forecaster, look at a board."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data import load
from harness.evaluation import evaluate as evaluate_on
from harness.plugins import load_catalog

if TYPE_CHECKING:
    import pandas as pd

    from harness.forecaster import Forecaster
    from harness.panel import Panel
    from harness.run import Run
    from harness.specs import Missing
    from harness.task import Task


def default_home() -> Path:
    """HARNESS_HOME, or `.harness` in the current folder."""
    return Path(os.environ.get("HARNESS_HOME") or ".harness")


def evaluate(
    forecaster: Forecaster | str, task: Task, panel: Panel | None = None, *, missing: Missing | None = None
) -> Run:
    """A forecaster's run on a task, in this process; nothing is written.

    `forecaster` is an object or the name of one in the catalog; without a `panel` the task's dataset is
    loaded. `missing` says how missing values of the past are filled: what the catalog says of a name,
    "native" for an object.

        run = harness.evaluate(MovingAverage(length=7), Task("sunspots", RollingOrigin(horizon=11, windows=8)))
        run.scores["MASE"]
    """
    catalog = load_catalog()
    filling: Missing = missing or "native"
    if isinstance(forecaster, str):
        spec = catalog.forecasters[forecaster].spec
        forecaster, filling = spec.make({}), missing or spec.missing
    if panel is None:
        panel = load(catalog.datasets[task.dataset].spec, default_home())
    return evaluate_on(forecaster, task, panel, missing=filling, metrics=[one.spec for one in catalog.metrics.values()])


def standings(board: str, metric: str | None = None, home: Path | None = None) -> pd.DataFrame:
    """A board's standings, one row a forecaster, best first, from what the journal holds."""
    import pandas as pd

    from harness.boards import shown

    computed = shown(board, metric, False, default_home() if home is None else home, load_catalog)
    rows = [
        {"rank": row.rank, "tied_for_first": row.tied_for_first, "skill": row.skill}
        | {"skill_low": row.interval("skill")[0], "skill_high": row.interval("skill")[1], "win_rate": row.win_rate}
        | {"mean_rank": row.mean_rank, **row.scores, "spread": row.spread, "fit_seconds": row.fit_seconds}
        | {"predict_seconds": row.predict_seconds, "completed": row.completed, "missing": sum(row.missing.values())}
        for row in computed.rows
    ]
    return pd.DataFrame(rows, index=pd.Index([row.forecaster for row in computed.rows], name="forecaster"))
