"""What a merge of homes did, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.data.home_folders import home_name
from harness.evaluation.run import Run
from harness.report.numbers import plural
from harness.results.merging import Conflict, Merge
from harness.results.run_comparison import environment_differences, score_differences

MOST_DIFFERENCES = 4  # of the environments of two runs


def merge_lines(merge: Merge, homes: int, into: Path, *, is_new: bool = False) -> Iterator[str]:
    """What was merged, and what was not; `is_new`: into a home that was made for that."""
    name = home_name(into)
    yield (
        f"merged {plural(homes, 'home')} into {'the new home ' if is_new else ''}{name}: "
        f"{plural(merge.copied, 'cell')} copied, {merge.present:,} that it had already, {merge.equal:,} with equal "
        f"results, {merge.close:,} with results within the tolerance"
    )
    if merge.known:
        yield f"{plural(merge.known, 'result')} left out, which an earlier merge kept aside"
    yield from (_conflict_line(conflict, name) for conflict in merge.conflicts)
    pending = sum(conflict.is_pending for conflict in merge.conflicts)
    if pending:
        yield (
            f"not deterministic: {plural(pending, 'cell')} with different results, which are pending; "
            f"`harness run` runs them again"
        )
    if kept := len(merge.conflicts) - pending:
        yield f"not deterministic: {plural(kept, 'cell')} with other results than {name} has, which count"
    for problem in merge.problems:
        yield f"warning: {problem}"


def _conflict_line(conflict: Conflict, into: str) -> str:
    """The runs of a cell whose results differ, and in what else they do."""
    if not conflict.runs:
        return f"cell {conflict.key}: an earlier merge found different results, and it was not run again since"
    runs = [found.record.run for found in conflict.runs]
    cell, metric = runs[0].cell, _metric(runs)
    seed = "" if cell.seed is None else f", seed {cell.seed}"
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
        f"{cell.forecaster} on {cell.task.label}{seed} has different results: {'; '.join(results)}; the environments "
        f"differ in {', '.join([*names][:MOST_DIFFERENCES]) or 'nothing that is recorded'}{more}; kept in "
        f"{into}/conflicts/{conflict.key}"
    )


def _metric(runs: Sequence[Run]) -> str:
    """A metric by which the scores of runs differ; any if there is none."""
    different = [each.name for run in runs[1:] for each in score_differences(runs[0].scores, run.scores)]
    return next(iter([*different, *runs[0].scores]), "")
