"""The command `harness show`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text, print_slices, print_standings, wide_console
from harness.cli.options import output_format, pool_option, workspace_option
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.forecasters.pools import Pool
    from harness.results.standings import Standings

EXIT_NOTHING = 1


@click.command("show")
@click.argument("board")
@click.option("--metric", help="Rank by this metric.  [default: the board's]")
@click.option("--csv", is_flag=True, help="Print CSV.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--html", type=click.Path(dir_okay=False), metavar="FILE", help="Write a page that needs no network.")
@click.option("--format", "format_", metavar="NAME", help="Print this format; `harness list formats` shows them.")
@click.option("--completed-only", is_flag=True, help="Ignore failed results; by default a failure scores as the worst.")
@click.option("--within", "budget", metavar="BUDGET", help="Rank what fits: 'latency_p99 < 5ms, memory < 500MB'.")
@pool_option("Rank the forecasters of this pool and the baseline only.")
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
    format_: str | None,
    completed_only: bool,
    budget: str | None,
    pools: tuple[Pool, ...],
    by: str | None,
    task: str | None,
    published: bool,
    workspace: Workspace,
) -> None:
    """Show the standings of a board, or its scores in slices."""
    style = output_format(csv=csv, markdown=markdown, html=html, format=format_)
    style = format_ if style == "format" else style
    if by or task:
        from harness.analysis.slicing.boards import find_slices
        from harness.report.slices import slice_request, slices_csv, slices_markdown

        if budget is not None:
            raise BadInput("--within ranks a whole board; leave --by and --task out")
        part = {"by": by, "task": task}
        request = slice_request(
            part, metric, style, html, completed_only=completed_only, published=published, pools=pools
        )
        slices = find_slices(board, request, workspace)
        if style is None:
            print_slices(slices, wide_console())
        else:
            echo_text(slices_csv(slices) if style == "csv" else slices_markdown(slices))
        return
    from harness.analysis.lookup import find_standings

    standings = find_standings(
        board, workspace, metric, completed_only=completed_only, published=published, pools=pools
    )
    if budget is not None:
        standings = _within(standings, budget, to_stderr=style not in (None, "markdown"))
    if style is None:
        print_standings(standings, wide_console())
        return
    from harness.report.context import report_context
    from harness.report.formats import report

    text = report(standings, report_context(board, workspace, published=published), workspace.catalog.formats[style])
    if html is None:
        echo_text(text)
    else:
        _write_page(html, text)


def _within(standings: Standings, budget: str, *, to_stderr: bool) -> Standings:
    """The forecasters within a budget, ranked; where there are none, the command ends with the reason."""
    from harness.analysis.ranking.within_budget import apply_budget

    ranked, reason = apply_budget(standings, budget)
    if reason:
        echo(reason, err=to_stderr)
        sys.exit(EXIT_NOTHING)
    return ranked


def _write_page(file: str, text: str) -> None:
    """Write a page to a file, `-` being the standard output, and print its path."""
    if file == "-":
        echo_text(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be written ({error.strerror})") from error
    echo(f"The page is {file}; open it in a browser.")
