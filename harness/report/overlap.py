"""Training overlap of forecasters, in words and in cells of tables."""

from __future__ import annotations

from harness.results.standings import Row

SELECTED_ON_TEST = "selected on test windows of benchmark tasks"


def is_marked(row: Row) -> bool:
    """Whether a forecaster is marked: it has training overlap, or was selected on test windows."""
    return bool(row.training_overlap or row.date_overlap) or row.selected_on == "test"


def overlap_text(row: Row) -> str:
    """The tasks with training overlap, by dataset and by date, and how it was selected; short, for a cell."""
    parts = [", ".join(row.training_overlap) + " (dataset)"] if row.training_overlap else []
    parts += [", ".join(row.date_overlap) + " (date)"] if row.date_overlap else []
    parts += ["selected on test windows"] if row.selected_on == "test" else []
    return "; ".join(parts)


def overlap_line(row: Row) -> str:
    """The training overlap of a forecaster in a line of its own; empty where there is none and nothing is unknown."""
    parts = []
    if row.training_overlap:
        parts.append(f"trained on the data of {', '.join(row.training_overlap)} (dataset)")
    if row.date_overlap:
        tasks = ", ".join(row.date_overlap)
        parts.append(f"its training data ends {row.trained_until}, after the first forecasts of {tasks} (date)")
    if row.earlier_training:
        tasks = ", ".join(f"{task} (until {date})" for task, date in row.earlier_training.items())
        parts.append(f"trained on earlier values of {tasks}")
    if unknown := [task for task in row.date_overlap_unknown if task not in row.training_overlap]:
        parts.append(f"date overlap unknown for {', '.join(unknown)}")
    if row.selected_on == "test":
        parts.append(SELECTED_ON_TEST)
    return f"{row.forecaster}: {'; '.join(parts)}" if parts else ""


def overlap_kinds(row: Row, task: str) -> str:
    """How the forecaster overlaps with a task, in words; empty where it does not."""
    kinds = {"dataset": row.training_overlap, "date": row.date_overlap}
    found = [kind for kind, tasks in kinds.items() if task in tasks]
    return f"training overlap by {' and '.join(found)}" if found else ""
