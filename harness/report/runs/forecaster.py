"""A forecaster on a board: capabilities, hyperparameters with meanings, cells, model summaries and notes, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.forecasters.described import Hyperparameter
from harness.forecasters.hyperparameters import hyperparameters_of
from harness.report.catalog.capabilities import capability_rows
from harness.report.numbers import NOTHING, count, error, fixed
from harness.report.runs.model_summary import model_summaries, summary_lines
from harness.report.runs.run_table import KEY_DIGITS, ListedCell
from harness.report.text import labelled_lines, visible
from harness.results.device import device_text
from harness.results.software import software_by_text

if TYPE_CHECKING:
    from harness.forecasters.spec import ForecasterSpec


def forecaster_text(
    title: str, board: str, spec: ForecasterSpec | None, cells: Sequence[ListedCell], width: int
) -> str:
    """All of it, fit for a terminal of this width; `spec` is None where the catalog does not have the forecaster."""
    lines = [f"{title} on {board}", ""]
    if spec is not None:
        rows = [("in the catalog", spec.name), ("description", spec.summary), *capability_rows(spec)]
        lines += [*labelled_lines(rows, width), ""]
    values = next((cell.run.hyperparameters for cell in cells if cell.run and cell.run.hyperparameters), {})
    lines += [*_hyperparameter_lines([] if spec is None else hyperparameters_of(spec), values, width), ""]
    lines += [*_cell_lines(cells), ""]
    for summary in model_summaries((cell.task, cell.run.model_summary) for cell in cells if cell.run):
        lines += [*summary_lines(summary), ""]
    failures = [(cell.task, cell.run.explanation) for cell in cells if cell.run and cell.run.explanation]
    lines += _grouped_lines("failures", failures, width)
    notes = [(cell.task, note) for cell in cells if cell.run for note in cell.run.notes]
    lines += _grouped_lines("notes", notes, width)
    devices = [(cell.task, device_text(cell.run.provenance)) for cell in cells if cell.run]
    lines += _grouped_lines("device", [(task, text) for task, text in devices if text], width)
    software = software_by_text([(cell.task, cell.run) for cell in cells if cell.run])
    lines += _grouped_lines("software", [(task, text) for text, tasks in software.items() for task in tasks], width)
    return "\n".join(map(visible, lines)).rstrip() + "\n"


def _hyperparameter_lines(known: Sequence[Hyperparameter], values: Mapping[str, Any], width: int) -> Iterator[str]:
    """Each with its value on the board, its default, and its meaning."""
    names = {each.name: each for each in known} | {
        name: Hyperparameter(name) for name in values if name not in {each.name for each in known}
    }
    if not names:
        yield "no hyperparameters"
        return
    yield "hyperparameters"
    rows = []
    for name, each in names.items():
        text = repr(values[name]) if name in values else each.default or NOTHING
        different = each.default not in ("", text)
        parts = [text + (f" (default {each.default})" if different else ""), each.meaning]
        rows.append((name, " · ".join(filter(None, parts))))
    yield from labelled_lines(rows, width)


def _cell_lines(cells: Sequence[ListedCell]) -> Iterator[str]:
    yield "cells"
    headings = ("task", "seed", "status", cells[0].metric if cells else "score", "seconds", "parameters", "key")
    rows = [headings, *map(_cell_texts, cells)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(headings))]
    for row in rows:
        yield "  " + "  ".join(f"{text:{size}}" for text, size in zip(row, widths, strict=True)).rstrip()


def _cell_texts(cell: ListedCell) -> tuple[str, ...]:
    parameters = None if cell.run is None else cell.run.costs.parameters
    return (
        visible(cell.task),
        NOTHING if cell.seed is None else str(cell.seed),
        cell.status_text,
        error(cell.score),
        fixed(cell.seconds, 2),
        NOTHING if parameters is None else count(parameters),
        cell.key[:KEY_DIGITS],
    )


def _grouped_lines(heading: str, sentences: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """A heading, and sentences on tasks, each once with its tasks; nothing where there are none."""
    tasks: dict[str, list[str]] = {}
    for task, sentence in sentences:
        tasks.setdefault(sentence, []).append(task)
    if tasks:
        yield heading
        for sentence, names in tasks.items():
            yield from textwrap.wrap(
                f"{', '.join(dict.fromkeys(names))}: {sentence}",
                max(width - 2, 20),
                initial_indent="  ",
                subsequent_indent="    ",
            )
        yield ""
