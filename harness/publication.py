"""Published results: a board's standings for those who have neither its data nor its models.

<folder>/README.md       the standings, to be read
<folder>/results.json    the plan, and the record of each cell but tracebacks and curves
<folder>/terms.parquet   the metric's sums in each window; neither forecasts nor what came

Terms whose sums would tell single values are withheld (`publishing`); the standings that rest on them are
then in results.json. Whatever is read is checked: a score that does not follow from its terms is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.arrays import Floats, Ints
from harness.campaign import StoredCell, StoredPlan
from harness.errors import BadInput, DataUnavailable, HarnessError
from harness.evidence import Evidence
from harness.metrics import Metric
from harness.outcomes import Actuals
from harness.ranking import Standings
from harness.run import Run, Status
from harness.scoring import Terms, score

SCHEMA = 1
README, RESULTS, TERMS = "README.md", "results.json", "terms.parquet"
PLACES = ("task", "cell", "series", "cutoff", "number", "window", "target")  # the first columns of terms
TOLERANCE = 1e-9  # of a score, relative, beside the one that follows from its terms
DECLARED = ("aggregation", "root", "best", "quantiles", "description")  # what is published of a metric


class Damaged(BadInput):
    """A published file that does not say what it must, or contradicts another."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}; publish the board again, or restore the file")


def is_published(folder: Path) -> bool:
    """Whether results were published in a folder."""
    return (folder / RESULTS).is_file()


class PublishedEvidence(Evidence):
    """What was published of a board, read from a folder and checked.

    Raises BadInput, which names the file and what is wrong with it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        fields = _fields(folder / RESULTS)
        try:
            self.plan = StoredPlan.from_json(fields["plan"])
            self.runs: Mapping[str, Run | None] = _runs(fields)
            self.metrics = {name: _metric(name, said) for name, said in fields["metrics"].items()}
            self.withheld: Mapping[str, str] = dict(fields["withheld"])  # by task: why
            found = fields["standings"]
            self.stored: Standings | None = None if found is None else Standings.from_json(found)
            _check_kinds(folder / RESULTS, self)
            _check_records(folder / RESULTS, self)
        except Damaged:
            raise
        except (HarnessError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise Damaged(folder / RESULTS, f"it does not say what it must ({type(error).__name__}: {error})") from None
        self._blocks = _blocks(folder / TERMS, self)
        _check_scores(folder / TERMS, self)

    @property
    def told(self) -> str:
        """Of when these results are, and of which machine, in words."""
        done = [run for run in self.runs.values() if run is not None]
        machines = dict.fromkeys(str(run.provenance.get("machine", {}).get("name", "")) for run in done)
        return f"published results of {max(run.finished for run in done)[:10]}, machine {', '.join(machines)}"

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


@dataclass(frozen=True, eq=False)
class Block:
    """The windows of a task, and the terms of one cell in them, both in the order of the task's windows."""

    actuals: Actuals
    terms: Mapping[str, Terms]  # by metric


