"""A home with the results of many invented forecasters on two tasks, written without running any of them.

`python tests/benchmarks/many_forecasters.py FOLDER 1000` writes one, with a board file; then measure, for instance,
`HARNESS_HOME=FOLDER/home harness show FOLDER/many`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness import Forecast
from harness.boards.leaderboard import load_board
from harness.boards.planning import plan_board
from harness.boards.workspace import Workspace
from harness.data.files import load
from harness.evaluation.metrics import METRICS
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Results, Run, Status, WindowFailure
from harness.evaluation.scoring import score, terms
from harness.tasks.folds import backtest

SCORED = ("MAE", "MASE")
BOARD = """title = "Many"
metric = "MAE"
baseline = "naive"
in_all = false

[[tasks]]
dataset = "covariates"
name = "sales"
covariates = []
protocol = { kind = "rolling-origin", horizon = 2, windows = 20 }

[[tasks]]
dataset = "co2"
protocol = { kind = "rolling-origin", horizon = 2, windows = 60 }

[[forecasters]]
name = "naive"
"""
ENTRY = '\n[[forecasters]]\nname = "mean"\nlabel = "forecaster {i:05}"\nparameters = {{ number = {i} }}\n'


def write_home(folder: Path, forecasters: int) -> Path:
    """The home, and beside it the board file `many/leaderboard.toml`; returns the home."""
    home, board = folder / "home", folder / "many"
    board.mkdir(parents=True)
    text = BOARD + "".join(ENTRY.format(i=i) for i in range(1, forecasters))
    (board / "leaderboard.toml").write_text(text, encoding="utf-8")
    workspace = Workspace(home)
    plan = plan_board("many", load_board(str(board), workspace.catalog), workspace)
    metrics = [metric for metric in METRICS if metric.name in SCORED]
    rng = np.random.default_rng(0)
    truth: dict[str, Actuals] = {}
    for cell in plan.cells:
        task = cell.cell.task
        if cell.task not in truth:
            panel = load(workspace.catalog.datasets[task.dataset].spec, home)
            truth[cell.task] = Actuals.of(backtest(task, panel))
            workspace.journal.write_actuals(cell.fingerprint, task, truth[cell.task])
        actuals = truth[cell.task]
        size = np.nanstd(actuals.values) * rng.uniform(0.3, 1.5)
        forecast = Forecast.point(np.nan_to_num(actuals.values) + rng.normal(scale=size, size=actuals.values.shape))
        summed = {metric.name: terms(metric, Outcomes(actuals, forecast)) for metric in metrics}
        run = Run(
            cell.cell,
            Status.COMPLETED,
            cell.key,
            scores={metric.name: score(metric, summed[metric.name], actuals) for metric in metrics},
            windows=len(actuals),
            finished="2026-01-01T00:00:00+00:00",
        )
        if rng.uniform() < 0.05:
            run = replace(run, window_failures=(WindowFailure(0, Status.FAILED, "ValueError: invented"),))
        workspace.journal.write(replace(run, results=Results(forecast, summed, actuals.series, actuals.cutoffs)))
    plan.save(home)
    return home


if __name__ == "__main__":
    write_home(Path(sys.argv[1]), int(sys.argv[2]))
