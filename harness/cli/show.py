"""The command `harness show`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text, print_lines, print_slices, print_standings, wide_console
from harness.cli.group import is_debugging
from harness.cli.options import output_format, pool_option, read_workspace_option
from harness.data.home_folders import home_name, home_option
from harness.errors import BadInput, UnknownName
from harness.fields.names import split_names

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.forecasters.pools import Pool
    from harness.report.standings.shown import Shown
    from harness.results.standings import Standings

EXIT_NOTHING = 1


@click.command("show")
@click.argument("board")
@click.option("--metric", help="Rank by this metric.  [default: the board's]")
@click.option("--csv", is_flag=True, help="Print CSV.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--html", type=click.Path(dir_okay=False), metavar="FILE", help="Write a page that needs no network.")
@click.option("--format", "format_", metavar="NAME", help="Print this format; `harness list formats` shows them.")
@click.option("--completed-only", is_flag=True, help="Ignore failed results, which are imputed by default.")
@click.option("--within", "budget", metavar="BUDGET", help="Rank what fits: 'latency_p99 < 5ms, memory < 500MB'.")
@pool_option("Rank the forecasters of this pool and the baseline only.")
@click.option(
    "--only", multiple=True, metavar="A,B,...", help="Show these forecasters, at their ranks on the board. Repeatable."
)
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Show the ranks up to N, and those of --only.")
@click.option("--columns", metavar="A,B,...", help="Show these columns: headings, or names of --csv.")
@click.option("--forecaster", metavar="NAME", help="Show one forecaster: hyperparameters, parameters, notes, cells.")
@click.option("--failures", is_flag=True, help="List failed results: status, exception, place, last output.")
@click.option("--by", metavar="KIND", help="Show scores in slices: by step, series, season, length or task.")
@click.option("--task", metavar="NAME", help="With --by: slices of this task only.")
@click.option("--claimed", is_flag=True, help="Rank claimed results, too.  [default: shown without a rank]")
@click.option("--published", is_flag=True, help="Show the results published with the board, not those of the journal.")
@read_workspace_option
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
    only: tuple[str, ...],
    top: int | None,
    columns: str | None,
    forecaster: str | None,
    failures: bool,
    by: str | None,
    task: str | None,
    claimed: bool,
    published: bool,
    workspace: Workspace,
) -> None:
    """Show the standings of a board or of the boards of a collection, or the scores of a board in slices."""
    style = output_format(csv=csv, markdown=markdown, html=html, format=format_)
    option = f"--format {format_}" if style == "format" else f"--{style}"
    style = format_ if style == "format" else style
    from harness.boards.collections import find_collection

    if find_collection(board, workspace.catalog) is not None:
        if any((style, budget, only, top, columns, forecaster, failures, by, task, published, pools)):
            raise BadInput(f"{board!r} is a collection of boards; name one of them, or leave options out")
        _show_collection(board, workspace, metric, completed_only=completed_only)
        return
    if forecaster is not None:
        if any((style, budget, only, top, columns, failures, by, task, metric, completed_only, pools)):
            raise BadInput("--forecaster shows one forecaster of the board; leave other options out")
        _show_forecaster(board, forecaster, workspace, published=published)
        return
    if failures:
        given = {"--metric": metric, "--within": budget, "--top": top, "--columns": columns, "--by": by, "--task": task}
        given |= {"--completed-only": completed_only, option: style is not None and not csv}
        others = [name for name, value in given.items() if value]
        if others:
            raise BadInput(f"--failures lists failed results; leave out {', '.join(others)}")
        _show_failures(board, workspace, only, pools, as_csv=csv, published=published)
        return
    shown = _shown_part(only, top, columns, style, option, is_slice=bool(by or task))
    if by or task:
        from harness.analysis.lookup import stale_notes
        from harness.analysis.slicing.boards import find_slices
        from harness.report.standings.slices import slice_request, slices_csv, slices_markdown

        if budget is not None:
            raise BadInput("--within ranks a whole board; leave --by and --task out")
        part = {"by": by, "task": task}
        request = slice_request(
            part, metric, style, html, completed_only=completed_only, published=published, pools=pools
        )
        slices = find_slices(board, request, workspace)
        if style == "csv" and not published:
            for note in stale_notes(board, slices.forecasters, workspace):
                echo(note, err=True)
        if style is None:
            print_slices(slices, wide_console())
        else:
            echo_text(slices_csv(slices) if style == "csv" else slices_markdown(slices))
        return
    from harness.analysis.lookup import find_standings, rerun_notes, with_claimed

    if claimed and (budget is not None or pools):
        raise BadInput("--claimed ranks a whole board; leave --within and --pool out")
    standings = find_standings(
        board, workspace, metric, completed_only=completed_only, published=published, pools=pools
    )
    if not published and style not in (None, "markdown", "html"):  # these have the notes
        for note in rerun_notes(board, standings, workspace):
            echo(note, err=True)
    if budget is None and not pools:
        standings = with_claimed(standings, board, workspace, ranked=claimed)
    if budget is not None:
        standings = _within(standings, budget, only, to_stderr=style not in (None, "markdown"))
    if style is None:
        print_standings(standings, wide_console(), shown)
        return
    if shown is not None:
        from harness.report.standings.csv_text import standings_csv

        echo_text(standings_csv(standings, shown))
        return
    from harness.report.context import report_context
    from harness.report.formats import report

    text = report(standings, report_context(board, workspace, published=published), workspace.catalog.formats[style])
    if html is None:
        echo_text(text)
    else:
        _write_page(html, text)


def _show_collection(name: str, workspace: Workspace, metric: str | None, *, completed_only: bool) -> None:
    """Print the standings of what belongs to the boards of a collection, and a sentence on each board without any."""
    from harness.analysis.lookup import board_standings, find_part_results
    from harness.boards.collections import parts_of

    console, missing = wide_console(), []
    parts = parts_of((name,), workspace.catalog)
    for part in parts:
        try:
            results = find_part_results(part, workspace)
        except BadInput as error:
            missing.append(str(error))
        else:
            print_standings(board_standings(results, workspace, metric, completed_only=completed_only), console)
    if len(missing) == len(parts):
        raise BadInput(
            f"no board of collection {name!r} has results in {home_name(workspace.home)}; "
            f"run `harness run {name}{home_option(workspace.home)}` first"
        )
    print_lines(missing, console)


def _show_forecaster(board: str, name: str, workspace: Workspace, *, published: bool) -> None:
    """Print what is known of a forecaster of a board."""
    from harness.analysis.lookup import find_results
    from harness.report.runs.forecaster import forecaster_text
    from harness.report.runs.run_table import ListedCell

    results = find_results(board, workspace, published=published)
    plan, forecasters = results.plan, workspace.catalog.forecasters
    if name not in plan.by_forecaster:
        raise UnknownName(f"forecaster on board {plan.name!r}", name, plan.by_forecaster)
    cells = [
        ListedCell.of(plan, cell, results.runs[cell.key], forecasters, is_selected=cell.key in results.selected)
        for cell in plan.by_forecaster[name]
    ]
    source = plan.sources[name].forecaster if name in plan.sources else name
    spec = forecasters[source].spec if source in forecasters else None
    echo_text(forecaster_text(name, plan.name, spec, cells, wide_console().width))


def _show_failures(
    board: str, workspace: Workspace, only: tuple[str, ...], pools: tuple[Pool, ...], *, as_csv: bool, published: bool
) -> None:
    """Print the failed results of a board."""
    from harness.analysis.lookup import find_results
    from harness.report.runs.failures import failed_results, failure_lines, failures_csv

    results = find_results(board, workspace, published=published, pools=pools)
    names = split_names(only, results.plan.by_forecaster)
    for name in names:
        if name not in results.plan.by_forecaster:
            raise UnknownName(f"forecaster on board {results.plan.name!r}", name, results.plan.by_forecaster)
    failed = failed_results(results, names)
    if as_csv:
        echo_text(failures_csv(failed))
        return
    if not failed:
        echo(f"No failed results on board {results.plan.name}.")
    for line in failure_lines(failed, tracebacks=is_debugging()):
        echo_text(line + "\n")


def _shown_part(
    only: tuple[str, ...], top: int | None, columns: str | None, style: str | None, option: str, *, is_slice: bool
) -> Shown | None:
    """Which rows and columns were asked for, None if all; raises BadInput where a view cannot leave any out."""
    if not (only or top or columns):
        return None
    from harness.report.standings.shown import Shown

    if is_slice:
        raise BadInput("--only, --top and --columns choose from the standings of a board; leave --by and --task out")
    if style not in (None, "csv"):
        raise BadInput(f"--only, --top and --columns choose what the terminal and --csv show; leave {option} out")
    names = tuple(name.strip() for name in (columns or "").split(",") if name.strip())
    return Shown(only, top, tuple(dict.fromkeys(names)))


def _within(standings: Standings, budget: str, only: tuple[str, ...], *, to_stderr: bool) -> Standings:
    """The forecasters within a budget, ranked; where there are none, the command ends with the reason.

    Raises UnknownName for one of `only` that has no results, and BadInput for one that is not within the budget.
    """
    from harness.analysis.ranking.within_budget import apply_budget
    from harness.report.standings.shown import listed

    ranked, reason = apply_budget(standings, budget)
    if reason:
        for line in reason.splitlines():
            echo(line, err=to_stderr)
        sys.exit(EXIT_NOTHING)
    known, fitting = ({row.forecaster for row in found.with_results.rows} for found in (standings, ranked))
    if excluded := [name for name in split_names(only, known) if name in known - fitting]:
        raise BadInput(
            f"--only: {listed(excluded)} {'is' if len(excluded) == 1 else 'are'} not within the budget {budget!r}"
        )
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
