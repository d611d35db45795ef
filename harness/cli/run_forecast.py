"""What `harness forecast` does: a file or a board → its best forecaster → forecasts after the end of the data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.analysis.lookup import find_standings, stale_notes
from harness.boards.board_files import known_board
from harness.boards.leaderboard import Entry, board_file, board_name, load_board
from harness.boards.planning import plan_cell
from harness.boards.selection import Selection
from harness.cli.console import echo, print_lines
from harness.cli.run_boards import run_boards
from harness.cli.run_data import prepare_board
from harness.data.ahead import check_known_ahead, with_calendar_ahead, with_rows_ahead
from harness.data.calendar import advance
from harness.data.files import load
from harness.data.panel import Panel
from harness.data.storage import write_text
from harness.data.table_dataset import read_table_dataset
from harness.data.tables.findings import check_findings
from harness.data.tables.step_numbers import StepNumbers
from harness.data.tables.zones import time_text
from harness.errors import BadInput, Failure, UnknownName, attempt
from harness.evaluation.run import Cell
from harness.execution.forecasting import ForecastAhead, forecast_ahead, task_ahead
from harness.execution.options import CellOptions
from harness.forecasters.limits import Limits
from harness.plugins.forecaster_names import UnknownForecaster
from harness.plugins.installation import check_installed, install_command
from harness.report.page.forecast import forecast_page
from harness.report.runs.forecast_table import check_ending, forecast_table, write_table
from harness.results.stored_plan import stored_plan
from harness.tasks.task import Task

if TYPE_CHECKING:
    from rich.console import Console

    from harness.boards.leaderboard import Leaderboard
    from harness.boards.workspace import Workspace
    from harness.cli.own_options import OwnOptions

BEST = "best"


@dataclass(frozen=True)
class ForecastRequest:
    """What the options of `harness forecast` ask for."""

    source: str
    forecaster: str
    task: str | None
    out: Path
    plot: Path | None
    own: OwnOptions
    jobs: int | None = None
    timeout: float | None = None  # seconds
    memory: int | None = None  # bytes
    strict: bool = False


def run_forecast(request: ForecastRequest, workspace: Workspace, console: Console) -> None:
    """Write the forecasts, and say how they came about."""
    check_ending(request.out)
    board_path = _board_path(request, workspace, console)
    board = load_board(board_path, workspace.catalog)
    task = _task(request.task, board)
    horizon = request.own.horizon or task.horizon
    panel, zone, numbers = _panel_ahead(board, task, task.gap + horizon, workspace)
    evaluates = request.forecaster == BEST and _is_file(request.source)
    candidates = board.entries(workspace.catalog)
    if not evaluates:
        candidates = (_entry(request.forecaster, board, board_path, workspace),)
    check_known_ahead(panel, task.gap + horizon, _users_of_known_covariates(candidates, workspace), zone, numbers)
    if evaluates:
        run_boards(Selection((board_path,), jobs=request.jobs), workspace, console)
    entry = _entry(request.forecaster, board, board_path, workspace)
    cell = Cell(task_ahead(task, horizon), entry.name, dict(entry.parameters))
    planned = plan_cell(cell, entry.title, workspace)
    if workspace.catalog.forecasters[entry.name].spec.draws is not False:
        planned = replace(planned, cell=replace(planned.cell, seed=0))
    options = CellOptions(strict=False, limits=Limits(request.timeout, request.memory))
    data = f"{_observed_values(panel):,} observed values of {len(panel):,} series"
    echo(f"fitting {entry.title} to {data}", err=True)
    ahead = replace(forecast_ahead(planned, panel, workspace.home, options), numbers=numbers)
    write_table(forecast_table(ahead, zone), request.out)
    lines = [
        f"forecaster {entry.title} was fitted to {data}",
        *_intervals(entry.title, ahead, task, board_path, workspace),
        *_ends(panel, task.gap + horizon, zone),
        *([] if zone is None else [f"times are those of {zone}"]),
    ]
    written = [f"wrote {horizon:,} steps of each series to {request.out}"]
    if request.plot is not None:
        write_text(request.plot, forecast_page(ahead, f"Forecasts of {task.label} by {entry.title}", lines, zone))
        written.append(f"wrote {request.plot}")
    print_lines([*lines, *written], console, soft_wrap=True)


def _board_path(request: ForecastRequest, workspace: Workspace, console: Console) -> str:
    """The board that is named, or that of the file, which is written to the home."""
    if _is_file(request.source):
        dataset, board_request = request.own.board_of(request.source)
        return str(prepare_board(dataset, board_request, workspace, console))
    request.own.check_table_unused()
    return known_board(request.source, workspace)


def _is_file(source: str) -> bool:
    """Whether the source is data: an existing path that is no board."""
    from harness.data.tables.files import table_kind

    path = Path(source)
    return board_file(source) is None and (table_kind(path) is not None or path.is_dir())


def _entry(name: str, board: Leaderboard, board_path: str, workspace: Workspace) -> Entry:
    """The forecaster of that name, or the best one; raises BadInput if it is not installed."""
    found = _named_entry(name, board, board_path, workspace)
    check_installed(found.name, workspace.catalog.forecasters, found.parameters)
    return found


def _named_entry(name: str, board: Leaderboard, board_path: str, workspace: Workspace) -> Entry:
    """The forecaster of that name on the board or in the catalog, or the best one."""
    entries = {entry.title: entry for entry in board.entries(workspace.catalog)}
    if name == BEST:
        standings = find_standings(board_path, workspace)
        for note in stale_notes(board_path, [row.forecaster for row in standings.rows], workspace):
            echo(note, err=True)
        ranked = [row.forecaster for row in standings.rows if row.forecaster in entries]
        if not ranked:
            raise BadInput(f"board {board_name(board_path)!r} has no standings; run it first: harness run {board_path}")
        return entries[ranked[0]]
    if name in entries:
        return entries[name]
    board.check_left_out(name)
    if name in workspace.catalog.forecasters:
        return Entry(name)
    workspace.catalog.forecasters.check_unique(name)
    raise UnknownForecaster("forecaster", name, [*entries, *workspace.catalog.forecasters])


def _task(name: str | None, board: Leaderboard) -> Task:
    tasks = {task.label: task for task in board.tasks}
    if name is None:
        if len(tasks) > 1:
            raise BadInput(f"the board has {len(tasks)} tasks; name one by --task: {', '.join(tasks)}")
        return board.tasks[0]
    if name not in tasks:
        raise UnknownName("task of the board", name, tasks)
    return tasks[name]


def _users_of_known_covariates(entries: Iterable[Entry], workspace: Workspace) -> list[str]:
    """The installed forecasters that use known covariates, or may do so."""
    registered = {entry.title: workspace.catalog.forecasters[entry.name] for entry in entries}
    specs = {title: each.spec for title, each in registered.items() if not install_command(each)}
    return [title for title, spec in specs.items() if spec.covariates is None or "known covariate" in spec.covariates]


def _panel_ahead(
    board: Leaderboard, task: Task, steps: int, workspace: Workspace
) -> tuple[Panel, str | None, StepNumbers | None]:
    """The data of a task with rows for the steps ahead, and how a file writes its times.

    These are the zone of times that are read as UTC, and the numbers of steps without dates. The rows of a
    file have its known covariates there, and calendar covariates are computed.
    """
    dataset = next((each for each in board.datasets if each.label == task.dataset), None)
    if dataset is None:
        return with_rows_ahead(load(workspace.catalog.datasets[task.dataset].spec, workspace.home), steps), None, None
    reading = read_table_dataset(dataset)  # once, for the panel and the rows after it
    check_findings(reading.findings)
    assert reading.rows is not None
    assert reading.lengths is not None
    lengths = np.diff(reading.rows.offsets)
    inside = np.arange(len(reading.rows.values)) - np.repeat(reading.rows.offsets[:-1], lengths)
    later = inside >= np.repeat(reading.lengths, lengths)
    panel = Panel(**reading.panel_fields())
    ahead = with_rows_ahead(panel, steps, reading.rows.values[later], lengths - reading.lengths)
    return with_calendar_ahead(ahead, reading.calendar, reading.rows.zone), reading.rows.zone, reading.rows.numbers


def _observed_values(panel: Panel) -> int:
    """The number of values of the targets that are not missing; the rows ahead have none."""
    return int(np.isfinite(panel.values[:, list(panel.targets)]).sum())


def _ends(panel: Panel, steps: int, zone: str | None) -> list[str]:
    """That series with rows for so many steps ahead are forecast from different times; nothing if they are not."""
    if panel.freq is None:
        return []
    ends = advance(panel.start, panel.freq, panel.lengths - steps - 1)
    first, last = ends.min(), ends.max()
    if first == last:
        return []
    return [
        f"each series is forecast from its own last actual; the earliest one is of {time_text(first, zone)}, the "
        f"latest of {time_text(last, zone)}"
    ]


def _intervals(title: str, ahead: ForecastAhead, task: Task, board_path: str, workspace: Workspace) -> list[str]:
    """The coverage of the intervals, or that a forecast of numbers has no quantiles though the task asks for them."""
    if task.quantile_levels and ahead.forecast.quantiles is None and ahead.forecast.probabilities is None:
        return [f"{title} gives no quantiles: its forecasts have no intervals"]
    return _coverage(title, task, board_path, workspace)


def _coverage(title: str, task: Task, board_path: str, workspace: Workspace) -> list[str]:
    """The coverage of the outermost quantiles that the evaluation measured; nothing if it did not."""
    plan = stored_plan(workspace.home, board_name(board_path))
    if plan is None or len(task.quantile_levels) < 2:
        return []
    keys = [cell.key for cell in plan.cells if (cell.forecaster, cell.task) == (title, task.label)]
    found = []
    for key in keys:
        run = attempt(partial(workspace.journal.read, key))
        if not isinstance(run, Failure) and run is not None and "coverage" in run.scores:
            found.append(run.scores["coverage"])
    if not found:
        return ["the coverage of its intervals was not measured: it was not evaluated on this data"]
    low, high = task.quantile_levels[0], task.quantile_levels[-1]
    share, wanted = f"{np.mean(found):.1%}", f"{high - low:.0%}"
    return [
        f"the interval q{low:g} to q{high:g} had {share} of the actuals in the evaluation, and should have {wanted}"
    ]
