"""Bootstrap replicates of a board's aggregate scores.

Where a board has many datasets, the datasets are resampled, each with all of its tasks: conclusions extend to
further datasets. Where it has few, its tasks are fixed and their units are resampled within each task: conclusions
extend to further series, or cutoffs, of these tasks. Tasks on the same windows of one dataset, such as those that
differ in the covariates that forecasters are given, have the same units, which are resampled once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from harness.analysis.ranking.error_table import Aggregates, ErrorTable, TaskErrors
from harness.analysis.ranking.units import Kind, Units, resampled_scores
from harness.analysis.statistics.clustering import TwoWaySums, variances_of_differences
from harness.analysis.statistics.confidence_set import MAX_PAIRED
from harness.analysis.statistics.resampling import Stratum, blocks_of_columns, counts, resamples
from harness.arrays import Floats, Ints, ratio
from harness.evaluation.scoring import distances

SAMPLES, SEED = 10_000, 0  # with 1,000 samples, another seed would change which forecasters are tied
BATCH_NUMBERS, MIN_BATCH = 1_000_000, 50  # numbers, and replicates, that are aggregated together
REPLICATED_NUMBERS, MIN_SAMPLES = 10_000_000, 2_000  # of each aggregate: bounds its memory beyond 1,000 forecasters
RESAMPLED_NUMBERS = 200_000_000  # positions of units: bounds their memory beyond 20,000 units
WEIGHT_NUMBERS = 1_000_000  # of the units of a stratum that are weighted together: they fit into a processor's cache
MIN_SOURCES = 10  # from so many datasets on, datasets are resampled
MIN_RESAMPLED = 5  # independent units, over all tasks: with fewer, resamples vary too little


@dataclass(frozen=True, eq=False)
class DifferenceVariances:
    """The variances of differences of mean logarithms: sums over groups of tasks that share no unit."""

    groups: tuple[TwoWaySums, ...]
    tasks: int

    def among(self, forecasters: Ints) -> Floats:
        """Of the difference of each two of some forecasters, a square matrix."""
        parts = [sums.of_statistics(forecasters).covariance.variances_of_differences for sums in self.groups]
        return np.asarray(sum(parts)) / self.tasks**2

    def from_one(self, forecaster: int) -> Floats:
        """Of the difference of each from one of them, (forecaster,)."""
        return np.asarray(sum(sums.variances_from(forecaster) for sums in self.groups)) / self.tasks**2

    def from_mean(self) -> Floats:
        """Of the difference of each from the mean of all, (forecaster,)."""
        return np.asarray(sum(sums.variances_from(None) for sums in self.groups)) / self.tasks**2


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Bootstrap replicates of a board's aggregate scores."""

    aggregates: Aggregates  # of each replicate, (sample, forecaster)
    estimates: Aggregates  # of the data themselves, (forecaster,)
    units: float  # effective number of independent units
    counted: int  # units, whether independent or not
    min_units: float  # of units or blocks in any stratum: the fewer, the less resamples vary
    blocks: Floats  # (block, forecaster), in each of which forecasters can be ranked
    method: str  # in words
    # variances of the differences of mean logarithms where series and cutoffs are resampled; None where those of the
    # replicates are right
    variances: DifferenceVariances | None = None

    @property
    def samples(self) -> int:
        """The number of replicates."""
        return len(self.aggregates.logs)

    @property
    def forecasters(self) -> int:
        """The number of forecasters."""
        return len(self.estimates.logs)

    def shrinkage_from(self, baseline: int) -> Floats:
        """The factors for the deviations of replicated differences from one forecaster, (forecaster,)."""
        if self.variances is None:
            return np.ones(self.forecasters)
        if self.forecasters <= MAX_PAIRED:
            return self._shrinkage[:, baseline].copy()
        logs = self.aggregates.logs
        own = [(logs[:, columns] - logs[:, [baseline]]).var(axis=0, ddof=1) for columns in blocks_of_columns(logs)]
        return np.sqrt(ratio(self.variances.from_one(baseline), np.concatenate(own), empty=1.0))

    def shrinkage_among(self, forecasters: Ints) -> Floats:
        """The factors for the deviations of replicated differences of some forecasters, a square matrix."""
        if self.variances is None:
            return np.ones((len(forecasters), len(forecasters)))
        if self.forecasters <= MAX_PAIRED:
            return self._shrinkage[np.ix_(forecasters, forecasters)]
        return _shrinkage(self.variances.among(forecasters), self.aggregates.logs[:, forecasters])

    @cached_property
    def _shrinkage(self) -> Floats:
        """The factors of all pairs, of few forecasters."""
        assert self.variances is not None
        return _shrinkage(self.variances.among(np.arange(self.forecasters)), self.aggregates.logs)


