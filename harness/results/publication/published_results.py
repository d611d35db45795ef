"""Published results as results: what is read from a folder, every contradiction refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from harness.errors import BadInput, DataUnavailable, HarnessError
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run, Status
from harness.evaluation.scoring import Terms, score
from harness.fields.errors import FieldError
from harness.fields.reading import load
from harness.plugins.installed import protocols_for
from harness.results.board_results import BoardResults
from harness.results.publication import RESULTS, SCHEMA, TERMS, Damaged
from harness.results.publication.records import Publication
from harness.results.publication.terms_table import Block, block_of, columns_of, same_windows
from harness.results.standings import Standings
from harness.results.stored_plan import StoredCell
from harness.tasks.task import task_classes

TOLERANCE = 1e-9  # of a score, relative, beside the one that follows from its terms


class PublishedResults(BoardResults):
    """What was published of a board, read from a folder and checked.

    Raises BadInput, which names the file and what is wrong with it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        publication, self.runs, self.stored = _read(folder / RESULTS)
        self.plan = publication.plan
        self.metrics = {name: metric.metric(name) for name, metric in publication.metrics.items()}
        self.withheld = publication.withheld  # by task: why
        _check_records(folder / RESULTS, self)
        self._blocks = _blocks(folder / TERMS, self)
        _check_scores(folder / TERMS, self)

    @property
    def told(self) -> str:
        """Of when these results are, and of which machine, in words."""
        done = [run for run in self.runs.values() if run is not None]
        machines = dict.fromkeys(str(run.provenance.get("machine", {}).get("processor", "")) for run in done)
        return f"published results of {max(run.finished for run in done)[:10]}, made on {', '.join(machines)}"

    def actuals(self, cell: StoredCell) -> Actuals:
        """The windows of the cell's task; what came is unknown, NaN."""
        if cell.task not in self._blocks:
            why = self.withheld.get(cell.task, "no cell completed")
            raise DataUnavailable(f"the terms of task {cell.task!r} are not published: {why}")
        return next(iter(self._blocks[cell.task].values())).actuals

    def terms(self, cell: StoredCell, metric: Metric) -> Terms | None:
        """The published sums."""
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
        raise Damaged(path, f"it is no JSON ({error})") from error
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
    keys = {one.key: one for one in results.plan.cells}
    if not keys:
        raise Damaged(path, "its plan has no cells")
    if odd := sorted(set(keys) ^ set(results.runs)):
        raise Damaged(path, f"cell {odd[0]} is in {'its plan' if odd[0] in keys else 'its records'} only")
    windows: dict[str, int] = {}
    for key, run in results.runs.items():
        assert run is not None
        lost = [one.window for one in run.window_failures]
        if any(not 0 <= one < run.windows for one in lost) or len(set(lost)) < len(lost):
            raise Damaged(path, f"cell {key} has failed windows that are not among its {run.windows}")
        if run.status is Status.COMPLETED and windows.setdefault(keys[key].task, run.windows) != run.windows:
            raise Damaged(path, f"cell {key} has not as many windows as others of task {keys[key].task!r}")
    shown = [one for one in keys.values() if one.task not in results.withheld and results.completed(one)]
    if shown and results.plan.metric not in results.metrics:
        raise Damaged(path, f"it declares no terms of {results.plan.metric}, and withholds none either")
    if results.withheld and results.stored is None:
        raise Damaged(path, "terms are withheld, and no standings are there in their stead")


def _blocks(path: Path, results: PublishedResults) -> dict[str, dict[str, Block]]:
    """The terms by task and cell; raises BadInput unless they are complete and numbers."""
    wanted = {
        (task, one.key): None
        for task, cells in results.plan.by_task.items()
        if task not in results.withheld and results.metrics
        for one in cells
        if results.completed(one)
    }
    if not wanted:
        return {}
    columns = columns_of(path, results.metrics)
    names = list(zip(columns["task"], columns["cell"], strict=True))
    starts = [i for i in range(len(names)) if i == 0 or names[i] != names[i - 1]]
    blocks: dict[str, dict[str, Block]] = {}
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        task, key = names[start]
        if (task, key) not in wanted:
            raise Damaged(path, f"it holds rows of cell {key} in task {task!r} that are not asked for")
        del wanted[task, key]
        run = results.runs[key]
        assert run is not None
        rows = {name: column[start:end] for name, column in columns.items()}
        made = block_of(path, f"cell {key} in task {task!r}", rows, run, list(results.metrics))
        mine = blocks.setdefault(task, {})
        if mine and not same_windows(made.actuals, next(iter(mine.values())).actuals):
            raise Damaged(path, f"cell {key} in task {task!r} has other windows than those before it")
        mine[key] = made
    if wanted:
        task, key = next(iter(wanted))
        raise Damaged(path, f"it lacks the rows of cell {key} in task {task!r}")
    return blocks


def _check_scores(path: Path, results: PublishedResults) -> None:
    """Raise BadInput where a score does not follow from its terms."""
    for task, blocks in results._blocks.items():
        for key, block in blocks.items():
            run = results.runs[key]
            assert run is not None
            for name, metric in results.metrics.items():
                said, follows = run.scores.get(name), score(metric, block.terms[name], block.actuals)
                if said is not None and not _close(said, follows):
                    what = f"the terms of cell {key} in task {task!r} give {name} {follows!r}, its record says {said!r}"
                    raise Damaged(path, what)


def _close(said: float, follows: float) -> bool:
    if not (math.isfinite(said) and math.isfinite(follows)):
        return not (math.isfinite(said) or math.isfinite(follows))
    return abs(said - follows) <= TOLERANCE * max(1.0, abs(said))
