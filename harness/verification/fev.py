"""The leaderboard of fev-bench, aggregated anew from the results that fev publishes.

fev's own rule lives here only: what a model has no result for counts as the baseline's. Our boards count it as
the worst completed one.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

from harness.analysis.aggregation import skill, win_rates
from harness.arrays import Floats
from harness.data.dataset import DataFile, DatasetSpec
from harness.data.files import available, data_paths
from harness.data.panel import Panel
from harness.errors import DataUnavailable
from harness.verification.context import VerificationContext

UPSTREAM = "https://raw.githubusercontent.com/autogluon/fev/main/benchmarks/fev_bench/results"
SUMS = {
    "autoarima": "2c98489f7af767314a0aa225abf605f0411be460700b72fc93bc35619a8b0d3d",
    "autoets": "6e542e67fa267f4bed66110f51fed3d726b3f3b5bacec711f56ebe8b8f93770b",
    "autotheta": "3c092e5af7ec9028d399ac43a7af664b0c50be1af22341b860bcec09ab87bf6f",
    "drift": "569bc3c166a0e1aa5ac5d9fedfceeff218ed845db059284670e1a8dc96feb7ba",
    "naive": "8633d664df5e93ff81ca37918f800a59501d25dfec804197b8f3e261e05595af",
    "seasonal_naive": "3eebae4bff636b3e75734f5db17c9b3541185375278ed0a6302f5c5fc1aab5b6",
}
BASELINE = "Seasonal Naive"
METRIC = "MASE"


def aggregated(materials: VerificationContext, model: str, quantity: str) -> float:
    """A model's win rate or skill over all tasks of fev-bench."""
    models, errors = _imputed(_paths(materials.home))
    aggregate = win_rates(errors) if quantity == "win rate" else skill(errors, errors[:, models.index(BASELINE)])
    return float(aggregate[models.index(model)])


def _paths(home: Path) -> tuple[Path, ...]:
    """The files of results; raises DataUnavailable if one is missing, or another version."""
    paths: list[Path] = []
    for name, expected in SUMS.items():
        file = DataFile(f"fev_bench/{name}.csv", f"{UPSTREAM}/{name}.csv", expected)
        spec = DatasetSpec("fev_bench", Panel.of, files=(file,))  # never loaded: only its path is asked for
        if not available(spec, home):
            raise DataUnavailable(
                f"file {file.name!r} is missing, or is not the version that these numbers are of; "
                f"download {', '.join(f'{one}.csv' for one in SUMS)} from {UPSTREAM} into {home / 'data' / 'fev_bench'}"
            )
        paths += data_paths(spec, home)
    return tuple(paths)


@lru_cache(maxsize=1)
def _imputed(paths: tuple[Path, ...]) -> tuple[tuple[str, ...], Floats]:
    """The models, and their errors (task, model), the baseline's where there is no result.

    A path stands for what it holds, as its sum is known.
    """
    found: dict[str, dict[str, float]] = {}  # by model, then by task
    for path in paths:
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                found.setdefault(row["model_name"], {})[row["task_name"]] = float(row[METRIC] or "nan")
    baseline = found[BASELINE]
    errors = [[mine.get(task, np.nan) for mine in found.values()] for task in baseline]
    table = np.array(errors)
    return tuple(found), np.where(np.isnan(table), np.array([*baseline.values()])[:, None], table)
