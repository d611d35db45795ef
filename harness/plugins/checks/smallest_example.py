"""The smallest example on which a check fails: its task and data made smaller as long as it fails in the same way."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from harness.arrays import Floats
from harness.data.panel import Channel, Panel
from harness.errors import Failure, attempt
from harness.plugins.check_results import CheckResult
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task

Example = tuple[Task, Panel]
Check = Callable[[Task, Panel], CheckResult]

MOST_TRIES = 60
SHORT = 8  # values before the first cutoff
MOST_VALUES = 60  # of an example whose values are shown


@dataclass(frozen=True)
class FailingExample:
    """An example on which a check fails."""

    task: Task
    panel: Panel
    is_smallest: bool = True  # whether the search for a smaller one came to its end


def smallest_example(example: Example, failed: CheckResult, check: Check, seconds: float) -> FailingExample:
    """The smallest example that was found in this time on which a check fails as it did on this one."""
    end, tries = time.monotonic() + seconds, 0
    candidates: Iterator[Example] = chain(_short(*example), _smaller(*example))
    while (candidate := next(candidates, None)) is not None:
        if time.monotonic() > end or tries == MOST_TRIES:
            return FailingExample(*example, is_smallest=False)
        tries += 1
        if _fails_alike(check(*candidate), failed):
            example, candidates = candidate, _smaller(*candidate)
    return FailingExample(*example)


def _fails_alike(result: CheckResult, failed: CheckResult) -> bool:
    return not result.passed and _kind(result.detail) == _kind(failed.detail)


def _kind(detail: str) -> tuple[str, ...]:
    """What tells one failure from others: its words without numbers and windows, and the axis that is wrong."""
    words = re.sub(r"^(failed: |invalid: )?(every window: |\d+ of \d+ windows: )?", "", detail)
    words = re.sub(r"^series .* at cutoff \d+: ", "", words).split("(")[0]
    return re.sub(r"\d+", "", words).strip()[:40] or detail, *re.findall(r"; (the ax[ei]s .*? (?:is|are) \w+)", detail)


def _short(task: Task, panel: Panel) -> Iterator[Example]:
    """One window of the first series, with few values before it: much that is left out in one try."""
    protocol = task.protocol
    if isinstance(protocol, RollingOrigin) and not panel.vintages:
        smaller = replace(task, protocol=replace(protocol, windows=1))
        panel_of = partial(_rebuilt, panel, series=[0], length=SHORT + _steps(smaller), static=False, calendar=False)
        shorter = attempt(panel_of)
        if isinstance(shorter, Panel):
            yield smaller, shorter


def _smaller(task: Task, panel: Panel) -> Iterator[Example]:
    """Examples that are smaller in one respect, those that leave out most first."""
    for smaller in _smaller_tasks(task):
        yield smaller, panel
        shorter = attempt(partial(_rebuilt, panel, cut=_steps(task) - _steps(smaller)))
        if isinstance(shorter, Panel):  # of which the first cutoff is the same
            yield smaller, shorter
    for change in _smaller_panels(panel):
        changed = attempt(change)
        if isinstance(changed, Panel):  # else it is not valid
            yield task, changed


def _steps(task: Task) -> int:
    """The number of rows from the first cutoff to the end of a series."""
    protocol = task.protocol
    windows = protocol.windows if isinstance(protocol, RollingOrigin) else None
    return protocol.gap + protocol.horizon * (windows or 1)


def _smaller_tasks(task: Task) -> Iterator[Task]:
    protocol = task.protocol
    if isinstance(protocol, RollingOrigin):
        changes: tuple[dict[str, Any], ...] = (
            {"windows": 1},
            {"horizon": 1},
            {"gap": 0},
            {"refit": "once"},
            {"max_context": None},
        )
        for change in changes:
            changed = replace(protocol, **change)
            if changed != protocol:
                yield replace(task, protocol=changed)
    for levels in ((), (0.5,)):
        if len(task.quantile_levels) > len(levels):
            yield replace(task, quantile_levels=levels)


def _smaller_panels(panel: Panel) -> Iterator[Callable[[], Panel]]:
    for i in range(len(panel)) if len(panel) > 1 else ():
        yield partial(_rebuilt, panel, series=[i])
    if panel.static:
        yield partial(_rebuilt, panel, static=False)
    if panel.freq is not None:
        yield partial(_rebuilt, panel, calendar=False)
    for channel in panel.channels if len(panel.channels) > 1 else ():
        yield partial(_rebuilt, panel, channels=[each for each in panel.channels if each is not channel])
    longest = int(panel.lengths.max())
    for length in dict.fromkeys((longest // 2, longest - max(longest // 4, 1), longest - 1)):
        if length and not panel.vintages:
            yield partial(_rebuilt, panel, length=length)
    for simple in (_counted(panel), np.round(panel.values, 1)):
        if _digits(simple) < _digits(panel.values):
            yield partial(panel.with_values, simple)


def _digits(values: Floats) -> int:
    """The length of some values as text."""
    return len(repr(values.tolist()))


def _counted(panel: Panel) -> Floats:
    """The numbers 1, 2, … in each series instead of its values; missing ones stay missing."""
    rows = np.concatenate([np.arange(1.0, length + 1) for length in panel.lengths])
    values = rows[:, None] + 10.0 * np.arange(len(panel.channels))
    for column, channel in enumerate(panel.channels):
        if channel.categories:
            values[:, column] %= len(channel.categories)
    return np.where(np.isnan(panel.values), np.nan, values)


def _rebuilt(
    panel: Panel,
    *,
    series: list[int] | None = None,
    channels: list[Channel] | None = None,
    length: int | None = None,
    cut: int = 0,
    static: bool = True,
    calendar: bool = True,
) -> Panel:
    """A panel with only these series and channels, without the last `cut` values, and so many values before them."""
    chosen = list(range(len(panel))) if series is None else series
    kept = list(panel.channels) if channels is None else channels
    columns = [panel.channels.index(channel) for channel in kept]
    every = list(panel)
    values = [every[i][: len(every[i]) - cut, columns][-length if length else None :] for i in chosen]
    names = {channel.name for channel in kept}
    vintages = {name: found for name, found in panel.vintages.items() if name in names and len(chosen) == len(panel)}
    uncertain = [channel.name for channel in kept if not channel.certain and channel.name not in vintages]
    return Panel.of(
        values,
        start=panel.start[chosen] if calendar else 0,
        freq=panel.freq if calendar else None,
        season_length=panel.season_length,
        channels=[replace(channel, certain=True) if channel.name in uncertain else channel for channel in kept],
        static={name: [found[i] for i in chosen] for name, found in panel.static.items()} if static else {},
        vintages=vintages,
    )


def example_code(task: Task, panel: Panel, forecaster: str, missing: str, *, twice: bool = False) -> str | None:
    """Python code that evaluates a forecaster on an example, or does so twice; None for data too large to be shown."""
    if panel.values.size > MOST_VALUES or panel.vintages or panel.freq is not None:
        return None
    code = attempt(lambda: _code(task, panel, forecaster, missing, twice))
    return None if isinstance(code, Failure) else code


def _code(task: Task, panel: Panel, forecaster: str, missing: str, twice: bool) -> str:
    is_plain = len(panel.channels) == 1
    rows = [values[:, 0].tolist() if is_plain else values.tolist() for values in panel]
    arguments = [repr(rows).replace("nan", "np.nan")]
    if panel.season_length != 1:
        arguments.append(f"season_length={panel.season_length}")
    if panel.channels != (Channel("value"),):
        arguments.append(f"channels=[{', '.join(map(_channel_code, panel.channels))}]")
    if panel.static:
        arguments.append(f"static={dict(panel.static)!r}")
    protocol = type(task.protocol).__name__
    settings = [f"harness.{protocol}({_changed(task.protocol)})"]
    if task.split is not None:
        settings.append(f"harness.{type(task.split).__name__}({_changed(task.split)})")
    if task.quantile_levels:
        settings.append(f"quantile_levels={task.quantile_levels}")
    runs = "first, second" if twice else "run"
    filling = "" if missing == "native" else f", missing={missing!r}"
    evaluation = ", ".join([f"harness.evaluate({forecaster}, task, panel{filling})"] * len(runs.split(", ")))
    return "\n".join(
        [
            *(["import numpy as np"] if "np.nan" in arguments[0] else []),
            "import harness",
            "",
            f"panel = harness.Panel.of({', '.join(arguments)})",
            f'task = harness.Task("check", {", ".join(settings)})',
            f"{runs} = {evaluation}",
            *[f"print({run}.status, {run}.reason, {run}.scores)" for run in runs.split(", ")],
        ]
    )


def _channel_code(channel: Channel) -> str:
    return f"harness.Channel({_changed(channel)})"


def _changed(value: object) -> str:
    """The fields of a dataclass that are not its defaults, as arguments."""
    texts = []
    for field in fields(value):  # type: ignore[arg-type]
        given = getattr(value, field.name)
        if given != field.default:
            texts.append(f"{field.name}={given!r}")
    return ", ".join(texts)
