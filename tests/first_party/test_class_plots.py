"""What the page of a board and MLflow show of forecasts of classes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import confusion_matrix

from harness import Channel, Forecast, Outcomes, Panel, RollingOrigin, Task
from harness.evaluation.outcomes import Actuals
from harness.report.page.classes import class_summary
from harness.tasks.folds import backtest
from harness_mlflow.class_plots import write_class_plots
from harness_mlflow.tables import write_forecasts

NAMES = ("red", "green", "<b>blue</b>")


@pytest.fixture
def outcomes() -> Outcomes:
    rng = np.random.default_rng(0)
    series = [rng.integers(3, size=60).astype(np.float64) for _ in range(2)]
    panel = Panel.of(series, channels=[Channel("colour", categories=NAMES)])
    actuals = Actuals.of(backtest(Task("trial", RollingOrigin(4, windows=5)), panel))
    probabilities = rng.dirichlet(np.ones(3), size=actuals.values.shape)
    return Outcomes(actuals, Forecast.from_probabilities(probabilities))


def matrix(outcomes: Outcomes) -> np.ndarray:
    return confusion_matrix(outcomes.actuals.ravel(), outcomes.classes.predicted.ravel(), labels=[0, 1, 2])


def test_the_page_has_the_confusion_matrix_and_the_bins(outcomes: Outcomes) -> None:
    summary = class_summary(outcomes)

    assert summary is not None
    (table,) = summary.confusions
    assert [row[:3] for row in table.counts] == [tuple(row) for row in matrix(outcomes).tolist()]
    assert not table.has_failures
    assert sum(bar.count for bar in summary.bars) == 40
    assert all(bar.top + bar.height == pytest.approx(summary.size - summary.margin) for bar in summary.bars)


def test_there_is_no_summary_of_numbers(outcomes: Outcomes) -> None:
    assert class_summary(Outcomes(outcomes.observed, Forecast.point(outcomes.actuals))) is None


def test_windows_without_a_forecast_have_a_column(outcomes: Outcomes) -> None:
    failed = Outcomes(outcomes.observed, outcomes.forecast.without(np.array([0])))

    summary = class_summary(failed)

    assert summary is not None
    assert summary.confusions[0].has_failures
    assert sum(row[-1] for row in summary.confusions[0].counts) == 4


def test_plots_are_pictures_with_the_counts_and_the_names(outcomes: Outcomes, tmp_path: Path) -> None:
    write_class_plots(tmp_path, "heading", outcomes)

    for file in ("forecasts.svg", "reliability.svg"):
        ElementTree.parse(tmp_path / file)  # well-formed
    texts = [element.text for element in ElementTree.parse(tmp_path / "forecasts.svg").iter() if element.text]
    assert [text for text in texts if text.isdigit()] == [str(count) for count in matrix(outcomes).ravel()]
    assert "<b>blue</b>" in texts


def test_each_target_has_a_confusion_matrix_of_its_own(tmp_path: Path) -> None:
    rng, switch = np.random.default_rng(1), Channel("switch", categories=("off", "on"))
    many = Channel("token", categories=tuple(f"token {i}" for i in range(40)))
    values = np.stack([rng.integers(size, size=60) for size in (3, 40, 2)], axis=1).astype(np.float64)
    panel = Panel.of([values], channels=[Channel("colour", categories=NAMES), many, switch])
    actuals = Actuals.of(backtest(Task("trial", RollingOrigin(4, windows=5)), panel))
    probabilities = np.zeros((*actuals.values.shape, 40))
    for target, size in enumerate((3, 40, 2)):
        probabilities[:, :, target, :size] = rng.dirichlet(np.ones(size), size=actuals.values.shape[:2])
    outcomes = Outcomes(actuals, Forecast.from_probabilities(probabilities))

    write_class_plots(tmp_path, "heading", outcomes)

    drawing = ElementTree.parse(tmp_path / "forecasts.svg")
    texts = [element.text for element in drawing.iter() if element.text]
    expected = [
        confusion_matrix(
            outcomes.actuals[..., i].ravel(), outcomes.classes.predicted[..., i].ravel(), labels=range(size)
        )
        for i, size in ((0, 3), (2, 2))
    ]
    assert [text for text in texts if text.startswith("heading")] == ["heading: colour", "heading: switch"]
    assert [int(text) for text in texts if text.isdigit()] == [count for table in expected for count in table.ravel()]
    height = float(drawing.getroot().attrib["viewBox"].split()[3])
    assert (
        max(
            float(box.attrib["y"]) + float(box.attrib["height"])
            for box in drawing.iter()
            if "y" in box.attrib and "height" in box.attrib
        )
        <= height
    )


def test_the_table_has_the_probability_of_the_class_that_occurred(outcomes: Outcomes, tmp_path: Path) -> None:
    write_forecasts(tmp_path / "forecasts.parquet", outcomes, lambda: None)

    table = pq.read_table(tmp_path / "forecasts.parquet")

    assert table.column_names == ["series", "cutoff", "step", "target", "class", "probability", "actual"]
    found = -np.log(table["probability"].to_numpy())
    np.testing.assert_allclose(found, outcomes.classes.log_loss.ravel())
    np.testing.assert_array_equal(table["class"].to_numpy(), outcomes.classes.predicted.ravel())
