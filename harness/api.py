"""From Python: evaluate a forecaster, look at a board."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.boards.leaderboard import board_name
from harness.data.files import load
from harness.evaluation.evaluate import evaluate as evaluate_on
from harness.plugins.catalog import load_catalog

if TYPE_CHECKING:
    import pandas as pd

    from harness.data.missing import Missing
    from harness.data.panel import Panel
    from harness.evaluation.run import Run
    from harness.forecasters.forecaster import Forecaster
    from harness.report.column import Value
    from harness.tasks.task import Task


def default_home() -> Path:
    """HARNESS_HOME, or `.harness` in the current folder."""
    return Path(os.environ.get("HARNESS_HOME") or ".harness")


def _home(given: Path | str | None) -> Path:
    return default_home() if given is None else Path(given)


def evaluate(
    forecaster: Forecaster | str, task: Task, panel: Panel | None = None, *, missing: Missing | None = None
) -> Run:
    """A forecaster's run on a task, in this process; nothing is written.

    `forecaster` is an object or the name of one in the catalog; without a `panel` the task's dataset is
    loaded. `missing` is how missing values of the past are filled; by default as the catalog specifies for a
    name, "native" for an object.

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
    return evaluate_on(
        forecaster, task, panel, missing=filling, metrics=[metric.spec for metric in catalog.metrics.values()]
    )


def standings(board: str, metric: str | None = None, home: Path | str | None = None) -> pd.DataFrame:
    """A board's standings, one row a forecaster, best first, from the journal.

    The last columns are the costs that `harness bench` measured, in seconds, bytes and joules; NaN where it did not.
    """
    import pandas as pd

    from harness.analysis.lookup import find_standings
    from harness.report.columns import data_columns

    found = find_standings(board, metric, False, _home(home), load_catalog)
    columns = data_columns(found, "frame")
    values = {name: [_value(column.value(row)) for row in found.rows] for name, column in columns.items()}
    return pd.DataFrame(values, index=pd.Index([row.forecaster for row in found.rows], name="forecaster"))


def _value(value: Value) -> Value:
    """A value of a data frame, where what is not known is NaN."""
    return math.nan if value is None else value


def slices(
    board: str, by: str, metric: str | None = None, task: str | None = None, home: Path | str | None = None
) -> pd.DataFrame:
    """A board's scores by step, series, season, length or task: one row for each task, slice and forecaster.

    `count` is the number of forecast steps in the slice; the rank is 0 where a forecaster has no value.

        table = harness.slices("classics", "step", task="sunspots")
        table.pivot(index="slice", columns="forecaster", values="value")
    """
    import pandas as pd

    from harness.analysis.slicing.boards import find_slices
    from harness.analysis.slicing.slices import SliceRequest
    from harness.report.slices import records

    asked = SliceRequest(by, metric, task)
    return pd.DataFrame(records(find_slices(board, asked, _home(home), load_catalog)))


def board_page(board: str, home: Path | str | None = None) -> str | None:
    """A board's page as HTML, from its stored standings and the journal; None if it was never run."""
    from harness.report.context import ReportContext
    from harness.report.formats import html_report
    from harness.results.standings import stored_standings

    folder = _home(home)
    stored = stored_standings(folder, board_name(board))
    if stored is None:
        return None
    return html_report(stored, ReportContext(board, folder, load_catalog()))
