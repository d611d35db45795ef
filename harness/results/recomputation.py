"""Windows from the data of a task, for quantities that the journal does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import DataUnavailable, HarnessError
from harness.plugins.installed import installed_catalog
from harness.tasks.task import Task

if TYPE_CHECKING:
    from harness.tasks.windows import Windows


def windows_from_data(home: Path, fingerprint: str, task: Task) -> Windows:
    """The windows of a task; raises DataUnavailable where its data is not available, or has changed."""
    from harness.data.files import load
    from harness.tasks.folds import backtest

    try:
        panel = load(installed_catalog().datasets[task.dataset].spec, home)
    except HarnessError as error:
        raise DataUnavailable(
            f"task {task.label!r} needs its data for a quantity that is not in the journal: {error}"
        ) from error
    if panel.fingerprint() != fingerprint:
        raise DataUnavailable(
            f"task {task.label!r} needs its data for a quantity that is not in the journal, "
            f"and dataset {task.dataset!r} has changed since; run the board again"
        )
    return backtest(task, panel).windows
