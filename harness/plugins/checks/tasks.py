"""Small tasks of every kind that a board may have, on which forecasters are checked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.arrays import Floats
from harness.data.panel import Channel, Panel, Vintages
from harness.plugins.checks.metrics import sine_wave
from harness.tasks.protocols import Generation, RollingOrigin
from harness.tasks.splits import SeriesSplit
from harness.tasks.task import Task


def check_tasks() -> Iterator[tuple[str, Task, Panel]]:
    """Small tasks of every kind that a board may have, each with a description and its data."""
    rng = np.random.default_rng(1)
    waves = [sine_wave(90, phase) + rng.normal(0, 0.1, 90) for phase in range(3)]
    rolling = RollingOrigin(4, windows=3)
    yield "several series", Task("check", rolling), Panel.of(waves, season_length=12)
    shortened = [wave[: 90 - 11 * i] for i, wave in enumerate(waves)]
    yield "series of different lengths", Task("check", rolling), Panel.of(shortened, season_length=12)
    with_short = Panel.of([waves[0], waves[1][:8]], season_length=12)  # of which the second has cutoffs at 2, 4 and 6
    yield "histories shorter than a season", Task("check", RollingOrigin(2, windows=3)), with_short
    with_missing = [wave.copy() for wave in waves]
    for wave in with_missing:
        wave[[20, 21, 50, 84, 85]] = np.nan
    yield "series with missing values", Task("check", rolling), Panel.of(with_missing, season_length=12)
    pair = np.stack([waves[0], 5 + 2 * waves[1]], axis=1)
    two = (Channel("a"), Channel("b"))
    yield "two targets", Task("check", rolling), Panel.of([pair], season_length=12, channels=two)
    covariates = (Channel("y"), Channel("past", "past covariate"), Channel("known", "known covariate"))
    triple = np.stack([waves[0], waves[1], waves[2]], axis=1)
    dated = Panel.of([triple], start="2020-01-01", freq="MS", season_length=12, channels=covariates)
    yield "with covariates and a calendar", Task("check", rolling), dated
    yield "with delayed, forecast and static covariates", Task("check", rolling), _with_delay_and_vintages(waves)
    refits = RollingOrigin(4, windows=3, gap=2, refit="every", max_context=60)
    yield "after a gap, with refits", Task("check", refits), Panel.of(waves, season_length=12)
    levels = Task("check", rolling, quantile_levels=(0.1, 0.5, 0.9))
    yield "with quantile levels", levels, Panel.of(waves, season_length=12)
    generation = Task("check", Generation(40, 30), SeriesSplit(training=1, validation=1, test=1))
    yield "held-out series by free-running generation", generation, Panel.of(waves, season_length=12)


def categorical_tasks() -> Iterator[tuple[str, Task, Panel]]:
    """Small tasks with categorical targets, as `check_tasks`."""
    rng, task = np.random.default_rng(3), Task("check", RollingOrigin(4, windows=3))
    colours = Channel("colour", categories=("red", "green", "blue"), ordered=True)
    series = [np.asarray(rng.integers(3, size=90 - 11 * i), dtype=np.float64) for i in range(3)]
    yield "a categorical target", task, Panel.of(series, channels=[colours])
    pair = np.stack([series[0], rng.integers(2, size=90)], axis=1)
    pair[[20, 21, 50, 84, 85]] = np.nan
    both = Panel.of([pair], channels=[colours, Channel("switch", categories=("off", "on"))])
    yield "categorical targets of two and three classes, with missing values", task, both


def with_other_values(panel: Panel) -> Panel:
    """The panel with other values everywhere: larger ones, and other categories."""
    values = 1.5 * panel.values
    for column, channel in enumerate(panel.channels):
        if channel.categories:
            values[:, column] = len(channel.categories) - 1 - panel.values[:, column]
    return panel.with_values(values)


def _with_delay_and_vintages(waves: list[Floats]) -> Panel:
    """Two series with a past covariate that is known later, a forecast one with vintages, and static covariates."""
    channels = (
        Channel("y"),
        Channel("late", "past covariate", delay=3),
        Channel("forecast", "known covariate", certain=False),
        Channel("known", "known covariate"),
    )
    series = [np.stack([waves[i], waves[1 - i], waves[2], np.arange(90) % 12], axis=1)[: 90 - 11 * i] for i in range(2)]
    issued = [np.arange(0, len(values), 3) for values in series]
    leads = [np.minimum(rows[:, None] + np.arange(7), 89) for rows in issued]
    vintages = Vintages.of([(rows, waves[2][lead] + 0.1) for rows, lead in zip(issued, leads, strict=True)])
    static: dict[str, list[str | float]] = {"kind": ["a", "b"], "size": [1.0, 2.0]}
    return Panel.of(series, season_length=12, channels=channels, static=static, vintages={"forecast": vintages})
