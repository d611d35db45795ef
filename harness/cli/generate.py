"""The command `harness generate`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text
from harness.cli.options import workspace_option

if TYPE_CHECKING:
    from harness.boards.leaderboard import Entry, Leaderboard
    from harness.boards.workspace import Workspace
    from harness.tasks.task import Task


@click.command("generate")
@click.argument("board")
@click.option("--forecaster", "name", required=True, metavar="NAME", help="Name of the forecaster on the board.")
@click.option("--task", "task_name", metavar="NAME", help="Task to train on.  [default: the board's first]")
@click.option("--prompt", default="", help="Tokens to begin with, or the input of a sequence, separated by spaces.")
@click.option("--characters", is_flag=True, help="Each character of the prompt is a token; print tokens unseparated.")
@click.option("--end", metavar="TOKEN", help="Token that ends a sequence, and is not printed.")
@click.option("--most", default=1000, show_default=True, metavar="N", help="Number of tokens of a sequence at most.")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Below 1 favours probable tokens.")
@click.option("--greedy", is_flag=True, help="Choose the most probable token at each step.")
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="Number of sequences.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the first sequence.")
@workspace_option
def generate_command(
    board: str,
    name: str,
    task_name: str | None,
    prompt: str,
    end: str | None,
    most: int,
    temperature: float,
    count: int,
    seed: int,
    workspace: Workspace,
    *,
    characters: bool,
    greedy: bool,
) -> None:
    """Train a forecaster of a board, and print sequences of tokens that it generates.

    The forecaster is trained in this process, on the training data of the task. It must offer a method `generate`, as
    token-lstm and token-seq2seq do. Nothing is recorded.
    """
    from harness.boards.board_files import known_board
    from harness.boards.leaderboard import load_board
    from harness.execution.token_generation import GenerationOptions, generated_sequences
    from harness.report.text import visible

    options = GenerationOptions(end, most, temperature, greedy)
    loaded = load_board(known_board(board, workspace), workspace.catalog)
    entry, task = _entry(loaded, name, workspace), _task(loaded, task_name)
    tokens = list(prompt) if characters else prompt.split()
    unended = 0
    seeds, tell = range(seed, seed + count), partial(echo, err=True)
    for sequence in generated_sequences(entry, task, workspace, tokens, options, seeds, tell):
        printed = sequence.tokens[:-1] if sequence.ended else sequence.tokens
        echo_text(visible(("" if characters else " ").join(printed)) + "\n")
        unended += not sequence.ended
    if unended:
        reason = "no end token was given (--end)" if end is None else f"without the end token {end!r}"
        echo(f"{unended} of {count} sequences stopped at the limit of {most:,} (--most): {reason}", err=True)


def _entry(board: Leaderboard, name: str, workspace: Workspace) -> Entry:
    from harness.errors import UnknownName

    entries = {entry.title: entry for entry in board.entries(workspace.catalog)}
    if name not in entries:
        raise UnknownName("forecaster on the board", name, entries)
    return entries[name]


def _task(board: Leaderboard, name: str | None) -> Task:
    from harness.errors import UnknownName

    tasks = {task.label: task for task in board.tasks}
    if name is not None and name not in tasks:
        raise UnknownName("task on the board", name, tasks)
    return board.tasks[0] if name is None else tasks[name]
