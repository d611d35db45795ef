"""The command `harness show`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import print_standings, wide_console
from harness.cli.options import output_format, workspace_option
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.results.standings import Standings

EXIT_NOTHING = 1


@click.command("show")
@click.argument("board")
@click.option("--metric", help="Rank by this metric.  [default: the board's]")
@click.option("--csv", is_flag=True, help="Print CSV.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--html", type=click.Path(dir_okay=False), metavar="FILE", help="Write a page that needs no network.")
@click.option("--completed-only", is_flag=True, help="Ignore failed results; by default a failure scores as the worst.")
@click.option("--within", "budget", metavar="BUDGET", help="Rank what fits: 'latency_p99 < 5ms, memory < 500MB'.")
@click.option("--by", metavar="KIND", help="Show scores in slices: by step, series, season, length or task.")
@click.option("--task", metavar="NAME", help="With --by: slices of this task only.")
@click.option("--published", is_flag=True, help="Show the results published with the board, not those of the journal.")
@workspace_option
def show_command(
    board: str,
    metric: str | None,
    csv: bool,
    markdown: bool,
    html: str | None,
    completed_only: bool,
    budget: str | None,
    by: str | None,
    task: str | None,
    published: bool,
    workspace: Workspace,
) -> None:
    """Show the standings of a board, or its scores in slices."""
    style = output_format(csv=csv, markdown=markdown, html=html)
    if by or task:
        from harness.analysis.slicing.boards import sliced
        from harness.report.slices import asked, slices_text

        if budget is not None:
            raise BadInput("--within ranks a whole board; leave --by and --task out")
        part = {"by": by, "task": task}
        request = asked(part, metric, style, html, completed_only=completed_only, published=published)
        click.echo(slices_text(sliced(board, request, workspace), style, wide_console()), nl=False)
        return
    from harness.analysis.lookup import find_standings

    standings = find_standings(board, workspace, metric, completed_only=completed_only, published=published)
    if budget is not None:
        standings = _within(standings, budget, to_stderr=style in ("csv", "html"))
    if html is not None:
        from harness.api import page_of

        _write_page(html, page_of(standings, workspace))
    elif style == "csv":
        from harness.report.standings_csv import standings_csv

        click.echo(standings_csv(standings), nl=False)
    elif style == "markdown":
        from harness.analysis.lookup import find_results
        from harness.report.markdown import readme

        runs = find_results(board, workspace, published=published).runs
        click.echo(readme(standings, runs.values(), board), nl=False)
    else:
        print_standings(standings, wide_console())


def _within(standings: Standings, budget: str, *, to_stderr: bool) -> Standings:
    """The forecasters within a budget, ranked; where there are none, the command ends with the reason."""
    from harness.analysis.ranking.within_budget import within

    ranked, reason = within(standings, budget)
    if reason:
        click.echo(reason, err=to_stderr)
        sys.exit(EXIT_NOTHING)
    return ranked


def _write_page(file: str, text: str) -> None:
    """Write a page to a file, `-` being the standard output, and print its path."""
    if file == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be written ({error.strerror})") from error
    click.echo(f"The page is {file}; open it in a browser.")