def _shrinkage(variances: Floats, logs: Floats) -> Floats:
    own = variances_of_differences(np.cov(logs, rowvar=False).reshape(variances.shape))
    return np.sqrt(ratio(variances, own, empty=1.0))


def sample_count(forecasters: int, units: int = 1) -> int:
    """The number of replicates for so many forecasters and units: fewer where they would take too much memory."""
    most = min(REPLICATED_NUMBERS // max(forecasters, 1), RESAMPLED_NUMBERS // max(units, 1))
    return min(SAMPLES, max(MIN_SAMPLES, most))


def bootstrap(table: ErrorTable, samples: int | None = None) -> Bootstrap | str:
    """Replicates of the board's aggregates on resamples of its datasets or units, or why there are none."""
    if samples is None:
        resampled = (stratum.units for units in _distinct_units(table) for stratum in units.strata)
        samples = sample_count(table.forecasters, sum(resampled))
    sources = list(dict.fromkeys(task.source for task in table.tasks))
    if not table.tasks:
        return "the baseline has a score on no task"
    if not table.impute:
        return "forecasters are compared on different tasks or windows"
    if len(sources) >= MIN_SOURCES:
        return _resample_sources(table, sources, samples)
    for task in table.tasks:
        if not task.resampled:
            return f"task {task.task} has fewer than two series or cutoffs to resample, or no stored per-window losses"
    units = _independent_units(table)
    if units < MIN_RESAMPLED:
        return f"with {units:.3g} independent units, fewer than {MIN_RESAMPLED}, intervals would be too narrow"
    return _resample_units(table, samples)


def _resample_sources(table: ErrorTable, sources: list[str], samples: int) -> Bootstrap:
    """Replicates on resamples of whole datasets."""
    source_index, count = np.array([sources.index(task.source) for task in table.tasks]), len(sources)
    indices = resamples([Stratum(count)], samples, SEED)
    weights = counts(indices, count)[:, source_index].astype(np.float64)
    logs, tasks_of_source = table.logs(table.errors), np.bincount(source_index)
    member = source_index[None, :] == np.arange(count)[:, None]
    by_source = (member / tasks_of_source[:, None]) @ logs
    method = f"{samples:,} resamples of {count} datasets, each with all of its tasks"
    aggregates, estimates = Aggregates.of(table, table.errors, weights), Aggregates.of(table, table.errors)
    return Bootstrap(aggregates, estimates, count, count, count, by_source, method)


def _resample_units(table: ErrorTable, samples: int) -> Bootstrap:
    """Replicates on resamples of the units within each task."""
    strata = [stratum for units in _distinct_units(table) for stratum in units.strata]
    aggregates = _replicate_aggregates(table, resamples(strata, samples, SEED))
    min_units = min(stratum.blocks for stratum in strata)
    crossed = any(units.kind == "series and cutoffs" for units in _distinct_units(table))
    estimates, method = Aggregates.of(table, table.errors), _method(table, samples)
    units, counted = _independent_units(table), sum(stratum.units for stratum in strata) - len(strata) + 1
    replicates = Bootstrap(aggregates, estimates, units, counted, min_units, _blocks(table), method)
    return replace(replicates, variances=_variances(table)) if crossed else replicates


def _distinct_units(table: ErrorTable) -> list[Units]:
    """The units of the tasks, those that several tasks share once."""
    units = [table.tasks[group[0]].units for group in table.groups]
    return [of_group for of_group in units if of_group is not None]


def _replicate_aggregates(table: ErrorTable, indices: Ints) -> Aggregates:
    """The aggregates on each resample of units, (sample, forecaster); indices are those of all strata, one by one."""
    largest = max(stratum.units for units in _distinct_units(table) for stratum in units.strata)
    step = min(BATCH_NUMBERS // (len(table.tasks) * table.forecasters), WEIGHT_NUMBERS // largest)
    step = max(MIN_BATCH, step)
    batches = [indices[i : i + step] for i in range(0, len(indices), step)]
    found = Aggregates(*np.empty((4, len(indices), table.forecasters)))
    first = 0
    for batch in batches:
        part = Aggregates.of(table, table.relative_errors(_replicate_distances(table, batch)))
        rows = slice(first, first := first + len(batch))
        for name, values in vars(part).items():
            getattr(found, name)[rows] = values
    return found


def _replicate_distances(table: ErrorTable, indices: Ints) -> Floats:
    """The distances of scores from the best on each resample, (sample, task, forecaster)."""
    replicates, first = np.empty((len(indices), len(table.tasks), table.forecasters)), 0
    for group in table.groups:
        units = table.tasks[group[0]].units
        assert units is not None
        weights = []
        for stratum in units.strata:
            drawn = indices[:, first : first + stratum.units] - first
            weights.append(counts(drawn, stratum.units).astype(np.float64))
            first += stratum.units
        for i in group:
            task = table.tasks[i]
            assert task.sums is not None
            scores = resampled_scores(task.sums, units, table.metric, weights)
            replicates[:, i] = task.of_forecasters(distances(table.metric, scores, task.quantile_levels))
    return replicates


def _independent_units(table: ErrorTable) -> float:
    """The number of independent units of a single stratum that would estimate the variance as well."""
    units = [of_group.independent for of_group in _distinct_units(table)]
    return sum(units) - len(units) + 1


def _variances(table: ErrorTable) -> DifferenceVariances:
    """The variances of differences of mean logarithms, where series and cutoffs are resampled."""
    parts = []
    for group in table.groups:
        units = table.tasks[group[0]].units
        assert units is not None
        series = None if units.kind == "cutoffs" else units.series_stratum
        cutoffs = None if units.kind == "series" else units.cutoff_stratum
        deviations = np.sum([_log_deviations(table, i) for i in group], axis=0)
        parts.append(TwoWaySums.of(deviations, series, cutoffs, corrected=False))
    return DifferenceVariances(tuple(parts), len(table.tasks))


def _log_deviations(table: ErrorTable, position: int) -> Floats:
    """The deviations of the logarithms of relative errors on the task at a position, (series, cutoff, forecaster).

    An imputed error deviates as that of its donor; one that is clipped does not.
    """
    task, errors = table.tasks[position], table.errors[position]
    _, deviations = task.linearised(table.metric)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = deviations / task.distances
    logs = np.where(np.isfinite(logs), logs, 0.0)
    for forecaster in np.flatnonzero(np.isnan(task.distances)):
        logs[..., forecaster] = logs[..., table.donor(position, int(forecaster))]
    relative: Floats = logs - logs[..., [table.baseline]]
    low, high = table.clip
    return np.where((errors > low) & (errors < high), relative, 0.0)


def _blocks(table: ErrorTable) -> Floats:
    """Losses in units that do not overlap, (unit, forecaster), of all tasks; a forecaster without losses has the worst.

    Those of tasks that share units are added. None where a task has units of two kinds: ranks in series are not
    independent, nor are those at cutoffs.
    """
    parts = []
    for group in table.groups:
        tasks = [table.tasks[i] for i in group]
        units = tasks[0].units
        assert units is not None
        if table.metric.best != "lowest" or units.kind == "series and cutoffs":
            return np.empty((0, len(tasks[0].distances)))
        parts.append(np.sum([_known_losses(task)[:: units.unit_overlap] for task in tasks], axis=0))
    return np.concatenate(parts)


def _known_losses(task: TaskErrors) -> Floats:
    """The losses in each unit, (unit, forecaster), the worst ones of a forecaster that has none."""
    losses = task.losses
    return np.where(np.isnan(losses), np.fmax.reduce(losses, axis=1, keepdims=True), losses)


def _method(table: ErrorTable, samples: int) -> str:
    kinds = sorted({units.kind for units in _distinct_units(table)})
    return f"{samples:,} resamples of " + "; ".join(_description(table, kind) for kind in kinds)


def _description(table: ErrorTable, kind: Kind) -> str:
    """How many units of a kind there are, in how many tasks, and for what results hold."""
    alike = [units for units in _distinct_units(table) if units.kind == kind]
    tasks = sum(task.units is not None and task.units.kind == kind for task in table.tasks)
    series = f"{sum(units.series_count for units in alike):,} series"
    cutoffs = f"{sum(units.cutoff_count for units in alike):,} cutoffs"
    longest = max(units.cutoff_stratum.block for units in alike)
    parts = [{"series": series, "cutoffs": cutoffs}.get(kind, f"{series} and, independently, {cutoffs}")]
    if len(table.tasks) > 1:
        parts[0] += f" in {tasks} task{'s' if tasks > 1 else ''}"
    if len(alike) < tasks:
        parts.append("the same ones in tasks on the same windows")
    if kind != "series" and longest > 1:
        parts.append(f"in blocks of up to {longest}")
    if kind == "series":
        parts.append("for these cutoffs only")
    elif kind == "cutoffs" and any(units.series_count > 1 for units in alike):
        parts.append("for these series only")
    return ", ".join(parts)