def _fields(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise Damaged(path, f"it is no JSON ({error})") from error
    if not isinstance(fields, dict) or fields.get("schema") != SCHEMA:
        raise Damaged(path, f"it is not of schema {SCHEMA}")
    return fields


def _runs(fields: Mapping[str, Any]) -> dict[str, Run | None]:
    runs: dict[str, Run | None] = {}
    for key, record in fields["cells"].items():
        told = dict(record)
        cell = {name: told.pop(name) for name in ("forecaster", "parameters", "seed")}
        cell["task"] = fields["tasks"][told.pop("task")]
        failures = [
            {"window": window, "status": one["status"], "reason": one["reason"]}
            for one in told["window_failures"]
            for window in one["windows"]
        ]
        told["window_failures"] = sorted(failures, key=lambda one: int(one["window"]))
        told["provenance"] = fields["provenance"][told["provenance"]]
        runs[key] = Run.from_json({**told, "cell": cell, "key": key, "traceback": "", "curves": {}})
    return runs


def _metric(name: str, said: Mapping[str, Any]) -> Metric:
    """The metric as far as aggregation needs it; it cannot be computed anew."""
    return replace(Metric(name, _unknown), **{one: said[one] for one in DECLARED})


def _unknown(outcomes: object) -> Floats:
    raise DataUnavailable("a published metric is known by its terms only")


def _check_records(path: Path, evidence: PublishedEvidence) -> None:
    """Raise BadInput unless every cell of the plan has its record, and every record its cell."""
    keys = {one.key: one for one in evidence.plan.cells}
    if not keys:
        raise Damaged(path, "its plan has no cells")
    if odd := sorted(set(keys) ^ set(evidence.runs)):
        raise Damaged(path, f"cell {odd[0]} is in {'its plan' if odd[0] in keys else 'its records'} only")
    windows: dict[str, int] = {}
    for key, run in evidence.runs.items():
        assert run is not None
        lost = [one.window for one in run.window_failures]
        if any(not 0 <= one < run.windows for one in lost) or len(set(lost)) < len(lost):
            raise Damaged(path, f"cell {key} has failed windows that are not among its {run.windows}")
        if run.status is Status.COMPLETED and windows.setdefault(keys[key].task, run.windows) != run.windows:
            raise Damaged(path, f"cell {key} has not as many windows as others of task {keys[key].task!r}")
    shown = [one for one in keys.values() if one.task not in evidence.withheld and evidence.completed(one)]
    if shown and evidence.plan.metric not in evidence.metrics:
        raise Damaged(path, f"it declares no terms of {evidence.plan.metric}, and withholds none either")
    if evidence.withheld and evidence.stored is None:
        raise Damaged(path, "terms are withheld, and no standings are there in their stead")


def _check_kinds(path: Path, evidence: PublishedEvidence) -> None:
    """Raise BadInput where a text, a number or a table should be and something else is."""
    plan = evidence.plan
    texts: list[Any] = [plan.name, plan.title, plan.description, plan.metric, plan.baseline, *plan.forecasters]
    numbers: list[Any] = [*plan.clip]
    tables: list[Any] = [plan.unavailable, plan.seen]
    for one in plan.cells:
        texts += [one.key, one.forecaster, one.task, one.fingerprint]
    for run in evidence.runs.values():
        assert run is not None
        texts += [run.cell.forecaster, run.cell.task.dataset, run.reason, run.started, run.finished, *run.notes]
        texts += [one.reason for one in run.window_failures]
        numbers += [run.windows, *run.scores.values(), run.costs.fit_seconds, run.costs.predict_seconds]
        tables += [run.cell.parameters, run.hyperparameters, run.provenance, run.provenance.get("machine", {})]
    for values, kind, said in ((texts, str, "a text"), (numbers, float | int, "a number"), (tables, dict, "a table")):
        odd = [one for one in values if not isinstance(one, kind)]
        if odd:
            raise Damaged(path, f"it holds {odd[0]!r:.40} where {said} should be")


def _blocks(path: Path, evidence: PublishedEvidence) -> dict[str, dict[str, Block]]:
    """The terms by task and cell; raises BadInput unless they are complete and numbers."""
    wanted = {
        (task, one.key): None
        for task, cells in evidence.plan.by_task.items()
        if task not in evidence.withheld and evidence.metrics
        for one in cells
        if evidence.completed(one)
    }
    if not wanted:
        return {}
    columns = _columns(path, evidence.metrics)
    names = list(zip(columns["task"], columns["cell"], strict=True))
    starts = [i for i in range(len(names)) if i == 0 or names[i] != names[i - 1]]
    blocks: dict[str, dict[str, Block]] = {}
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        task, key = names[start]
        if (task, key) not in wanted:
            raise Damaged(path, f"it holds rows of cell {key} in task {task!r} that are not asked for")
        del wanted[task, key]
        run = evidence.runs[key]
        assert run is not None
        rows = {name: column[start:end] for name, column in columns.items()}
        made = _block(path, f"cell {key} in task {task!r}", rows, run, list(evidence.metrics))
        mine = blocks.setdefault(task, {})
        if mine and not _same_windows(made.actuals, next(iter(mine.values())).actuals):
            raise Damaged(path, f"cell {key} in task {task!r} has other windows than those before it")
        mine[key] = made
    if wanted:
        task, key = next(iter(wanted))
        raise Damaged(path, f"it lacks the rows of cell {key} in task {task!r}")
    return blocks


def _columns(path: Path, metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """The columns of the file, sorted by task and cell; texts as lists and numbers as arrays."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table: pa.Table = pq.read_table(path)
    except OSError as error:
        if not path.is_file():
            raise Damaged(path, "it is not there") from error
        raise Damaged(path, f"it is no Parquet file ({error})") from error
    except pa.ArrowException as error:
        raise Damaged(path, f"it is no Parquet file ({error})") from error
    expected = [*PLACES, *(f"{name} {one}" for name in metrics for one in ("numerator", "denominator"))]
    if table.column_names != expected:
        raise Damaged(path, f"its columns are {', '.join(table.column_names)}, not {', '.join(expected)}")
    cells: dict[tuple[Any, Any], int] = {}
    names = zip(table.column("task").to_pylist(), table.column("cell").to_pylist(), strict=True)
    table = table.take(np.argsort([cells.setdefault(one, len(cells)) for one in names], kind="stable"))
    columns: dict[str, Any] = {}
    for name in expected:
        column = table.column(name)
        if name in ("task", "cell", "series", "target"):
            columns[name] = column.to_pylist()
            continue
        values = column.to_numpy()
        if values.dtype.kind not in ("f" if name not in PLACES else "i"):
            raise Damaged(path, f"column {name!r} holds something else than numbers")
        columns[name] = values
    return columns


def _block(path: Path, what: str, rows: Mapping[str, Any], run: Run, metrics: Sequence[str]) -> Block:
    """The block of a cell from its rows, which are sorted by series, cutoff and target."""
    targets = tuple(dict.fromkeys(rows["target"]))
    if len(rows["target"]) != run.windows * len(targets) or rows["target"] != list(targets) * run.windows:
        raise Damaged(path, f"{what} has {len(rows['target'])} rows, not one for each of {run.windows} windows")
    windows = rows["window"].reshape(-1, len(targets))
    if (windows != windows[:, :1]).any() or not np.array_equal(np.sort(windows[:, 0]), np.arange(run.windows)):
        raise Damaged(path, f"{what} does not have each window once")
    back = np.argsort(windows[:, 0])  # to the task's own order
    ids = {name: i for i, name in enumerate(dict.fromkeys(rows["series"]))}
    task = run.cell.task
    unknown = np.broadcast_to(np.nan, (run.windows, task.horizon, len(targets)))

    def of_windows(column: Any) -> Ints:
        return np.asarray(column, dtype=np.int64)[:: len(targets)][back]

    actuals = Actuals(
        tuple(ids),
        of_windows([ids[name] for name in rows["series"]]),
        of_windows(rows["cutoff"]),
        of_windows(rows["number"]),
        unknown,
        task.quantile_levels,
        targets,
    )
    summed = {}
    for metric in metrics:
        numerators, denominators = (rows[f"{metric} {one}"] for one in ("numerator", "denominator"))
        counts = np.isfinite(denominators) & (denominators >= 0) & (denominators <= task.horizon)
        if np.isnan(numerators).any() or not counts.all():
            raise Damaged(path, f"{what} has terms of {metric} that are no sums over up to {task.horizon} steps")
        shape = (run.windows, len(targets))
        summed[metric] = Terms(numerators.reshape(shape)[back], denominators.reshape(shape)[back])
    return Block(actuals, summed)


def _same_windows(first: Actuals, second: Actuals) -> bool:
    return (first.ids, first.targets) == (second.ids, second.targets) and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("series", "cutoffs", "numbers")
    )


def _check_scores(path: Path, evidence: PublishedEvidence) -> None:
    """Raise BadInput where a score does not follow from its terms."""
    for task, blocks in evidence._blocks.items():
        for key, block in blocks.items():
            run = evidence.runs[key]
            assert run is not None
            for name, metric in evidence.metrics.items():
                said, follows = run.scores.get(name), score(metric, block.terms[name], block.actuals)
                if said is not None and not _close(said, follows):
                    what = f"the terms of cell {key} in task {task!r} give {name} {follows!r}, its record says {said!r}"
                    raise Damaged(path, what)


def _close(said: float, follows: float) -> bool:
    if not (math.isfinite(said) and math.isfinite(follows)):
        return not (math.isfinite(said) or math.isfinite(follows))
    return abs(said - follows) <= TOLERANCE * max(1.0, abs(said))
