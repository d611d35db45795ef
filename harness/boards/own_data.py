"""The board of a file: a protocol, a metric and forecasters that suit its data, as a board file that can be kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.data.tables.value_checks import demand_classes
from harness.errors import BadTask

if TYPE_CHECKING:
    from harness.arrays import Ints
    from harness.data.table_dataset import TableDataset
    from harness.data.tables.reading import TableReading
    from harness.plugins.catalog import Catalog

MOST_WINDOWS = 10  # a series
LEAST_CONTEXT = 8  # observations before the first cutoff, or two seasons
LEVELS = (0.1, 0.5, 0.9)  # quantile levels of which the interval has a coverage of 80 %
CLASS_FORECASTERS = ("majority-class", "last-class", "markov-chain")
SIMPLE = ("naive", "drift", "mean")
GLOBAL = ("ridge", "gradient-boosting", "dense", "lstm")
LOCAL = (("theta", 100_000_000), ("ets", 200_000), ("auto-arima", 200_000))  # and the most observations × season length


@dataclass(frozen=True)
class BoardRequest:
    """What a board of a file should be like; what is None is chosen by the data."""

    horizon: int  # steps
    windows: int | None = None  # a series
    metric: str | None = None
    quantile_levels: tuple[float, ...] | None = None
    name: str | None = None


@dataclass(frozen=True)
class OwnBoard:
    """A board of a file: the text of its board file, and why it is as it is."""

    name: str
    text: str
    reasons: tuple[str, ...]


def own_board(dataset: TableDataset, reading: TableReading, request: BoardRequest, catalog: Catalog) -> OwnBoard:
    """The board of a file that was read; raises BadTask where there is too little data for the horizon."""
    assert reading.lengths is not None
    season, lengths = reading.season_length, reading.lengths
    reasons: list[str] = []
    windows = request.windows or _windows(lengths, request.horizon, season, reasons)
    target = next(channel for channel in reading.channels if channel.role == "target")
    is_categorical = target.categories is not None
    metric = request.metric or _metric(reading, is_categorical, reasons)
    baseline = "majority-class" if is_categorical else "seasonal-naive" if season > 1 else "naive"
    levels = () if is_categorical else LEVELS if request.quantile_levels is None else request.quantile_levels
    forecasters = _forecasters(baseline, is_categorical, int(lengths.sum()) * season, catalog, reasons)
    name = request.name or dataset.title
    if name in catalog.boards:
        name = f"{name}-file"
    protocol = {"kind": "rolling-origin", "horizon": request.horizon, "windows": windows}
    lines = [
        f"title = {_value(name)}",
        f"metric = {_value(metric)}",
        f"baseline = {_value(baseline)}",
        "",
        "[[tasks]]",
        f"dataset = {_value(_stated(dataset, reading))}",
        f"protocol = {_value(protocol)}",
        *([f"quantile_levels = {_value(levels)}"] if levels else []),
        *(line for each in forecasters for line in ("", "[[forecasters]]", f"name = {_value(each)}")),
    ]
    return OwnBoard(name, "\n".join(lines) + "\n", tuple(reasons))


def _windows(lengths: Ints, horizon: int, season: int, reasons: list[str]) -> int:
    """As many windows as half of the series have room for after the least context, at most ten."""
    least = max(2 * season, LEAST_CONTEXT)
    room = int(np.median(lengths))
    windows = min(MOST_WINDOWS, (room - least) // horizon)
    if windows < 1:
        least = max(season + 1, 2)
        windows = min(1, (room - least) // horizon)
    if windows < 1:
        raise BadTask(
            f"a horizon of {horizon:,} steps needs series of at least {horizon + least:,} observations, {least:,} of "
            f"them before the first cutoff, and half of the series have fewer than {room + 1:,}; shorten the horizon"
        )
    left = int((lengths < least + windows * horizon).sum())
    why = "the most that are used by default" if windows == MOST_WINDOWS else f"after at least {least:,} observations"
    count = "1 window" if windows == 1 else f"{windows} windows"
    reasons.append(f"{count} of {horizon:,} steps at the end of each series: {why}")
    if left:
        reasons.append(f"{left:,} of {len(lengths):,} series are shorter, and have fewer windows")
    return windows


def _metric(reading: TableReading, is_categorical: bool, reasons: list[str]) -> str:
    """Log loss of classes, RMSSE where most series are intermittent, else MASE."""
    if is_categorical:
        reasons.append("log loss, a proper scoring rule for probabilities of classes")
        return "log loss"
    assert reading.rows is not None
    targets = [i for i, channel in enumerate(reading.channels) if channel.role == "target"]
    classes = [
        name for i in targets for name in demand_classes(reading.rows.values[:, i], reading.rows.offsets) if name
    ]
    if 2 * sum(name in ("intermittent", "lumpy") for name in classes) > max(len(classes), 1):
        reasons.append("RMSSE, which the mean minimises: most series are intermittent, and their median may be 0")
        return "RMSSE"
    reasons.append("MASE, the absolute error relative to that of the naive method in the history of each series")
    return "MASE"


def _forecasters(
    baseline: str, is_categorical: bool, size: int, catalog: Catalog, reasons: list[str]
) -> tuple[str, ...]:
    """The forecasters of the board: the usual ones, and those of other plugins."""
    usual: Iterable[str] = CLASS_FORECASTERS
    if not is_categorical:
        local = [name for name, most in LOCAL if size <= most]
        left_out = [name for name, most in LOCAL if size > most]
        if left_out:
            names = " and ".join(left_out)
            reasons.append(f"without {names}, which are fitted to each series and would take long")
        usual = (baseline, *SIMPLE, *local, *GLOBAL)
    others = [
        name
        for name, entry in catalog.forecasters.items()
        if not entry.plugin.included and entry.spec.categorical == is_categorical
    ]
    return tuple(dict.fromkeys(name for name in (*usual, *others) if name in catalog.forecasters))


def _stated(dataset: TableDataset, reading: TableReading) -> dict[str, object]:
    """The dataset with all that was inferred, so that the board file means the same in later versions."""
    columns, rows = reading.columns, reading.rows
    assert rows is not None
    stated = replace(dataset, time=columns.time, freq=rows.freq, season_length=reading.season_length)
    if columns.layout == "wide":
        stated = replace(stated, layout="wide")
    else:
        stated = replace(
            stated, id=columns.id, target=columns.target, known=columns.known, past=columns.past, static=columns.static
        )
    default = type(dataset)(file="")
    names = ("file", *(name for name in vars(default) if name != "file"))
    return {name: getattr(stated, name) for name in names if getattr(stated, name) != getattr(default, name)}


def _value(value: object) -> str:
    """A value in TOML, whose texts and numbers are written as in JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
