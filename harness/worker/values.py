"""Panels, contexts and training data from messages, and forecasts as messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.arrays import Floats, read_only
from harness.data.channel import Channel
from harness.data.panel import Panel
from harness.data.vintages import Vintages
from harness.errors import Failure
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.forecasters.exact import exact_forecast
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, PartialFailure, component_failure
from harness.forecasters.returned import no_forecast
from harness.tasks.training import Rows, TrainingData
from harness.tasks.windows import Contexts
from harness.worker.faults import fault
from harness.worker.messages import Message

MOST_MESSAGE = 1000  # characters of the failure of a window, of which there may be many


@dataclass(frozen=True)
class Answer:
    """The header of an answer, and its arrays by name."""

    header: Mapping[str, Any]
    arrays: Mapping[str, Any]


def read_panel(message: Message) -> Panel:
    """A panel whose values are in a file, mapped so that writing to them changes nothing but this process.

    Its fields were checked by the sender.
    """
    header, arrays = message.header, message.arrays
    panel = object.__new__(Panel)
    vars(panel).update(
        ids=tuple(header["ids"]),
        values=_mapped(header["path"], tuple(header["shape"])),
        offsets=read_only(arrays["offsets"]),
        start=read_only(arrays["start"]),
        freq=header["freq"],
        season_length=header["season_length"],
        channels=tuple(load(Channel, channel) for channel in header["channels"]),
        static={name: tuple(map(_fact, facts)) for name, facts in header["static"].items()},
        vintages={name: _vintages(arrays, name, len(header["ids"])) for name in header["vintages"]},
        complete=header["complete"],  # else it would be computed from all values
    )
    return panel


def _mapped(path: str, shape: tuple[int, ...]) -> Floats:
    if not all(shape):
        return read_only(np.empty(shape))
    return read_only(np.memmap(path, dtype="<f8", mode="c", shape=shape).view(np.ndarray))


def _fact(value: Any) -> str | float:
    """The value of a static covariate; a missing one is null."""
    known: str | float = float("nan") if value is None else value
    return known


def _vintages(arrays: Mapping[str, Any], name: str, count: int) -> Vintages:
    series, issued, values = (arrays[f"vintages/{name}/{part}"] for part in ("series", "issued", "values"))
    return Vintages(series, issued, values, count)


def read_contexts(message: Message, panel: Panel) -> Contexts:
    """The contexts of windows, filled."""
    header = message.header
    contexts = Contexts(
        panel,
        read_only(message.arrays["series"]),
        read_only(message.arrays["cutoffs"]),
        header["horizon"],
        header["gap"],
        tuple(header["quantile_levels"]),
        header["season_length"],
        header["max_context"],
    )
    return contexts.filled(header["missing"])


def read_training(message: Message, panel: Panel) -> TrainingData:
    """The data to fit, filled."""
    header, arrays = message.header, message.arrays
    validation = None
    if header["has_validation"]:
        validation = Rows(panel, read_only(arrays["validation_begins"]), read_only(arrays["validation_ends"]))
    training = TrainingData(
        Rows(panel, read_only(arrays["begins"]), read_only(arrays["ends"])),
        validation,
        header["horizon"],
        header["gap"],
        tuple(header["quantile_levels"]),
        header["season_length"],
    )
    return training.filled(header["missing"])


def predicted(forecaster: Forecaster, contexts: Contexts) -> tuple[object, Mapping[int, Failure]]:
    """What `predict` returned, not checked yet, and the windows on which it failed."""
    try:
        return forecaster.predict(contexts), {}
    except PartialFailure as error:
        if error.forecaster is not None and error.forecaster is not forecaster:
            raise component_failure(error) from error
        return error.forecast, error.failures


def forecast_answer(returned: object, failures: Mapping[int, Failure]) -> Answer:
    """A forecast with arrays of exact types; raises InvalidForecast for anything else.

    Only the first failure has its traceback: they may be as many as the windows.
    """
    if not isinstance(returned, Forecast):
        raise no_forecast("predict", returned)
    forecast = exact_forecast(returned)
    arrays = {"mean": forecast.mean}
    has_median = forecast.median is not forecast.mean
    if has_median:
        arrays["median"] = forecast.median
    if forecast.quantiles is not None:
        arrays["quantiles"] = forecast.quantiles
    if forecast.probabilities is not None:
        arrays["probabilities"] = forecast.probabilities
    header = {
        "levels": list(forecast.quantile_levels),
        "origins": dump(forecast.origins),
        "median": "own" if has_median else "mean",
        "failures": _failures(failures),
    }
    return Answer(header, arrays)


def _failures(failures: Mapping[int, Failure]) -> list[list[Any]]:
    texts: dict[int, dict[str, Any]] = {}  # by the identity of the error, which many windows may share
    listed = []
    for window, failure in failures.items():
        error = failure.error
        if id(error) not in texts:
            told = fault(error, with_traceback=not texts)
            texts[id(error)] = {**told, "message": told["message"][:MOST_MESSAGE]} if texts else told
        listed.append([int(window), texts[id(error)]])
    return listed
