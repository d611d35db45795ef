"""What a task with categorical targets must not ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.data.channel import channels_with_targets
from harness.data.classes import check_classes, class_count
from harness.errors import BadTask

if TYPE_CHECKING:
    from harness.data.panel import Panel
    from harness.tasks.task import Task


def are_categorical(task: Task, panel: Panel) -> bool:
    """Whether the targets of a task are categorical."""
    channels = panel.channels if task.targets is None else channels_with_targets(panel.channels, task.targets)
    return class_count(channels) > 0


def check_targets(task: Task, panel: Panel) -> None:
    """Raise BadTask for targets of both kinds, and for what classes do not have; BadData for values that are none."""
    targets = [panel.channels[i] for i in panel.targets]
    categorical = [channel.name for channel in targets if channel.categories is not None]
    if not categorical:
        return
    where = f"task {task.label!r} on dataset {task.dataset!r}"
    if len(categorical) < len(targets):
        numeric = next(channel.name for channel in targets if channel.categories is None)
        raise BadTask(
            f"{where}: target {categorical[0]!r} is categorical and target {numeric!r} is numeric, which cannot be "
            "forecast together; name the targets of one kind in `targets`, and write a task for each kind"
        )
    if task.quantile_levels:
        raise BadTask(f"{where}: target {categorical[0]!r} is categorical and has no quantiles; leave out the levels")
    if task.standardise:
        raise BadTask(f"{where}: target {categorical[0]!r} is categorical and cannot be standardised")
    check_classes(panel)
