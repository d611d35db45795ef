"""A worker sees of a panel, of windows and of training data what the supervisor sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.missing import FILLINGS, Missing
from harness.data.panel import Channel, Panel, Vintages
from harness.errors import InvalidForecast, NotGiven, Unsupported
from harness.fields.dumping import dump
from harness.forecasters.forecast import Forecast
from harness.tasks.training import Rows, TrainingData
from harness.tasks.windows import Contexts
from harness.worker.faults import caught, fault
from harness.worker.messages import Message
from harness.worker.values import forecast_answer, read_contexts, read_panel, read_training

LENGTHS = (40, 30, 50)
TASK: dict[str, Any] = {"horizon": 4, "gap": 1, "quantile_levels": [0.1, 0.9], "season_length": 7}


@pytest.fixture
def panel() -> Panel:
    generator = np.random.default_rng(0)
    series = [generator.normal(size=(length, 3)) for length in LENGTHS]
    for values in series:
        values[generator.random(values.shape) < 0.2] = np.nan
    return Panel.of(
        series,
        start=["2024-01-01", "2024-02-01", "2024-03-01"],
        freq="D",
        season_length=7,
        channels=[
            Channel("value"),
            Channel("past", "past covariate", delay=2),
            Channel("weather", "known covariate", certain=False),
        ],
        static={"place": ["north", "south", "west"], "size": [1.5, 2, float("nan")]},
        vintages={"weather": Vintages.of([([5, 20], generator.normal(size=(2, 9))), ([], []), ([3], [[1.0]])])},
    )


@pytest.fixture
def message(panel: Panel, tmp_path: Path) -> Message:
    path = tmp_path / "values"
    panel.values.tofile(path)
    header = {
        "path": str(path),
        "shape": list(panel.values.shape),
        "ids": list(panel.ids),
        "freq": panel.freq,
        "season_length": panel.season_length,
        "channels": [dump(channel) for channel in panel.channels],
        "static": {"place": ["north", "south", "west"], "size": [1.5, 2, None]},
        "complete": panel.complete,
        "vintages": list(panel.vintages),
    }
    arrays = {"offsets": panel.offsets.copy(), "start": panel.start.copy()}
    for name, vintages in panel.vintages.items():
        for part in ("series", "issued", "values"):
            arrays[f"vintages/{name}/{part}"] = getattr(vintages, part).copy()
    return Message(header, arrays)


def test_a_panel_is_the_same(panel: Panel, message: Message) -> None:
    read = read_panel(message)

    assert read.fingerprint() == panel.fingerprint()
    assert read.channels == panel.channels
    assert repr(read.static) == repr(panel.static)
    assert type(read.values) is np.ndarray
    assert not any(array.flags.writeable for array in (read.values, read.offsets, read.start))


def test_writing_to_a_panel_reaches_no_file(message: Message) -> None:
    before = Path(message.header["path"]).read_bytes()
    first, second = read_panel(message), read_panel(message)
    base = first.values.base
    assert base is not None

    base[:] = 0.0  # type: ignore[index]  # as code does that ignores that an array is read-only

    assert np.all(first.values == 0.0)
    assert not np.all(second.values == 0.0)
    assert Path(message.header["path"]).read_bytes() == before


@pytest.mark.parametrize("missing", FILLINGS)
def test_contexts_are_the_same(panel: Panel, message: Message, missing: Missing) -> None:
    series, cutoffs = np.array([0, 0, 2, 1]), np.array([10, 30, 40, 29])
    own = Contexts(panel, series, cutoffs, 4, 1, (0.1, 0.9), 7, 20).filled(missing)

    header = {**TASK, "panel": "p", "max_context": 20, "missing": missing}
    read = read_contexts(Message(header, {"series": series, "cutoffs": cutoffs}), read_panel(message))

    for length in (5, 25):
        assert read.last(length).tobytes() == own.last(length).tobytes()
    assert read.known().tobytes() == own.known().tobytes()
    assert np.array_equal(read.times(), own.times())
    assert (read.horizon, read.gap, read.quantile_levels) == (own.horizon, own.gap, own.quantile_levels)
    assert repr(read.static) == repr(own.static)


@pytest.mark.parametrize("missing", FILLINGS)
def test_training_data_is_the_same(panel: Panel, message: Message, missing: Missing) -> None:
    arrays = {"begins": [0, 5, 0], "ends": [20, 25, 30], "validation_begins": [20, 25, 30], "validation_ends": [30] * 3}
    rows = {name: np.array(values) for name, values in arrays.items()}
    parts = (
        Rows(panel, rows["begins"], rows["ends"]),
        Rows(panel, rows["validation_begins"], rows["validation_ends"]),
    )
    own = TrainingData(*parts, 4, 1, (0.1, 0.9), 7).filled(missing)

    header = {**TASK, "panel": "p", "missing": missing, "has_validation": True}
    read = read_training(Message(header, rows), read_panel(message))

    assert read.panel.fingerprint() == own.panel.fingerprint()
    assert read.validation is not None
    assert own.validation is not None
    assert read.validation.fingerprint() == own.validation.fingerprint()
    assert (read.horizon, read.gap, read.quantile_levels, read.season_length) == (4, 1, (0.1, 0.9), 7)


class TestForecasts:
    def test_a_shared_median_is_not_sent(self) -> None:
        answer = forecast_answer(Forecast.point(np.zeros((2, 3, 1))), {})

        assert list(answer.arrays) == ["mean"]
        assert answer.header["median"] == "mean"

    def test_quantiles_have_their_levels(self) -> None:
        quantiles = np.arange(12.0).reshape(2, 2, 1, 3)

        answer = forecast_answer(Forecast.quantiles_only([0.1, 0.5, 0.9], quantiles), {})

        assert answer.header["levels"] == [0.1, 0.5, 0.9]
        assert np.array_equal(answer.arrays["quantiles"], quantiles)
        assert answer.header["origins"]["median"] == ["level"]

    def test_origins_of_another_type_are_refused(self) -> None:
        forecast = Forecast.point(np.zeros((2, 3, 1)))
        vars(forecast)["origins"] = "own"

        with pytest.raises(InvalidForecast, match="must be Origins"):
            forecast_answer(forecast, {})


class TestFaults:
    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (NotGiven("x"), "not_given"),
            (Unsupported("x"), "unsupported"),
            (OSError(28, "No space left on device"), "failed"),
            (RuntimeError("CUDA error"), "failed"),
        ],
    )
    def test_the_kind_is_told(self, error: Exception, kind: str) -> None:
        assert fault(error)["kind"] == kind

    def test_a_metaclass_cannot_make_it_fail(self) -> None:
        class Meta(type):
            @property
            def __name__(cls) -> str:  # type: ignore[override]
                raise RuntimeError

            def mro(cls) -> list[type]:
                return list(super().mro())

        class Odd(Exception, metaclass=Meta):
            @property
            def __class__(self) -> type:  # type: ignore[override]
                raise RuntimeError

        outcome = fault(Odd("x"))

        assert outcome["type"] == "Odd"
        assert outcome["kind"] == "failed"

    def test_whatever_is_raised_is_caught(self) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        assert "KeyboardInterrupt" in repr(caught(interrupt))
