"""Plots of a cell with categorical targets: its confusion matrices, its reliability diagram, its log loss by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from harness import Floats, Ints, Outcomes
from harness_mlflow.charts import MUTED, Chart, Line, document, picture, text_element

MOST_CLASSES = 30  # of a confusion matrix
CELL, LEFT, TOP = 54, 150, 96  # pixels of a cell of the matrix, and left of and above its cells
COLOR = "#15626b"
WIDTH, HEIGHT = 1000, 380


def write_class_plots(folder: Path, heading: str, outcomes: Outcomes) -> None:
    """The plots of a cell as SVG files: a confusion matrix of each target with few classes, and what is calibrated.

    If there are too many classes for a confusion matrix, the reliability diagram is in its place.
    """
    reliability = picture(heading, [[reliability_chart(outcomes), loss_by_step_chart(outcomes)]], WIDTH, HEIGHT)
    (folder / "reliability.svg").write_text(reliability, encoding="utf-8")
    matrices = [
        Matrix(f"{heading}: {name}", names, outcomes.classes.confusion(target))
        for target, (name, names) in enumerate(
            zip(outcomes.observed.targets, outcomes.observed.categories, strict=True)
        )
        if len(names) <= MOST_CLASSES
    ]
    plot = confusion_picture(matrices) if matrices else reliability
    (folder / "forecasts.svg").write_text(plot, encoding="utf-8")


@dataclass(frozen=True, eq=False)
class Matrix:
    """A confusion matrix, (actual, predicted), whose last column counts steps without a forecast."""

    heading: str
    names: Sequence[str]
    counts: Ints

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [*self.names, "no forecast"] if self.counts[:, -1].any() else list(self.names)

    @property
    def size(self) -> tuple[int, int]:
        """The width and the height in pixels."""
        return max(LEFT + CELL * len(self.columns) + 20, 460), TOP + CELL * len(self.names) + 20

    def elements(self, top: int) -> Iterator[str]:
        """The elements of its drawing, so far below the top."""
        yield text_element(8, top + 17, self.heading, "start", 13, "font-weight='bold'")
        explanation = "rows: the class that occurred; columns: the most probable one"
        yield text_element(8, top + 40, explanation, "start", 11)
        for i, name in enumerate(self.columns):
            yield text_element(LEFT + CELL * (i + 0.5), top + TOP - 8, _short(name, 8), "middle", 10)
        for i, name in enumerate(self.names):
            yield text_element(LEFT - 8, top + TOP + CELL * (i + 0.6), _short(name, 20), "end", 10)
        shares: Floats = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        yield from _cells(self.counts[:, : len(self.columns)], shares, top + TOP)


def confusion_picture(matrices: Sequence[Matrix]) -> str:
    """Confusion matrices, one below the other."""
    tops = [0, *accumulate(matrix.size[1] for matrix in matrices)]
    elements = [element for matrix, top in zip(matrices, tops, strict=False) for element in matrix.elements(top)]
    return document(elements, max(matrix.size[0] for matrix in matrices), tops[-1])


def _cells(counts: Ints, shares: Floats, top: int) -> Iterator[str]:
    for row, column in np.ndindex(counts.shape):
        x, y, share = LEFT + CELL * column, top + CELL * row, float(shares[row, column])
        shape = f"x='{x}' y='{y}' width='{CELL}' height='{CELL}'"
        yield f"<rect {shape} fill='{COLOR}' fill-opacity='{share:.3f}' stroke='#ddd'/>"
        color = "style='fill:white'" if share > 0.5 else ""
        yield text_element(x + CELL / 2, y + CELL * 0.6, f"{counts[row, column]:,}", "middle", 11, color)


def reliability_chart(outcomes: Outcomes, title: tuple[str, ...] = ()) -> Chart:
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
    return Chart(marks, (*title, error), label, "how often it occurred", x_ticks=ticks)


def loss_by_step_chart(outcomes: Outcomes, title: tuple[str, ...] = ()) -> Chart:
    """The mean log loss at every step."""
    losses = outcomes.classes.log_loss
    known = np.isfinite(losses)
    sums = np.where(known, losses, 0.0).sum(axis=(0, 2))
    by_step = Outcomes.ratio(sums, known.sum(axis=(0, 2)).astype(np.float64))
    steps = np.arange(1.0, len(by_step) + 1)
    line = Line(steps, by_step, COLOR, "log loss", 1.4, dots=len(steps) <= 40)
    return Chart((line,), title, "step of the horizon", "log loss", from_zero=True)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
