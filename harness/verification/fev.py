"""The leaderboard of fev-bench, aggregated again from the results that fev publishes.

Failed results are imputed by fev's rule, with the baseline's error; our boards impute the median's where it is larger.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

from harness.analysis.aggregation import skill, win_rates
from harness.arrays import Floats
from harness.data.dataset import DataFile, DatasetSpec
from harness.data.files import data_paths
from harness.data.panel import Panel
from harness.errors import DataUnavailable, UnusableFile
from harness.verification.context import VerificationContext

UPSTREAM = "https://raw.githubusercontent.com/autogluon/fev/main/benchmarks/fev_bench/results"
CHECKSUMS = {
    "autoarima": "2c98489f7af767314a0aa225abf605f0411be460700b72fc93bc35619a8b0d3d",
    "autoets": "6e542e67fa267f4bed66110f51fed3d726b3f3b5bacec711f56ebe8b8f93770b",
    "autotheta": "3c092e5af7ec9028d399ac43a7af664b0c50be1af22341b860bcec09ab87bf6f",
    "drift": "569bc3c166a0e1aa5ac5d9fedfceeff218ed845db059284670e1a8dc96feb7ba",
    "naive": "8633d664df5e93ff81ca37918f800a59501d25dfec804197b8f3e261e05595af",
    "seasonal_naive": "3eebae4bff636b3e75734f5db17c9b3541185375278ed0a6302f5c5fc1aab5b6",
}
BASELINE = "Seasonal Naive"
METRIC = "MASE"


def aggregate(context: VerificationContext, model: str, quantity: str) -> float:
    """A model's win rate or skill over all tasks of fev-bench."""
    models, errors = _impute(_paths(context.home))
    baseline = errors[:, models.index(BASELINE)]
    values = win_rates(errors) if quantity == "win rate" else skill(errors, baseline)
    return float(values[models.index(model)])


def _paths(home: Path) -> tuple[Path, ...]:
    """The files of results; raises DataUnavailable if one is missing, UnusableFile if it is another version."""
    paths: list[Path] = []
    for name, expected in CHECKSUMS.items():
        file = DataFile(f"fev_bench/{name}.csv", f"{UPSTREAM}/{name}.csv", expected)
        spec = DatasetSpec("fev_bench", Panel.of, files=(file,))  # never loaded, only its path is needed
        try:
            paths += data_paths(spec, home)
        except UnusableFile as error:
            problem = str(error).partition("; ")[0]
            raise UnusableFile(
                f"{problem}; these numbers are of another version of the file: get it from the history of {file.url}, "
                "or move the file away to skip them"
            ) from error
        except DataUnavailable as error:
            names = ", ".join(f"{model}.csv" for model in CHECKSUMS)
            raise DataUnavailable(
                f"file {file.name!r} is missing; download {names} from {UPSTREAM} into {home / 'data' / 'fev_bench'}"
            ) from error
    return tuple(paths)


@lru_cache(maxsize=1)
def _impute(paths: tuple[Path, ...]) -> tuple[tuple[str, ...], Floats]:
    """The models, and their errors (task, model), with the baseline's where there is no result.

    Cached by path, since the checksums of the files are known.
    """
    by_model: dict[str, dict[str, float]] = {}  # and task
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                by_model.setdefault(row["model_name"], {})[row["task_name"]] = float(row[METRIC] or "nan")
    baseline = by_model[BASELINE]
    errors = [[results.get(task, np.nan) for results in by_model.values()] for task in baseline]
    table = np.array(errors)
    return tuple(by_model), np.where(np.isnan(table), np.array([*baseline.values()])[:, None], table)
