"""Training overlap of forecasters, in words and in cells of tables."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.standings import Row, Standings

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


def overlap_lines(standings: Standings) -> list[str]:
    """The training overlap of the forecasters in words; those with the same overlap share a line."""
    names: dict[tuple[str, str], list[str]] = {}  # by the words for a single forecaster and for several
    for row in standings.rows:
        if words := _overlap_words(row, "its"):
            names.setdefault((words, _overlap_words(row, "their")), []).append(row.forecaster)
    return [f"{_joined(group)}: {words[len(group) > 1]}" for words, group in names.items()]


def _joined(names: Sequence[str]) -> str:
    """Names as they are listed in a sentence: a, b and c."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _overlap_words(row: Row, whose: str) -> str:
    """The training overlap of a forecaster; empty where there is none and nothing is unknown."""
    parts = []
    if row.training_overlap:
        parts.append(f"trained on the data of {', '.join(row.training_overlap)} (dataset)")
    if row.date_overlap:
        tasks = ", ".join(row.date_overlap)
        parts.append(f"{whose} training data ends {row.trained_until}, after the first forecasts of {tasks} (date)")
    if row.earlier_training:
        tasks = ", ".join(f"{task} (until {date})" for task, date in row.earlier_training.items())
        parts.append(f"trained on earlier values of {tasks}")
    if unknown := [task for task in row.date_overlap_unknown if task not in row.training_overlap]:
        parts.append(f"date overlap unknown for {', '.join(unknown)}")
    if row.selected_on == "test":
        parts.append(SELECTED_ON_TEST)
    return "; ".join(parts)


def overlap_kinds(row: Row, task: str) -> str:
    """How the forecaster overlaps with a task, in words; empty where it does not."""
    kinds = {"dataset": row.training_overlap, "date": row.date_overlap}
    found = [kind for kind, tasks in kinds.items() if task in tasks]
    return f"training overlap by {' and '.join(found)}" if found else ""
