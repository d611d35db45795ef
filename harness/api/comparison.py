"""compare: several forecasters on one's own data, in one call, with standings that notebooks show."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from html import escape
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from warnings import warn
from weakref import finalize

from harness.analysis.lookup import board_standings
from harness.api.functions import evaluate
from harness.boards.own_calendar import with_default_calendar
from harness.boards.own_protocol import BoardRequest, OwnProtocol, own_protocol
from harness.boards.workspace import Workspace
from harness.data.panel import Panel
from harness.data.tables.findings import check_findings
from harness.data.tables.frame_reading import read_for_python, read_frame, with_arguments
from harness.data.tables.options import TableOptions
from harness.errors import BadInput
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run, Status
from harness.fields.errors import short_repr
from harness.forecasters.forecaster import Forecaster
from harness.report.context import report_context
from harness.report.formats import html_report
from harness.results.board_results import JournalResults
from harness.results.journal import Journal, prepare_home
from harness.results.stored_plan import StoredCell, StoredPlan
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task

if TYPE_CHECKING:
    import pandas as pd

    from harness.data.tables.reading import TableReading
    from harness.results.standings import Standings

DATA = "data"  # the name of the dataset and the board
HEIGHT, ROW_HEIGHT, MOST_ROWS = 720, 52, 8  # pixels of the page in a notebook: without rows, of a row; rows at first


@dataclass(frozen=True, eq=False)
class Comparison:
    """The results of `compare`. In a notebook it shows the page of its standings, with charts."""

    task: Task
    runs: Mapping[str, Run]  # by the names of the forecasters
    reasons: tuple[str, ...]  # of the protocol and the metric
    _results: JournalResults = field(repr=False)
    _workspace: Workspace = field(repr=False)

    def __post_init__(self) -> None:
        finalize(self, rmtree, self._workspace.home, ignore_errors=True)

    @cached_property
    def standings(self) -> Standings:
        """The standings, the best forecaster first."""
        return board_standings(self._results, self._workspace)

    @property
    def best(self) -> str:
        """The name of the best forecaster."""
        return self.standings.rows[0].forecaster

    def table(self) -> pd.DataFrame:
        """A row for each forecaster, the best first, with the columns of `harness.standings`."""
        from harness.api.functions import standings_frame

        return standings_frame(self.standings)

    def page(self) -> str:
        """The page of the standings as an HTML document."""
        return html_report(self.standings, report_context(DATA, self._workspace))

    def __repr__(self) -> str:
        ranked = ", ".join(f"{row.rank}. {row.forecaster}" for row in self.standings.rows[:3])
        return f"<Comparison of {len(self.runs)} forecasters by {self.standings.metric}: {ranked}>"

    def _repr_html_(self) -> str:
        page = escape(self.page(), quote=True)
        height = HEIGHT + ROW_HEIGHT * min(len(self.runs), MOST_ROWS)
        style = f"width: 100%; height: {height}px; border: 0"
        return f'<iframe srcdoc="{page}" style="{style}" title="Standings"></iframe>'


def compare(
    forecasters: Sequence[str | Forecaster] | Mapping[str, str | Forecaster],
    data: object,
    *,
    horizon: int,
    windows: int | None = None,
    metric: str | None = None,
    quantile_levels: Sequence[float] | None = None,
    **columns: Any,
) -> Comparison:
    """Evaluate forecasters on a data frame, a panel or a file, in this process; nothing is written to the home.

    `forecasters` are names of the catalog and objects; a mapping gives them other names. `data` is a Panel, a data
    frame, or the path of a file; `columns` are the fields of TableOptions, which name its columns. What is None is
    chosen by the data: the windows, the metric, the quantile levels 0.1, 0.5 and 0.9, and for a data frame or a file
    whether the time of day and of the week are known covariates. A baseline is added, the
    seasonal naive forecaster or without a season the naive one. A forecaster that fails is ranked last. It is
    warned of with its reason, and so is one that fails in some windows. Raises BadInput for what does not fit.

        result = harness.compare(["theta", "ridge", MyModel()], frame, horizon=24)
        result.best
    """
    named = _named(forecasters)
    levels = None if quantile_levels is None else tuple(quantile_levels)
    panel, found = _panel_and_protocol(data, BoardRequest(horizon, windows, metric, levels), columns)
    named = {found.baseline: found.baseline, **named}
    task = Task(DATA, RollingOrigin(horizon, windows=found.windows), quantile_levels=found.quantile_levels)
    workspace = Workspace(Path(mkdtemp(prefix="harness-")))
    prepare_home(workspace.home)
    journal, fingerprint = Journal(workspace.home), panel.fingerprint()
    journal.write_actuals(fingerprint, task, Actuals.of(backtest(task, panel)))
    runs: dict[str, Run] = {}
    for name, forecaster in named.items():
        run = evaluate(forecaster, task, panel)
        runs[name] = replace(run, cell=replace(run.cell, forecaster=name), key=uuid4().hex)
        journal.write(runs[name])
        if run.status is not Status.COMPLETED:
            warn(f"{name}: {run.status}: {run.reason}", stacklevel=2)
        elif run.window_failures:
            failed = f"{len(run.window_failures):,} of {run.windows:,} windows failed and are imputed in the standings"
            warn(f"{name}: {failed}; the first: {run.window_failures[0].explanation}", stacklevel=2)
    cells = tuple(StoredCell(run.key, name, task.label, fingerprint) for name, run in runs.items())
    plan = StoredPlan(DATA, "Comparison", "", found.metric, found.baseline, cells, tuple(runs))
    plan.save(workspace.home)
    kept = {name: replace(run, results=None) for name, run in runs.items()}
    results = JournalResults(plan, workspace.journal, workspace.catalog)
    return Comparison(task, kept, found.reasons, results, workspace)


def _panel_and_protocol(data: object, request: BoardRequest, columns: dict[str, Any]) -> tuple[Panel, OwnProtocol]:
    """A panel, or that of a data frame or of the path of a file, and how it is evaluated."""
    if isinstance(data, Panel):
        if columns:
            raise BadInput(f"{next(iter(columns))} is for data frames and files, and the data is a Panel")
        return data, own_protocol(data, request)
    options = TableOptions().with_arguments(columns)
    reading = _reading_of(data, options)
    check_findings(reading.findings)
    panel = Panel(**reading.panel_fields())
    found = own_protocol(panel, request)
    if options.calendar is not None:
        return panel, found
    reasons: list[str] = []
    with_calendar = with_default_calendar(reading, found.windows * request.horizon, reasons)
    found = replace(found, reasons=(*found.reasons, *map(with_arguments, reasons)))
    return Panel(**with_calendar.panel_fields()) if with_calendar is not reading else panel, found


def _reading_of(data: object, options: TableOptions) -> TableReading:
    """A data frame or the path of a file as series; messages name arguments of Python."""
    if isinstance(data, str | os.PathLike):
        from harness.data.table_dataset import TableDataset, read_table_dataset

        stated = {each.name: getattr(options, each.name) for each in fields(options)}
        dataset = TableDataset(file=str(Path(data).resolve()), **stated)
        return read_for_python(lambda: read_table_dataset(dataset))
    return read_frame(data, options)


def _named(forecasters: object) -> dict[str, str | Forecaster]:
    """The forecasters by their names: those of the catalog by their own, objects by their classes."""
    if isinstance(forecasters, Mapping):
        return {str(name): forecaster for name, forecaster in forecasters.items()}
    if isinstance(forecasters, str) or not isinstance(forecasters, Sequence):
        raise BadInput(f'forecasters must be a list such as ["theta", MyModel()], not {short_repr(forecasters)}')
    named: dict[str, str | Forecaster] = {}
    for forecaster in forecasters:
        name = forecaster if isinstance(forecaster, str) else type(forecaster).__name__
        if name in named:
            raise BadInput(f"two forecasters are called {name!r}; name them: {{{name!r}: …, 'another': …}}")
        named[name] = forecaster
    return named
