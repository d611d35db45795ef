"""The commands `harness fev board` and `harness fev export`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness_fev.tasks import FevTask


@click.group("fev")
def fev() -> None:
    """Task suites of fev as boards, and results of boards as results of fev."""


@fev.command("board", short_help="Write the board of a task file of fev.")
@click.argument("file", metavar="TASKS.yaml", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with the Parquet files of each dataset in a folder of its name.  [default: FEV_DATASETS_PREFIX]",
)
@click.option("--download", is_flag=True, help="Download what this folder lacks from the hub of Hugging Face.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder in which the folder of the board is made.",
)
@click.option("--name", help="Name of the board.  [default: that of the file, or of its folder for tasks.yaml]")
@click.option("--task", "names", multiple=True, metavar="NAME", help="Only this task. Repeatable.")
@click.option(
    "--max-context",
    type=click.IntRange(min=1),
    help="Give forecasters the last observations only, at most this many; metrics are scaled by all.",
)
def board(
    file: Path,
    data: Path | None,
    download: bool,
    into: Path,
    name: str | None,
    names: tuple[str, ...],
    max_context: int | None,
) -> None:
    """Write the board of a task file of fev to a new folder."""
    import shlex

    from harness import BadInput
    from harness_fev import data as data_files
    from harness_fev.board_file import board_files, write_board
    from harness_fev.tasks import read_tasks

    tasks = _only_tasks(read_tasks(file), names)
    place = data_files.data_folder(data)
    label = name or (file.resolve().parent.name if file.stem == "tasks" else file.stem)
    if label in click.get_current_context().find_root().obj.boards:
        raise BadInput(f"there is a board called {label!r} already; choose another name by --name")
    if download:
        place = Path("fev_datasets") if place is None else place
        for fetched in data_files.download(tasks, place):
            click.echo(f"downloaded {place / fetched}")
    folder = into / label
    files = board_files(tasks, folder, place, label, max_context)
    path = write_board(files, folder)
    for remark in files.remarks:
        click.echo(remark, err=True)
    click.echo(f"wrote {path}: {len(tasks)} task{'' if len(tasks) == 1 else 's'}")
    click.echo(f"Next: harness run {shlex.quote(os.path.join(os.curdir, folder))}")


def _only_tasks(tasks: tuple[FevTask, ...], names: tuple[str, ...]) -> tuple[FevTask, ...]:
    from harness import BadInput

    known = [task.task_name for task in tasks]
    for name in names:
        if name not in known:
            raise BadInput(f"there is no task {name!r}; the tasks are {', '.join(known)}")
    return tuple(task for task in tasks if not names or task.task_name in names)


@fev.command("export", short_help="Write the results of a board as fev's.")
@click.argument("board")
@click.argument("file", metavar="RESULTS.csv", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--home",
    metavar="FOLDER|URL",
    default=".harness",
    envvar="HARNESS_HOME",
    show_default=True,
    help="Folder of the journal, or a URL such as s3://bucket/run.",
)
def export(board: str, file: Path, home: str) -> None:
    """Write the results of BOARD, the folder that `harness fev board` wrote, as a CSV file that fev reads."""
    from harness import BadInput, open_home, stored_plans
    from harness_fev.export import board_tasks, result_rows, write_results

    folder = Path(board).resolve()
    folder = folder.parent if folder.suffix == ".toml" else folder
    tasks = board_tasks(folder)
    place = open_home(home)
    plan = next((plan for plan in stored_plans(place) if plan.name == folder.name), None)
    rows = [] if plan is None else result_rows(plan, tasks, place)
    if not rows:
        raise BadInput(
            f"board {folder.name!r} has no completed results in {home}; run `harness run {board} --home {home}` first"
        )
    write_results(rows, file)
    click.echo(f"wrote {file}: {len(rows)} results")


@fev.command("claim", short_help="Add results that fev publishes to a board.")
@click.argument("board", type=click.Path(exists=True, path_type=Path))
@click.argument(
    "files", metavar="RESULTS.csv...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path)
)
@click.option("--source", help="Whose results they are.  [default: fev and its version]")
def claim(board: Path, files: tuple[Path, ...], source: str | None) -> None:
    """Add results of fev to BOARD, the folder that `harness fev board` wrote, as claimed results.

    They replace those that were added before. `harness show BOARD` marks them.
    """
    from harness import BadInput, write_claims
    from harness_fev.claims import read_claims
    from harness_fev.export import board_tasks

    folder = board.resolve()
    folder = folder.parent if folder.suffix == ".toml" else folder
    claims, left_out = read_claims(files, board_tasks(folder), source)
    for reason in left_out:
        click.echo(reason, err=True)
    if not claims:
        raise BadInput("no result is one of a task of the board" + ("; " + left_out[0] if left_out else ""))
    path = write_claims(folder, claims, left_out)
    click.echo(f"wrote {path}: claimed results of {', '.join(each.forecaster for each in claims)}")
