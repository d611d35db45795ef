"""fev: `Task.iter_windows` for the contexts, `Task.evaluation_summary` for the scores; it has no forecasters."""

from __future__ import annotations

import tempfile
from pathlib import Path

import fev
import numpy as np
import pandas as pd
from work import Action, Scores, Work

import datasets

PACKAGES = ("fev", "datasets")
RMSE = "by cutoff"  # fev takes the root at each cutoff, then the mean


def prepared(work: Work) -> Action:
    datasets.disable_progress_bars()
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "data.parquet"
    times = pd.date_range("2020-01-01", periods=max(map(len, work.series)), freq="h").to_numpy()
    pd.DataFrame(
        {
            "id": [str(i) for i in range(len(work.series))],
            "timestamp": [times[: len(values)] for values in work.series],
            "target": list(work.series),
        }
    ).to_parquet(path)
    task = fev.Task(
        dataset_path=str(path),
        horizon=work.horizon,
        num_windows=work.windows,
        initial_cutoff=-work.back,
        window_step_size=work.stride,
        seasonality=work.season,
        eval_metric="MASE",
        extra_metrics=["MAE", "RMSE", "SMAPE"],
    )
    task.load_full_dataset()

    def action() -> Scores:
        kept = folder  # as long as the action
        assert kept is not None
        predictions = []
        for window in task.iter_windows():
            past, _ = window.get_input_data()
            targets = past.with_format("numpy")["target"]
            made = [np.resize(target[-work.season :], work.horizon) for target in targets]
            predictions.append(datasets.Dataset.from_dict({"predictions": made}))
        summary = task.evaluation_summary(predictions, model_name="seasonal naive")
        scores = {name: float(summary[name]) for name in ("MAE", "RMSE", "MASE")}
        return {**scores, "sMAPE": 100 * float(summary["SMAPE"])}

    return action
