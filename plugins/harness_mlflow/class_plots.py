"""Plots of a cell with categorical targets: its confusion matrix, its reliability diagram, its log loss by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from harness import Floats, Ints, Outcomes
from harness_mlflow.charts import MUTED, Chart, Line, document, picture, text_element

MOST_CLASSES = 30  # of a confusion matrix
CELL, LEFT, TOP = 54, 150, 96  # pixels of a cell of the matrix, and left of and above its cells
COLOR = "#15626b"
WIDTH, HEIGHT = 1000, 380


def write_class_plots(folder: Path, heading: str, outcomes: Outcomes) -> None:
    """The plots of a cell as SVG files: a confusion matrix, but of many classes the reliability diagram again."""
    reliability = picture(heading, [[_reliability(outcomes), _loss_by_step(outcomes)]], WIDTH, HEIGHT)
    (folder / "reliability.svg").write_text(reliability, encoding="utf-8")
    names, table = outcomes.observed.categories[0], reliability
    if len(names) <= MOST_CLASSES:
        title = f"{heading}: {outcomes.observed.targets[0]}"
        table = confusion_picture(title, names, outcomes.classes.confusion(0))
    (folder / "forecasts.svg").write_text(table, encoding="utf-8")


def confusion_picture(heading: str, names: Sequence[str], counts: Ints) -> str:
    """A confusion matrix, (actual, predicted), whose last column counts steps without a forecast."""
    columns = [*names, "no forecast"] if counts[:, -1].any() else list(names)
    shares: Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    elements = [
        text_element(8, 17, heading, "start", 13, "font-weight='bold'"),
        text_element(8, 40, "rows: the class that occurred; columns: the most probable one", "start", 11),
        *(
            text_element(LEFT + CELL * (i + 0.5), TOP - 8, _short(name, 8), "middle", 10)
            for i, name in enumerate(columns)
        ),
        *(text_element(LEFT - 8, TOP + CELL * (i + 0.6), _short(name, 20), "end", 10) for i, name in enumerate(names)),
        *_cells(counts[:, : len(columns)], shares),
    ]
    width, height = max(LEFT + CELL * len(columns) + 20, 460), TOP + CELL * len(names) + 20
    return document(elements, width, height)


def _cells(counts: Ints, shares: Floats) -> Iterator[str]:
    for row, column in np.ndindex(counts.shape):
        x, y, share = LEFT + CELL * column, TOP + CELL * row, float(shares[row, column])
        shape = f"x='{x}' y='{y}' width='{CELL}' height='{CELL}'"
        yield f"<rect {shape} fill='{COLOR}' fill-opacity='{share:.3f}' stroke='#ddd'/>"
        color = "style='fill:white'" if share > 0.5 else ""
        yield text_element(x + CELL / 2, y + CELL * 0.6, f"{counts[row, column]:,}", "middle", 11, color)


def _reliability(outcomes: Outcomes) -> Chart:
    """How often the most probable class occurred, by its probability."""
    bins = outcomes.classes.reliability
    filled = bins.counts > 0
    ends = np.array([0.0, 1.0])
    marks = (
        Line(ends, ends, MUTED, "calibrated", 1.0, "5 3"),
        Line(bins.confidence[filled], bins.accuracy[filled], COLOR, "forecast", 1.4, dots=True),
    )
    error = f"calibration error {outcomes.classes.calibration_error():.3f}"
    ticks = tuple((tick, f"{tick:g}") for tick in (0.0, 0.25, 0.5, 0.75, 1.0))
    label = "probability of the most probable class"
    return Chart(marks, (error,), label, "how often it occurred", x_ticks=ticks)


def _loss_by_step(outcomes: Outcomes) -> Chart:
    """The mean log loss at every step."""
    losses = outcomes.classes.log_loss
    known = np.isfinite(losses)
    sums = np.where(known, losses, 0.0).sum(axis=(0, 2))
    by_step = Outcomes.ratio(sums, known.sum(axis=(0, 2)).astype(np.float64))
    steps = np.arange(1.0, len(by_step) + 1)
    line = Line(steps, by_step, COLOR, "log loss", 1.4, dots=len(steps) <= 40)
    return Chart((line,), (), "step of the horizon", "log loss", from_zero=True)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
