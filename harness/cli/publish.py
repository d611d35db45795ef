"""The command `harness publish`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import home_option
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.plugins.catalog import Catalog

FILES = ("README.md", "results.json", "terms.parquet")


@click.command("publish")
@click.argument("board")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--metric", "metrics", multiple=True, help="Publish per-window losses of this metric too. Repeatable.")
@home_option
@click.pass_obj
def publish_command(catalog: Catalog, /, board: str, folder: Path | None, metrics: tuple[str, ...], home: Path) -> None:
    """Write a board's README and results into its folder.

    The folder holds results and per-window losses, to be committed; never the data.
    """
    from harness.analysis.lookup import find_journal_results
    from harness.analysis.ranking.compute import compute_standings
    from harness.analysis.ranking.costs import with_costs
    from harness.boards.leaderboard import board_name
    from harness.report.markdown import readme
    from harness.results.publication.writing import publish

    folder = _writable_folder(board, catalog) if folder is None else folder
    results = find_journal_results(board, home, lambda: catalog)
    names = dict.fromkeys((results.plan.metric, *metrics))
    wanted = [catalog.metrics[name].spec for name in names]
    computed = compute_standings(results, wanted[0])
    again = board if board_name(board) in catalog.boards else "."
    text = readme(with_costs(computed, results.plan, home), results.runs.values(), again)
    withheld = publish(results, wanted, computed, text, folder)
    for path in sorted(folder.iterdir()):
        if path.name in FILES:
            click.echo(f"{path}: {path.stat().st_size:,} bytes")
    for task, why in withheld.items():
        click.echo(f"the terms of {task} are withheld: {why}")


def _writable_folder(board: str, catalog: Catalog) -> Path:
    """The board's own folder; raises BadInput where it belongs to an installation, or cannot be written to."""
    import sysconfig

    from harness.analysis.lookup import published_folder

    folder = published_folder(board, lambda: catalog)
    installed = [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")]
    inside = any(folder.resolve().is_relative_to(path) for path in installed)
    if inside or not os.access(folder, os.W_OK):
        why = "is part of an installation" if inside else "cannot be written to"
        raise BadInput(f"the folder of board {board!r}, {folder}, {why}; name another: harness publish {board} FOLDER")
    return folder
