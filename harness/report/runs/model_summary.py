"""Model summaries of the runs of a forecaster: a table of layers for each network, with the tasks that have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.forecasters.layer import Layer

HEADINGS = ("layer", "type", "output shape", "parameters")


@dataclass(frozen=True)
class ModelSummary:
    """The layers of a network, and the tasks whose runs have it."""

    layers: tuple[Layer, ...]
    tasks: tuple[str, ...]

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """The texts of each layer."""
        return [(layer.name, layer.type, str(layer.output_shape), f"{layer.parameters:,}") for layer in self.layers]

    @property
    def total(self) -> str:
        """The number of parameters of all layers, as text."""
        return f"{sum(layer.parameters for layer in self.layers):,}"


def model_summaries(runs: Iterable[tuple[str, tuple[Layer, ...]]]) -> list[ModelSummary]:
    """The distinct networks of runs, given as pairs of task and layers; runs without layers are left out."""
    tasks: dict[tuple[Layer, ...], dict[str, None]] = {}
    for task, layers in runs:
        if layers:
            tasks.setdefault(layers, {})[task] = None
    return [ModelSummary(layers, tuple(names)) for layers, names in tasks.items()]


def summary_lines(summary: ModelSummary) -> Iterator[str]:
    """The summary as lines of text."""
    yield f"model summary of {', '.join(summary.tasks)}"
    rows = [HEADINGS, *summary.rows, ("total", "", "", summary.total)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    for row in rows:
        yield (
            "  "
            + "  ".join(f"{text:{size}}" for text, size in zip(row[:-1], widths, strict=False))
            + (f"  {row[-1]:>{widths[-1]}}")
        )
