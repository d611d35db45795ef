"""The page docs/lectures.md: sections of prose, with tables and figures made from results."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.analysis.lookup import board_standings, find_part_results
from harness.boards.collections import Part
from harness.boards.leaderboard import board_name, load_board
from harness.boards.toml_files import read_toml
from harness.boards.workspace import Workspace
from harness.errors import BadInput, UnknownName
from harness.fields.reading import build
from harness.results.board_results import JournalResults
from harness.results.standings import Row, Standings
from lecture_figures import figure
from lecture_parameters import counted_parameters

NOTHING = "–"


@dataclass(frozen=True)
class System:
    """A system of the lectures: a forecaster of a board."""

    forecaster: str  # its name on the board
    name: str = ""  # in the table; empty: that on the board
    lecture: str = NOTHING  # the figure of the lecture


@dataclass(frozen=True)
class Figure:
    """A figure of some systems on a task of the board."""

    kind: str
    caption: str
    forecasters: tuple[str, ...]
    task: str = ""  # empty: the first


@dataclass(frozen=True)
class Section:
    """A part of the page: prose, and the systems of a board."""

    title: str
    text: str
    board: str
    systems: tuple[System, ...]
    tasks: tuple[str, ...] = ()  # of the board; empty: all
    metrics: tuple[str, ...] = ()  # shown beside that of the board, as means over the tasks
    figures: tuple[Figure, ...] = ()
    after: str = ""  # prose after the figures
    channels: int = 0  # of the data, to count parameters where the section has no results; 0: results are needed


@dataclass(frozen=True)
class Page:
    """All of the page."""

    title: str
    text: str
    sections: tuple[Section, ...]


def read_page(path: Path) -> Page:
    """The page that a file describes; raises BadBoard, which names file and line."""
    return read_toml(path, "page", partial(build, Page))


def write_page(source: Path, home: Path, into: Path) -> list[Path]:
    """Write lectures.md and its figures into a folder, and remove figures of earlier pages; returns the paths.

    Raises BadInput where results are missing.
    """
    workspace = Workspace(home)
    page = read_page(source)
    (into / "lectures").mkdir(parents=True, exist_ok=True)
    written = [into / "lectures.md"]
    texts = [f"# {page.title}", page.text.strip()]
    for section in page.sections:
        results = section_results(section, workspace)
        table = section_table(section, results, workspace)
        texts += [f"## {section.title}", section.text.strip(), "\n".join(table)]
        for path, shown in zip(figure_paths(section), section.figures, strict=True):
            if results is not None:
                task = shown.task or results.plan.tasks[0]
                written.append(into / path)
                written[-1].write_text(figure(shown.kind, results, task, shown.forecasters), encoding="utf-8")
                texts.append(f"![{shown.kind}]({path})\n\n*{_line(shown.caption)}*")
        texts += [section.after.strip()] if section.after else []
    for former in set((into / "lectures").glob("*.svg")) - set(written):
        former.unlink()
    written[0].write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    return written


def figure_paths(section: Section) -> list[str]:
    """The paths of a section's figures, relative to the page."""
    board = board_name(section.board)
    return [f"lectures/{board}-{number}-{each.kind}.svg" for number, each in enumerate(section.figures, start=1)]


def section_results(section: Section, workspace: Workspace) -> JournalResults | None:
    """The results of a section; None where it can do without them. Raises BadInput where a cell was not run."""
    part = Part(section.board, tuple(system.forecaster for system in section.systems), section.tasks)
    try:
        results = find_part_results(part, workspace)
    except BadInput:
        if section.channels:
            return None
        raise
    for cell in results.plan.cells:
        if not results.completed(cell):
            raise BadInput(
                f"{cell.forecaster} on {cell.task} of board {section.board!r} has no completed result in "
                f"{workspace.home}; run `harness run lectures` first"
            )
    return results


def section_table(section: Section, results: JournalResults | None, workspace: Workspace) -> Iterator[str]:
    """The table of a section in Markdown: a row for each system."""
    board = load_board(section.board, workspace.catalog)
    standings = None if results is None else board_standings(results, workspace)
    tasks = [task.label for task in board.tasks if not section.tasks or task.label in section.tasks]
    scores = [board.metric if len(tasks) == 1 else f"{board.metric}, {task}" for task in tasks]
    headings = [
        "System",
        "Command",
        "Parameters",
        "Lecture",
        *(f"Ours: {score}" for score in (*scores, *section.metrics)),
        f"relative to {board.baseline} (95 %)",
        "Training, CPU s",
        "Figures",
    ]
    left = {"System", "Command", "Lecture", "Figures"}
    yield f"| {' | '.join(headings)} |"
    yield f"|{'|'.join('---' if heading in left else '--:' for heading in headings)}|"
    entries = {entry.title: entry for entry in board.entries(workspace.catalog)}
    for system in section.systems:
        if system.forecaster not in entries:
            raise UnknownName(f"forecaster on board {section.board!r}", system.forecaster, entries)
        if results is None or standings is None:
            count = counted_parameters(entries[system.forecaster], section.channels, workspace.catalog)
            ours = [_count(count), system.lecture, *(NOTHING for _ in (*scores, *section.metrics)), NOTHING, NOTHING]
        else:
            ours = list(_ours(system, tasks, section.metrics, results, standings))
        cells = [system.name or system.forecaster, f"`{command(section.board, system)}`", *ours]
        yield f"| {' | '.join([*cells, _links(section, system) if results is not None else NOTHING])} |"


def command(board: str, system: System) -> str:
    """The command that runs a system."""
    return f"harness run {board} --only {shlex.quote(system.forecaster)}"


def _ours(
    system: System, tasks: Sequence[str], metrics: Sequence[str], results: JournalResults, standings: Standings
) -> Iterator[str]:
    """The cells of a row from the number of parameters to the seconds."""
    runs = [results.runs[cell.key] for cell in results.plan.by_forecaster[system.forecaster]]
    costs = [run.costs for run in runs if run is not None]
    (row,) = (row for row in standings.rows if row.forecaster == system.forecaster)
    yield " / ".join(dict.fromkeys(_count(each.parameters) for each in costs))  # of each task
    yield system.lecture
    yield from (_number(row.scores[task]) for task in tasks)
    yield from (_number(row.metrics[metric]) for metric in metrics)
    yield "rounding" if any(row.scores[task] <= standings.rounding.get(task, 0) for task in tasks) else _relative(row)
    yield f"{sum(each.fit_cpu_seconds for each in costs):.0f}"


def _relative(row: Row) -> str:
    """The error relative to the baseline, with its interval."""
    low, high = row.interval("skill")
    known = not math.isnan(low) and low < high
    return _number(row.relative_error) + (f" ({_number(1 - high)} … {_number(1 - low)})" if known else "")


def _links(section: Section, system: System) -> str:
    """Links to the figures of a system."""
    found = [
        f"[{'curve' if shown.kind == 'training' else shown.kind}]({path})"
        for path, shown in zip(figure_paths(section), section.figures, strict=True)
        if system.forecaster in shown.forecasters
    ]
    return ", ".join(found) or NOTHING


def _count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"


def _number(value: float) -> str:
    """A number with three significant digits, such as 0.0152 or 2.2e-5."""
    text = f"{value:.3g}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text


def _line(text: str) -> str:
    return " ".join(text.split())
