"""The board of a file: a protocol, a metric and forecasters that suit its data, as a board file that can be kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.boards.own_calendar import with_default_calendar
from harness.boards.own_protocol import BoardRequest, OwnProtocol, own_protocol
from harness.data.panel import Panel

if TYPE_CHECKING:
    from harness.data.table_dataset import TableDataset
    from harness.data.tables.reading import TableReading
    from harness.plugins.catalog import Catalog

CLASS_FORECASTERS = ("majority-class", "last-class", "markov-chain")
SIMPLE = ("naive", "drift", "mean")
INTERMITTENT = ("croston", "sba", "tsb")  # where most series have intermittent demand
GLOBAL = ("ridge", "gradient-boosting", "dense", "lstm")
WITH_LAGS = ("ridge", "gradient-boosting")  # of known covariates
MOST_LAGS = 240  # of all known covariates, which are columns of these regressions
LOCAL = (("theta", 100_000_000), ("ets", 200_000), ("auto-arima", 200_000))  # and the most observations × season length


@dataclass(frozen=True)
class OwnBoard:
    """A board of a file: the text of its board file, why it is as it is, and the series that it is of."""

    name: str
    text: str
    reasons: tuple[str, ...]
    reading: TableReading


def own_board(dataset: TableDataset, reading: TableReading, request: BoardRequest, catalog: Catalog) -> OwnBoard:
    """The board of a file that was read; raises BadTask where there is too little data for the horizon."""
    found = own_protocol(Panel(**reading.panel_fields()), request)
    reasons = list(found.reasons)
    if dataset.calendar is None:
        reading = with_default_calendar(reading, found.windows * request.horizon, reasons)
    size = int(reading.lengths.sum()) * reading.season_length if reading.lengths is not None else 0
    forecasters = tuple(dict.fromkeys((*_forecasters(found, size, catalog, reasons), *request.forecasters)))
    known_lags = _known_lags(reading, request.horizon)
    if known_lags and (users := [name for name in WITH_LAGS if name in forecasters]):
        reasons.append(
            f"{' and '.join(users)} with known_lags = {known_lags}: known covariates explain past values, too"
        )
    name = own_board_name(dataset, request, catalog)
    protocol = {"kind": "rolling-origin", "horizon": request.horizon, "windows": found.windows}
    lines = [
        f"title = {_value(name)}",
        f"metric = {_value(found.metric)}",
        f"baseline = {_value(found.baseline)}",
        "",
        "[[tasks]]",
        f"dataset = {_value(_stated(dataset, reading))}",
        f"protocol = {_value(protocol)}",
        *([f"quantile_levels = {_value(found.quantile_levels)}"] if found.quantile_levels else []),
        *(line for each in forecasters for line in _entry(each, known_lags)),
    ]
    return OwnBoard(name, "\n".join(lines) + "\n", tuple(reasons), reading)


def own_board_name(dataset: TableDataset, request: BoardRequest, catalog: Catalog) -> str:
    """The name of the board of a file: the one that is asked for or the file's, other than that of a known board."""
    name = request.name or dataset.title
    return f"{name}-file" if name in catalog.boards else name


def _forecasters(found: OwnProtocol, size: int, catalog: Catalog, reasons: list[str]) -> tuple[str, ...]:
    """The forecasters of the board: the usual ones, and those of other plugins."""
    is_categorical = found.is_categorical
    usual: Iterable[str] = CLASS_FORECASTERS
    if not is_categorical:
        local = [name for name, most in LOCAL if size <= most]
        left_out = [name for name, most in LOCAL if size > most]
        if left_out:
            names = " and ".join(left_out)
            reasons.append(f"without {names}, which are fitted to each series and would take long")
        usual = (found.baseline, *SIMPLE, *(INTERMITTENT if found.is_intermittent else ()), *local, *GLOBAL)
    others = [
        name
        for name, entry in catalog.forecasters.items()
        if not entry.plugin.included and entry.spec.categorical == is_categorical
    ]
    return tuple(dict.fromkeys(name for name in (*usual, *others) if name in catalog.forecasters))


def _entry(forecaster: str, known_lags: int) -> list[str]:
    """The lines of a forecaster in the board file."""
    parameters = {"known_lags": known_lags} if known_lags and forecaster in WITH_LAGS else None
    stated = [] if parameters is None else [f"parameters = {_value(parameters)}"]
    return ["", "[[forecasters]]", f"name = {_value(forecaster)}", *stated]


def _known_lags(reading: TableReading, horizon: int) -> int:
    """As many lags of known covariates as the default of lags of the target, if they do not make too many columns.

    None where all are calendar covariates, whose lags are linear functions of their values at the step.
    """
    known = sum(channel.role == "known covariate" for channel in reading.channels)
    if known == len(reading.calendar) or reading.lengths is None:
        return 0
    half = (int(reading.lengths.max()) - horizon) // 2
    return max(1, min(max(2 * reading.season_length, 24), half, MOST_LAGS // known))


def _stated(dataset: TableDataset, reading: TableReading) -> dict[str, object]:
    """The dataset with all that was inferred, so that the board file means the same in later versions."""
    columns, rows = reading.columns, reading.rows
    assert rows is not None
    stated = replace(
        dataset,
        time=columns.time,
        freq=rows.freq,
        season_length=reading.season_length,
        calendar=True if reading.calendar else None,
    )
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
