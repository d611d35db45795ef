"""Scores by metrics whose plugin has changed since: they are computed again from the stored forecasts.

A run remembers the `result_version` of the plugin of each metric, in its provenance. Metrics that are included in
harness have none there: `EVALUATION_VERSION` stands for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from harness.evaluation.run import Run

if TYPE_CHECKING:
    from harness.evaluation.metrics import Metric
    from harness.evaluation.outcomes import Actuals

METRICS = "metrics"  # in the provenance of a run: by metric, the version of its plugin
Value = TypeVar("Value")


def changed_metrics(run: Run, versions: Mapping[str, str]) -> list[str]:
    """The metrics that a run was scored by in another version, or in an unknown one.

    `versions` are the present ones of plugins' metrics. A metric that the run was not scored by is not among them.
    """
    recorded = recorded_versions(run)
    return [
        name
        for name, version in versions.items()
        if recorded.get(name) != version and (name in run.scores or name in run.unsupported or name in recorded)
    ]


def with_known_version(run: Run, names: Iterable[str]) -> list[str]:
    """The metrics of which the run remembers the version; those of earlier versions of harness remember none."""
    recorded = recorded_versions(run)
    return [name for name in names if name in recorded]


def rescored(run: Run, actuals: Actuals, metrics: Sequence[Metric], versions: Mapping[str, str]) -> Run:
    """A run with its arrays, scored again by these metrics; a metric that raises has no score, and a note says so.

    The notes on what was scored are those of the present scores.
    """
    from harness.evaluation.evaluate import score_run
    from harness.evaluation.notes import forecast_notes

    assert run.results is not None
    names = [metric.name for metric in metrics]
    kept = without_scores(run, names)
    scored = score_run(replace(kept, scores={}), actuals, run.results.forecast, metrics)
    assert scored.results is not None
    recorded = {**recorded_versions(run), **{name: versions[name] for name in names}}
    present = replace(
        scored,
        scores=_updated(run.scores, scored.scores, names),
        results=replace(scored.results, terms=_updated(run.results.terms, scored.results.terms, names)),
        provenance={**run.provenance, METRICS: recorded},
    )
    former = forecast_notes(kept)
    others = [note for note in present.notes if note not in former]
    return replace(present, notes=(*others, *forecast_notes(present)))


def without_scores(run: Run, names: Collection[str]) -> Run:
    """The run as if it had not been scored by these metrics."""
    from harness.evaluation.notes import forecast_notes

    former = forecast_notes(run)
    kept = replace(
        run,
        scores=_updated(run.scores, {}, names),
        functionals=_updated(run.functionals, {}, names),
        unsupported=_updated(run.unsupported, {}, names),
    )
    others = [
        note
        for note in run.notes
        if note not in former and not any(note.startswith(f"no score by {name}: ") for name in names)
    ]
    return replace(kept, notes=(*others, *forecast_notes(kept)))


def recorded_versions(run: Run) -> Mapping[str, Any]:
    recorded = run.provenance.get(METRICS)
    return recorded if isinstance(recorded, Mapping) else {}


def _updated(former: Mapping[str, Value], present: Mapping[str, Value], names: Collection[str]) -> dict[str, Value]:
    """The former values by metric, in their order, those of `names` replaced by the present ones or removed."""
    merged = {**former, **present}
    return {name: value for name, value in merged.items() if name in present or name not in names}
