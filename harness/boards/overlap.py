"""Training overlap: which tasks of a board are on data that its forecasters were trained on before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.boards.leaderboard import Entry
from harness.forecasters.card import TrainedOn, comparable_names, end_of_date
from harness.forecasters.pretraining import Pretraining, pretraining
from harness.plugins.catalog import Catalog
from harness.results.training import Training
from harness.tasks.task import Task


@dataclass(frozen=True)
class TrainingOverlap:
    """What a pretrained forecaster was trained on: tasks on datasets all of which it was trained on, and dates."""

    tasks: tuple[str, ...]
    training: Training


def training_overlaps(entries: Iterable[Entry], tasks: Sequence[Task], catalog: Catalog) -> dict[str, TrainingOverlap]:
    """The training overlap of each pretrained forecaster, by its name on the board."""
    specs = catalog.forecasters.specs
    found = {entry.title: pretraining(entry.name, specs) for entry in entries}
    names = {task.label: _names(task.dataset, catalog) for task in tasks}
    return {title: _overlap(trained, names) for title, trained in found.items() if trained is not None}


def _names(dataset: str, catalog: Catalog) -> frozenset[str]:
    """The names of a dataset as they are compared."""
    return comparable_names(dataset, *catalog.datasets[dataset].spec.aliases)


def _overlap(trained: Pretraining, names: dict[str, frozenset[str]]) -> TrainingOverlap:
    """The overlap with tasks, given by the names of their datasets."""
    matching = {task: [each for each in trained.datasets if each.names & own] for task, own in names.items()}
    dates = {task: _latest(datasets) for task, datasets in matching.items() if datasets}
    return TrainingOverlap(
        tuple(task for task, date in dates.items() if date is None),
        Training(
            {task: date for task, date in dates.items() if date is not None},
            trained.until,
            trained.dated,
            trained.selected_on,
        ),
    )


def _latest(datasets: Iterable[TrainedOn]) -> str | None:
    """The latest date until which values were used; None if all values of one of them were."""
    dates = [dataset.until for dataset in datasets]
    known = [date for date in dates if date is not None]
    return max(known, key=end_of_date) if len(known) == len(dates) else None
