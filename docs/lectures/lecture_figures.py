"""The figures of docs/lectures.md: training curves, gradient norms and forecasts, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness import BadInput, Floats, Histories, Outcomes, Run
from harness.results.board_results import JournalResults
from harness.results.stored_plan import StoredCell
from harness_mlflow.charts import Chart, Line, picture
from harness_mlflow.class_plots import loss_by_step_chart, reliability_chart
from harness_mlflow.plots import ACTUAL, ACTUAL_WIDTH, FORECAST, GIVEN, gradient_chart, training_chart

WIDTH, HEIGHT = 1000, 230  # pixels of a picture, and of a row of charts
BEGIN, END = 250, 120  # steps of a free run that are drawn: after the given ones, and the last
MOST_POINTS = 240  # of a chart of forecasts

Charts = list[list[Chart]]  # rows


def figure(kind: str, results: JournalResults, task: str, forecasters: Sequence[str]) -> str:
    """The figure of a kind for some forecasters on a task, as an SVG document."""
    if kind not in FIGURES:
        raise BadInput(f"there is no figure of kind {kind!r}; known: {', '.join(FIGURES)}")
    cells = {name: _cell(results, task, name) for name in forecasters}
    return picture("", FIGURES[kind](results, cells), WIDTH, HEIGHT)


def _cell(results: JournalResults, task: str, forecaster: str) -> StoredCell:
    """The cell of the first seed of a forecaster on a task."""
    found = [cell for cell in results.plan.by_forecaster.get(forecaster, ()) if cell.task == task]
    if not found or not results.completed(found[0]):
        raise BadInput(f"forecaster {forecaster!r} has no result on task {task!r} of board {results.plan.name!r}")
    return found[0]


def _run(results: JournalResults, cell: StoredCell) -> Run:
    run = results.runs[cell.key]
    if run is None:
        raise BadInput(f"cell {cell.key} has no result")
    return run


def _training(results: JournalResults, cells: Mapping[str, StoredCell]) -> Charts:
    """The training curves; the stages of a training are numbered."""
    charts = (training_chart(_run(results, cell).curves, (name,)) for name, cell in cells.items())
    return _in_rows([_with_numbers(chart) for chart in charts if chart is not None])


def _with_numbers(chart: Chart) -> Chart:
    """The chart with the numbers of its stages instead of their names, which need more space."""
    if not chart.x_ticks:
        return chart
    ticks = tuple((x, str(number)) for number, (x, _) in enumerate(chart.x_ticks, start=1))
    return replace(chart, x_ticks=ticks, x_label="stage of the training")


def _gradients(results: JournalResults, cells: Mapping[str, StoredCell]) -> Charts:
    """The gradient norms."""
    charts = (gradient_chart(_run(results, cell).gradient_norms, (name,)) for name, cell in cells.items())
    return _in_rows([chart for chart in charts if chart is not None])


def _generation(results: JournalResults, cells: Mapping[str, StoredCell]) -> Charts:
    """The first series of the task: the given steps apart from the generated ones, and the end of the free run."""
    histories = Histories(results.journal.home)
    rows: Charts = []
    for name, cell in cells.items():
        outcomes = results.outcomes(cell)
        given = histories.before(cell.fingerprint, outcomes.observed, 0, 0)
        actual, generated = outcomes.observed.values[0, :, 0], outcomes.forecast.mean[0, :, 0]
        steps = np.arange(len(actual), dtype=np.float64) + len(given)
        before = Line(np.arange(len(given), dtype=np.float64), given, GIVEN, "given", 1.8)
        begin, end = slice(0, BEGIN), slice(-END, None)
        first = (before, *_lines(steps[begin], actual[begin], generated[begin]))
        last = _lines(steps[end], actual[end], generated[end])
        rule = (len(given) - 0.5,)
        rows.append([Chart(first, (name,), rules=rule), Chart(last, (f"{name}: the last {END} steps",))])
    return rows


def _windows(results: JournalResults, cells: Mapping[str, StoredCell]) -> Charts:
    """Three windows of the task: the last given values, and the forecast of the next ones."""
    histories = Histories(results.journal.home)
    rows: Charts = []
    for name, cell in cells.items():
        outcomes, gap = results.outcomes(cell), _run(results, cell).cell.task.gap
        row = []
        for window in np.linspace(0, len(outcomes.observed.values) - 1, 3).astype(int).tolist():
            horizon = outcomes.observed.values.shape[1]
            given = histories.before(cell.fingerprint, outcomes.observed, window, 0, gap)[-horizon:]
            steps = np.arange(horizon, dtype=np.float64) + 1
            before = Line(np.arange(1.0 - len(given), 1.0), given, GIVEN, "given", 1.8, dots=True)
            lines = _lines(steps, outcomes.observed.values[window, :, 0], outcomes.forecast.mean[window, :, 0])
            row.append(Chart((before, *lines), (name,), rules=(0.5,)))
        rows.append(row)
    return rows


def _track(results: JournalResults, cells: Mapping[str, StoredCell]) -> Charts:
    """The first forecast step of successive windows, with the actuals."""
    charts = [Chart(_lines(*_first_steps(results.outcomes(cell))), (name,)) for name, cell in cells.items()]
    return _in_rows(charts)


def _first_steps(outcomes: Outcomes) -> tuple[Floats, Floats, Floats]:
    """The numbers, the actuals and the forecasts of the first windows, (window,)."""
    actual, mean = outcomes.observed.values[:MOST_POINTS, 0, 0], outcomes.forecast.mean[:MOST_POINTS, 0, 0]
    return np.arange(1.0, len(actual) + 1), actual, mean


def _scatter(results: JournalResults, cells: Mapping[str, StoredCell]) -> Charts:
    """Forecasts over actuals: on the diagonal they are equal."""
    charts = []
    for name, cell in cells.items():
        outcomes = results.outcomes(cell)
        actual, mean = (
            values.reshape(-1)[:MOST_POINTS] for values in (outcomes.observed.values, outcomes.forecast.mean)
        )
        ends = np.array([actual.min(), actual.max()])
        points = Line(actual, mean, FORECAST, "forecast", 0.0, dots=True)
        charts.append(Chart((Line(ends, ends, ACTUAL, "equal to the actual", 1.5), points), (name,), "actual"))
    return [charts]


def _reliability(results: JournalResults, cells: Mapping[str, StoredCell]) -> Charts:
    """The reliability diagrams of class probabilities."""
    return _in_rows([reliability_chart(results.outcomes(cell), (name,)) for name, cell in cells.items()])


def _steps(results: JournalResults, cells: Mapping[str, StoredCell]) -> Charts:
    """The log loss of class probabilities by step of the horizon."""
    return _in_rows([loss_by_step_chart(results.outcomes(cell), (name,)) for name, cell in cells.items()])


def _lines(x: Floats, actual: Floats, forecast: Floats) -> tuple[Line, Line]:
    dots = len(x) <= 10
    return (
        Line(x, np.asarray(actual, dtype=np.float64), ACTUAL, "actual", ACTUAL_WIDTH),
        Line(x, np.asarray(forecast, dtype=np.float64), FORECAST, "forecast", dots=dots),
    )


def _in_rows(charts: Sequence[Chart]) -> Charts:
    """Three charts in a row, or two where three would leave a gap."""
    columns = 2 if len(charts) % 3 else 3
    return [list(charts[i : i + columns]) for i in range(0, len(charts), columns)]


FIGURES: Mapping[str, Callable[[JournalResults, Mapping[str, StoredCell]], Charts]] = {
    "training": _training,
    "gradients": _gradients,
    "generation": _generation,
    "windows": _windows,
    "track": _track,
    "scatter": _scatter,
    "reliability": _reliability,
    "steps": _steps,
}
