"""The command `harness replay`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo_text
from harness.cli.options import json_option, read_workspace_option
from harness.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.results.stored_plan import StoredCell

USAGE = "name a run by the first digits of its key, or as BOARD FORECASTER TASK"


@click.command("replay")
@click.argument("names", nargs=-1, required=True, metavar="RUN | BOARD FORECASTER TASK")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of a stochastic forecaster.  [default: its only one]")
@json_option
@read_workspace_option
def replay_command(names: tuple[str, ...], seed: int | None, workspace: Workspace, *, as_json: bool) -> None:
    """Run a recorded cell again, and compare with its record.

    RUN is the key of a cell or its first digits. Nothing is recorded. Exits with 0 if the forecasts and scores are
    equal, or differ within the tolerance, and with 1 if they are different.
    """
    import json

    from harness.boards.board_files import declare_files_of_run
    from harness.cli.signals import stop_signals
    from harness.execution.replay import replay
    from harness.fields.dumping import dump
    from harness.report.runs.replay import replay_lines

    cell = _find_cell(names, seed, workspace)
    declare_files_of_run(cell.key, workspace)
    with stop_signals():
        result = replay(cell.key, cell.fingerprint, workspace, cell.forecaster)
    if as_json:
        echo_text(json.dumps(dump(result), indent=2) + "\n")
    else:
        echo_text("".join(f"{line}\n" for line in replay_lines(result)))
    sys.exit(1 if result.verdict == "different" else 0)


def _find_cell(names: tuple[str, ...], seed: int | None, workspace: Workspace) -> StoredCell:
    """The cell that the arguments name; raises BadInput where there is none, or several."""
    import re

    from harness.analysis.comparison.sources import check_digits, full_key, plan_of_run

    if len(names) == 3:
        return _cell_of_board(*names, seed, workspace)
    if len(names) != 1:
        raise BadInput(f"{' '.join(names)!r} names no run; {USAGE}")
    (digits,) = names
    if re.fullmatch(r"[0-9a-f]{1,32}", digits) is None:
        raise BadInput(f"{digits!r} is not the key of a run; {USAGE}")
    if seed is not None:
        raise BadInput("--seed belongs to BOARD FORECASTER TASK; a key names one seed already")
    check_digits(digits, digits)
    return plan_of_run(full_key(digits, workspace.journal.keys(), workspace.home), workspace).cells[0]


def _cell_of_board(board: str, forecaster: str, task: str, seed: int | None, workspace: Workspace) -> StoredCell:
    """The cell of a forecaster on a task of a board, as it was last run."""
    from harness.boards.leaderboard import board_name
    from harness.results.stored_plan import stored_plan, stored_plans

    plan = stored_plan(workspace.home, board_name(board))
    if plan is None:
        raise UnknownName("board with results", board, (plan.name for plan in stored_plans(workspace.home)))
    cells = [cell for cell in plan.cells if cell.forecaster == forecaster]
    if not cells:
        raise UnknownName(f"forecaster on board {plan.name!r}", forecaster, {cell.forecaster for cell in plan.cells})
    cells = [cell for cell in cells if cell.task == task]
    if not cells:
        raise UnknownName(f"task on board {plan.name!r}", task, {cell.task for cell in plan.cells})
    seeds = {_seed(cell, workspace): cell for cell in cells}
    if seed is None and len(cells) == 1:
        return cells[0]
    if seed not in seeds:
        known = ", ".join(str(each) for each in seeds if each is not None)
        if not known:
            raise BadInput(f"forecaster {forecaster!r} on task {task!r} has no recorded seed; leave --seed out")
        raise BadInput(f"forecaster {forecaster!r} on task {task!r} has the seeds {known}; choose one by --seed")
    return seeds[seed]


def _seed(cell: StoredCell, workspace: Workspace) -> int | None:
    run = workspace.journal.read(cell.key)
    return None if run is None else run.cell.seed
