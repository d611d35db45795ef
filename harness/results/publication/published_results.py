"""The results of a board from its publication; contradictions between the files are refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from harness.errors import BadInput, DataUnavailable, HarnessError
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run, Status
from harness.evaluation.scoring import Terms, score
from harness.fields.errors import FieldError
from harness.fields.reading import load
from harness.plugins.installed import protocols_for
from harness.results.board_results import BoardResults
from harness.results.publication.files import RESULTS, SCHEMA, TERMS, Damaged
from harness.results.publication.records import Publication
from harness.results.publication.terms_table import Block, read_block, read_columns, same_windows
from harness.results.standings import Standings
from harness.results.stored_plan import StoredCell, StoredPlan
from harness.tasks.task import task_classes

TOLERANCE = 1e-9  # relative, between a score and the one that follows from its terms


class PublishedResults(BoardResults):
    """The published results of a board, read from a folder and checked.

    Raises BadInput, which names the file and the problem.
    """

    runs: Mapping[str, Run]  # by key; only finished boards are published

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        publication, self.runs, self.stored = _read(folder / RESULTS)
        self.plan = publication.plan
        self.metrics = {name: metric.metric(name) for name, metric in publication.metrics.items()}
        self.withheld = publication.withheld  # by task: the reason
        _check_records(folder / RESULTS, self)
        self._blocks = _blocks(folder / TERMS, self)
        _check_scores(folder / TERMS, self)

    @property
    def origin(self) -> str:
        """The date of the results and their machine, as text."""
        machines = dict.fromkeys(_processor(run) for run in self.runs.values())
        date = max(run.finished for run in self.runs.values())[:10]
        return f"published results of {date}, run on {', '.join(machines)}"

    def with_plan(self, plan: StoredPlan) -> Self:
        """The same results under a plan with fewer cells, without the standings of all."""
        narrowed = super().with_plan(plan)
        narrowed.stored = None
        return narrowed

    def actuals(self, cell: StoredCell) -> Actuals:
        """The windows of the cell's task; the actuals are unknown, NaN."""
        if cell.task not in self._blocks:
            reason = self.withheld.get(cell.task, "no cell completed")
            raise DataUnavailable(f"the terms of task {cell.task!r} are not published: {reason}")
        return next(iter(self._blocks[cell.task].values())).actuals

    def terms(self, cell: StoredCell, metric: Metric) -> Terms | None:
        """The published terms."""
        if metric.name not in self.metrics:
            known = f"but of {', '.join(self.metrics)}" if self.metrics else "nor of any other metric"
            raise DataUnavailable(f"no terms of {metric.name} are published in {self.folder}, {known}")
        self.actuals(cell)
        return self._blocks[cell.task][cell.key].terms[metric.name]


def _read(path: Path) -> tuple[Publication, Mapping[str, Run], Standings | None]:
    """The content of results.json, its runs by key, and its standings; raises BadInput where it is not valid."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise Damaged(path, f"it is not JSON ({error})") from error
    if not isinstance(fields, dict) or fields.pop("schema", None) != SCHEMA:
        raise Damaged(path, f"it is not of schema {SCHEMA}")
    try:
        protocols = protocols_for(task["protocol"]["kind"] for task in fields["tasks"].values())
        publication = load(Publication, fields, task_classes(protocols))
        stored = publication.standings
        return publication, dict(publication.runs()), None if stored is None else Standings.from_json(stored)
    except FieldError as error:
        raise Damaged(path, f"{'.'.join(error.path) or 'it'} is not valid: {error}") from None
    except (HarnessError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(path, f"it is not valid ({type(error).__name__}: {error})") from None


def _check_records(path: Path, results: PublishedResults) -> None:
    """Raise BadInput unless every cell of the plan has its record, and every record its cell."""
    cells = {cell.key: cell for cell in results.plan.cells}
    if not cells:
        raise Damaged(path, "its plan has no cells")
    if different := sorted(set(cells) ^ set(results.runs)):
        raise Damaged(path, f"cell {different[0]} is in {'its plan' if different[0] in cells else 'its records'} only")
    windows: dict[str, int] = {}
    for key, run in results.runs.items():
        failed = [failure.window for failure in run.window_failures]
        if any(not 0 <= window < run.windows for window in failed) or len(set(failed)) < len(failed):
            raise Damaged(path, f"cell {key} has failed windows that are not among its {run.windows}")
        if run.status is Status.COMPLETED and windows.setdefault(cells[key].task, run.windows) != run.windows:
            raise Damaged(path, f"cell {key} has another number of windows than others of task {cells[key].task!r}")
    published = [cell for cell in cells.values() if cell.task not in results.withheld and results.completed(cell)]
    if published and results.plan.metric not in results.metrics:
        raise Damaged(path, f"it neither declares nor withholds terms of {results.plan.metric}")
    if results.withheld and results.stored is None:
        raise Damaged(path, "terms are withheld, but it has no standings")


def _blocks(path: Path, results: PublishedResults) -> dict[str, dict[str, Block]]:
    """The terms by task and cell; raises BadInput unless they are complete and finite."""
    wanted = {
        (task, cell.key): None
        for task, cells in results.plan.by_task.items()
        if task not in results.withheld and results.metrics
        for cell in cells
        if results.completed(cell)
    }
    if not wanted:
        return {}
    columns = read_columns(path, results.metrics)
    names = list(zip(columns["task"], columns["cell"], strict=True))
    starts = [i for i in range(len(names)) if i == 0 or names[i] != names[i - 1]]
    blocks: dict[str, dict[str, Block]] = {}
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        task, key = names[start]
        if (task, key) not in wanted:
            raise Damaged(path, f"it has unexpected rows of cell {key} in task {task!r}")
        del wanted[task, key]
        rows = {name: column[start:end] for name, column in columns.items()}
        block = read_block(path, f"cell {key} in task {task!r}", rows, results.runs[key], list(results.metrics))
        task_blocks = blocks.setdefault(task, {})
        if task_blocks and not same_windows(block.actuals, next(iter(task_blocks.values())).actuals):
            raise Damaged(path, f"cell {key} in task {task!r} has other windows than those before it")
        task_blocks[key] = block
    if wanted:
        task, key = next(iter(wanted))
        raise Damaged(path, f"it lacks the rows of cell {key} in task {task!r}")
    return blocks


def _check_scores(path: Path, results: PublishedResults) -> None:
    """Raise BadInput where a score does not follow from its terms."""
    for task, blocks in results._blocks.items():
        for key, block in blocks.items():
            for name, metric in results.metrics.items():
                recorded, computed = results.runs[key].scores.get(name), score(metric, block.terms[name], block.actuals)
                if recorded is not None and not _close(recorded, computed):
                    raise Damaged(
                        path,
                        f"the terms of cell {key} in task {task!r} give {name} {computed!r}, "
                        f"but its record has {recorded!r}",
                    )


def _close(recorded: float, computed: float) -> bool:
    if not (math.isfinite(recorded) and math.isfinite(computed)):
        return not (math.isfinite(recorded) or math.isfinite(computed))
    return abs(recorded - computed) <= TOLERANCE * max(1.0, abs(recorded))


def _processor(run: Run) -> str:
    machine = run.provenance.get("machine")
    return str(machine.get("processor", "")) if isinstance(machine, Mapping) else ""
