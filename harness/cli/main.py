"""The command line: parses, calls, prints. Nothing else in harness prints.

Heavy modules are imported by the command that needs them, so that `--help` and `list` start at once.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import click

from harness.cli.bench import bench_command
from harness.cli.commands import (
    compare_command,
    home_option,
    one_style,
    publish_command,
    set_option,
    settings_of,
    wide_console,
)
from harness.errors import BadInput, HarnessError
from harness.plugins.catalog import Catalog, load_catalog

EXIT_NOTHING, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130


class Harness(click.Group):
    """The group of commands; each takes --debug, and errors become one sentence."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, giving it --debug."""
        cmd.params.append(click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks."))
        super().add_command(cmd, name)


@click.group(cls=Harness, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="forecast-harness")
@click.pass_context
def cli(context: click.Context) -> None:
    """A benchmark harness and leaderboard for time-series forecasting models."""
    context.obj = _catalog


@cli.command("run")
@click.argument("boards", nargs=-1, metavar="[BOARD]...")
@click.option("--all", "every", is_flag=True, help="Run every board whose data is here.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this forecaster, and the baseline. Repeatable.")
@set_option
@click.option("--seeds", type=click.IntRange(min=1), help="Seeds for forecasters that draw; the board says else.")
@click.option("--jobs", type=click.IntRange(min=0), help="Cells side by side; 0: in this process.  [default: cores]")
@click.option("--rerun", is_flag=True, help="Run again what is finished.")
@click.option("--retry-failed", is_flag=True, help="Run again what did not complete.")
@home_option
def run_command(boards: tuple[str, ...], every: bool, home: Path, **options: Any) -> None:
    """Run what is missing of one or more boards, and show their standings."""
    from harness.boards.selection import Selection
    from harness.cli.run import run

    if every == bool(boards):
        raise BadInput("name the boards to run, or else say --all; `harness list boards` shows them")
    request = Selection(
        boards=boards,
        home=home,
        only=options["only"],
        settings=settings_of(options["settings"]),
        seeds=options["seeds"],
        jobs=options["jobs"],
        rerun=options["rerun"],
        retry_failed=options["retry_failed"],
    )
    sys.exit(run(request, _catalog(), wide_console()))


cli.add_command(bench_command)
cli.add_command(publish_command)
cli.add_command(compare_command)
KINDS = ("forecasters", "datasets", "boards", "metrics", "plugins")


@cli.command("list")
@click.argument("kind", required=False, type=click.Choice(KINDS))
def list_command(kind: str | None) -> None:
    """What is here, and whose it is."""
    from harness.report.listings import inventory

    for one in KINDS if kind is None else (kind,):
        click.echo(inventory(_catalog(), one))
    _warn(_catalog())


@cli.command("show")
@click.argument("board")
@click.option("--metric", help="Rank by this metric instead of the board's own.")
@click.option("--csv", is_flag=True, help="Print CSV.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--html", type=click.Path(dir_okay=False), metavar="FILE", help="Write a page that needs no network.")
@click.option("--completed-only", is_flag=True, help="Leave out what is missing instead of counting it as worst.")
@click.option("--within", "budget", metavar="BUDGET", help="Rank what fits: 'latency_p99 < 5ms, memory < 500MB'.")
@click.option("--by", metavar="KIND", help="Scores in slices: by step, series, season, length or task.")
@click.option("--task", metavar="NAME", help="With --by: this task only.")
@click.option("--published", is_flag=True, help="Show the results that came with the board, whatever is here.")
@home_option
def show_command(
    board: str,
    metric: str | None,
    csv: bool,
    markdown: bool,
    html: str | None,
    completed_only: bool,
    published: bool,
    budget: str | None,
    home: Path,
    **part: Any,
) -> None:
    """The standings of a board, or its scores in slices, from what the journal holds or was published."""
    style = one_style(csv=csv, markdown=markdown, html=html)
    if any(part.values()):
        from harness.analysis.slicing.boards import find_slices
        from harness.report.slices import asked, slices_text

        if budget is not None:
            raise BadInput("--within ranks a whole board; leave --by and --task out")
        wanted = asked(part, metric, style, html, completed_only=completed_only, published=published)
        click.echo(slices_text(find_slices(board, wanted, home, _catalog), style, wide_console()), nl=False)
        return
    from harness.analysis.lookup import find_results, find_standings

    standings = find_standings(board, metric, completed_only, home, _catalog, published=published)
    if budget is not None:
        from harness.analysis.ranking.within_budget import apply_budget

        standings, nothing = apply_budget(standings, budget)
        if nothing:
            click.echo(nothing, err=style == "csv" or html is not None)
            sys.exit(EXIT_NOTHING)
    if html is not None:
        from harness.api import page_of

        _write(html, page_of(standings, home, _catalog()))
    elif style == "csv":
        from harness.report.standings_csv import standings_csv

        click.echo(standings_csv(standings), nl=False)
    elif style == "markdown":
        from harness.report.markdown import readme

        runs = find_results(board, home, _catalog, published=published).runs
        click.echo(readme(standings, runs.values(), board), nl=False)
    else:
        from harness.cli.run import print_standings

        print_standings(standings, wide_console())


@cli.command("check")
@click.argument("name")
@home_option
def check_command(name: str, home: Path) -> None:
    """Check that a forecaster, a dataset or a metric keeps its contract."""
    from harness.plugins.checks import check
    from harness.report.terminal import verdicts

    catalog, console = _catalog(), wide_console()
    results = check(name, catalog, home)
    console.print(verdicts(name, results))
    _warn(catalog)
    sys.exit(0 if all(one.passed for one in results) else 1)


@cli.command("verify")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@home_option
def verify_command(as_csv: bool, home: Path) -> None:
    """Recompute numbers that others published, and show ours beside them."""
    from harness.report.verification import conclusions, findings_csv, findings_tables
    from harness.verification.cases import cases
    from harness.verification.comparison import compare_cases
    from harness.verification.context import VerificationContext

    found = compare_cases(cases(), VerificationContext(_catalog(), home))
    if as_csv:
        click.echo(findings_csv(found), nl=False)
    else:
        console = wide_console()
        console.print(*findings_tables(found), sep="")
        for line in conclusions(found):
            console.print(line, markup=False)
    _warn(_catalog())
    sys.exit(1 if any(one.verdict == "fails" for one in found) else 0)


@cli.group("data", cls=Harness)
def data_group() -> None:
    """The data of each dataset: what is here, and fetching what is not."""


@data_group.command("list")
@home_option
def data_list_command(home: Path) -> None:
    """Which datasets are here, where they are from, and under which licence."""
    from harness.report.listings import data_inventory

    click.echo(data_inventory(_catalog(), home))


@data_group.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@home_option
def data_fetch_command(names: tuple[str, ...], home: Path) -> None:
    """Download the files of datasets into the home folder, and check them."""
    from harness.data.files import fetch
    from harness.results.journal import prepared_home

    specs = [_catalog().datasets[name].spec for name in names]
    prepared_home(home)
    for spec in specs:
        for path in fetch(spec, home):
            click.echo(f"{spec.name}: {path}")


_found: list[Catalog] = []


def _catalog() -> Catalog:
    if not _found:
        _found.append(load_catalog())
    return _found[0]


def _warn(catalog: Catalog) -> None:
    for problem in catalog.problems:
        click.echo(f"warning: {problem}", err=True)


def _write(file: str, text: str) -> None:
    """Write a text to a file and say where; `-` is the standard output."""
    if file == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be written ({error.strerror})") from error
    click.echo(f"The page is {file}; open it in a browser.")


def main() -> None:
    """The entry point: errors of ours become one sentence and an exit code, unless --debug is given."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        _catalog().add_commands(cli)
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_BAD_INPUT)
    except HarnessError as error:
        if debug:
            import traceback

            traceback.print_exc()
        for found in _found:  # what is wrong with a plugin may be why something is not there
            _warn(found)
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
