"""Publishing: the results of a board → files that can be committed, because they hold no data.

A term is a sum of losses over the steps of a window. A sum over a single step is a loss, from which the actual can
be derived if the forecast is known; the same holds for two sums whose windows differ by one step. Terms are therefore
published only of metrics that divide by counts and whose losses have no sign, and only for tasks in which each sum
covers enough steps that no other sum covers: one more than twice the number of metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.storage import atomic_file, atomic_files, write_json
from harness.errors import BadInput, NotGiven
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.scoring import Terms
from harness.fields.dumping import dump
from harness.results.board_results import BoardResults
from harness.results.publication.files import POSITION_COLUMNS, README, RESULTS, SCHEMA, TERMS, is_published
from harness.results.publication.records import Publication
from harness.results.standings import Standings
from harness.results.stored_plan import StoredCell

MARK = "<!-- written by `harness publish` -->"  # a README with it may be replaced


@dataclass(frozen=True, eq=False)
class TaskTerms:
    """The published terms of a task: its windows, and the terms of each completed cell by metric."""

    actuals: Actuals
    terms: Mapping[str, Mapping[str, Terms]]  # by the cell's key


def publish(
    results: BoardResults, metrics: Sequence[Metric], standings: Standings, readme: str, folder: Path
) -> Mapping[str, str]:
    """Write a board's README, records and terms; returns the tasks whose terms are withheld, with the reason.

    Raises BadInput for a board that is not finished, or in a folder with a README that is not a published one.
    """
    _check_finished(results)
    _check_readme(folder, readme)
    terms: dict[str, TaskTerms] = {}
    withheld: dict[str, str] = {}
    publishable = [metric for metric in metrics if not _revealing(metric)]
    for task, cells in results.plan.by_task.items():
        completed = list({cell.key: cell for cell in cells if results.completed(cell)}.values())
        if not completed:
            continue
        if reasons := [f"{metric.name} {_revealing(metric)}" for metric in metrics if _revealing(metric)]:
            withheld[task] = reasons[0]
            continue
        task_terms = _task_terms(completed, results, publishable)
        if reason := _too_few(task_terms, _horizon(completed[0], results), len(publishable)):
            withheld[task] = reason
        else:
            terms[task] = task_terms
    _write(results, [] if withheld and not terms else publishable, terms, withheld, standings, readme, folder)
    return withheld


def _write(
    results: BoardResults,
    metrics: Sequence[Metric],
    terms: Mapping[str, TaskTerms],
    withheld: Mapping[str, str],
    standings: Standings,
    readme: str,
    folder: Path,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    publication = Publication.of(results, metrics, withheld, standings.to_json() if withheld else None)
    paths = [folder / name for name in (README, *([TERMS] if terms else []), RESULTS)]
    with atomic_files(paths) as drafts:  # earlier results stay until all files are written
        drafts[0].write_text(f"{readme}\n{MARK}\n", encoding="utf-8", errors="backslashreplace")
        if terms:
            _write_terms(drafts[1], terms, [metric.name for metric in metrics])
        write_json(drafts[-1], {"schema": SCHEMA, **dump(publication)})
    if not terms:
        (folder / TERMS).unlink(missing_ok=True)


def _check_finished(results: BoardResults) -> None:
    plan = results.plan
    if plan.unavailable:
        unavailable = ", ".join(plan.unavailable)
        raise BadInput(f"board {plan.name!r} cannot be published without the data of {unavailable}")
    missing = sum(run is None for run in results.runs.values())
    if missing or not plan.cells:
        raise BadInput(f"{missing} of {len(results.runs)} cells of board {plan.name!r} are not run yet; run it first")


def _check_readme(folder: Path, readme: str) -> None:
    """Raise BadInput unless the folder's README may be replaced: one of a publication, or of one that was interrupted.

    A copy of a published README under another title, without results beside it, belongs to somebody.
    """
    path = folder / README
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    same_title = text.partition("\n")[0] == readme.partition("\n")[0]
    if MARK not in text or not (is_published(folder) or same_title):
        raise BadInput(f"{path} was not written by `harness publish`; move it away, or name another folder")


def _revealing(metric: Metric) -> str:
    """The reason why the terms of a metric are never published; empty where they may be."""
    if metric.weights is not None:
        return "divides by actuals"
    if metric.overall is not None:
        return "has no terms of a window"
    if metric.scores_classes:
        return "scores classes, which the terms of a window would reveal: there are few sequences of them"
    return "" if metric.best == "lowest" else "has losses with a sign, or of 0 and 1, which reveal more than a size"


def _task_terms(completed: Sequence[StoredCell], results: BoardResults, metrics: Sequence[Metric]) -> TaskTerms:
    terms: dict[str, dict[str, Terms]] = {}
    for cell in completed:
        for metric in metrics:
            cell_terms = _terms(cell, metric, results)
            if cell_terms is None:
                raise BadInput(f"{metric.name} does not apply to task {cell.task!r}")
            terms.setdefault(cell.key, {})[metric.name] = cell_terms
    return TaskTerms(results.actuals(completed[0]), terms)


def _terms(cell: StoredCell, metric: Metric, results: BoardResults) -> Terms | None:
    """The terms of a cell, zeros where its forecasts lack what the metric needs, as a note of its run says."""
    try:
        return results.terms(cell, metric)
    except NotGiven:
        zeros = np.zeros(results.actuals(cell).values[:, 0].shape)
        return Terms(zeros, zeros)


def _horizon(cell: StoredCell, results: BoardResults) -> int:
    run = results.runs[cell.key]
    assert run is not None
    return run.cell.task.horizon


def _too_few(published: TaskTerms, horizon: int, metrics: int) -> str:
    """The reason why the terms of a task are withheld; empty where each covers enough steps of its own."""
    fewest, actuals = 1 + 2 * metrics, published.actuals
    order = np.lexsort((actuals.cutoffs, actuals.series))
    follows = np.diff(actuals.series[order]) == 0
    strides = np.diff(actuals.cutoffs[order])[follows]
    steps = min(horizon, int(strides.min())) if len(strides) else horizon
    if len(actuals) * horizon < fewest:
        raise BadInput(
            f"a board with a task of only {len(actuals) * horizon} values cannot be published without revealing them"
        )
    if steps < fewest:
        return f"each window has only {_count(steps)} of its own, which its terms would reveal"
    by_metric = [terms for by_metric in published.terms.values() for terms in by_metric.values()]
    if any(bool(((terms.denominators > 0) & (terms.denominators < fewest)).any()) for terms in by_metric):
        return f"there are windows with less than {fewest} values, which their terms would reveal"
    return ""


def _count(steps: int) -> str:
    return "a single step" if steps == 1 else f"{steps} steps"


def _write_terms(path: Path, terms: Mapping[str, TaskTerms], metrics: Sequence[str]) -> None:
    """One row a window, cell and target, sorted by task, series, cutoff, cell and target; reproducible to the byte."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables: list[Any] = []
    order: list[tuple[int, int, int]] = []  # of each row: task, window in the order of series and cutoffs, cell
    for task_number, (task, published) in enumerate(terms.items()):
        for cell_number, (key, by_metric) in enumerate(published.terms.items()):
            targets = next(iter(by_metric.values())).numerators.shape[1]
            tables.append(pa.table(_rows(task, key, published.actuals, by_metric, metrics)))
            order += [(task_number, row // targets, cell_number) for row in range(len(tables[-1]))]
    task_numbers, windows, cell_numbers = np.array(order).T
    table = pa.concat_tables(tables).take(np.lexsort((cell_numbers, windows, task_numbers)))
    assert tuple(table.column_names[: len(POSITION_COLUMNS)]) == POSITION_COLUMNS
    numerators = [f"{name} numerator" for name in metrics]
    with atomic_file(path) as draft:
        pq.write_table(
            table.combine_chunks(),
            draft,
            compression="zstd",
            compression_level=19,
            use_dictionary=[name for name in table.column_names if name not in numerators],
            use_byte_stream_split=numerators,
        )


def _rows(
    task: str, key: str, actuals: Actuals, by_metric: Mapping[str, Terms], metrics: Sequence[str]
) -> dict[str, Any]:
    """The columns of one cell, by series, cutoff and target."""
    import pyarrow as pa

    order = np.lexsort((actuals.cutoff_index, actuals.series))
    targets = next(iter(by_metric.values())).numerators.shape[1]
    rows = np.repeat(order, targets)
    names = actuals.targets or tuple(map(str, range(targets)))
    columns = {
        "task": _texts([task] * len(rows)),
        "cell": _texts([key] * len(rows)),
        "series": _texts([actuals.ids[i] for i in actuals.series[rows].tolist()]),
        "cutoff": pa.array(actuals.cutoffs[rows], pa.int64()),
        "number": pa.array(actuals.cutoff_index[rows], pa.int32()),
        "window": pa.array(rows, pa.int32()),
        "target": _texts(list(names) * len(order)),
    }
    for name in metrics:
        columns[f"{name} numerator"] = pa.array(np.asarray(by_metric[name].numerators)[order].ravel())
        columns[f"{name} denominator"] = pa.array(np.asarray(by_metric[name].denominators)[order].ravel())
    return columns


def _texts(values: Iterable[str]) -> Any:
    import pyarrow as pa

    return pa.array([str(value).encode("utf-8", "backslashreplace") for value in values], pa.string())
