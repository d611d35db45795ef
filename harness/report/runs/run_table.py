"""Cells and their runs as a table and as CSV: keys, statuses, scores and seconds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.boards.stale import is_stale
from harness.evaluation.run import Status
from harness.report.numbers import NOTHING, error, fixed
from harness.report.standings.column import Cell
from harness.report.standings.fitting import ShownColumn, fitted_table, fitting_columns
from harness.report.tables import csv_table
from harness.report.text import plain_text
from harness.results.provenance import machine_kind
from harness.results.selections import selected_keys, selections_of

if TYPE_CHECKING:
    from rich.table import Table

    from harness.boards.workspace import Workspace
    from harness.evaluation.run import Run
    from harness.plugins.result_versions import Forecasters
    from harness.results.stored_plan import StoredCell, StoredPlan

KEY_DIGITS = 12  # of a key in the terminal
PENDING = "pending"  # the status of a cell without a run
NOT_SELECTED = "not selected"  # the same, if no command has asked for it
CSV_HEADINGS = (
    "board",
    "forecaster",
    "task",
    "seed",
    "status",
    "stale",
    "metric",
    "score",
    "seconds",
    "finished",
    "key",
    "machine",
)


@dataclass(frozen=True)
class ListedCell:
    """A cell of a board, and its run; None if it has none."""

    board: str  # empty: the cell is on no board of the home
    forecaster: str  # its label on the board
    task: str
    key: str
    metric: str
    run: Run | None
    stale: bool = False  # of another version of the forecaster than the present one
    is_selected: bool = True  # whether a command has asked for it

    @classmethod
    def of(
        cls, plan: StoredPlan, cell: StoredCell, run: Run | None, forecasters: Forecasters, *, is_selected: bool
    ) -> ListedCell:
        """A cell of a board, with its run."""
        stale = run is not None and is_stale(run, forecasters)
        return cls(plan.name, cell.forecaster, cell.task, cell.key, plan.metric, run, stale, is_selected)

    @classmethod
    def of_run(cls, key: str, run: Run, forecasters: Forecasters) -> ListedCell:
        """The cell of a run that is on no board."""
        metric, stale = next(iter(run.scores), ""), is_stale(run, forecasters)
        return cls("", run.cell.forecaster, run.cell.task.label, key, metric, run, stale)

    @property
    def status(self) -> str:
        """The status of the run; of a cell without one, whether a command has asked for it."""
        if self.run is None:
            return PENDING if self.is_selected else NOT_SELECTED
        return self.run.status.value

    @property
    def status_text(self) -> str:
        """The status, with the number of failed windows of a completed run, and whether it is stale."""
        run, text = self.run, self.status
        if run is not None and run.status is Status.COMPLETED and run.window_failures:
            text += f", {len(run.window_failures)} of {run.windows} windows failed"
        return text + (", stale" if self.stale else "")

    @property
    def score(self) -> float:
        """The score by the board's metric; NaN without one."""
        return math.nan if self.run is None else self.run.scores.get(self.metric, math.nan)

    @property
    def seconds(self) -> float:
        """The seconds of fitting and forecasting; NaN without a run."""
        return math.nan if self.run is None else self.run.costs.fit_seconds + self.run.costs.predict_seconds

    @property
    def seed(self) -> int | None:
        """The seed of a stochastic forecaster."""
        return None if self.run is None else self.run.cell.seed


def listed_cells(plans: Sequence[StoredPlan], workspace: Workspace, *, others: bool = False) -> Iterator[ListedCell]:
    """The cells of boards in their order, and with `others` those of the journal that are on none of them."""
    journal, forecasters = workspace.journal, workspace.catalog.forecasters
    known = set()
    for plan in plans:
        selected = selected_keys(selections_of(workspace.home, plan), plan)
        for cell in plan.cells:
            known.add(cell.key)
            yield ListedCell.of(plan, cell, journal.read(cell.key), forecasters, is_selected=cell.key in selected)
    for key in journal.keys() if others else ():
        run = journal.read(key) if key not in known else None
        if run is not None:
            yield ListedCell.of_run(key, run, forecasters)


def runs_table(title: str, cells: Sequence[ListedCell], width: int) -> Table:
    """The cells as a table for a terminal of this width; their boards if there are several."""
    several = len({cell.board for cell in cells}) > 1
    columns = [
        _column("key", [cell.key[:KEY_DIGITS] for cell in cells], priority=0, style="rank"),
        *([_column("board", [cell.board or NOTHING for cell in cells], priority=2, style="name")] if several else []),
        _column("forecaster", [cell.forecaster for cell in cells], priority=0, style="name"),
        _column("task", [cell.task for cell in cells], priority=0, style="name"),
        _column("seed", [NOTHING if cell.seed is None else str(cell.seed) for cell in cells], priority=3),
        _column("status", [cell.status_text for cell in cells], priority=0, style="words"),
        _column("score", [error(cell.score) for cell in cells], priority=1),
        _column("seconds", [fixed(cell.seconds, 2) for cell in cells], priority=4),
    ]
    shown = fitting_columns(columns, width)
    table = fitted_table(title, shown, width)
    for i in range(len(cells)):
        table.add_row(*(plain_text(column.texts[i]) for column in shown))
    return table


def runs_legend(cells: Collection[ListedCell]) -> str:
    """What the scores of the table are, and what its keys are for."""
    metrics = ", ".join(dict.fromkeys(cell.metric for cell in cells if cell.metric))
    notes = "stale: of an earlier version of the forecaster; " if any(cell.stale for cell in cells) else ""
    machines = {machine_kind(cell.run.provenance) for cell in cells if cell.run is not None} - {""}
    if len(machines) > 1:
        notes += f"seconds are not comparable, as {len(machines)} kinds of machines ran the cells (--csv names them); "
    return f"score: {metrics}; {notes}`harness replay` and `harness compare` take keys, of which six digits suffice"


def _column(heading: str, texts: Iterable[str], *, priority: int, style: str = "number") -> ShownColumn:
    return ShownColumn(Cell(heading, lambda row: "", style=style, most=28, least=10, priority=priority), tuple(texts))


def runs_csv(cells: Iterable[ListedCell]) -> str:
    """One row a cell, with the whole key."""
    return csv_table(
        CSV_HEADINGS,
        (
            (
                cell.board,
                cell.forecaster,
                cell.task,
                cell.seed,
                cell.status,
                cell.stale,
                cell.metric,
                cell.score,
                cell.seconds,
                "" if cell.run is None else cell.run.finished,
                cell.key,
                "" if cell.run is None else machine_kind(cell.run.provenance),
            )
            for cell in cells
        ),
    )
