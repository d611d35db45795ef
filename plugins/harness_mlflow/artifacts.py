"""The artifacts of a cell: its record, its forecasts, its plots, its traceback."""

from __future__ import annotations

import json
from pathlib import Path

from harness import Actuals, Outcomes, Run
from harness_mlflow.plots import write_plots
from harness_mlflow.tables import write_forecasts


def write_artifacts(folder: Path, heading: str, run: Run, actuals: Actuals | None, metric: str) -> str:
    """Write the artifacts of a cell; returns what was left out of the forecasts, in words."""
    (folder / "record.json").write_text(json.dumps(run.to_json(), indent=1), encoding="utf-8")
    if run.traceback:
        (folder / "traceback.txt").write_text(run.traceback, encoding="utf-8", errors="backslashreplace")
    if run.results is None or actuals is None or not run.results.forecast.finite().any():
        return ""
    outcomes = Outcomes(actuals, run.results.forecast)
    if "none" not in outcomes.forecast.origins.mean:  # plots show the mean, or what stands for it
        write_plots(folder, heading, run, outcomes, metric)
    return write_forecasts(folder / "forecasts.parquet", outcomes)
