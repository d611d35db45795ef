"""The artifacts of a cell: its record, its forecasts, its plots, its traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness import Actuals, Floats, Outcomes, Run
from harness_mlflow.class_plots import write_class_plots
from harness_mlflow.plots import write_gradient_norms, write_plots, write_training
from harness_mlflow.tables import write_forecasts


def write_artifacts(
    folder: Path,
    heading: str,
    run: Run,
    actuals: Actuals | None,
    metric: str,
    before: Callable[..., Floats],
    advance: Callable[[], None],
) -> str:
    """Write the artifacts of a cell; returns what was left out of the forecasts, in words.

    `before` returns the values before a window of the actuals, of a target, with a gap.
    """
    (folder / "record.json").write_text(json.dumps(run.to_json(), indent=1), encoding="utf-8")
    if run.traceback:
        (folder / "traceback.txt").write_text(run.traceback, encoding="utf-8", errors="backslashreplace")
    write_training(folder, heading, run.curves)
    write_gradient_norms(folder, heading, run.gradient_norms)
    if run.results is None or actuals is None or not run.results.forecast.finite().any():
        return ""
    outcomes = Outcomes(actuals, run.results.forecast)
    if outcomes.forecast.probabilities is not None:
        write_class_plots(folder, heading, outcomes)
    elif "none" not in outcomes.forecast.origins.mean:  # plots show the mean, or what stands for it
        past = partial(before, actuals, gap=run.cell.task.gap)
        write_plots(folder, heading, run, outcomes, metric, past)
    return write_forecasts(folder / "forecasts.parquet", outcomes, advance)
