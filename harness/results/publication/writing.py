"""Publishing: what a journal holds of a board → files that can be committed, and that hold no data.

A term is a sum of losses over the steps of a window. A sum over one step is a loss, and tells the value that
came to whoever knows the forecast; so do two sums whose windows differ by one step. So only metrics are
published that divide by counts and whose sums have no sign, and only for tasks in which each sum is over
enough steps that no other sum is over: one more than twice as many as there are metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.storage import atomic_file, write_json
from harness.errors import BadInput
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.scoring import Terms
from harness.fields.dumping import dump
from harness.results.board_results import BoardResults
from harness.results.publication import PLACES, README, RESULTS, SCHEMA, TERMS
from harness.results.publication.records import Publication
from harness.results.standings import Standings
from harness.results.stored_plan import StoredCell

MARK = "<!-- written by `harness publish` -->"  # a README that has it may be written again


@dataclass(frozen=True, eq=False)
class Sums:
    """What is published of a task: the windows, and each completed cell's terms by metric."""

    actuals: Actuals
    terms: Mapping[str, Mapping[str, Terms]]  # by the cell's key


def publish(
    results: BoardResults, metrics: Sequence[Metric], standings: Standings, readme: str, folder: Path
) -> Mapping[str, str]:
    """Write a board's README, records and terms; returns the tasks whose terms are withheld, and why.

    Raises BadInput for a board that is not finished, or where a README lies that somebody else wrote.
    """
    _check_finished(results)
    _check_readme(folder / README)
    sums: dict[str, Sums] = {}
    withheld: dict[str, str] = {}
    publishable = [one for one in metrics if not _tells(one)]
    for task, cells in results.plan.by_task.items():
        done = list({one.key: one for one in cells if results.completed(one)}.values())
        if not done:
            continue
        if tells := [f"{one.name} {_tells(one)}" for one in metrics if _tells(one)]:
            withheld[task] = tells[0]
            continue
        found = _sums(done, results, publishable)
        if why := _too_few(found, _horizon(done[0], results), len(publishable)):
            withheld[task] = why
        else:
            sums[task] = found
    _write(results, [] if withheld and not sums else publishable, sums, withheld, standings, readme, folder)
    return withheld


def _write(
    results: BoardResults,
    metrics: Sequence[Metric],
    sums: Mapping[str, Sums],
    withheld: Mapping[str, str],
    standings: Standings,
    readme: str,
    folder: Path,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS).unlink(missing_ok=True)  # half a publication is none
    (folder / TERMS).unlink(missing_ok=True)
    if sums:
        _write_terms(folder / TERMS, sums, [one.name for one in metrics])
    (folder / README).write_text(readme + f"\n{MARK}\n", encoding="utf-8")
    publication = Publication.of(results, metrics, withheld, standings.to_json() if withheld else None)
    write_json(folder / RESULTS, {"schema": SCHEMA, **dump(publication)})


def _check_finished(results: BoardResults) -> None:
    plan = results.plan
    if plan.unavailable:
        raise BadInput(
            f"board {plan.name!r} cannot be published without {', '.join(plan.unavailable)}, whose data is not here"
        )
    missing = sum(run is None for run in results.runs.values())
    if missing or not plan.cells:
        raise BadInput(f"{missing} of {len(results.runs)} cells of board {plan.name!r} are not run yet; run it first")


def _check_readme(path: Path) -> None:
    if path.is_file() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise BadInput(f"{path} was not written by `harness publish`; move it away, or name another folder")


def _tells(metric: Metric) -> str:
    """Why the terms of a metric are never published; empty where they may be."""
    if metric.weights is not None:
        return "divides by what came"
    return "" if metric.best == "lowest" else "is a sum with a sign, or of hits: it tells more than a size"


def _sums(done: Sequence[StoredCell], results: BoardResults, metrics: Sequence[Metric]) -> Sums:
    terms: dict[str, dict[str, Terms]] = {}
    for cell in done:
        for metric in metrics:
            found = results.terms(cell, metric)
            if found is None:
                raise BadInput(f"{metric.name} does not apply to task {cell.task!r}")
            terms.setdefault(cell.key, {})[metric.name] = found
    return Sums(results.actuals(done[0]), terms)


def _horizon(cell: StoredCell, results: BoardResults) -> int:
    run = results.runs[cell.key]
    assert run is not None
    return run.cell.task.horizon


def _too_few(sums: Sums, horizon: int, metrics: int) -> str:
    """Why the terms of a task are withheld; empty where each is over enough steps of its own."""
    fewest, actuals = 1 + 2 * metrics, sums.actuals
    order = np.lexsort((actuals.cutoffs, actuals.series))
    follows = np.diff(actuals.series[order]) == 0
    strides = np.diff(actuals.cutoffs[order])[follows]
    steps = min(horizon, int(strides.min())) if len(strides) else horizon
    if len(actuals) * horizon < fewest:
        raise BadInput(f"a board whose task rests on {len(actuals) * horizon} values cannot be published without them")
    if steps < fewest:
        return f"each window is over {_count(steps)} of its own, which its sums would tell"
    denominators = [one.denominators for of_cell in sums.terms.values() for one in of_cell.values()]
    if any(bool(((one > 0) & (one < fewest)).any()) for one in denominators):
        return f"there are windows with less than {fewest} values, which their sums would tell"
    return ""


def _count(steps: int) -> str:
    return "a single step" if steps == 1 else f"{steps} steps"


def _write_terms(path: Path, sums: Mapping[str, Sums], metrics: Sequence[str]) -> None:
    """One row a window, cell and target, sorted by task, series, cutoff, cell and target; the same bytes again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts: list[dict[str, Any]] = []
    places: list[tuple[int, int, int]] = []  # of each row: task, window in the order of series and cutoffs, cell
    for number, (task, mine) in enumerate(sums.items()):
        actuals = mine.actuals
        order = np.lexsort((actuals.cutoff_index, actuals.series))
        for cell, (key, of_cell) in enumerate(mine.terms.items()):
            targets = next(iter(of_cell.values())).numerators.shape[1]
            rows = np.repeat(order, targets)
            names = actuals.targets or tuple(map(str, range(targets)))
            part = {
                "task": _texts([task] * len(rows)),
                "cell": _texts([key] * len(rows)),
                "series": _texts([actuals.ids[i] for i in actuals.series[rows].tolist()]),
                "cutoff": pa.array(actuals.cutoffs[rows], pa.int64()),
                "number": pa.array(actuals.cutoff_index[rows], pa.int32()),
                "window": pa.array(rows, pa.int32()),
                "target": _texts(list(names) * len(order)),
            }
            for name in metrics:
                part[f"{name} numerator"] = pa.array(np.asarray(of_cell[name].numerators)[order].ravel())
                part[f"{name} denominator"] = pa.array(np.asarray(of_cell[name].denominators)[order].ravel())
            parts.append(part)
            places += [(number, i // targets, cell) for i in range(len(rows))]
    tasks, windows, cells = np.array(places).T
    sums_of = [f"{name} numerator" for name in metrics]
    table = pa.concat_tables([pa.table(part) for part in parts]).take(np.lexsort((cells, windows, tasks)))
    assert tuple(table.column_names[: len(PLACES)]) == PLACES
    with atomic_file(path) as draft:
        pq.write_table(
            table.combine_chunks(),
            draft,
            compression="zstd",
            compression_level=19,
            use_dictionary=[name for name in table.column_names if name not in sums_of],
            use_byte_stream_split=sums_of,
        )


def _texts(values: Iterable[str]) -> Any:
    import pyarrow as pa

    return pa.array(list(map(str, values)), pa.string())
