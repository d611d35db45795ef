"""Notes of a run on its covariates: what was not known at the cutoffs, and what forecasters were given for it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from harness.arrays import Ints
from harness.data.missing import Missing
from harness.data.panel import Panel
from harness.tasks.folds import Backtest
from harness.tasks.task import Task

MOST_VALUES = 1_000_000  # known covariates at a time


def ignored_covariates(task: Task, panel: Panel, kinds: Collection[str] | None) -> tuple[str, ...]:
    """The covariates of a task of which a forecaster can use none, by the kinds that it can use; None: not stated."""
    if kinds is None:
        return ()
    given = None if task.covariates is None else set(task.covariates)
    offered: dict[str, str] = {channel.name: channel.role for channel in panel.channels if channel.role != "target"}
    offered |= dict.fromkeys(panel.static, "static")
    return tuple(name for name, kind in offered.items() if kind not in kinds and (given is None or name in given))


def covariate_notes(backtest: Backtest, missing: Missing) -> list[str]:
    """Notes on forecast covariates without vintages, on delays, and on known covariates that are missing."""
    return [
        *(
            f"known covariate {channel.name!r} is a forecast, and the dataset has no vintages: "
            "its actual values were given"
            for channel in backtest.panel.channels
            if not channel.certain and channel.name not in backtest.panel.vintages
        ),
        *_delay_notes(backtest, missing),
        *_missing_notes(backtest),
    ]


def _delay_notes(backtest: Backtest, missing: Missing) -> list[str]:
    """The values that are filled because of a delay, and delays that hide the whole history of windows."""
    lines, cutoffs = [], backtest.cutoffs.cutoffs
    for i, delay in backtest.panel.delays.items():
        name = backtest.panel.channels[i].name
        if missing != "native":
            which = f"last {delay} values of {name!r} are" if delay > 1 else f"last value of {name!r} is"
            lines.append(f"the {which} not known at a cutoff; the last known value is used")
        if hidden := np.mean(delay >= cutoffs):
            lines.append(f"the delay of {name!r} hides all of its values in {_percent(float(hidden))} of the windows")
    return lines


def _missing_notes(backtest: Backtest) -> list[str]:
    """The known covariates that are missing in steps to forecast, with the share of these steps."""
    panel = backtest.panel
    known = panel.channels_of("known covariate")
    if not panel.vintages and not np.isnan(panel.values[:, list(known)]).any():
        return []
    counts, steps = _missing_steps(backtest, panel), len(backtest.cutoffs.cutoffs) * backtest.task.horizon
    return [
        f"known covariate {panel.channels[i].name!r} is missing in {_percent(count / steps)} of the steps to forecast"
        for i, count in zip(known, counts, strict=True)
        if count
    ]


def _missing_steps(backtest: Backtest, panel: Panel) -> Ints:
    """The number of steps of all windows in which each known covariate is missing, (known covariate,)."""
    contexts = backtest.windows.contexts
    ahead = (contexts.gap + contexts.horizon) * len(panel.channels)
    batches = contexts.batches(max(1, MOST_VALUES // ahead))
    counts = [np.isnan(batch.known()[:, batch.gap :]).sum(axis=(0, 1)) for batch in batches]
    return np.asarray(np.sum(counts, axis=0))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
