"""What a merge of homes did, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.data.home_folders import home_name
from harness.evaluation.run import Run
from harness.report.numbers import plural
from harness.results.conflicts import conflict_place
from harness.results.merging import Conflict, Merge
from harness.results.run_comparison import environment_differences, score_differences

MOST_DIFFERENCES = 4  # of the environments of two runs


def merge_lines(
    merge: Merge, homes: int, into: Path, metrics: Mapping[str, str], *, is_new: bool = False
) -> Iterator[str]:
    """What was merged, and what was not; `is_new`: into a home that was made for that.

    `metrics` has the metric of the board of a cell by its key.
    """
    name = home_name(into)
    yield (
        f"merged {plural(homes, 'home')} into {'the new home ' if is_new else ''}{name}: "
        f"{plural(merge.copied, 'cell')} copied, {merge.present:,} that it had already, {merge.equal:,} with equal "
        f"results, {merge.close:,} with results within the tolerance"
    )
    if merge.known:
        yield f"{plural(merge.known, 'result')} left out, which an earlier merge kept aside"
    yield from (_conflict_line(conflict, into, metrics.get(conflict.key, "")) for conflict in merge.conflicts)
    pending = sum(conflict.is_pending for conflict in merge.conflicts)
    if pending:
        said = "has different results and is" if pending == 1 else "have different results and are"
        yield (
            f"not deterministic: {plural(pending, 'cell')} {said} pending; `harness run` runs "
            f"{'it' if pending == 1 else 'them'} again"
        )
    if kept := len(merge.conflicts) - pending:
        differ = f"the results of {plural(kept, 'cell')} differ from those in {name}"
        yield f"not deterministic: {differ}, and those in {name} count"
    for problem in merge.problems:
        yield f"warning: {problem}"


def _conflict_line(conflict: Conflict, into: Path, metric: str) -> str:
    """The runs of a cell whose results differ, and in what else they do."""
    kept = f"kept in {conflict_place(into, conflict.key)}"
    if not conflict.runs:
        name = f"cell {conflict.key}" if conflict.known is None else _name(conflict.known)
        return f"{name}: an earlier merge found different results, {kept}, and it was not run again since"
    runs = [found.record.run for found in conflict.runs]
    metric = _metric(runs, metric)
    results = [
        f"{run.status.value}{f', {metric} {run.scores[metric]!r}' if metric in run.scores else ''} in "
        f"{home_name(found.home)}"
        for run, found in zip(runs, conflict.runs, strict=True)
    ]
    names = dict.fromkeys(
        each.name for run in runs[1:] for each in environment_differences(runs[0].provenance, run.provenance)
    )
    more = f" and {len(names) - MOST_DIFFERENCES} more" if len(names) > MOST_DIFFERENCES else ""
    return (
        f"{_name(runs[0])} has different results: {'; '.join(results)}; the environments "
        f"differ in {', '.join([*names][:MOST_DIFFERENCES]) or 'nothing that is recorded'}{more}; {kept}"
    )


def _name(run: Run) -> str:
    """The forecaster, the task and the seed of a run."""
    seed = "" if run.cell.seed is None else f", seed {run.cell.seed}"
    return f"{run.cell.forecaster} on {run.cell.task.label}{seed}"


def _metric(runs: Sequence[Run], preferred: str) -> str:
    """A metric by which the scores of runs differ, if possible the preferred one; any if there is none."""
    different = [each.name for run in runs[1:] for each in score_differences(runs[0].scores, run.scores)]
    return preferred if preferred in different else next(iter([*different, *runs[0].scores]), "")
