"""The quantities that a comparison compares: metrics, and the costs of runs."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from harness.analysis.comparison.conditions import TIMES, Condition
from harness.analysis.comparison.pairs import PairedResults
from harness.analysis.comparison.sources import Source
from harness.errors import BadInput
from harness.evaluation.metrics import Metric
from harness.plugins.catalog import Catalog
from harness.results.provenance import machine_kind
from harness.results.publication.published_results import PublishedResults


def check_testable(condition: Condition, metric: Metric | None) -> None:
    """Raise BadInput for a condition with a level of a metric without losses."""
    if condition.level is not None and metric is not None and metric.best != "lowest":
        untested = str(replace(condition, level=None))
        raise BadInput(
            f"condition '{condition}': {metric.name} has no losses to test; leave out the p, as in '{untested}'"
        )


def default_metrics(first: Source, second: Source, catalog: Catalog) -> list[str]:
    """The metrics to show where none is asked for: a board's own, or all of the catalog that both runs have."""
    if not first.is_run:
        return [first.results.plan.metric]
    runs = [run for source in (first, second) for key in source.cells for run in source.runs(key)]
    scores = [run.scores for run in runs if run is not None]
    known = [name for name in scores[0] if name in catalog.metrics]
    names = [name for name in known if all(math.isfinite(run.get(name, math.nan)) for run in scores)]
    return names or [first.results.plan.metric]


def find_metric(name: str, catalog: Catalog, sources: Sequence[Source]) -> Metric:
    """The catalog's metric, or else the one that is published with the results."""
    published = [source.results.metrics for source in sources if isinstance(source.results, PublishedResults)]
    declared = [metrics[name] for metrics in published if name in metrics and name not in catalog.metrics]
    return declared[0] if declared else catalog.metrics[name].spec


def time_machines(quantities: Collection[str], pairs: Sequence[PairedResults]) -> dict[str, tuple[str, ...]]:
    """The kinds of machines of A and of B where times are compared and there are several: these are not comparable."""
    if not set(quantities) & set(TIMES):
        return {}
    kinds = {
        letter: tuple(dict.fromkeys(machine_kind(run.provenance) for pair in pairs for run in pair.runs_of(letter)))
        for letter in "AB"
    }
    return kinds if len({kind for each in kinds.values() for kind in each if kind}) > 1 else {}
