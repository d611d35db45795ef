"""The command line: parses, calls, prints. Nothing else in harness prints.

Each command imports heavy modules when it is called, so that `--help` and `list` start at once.
"""

from __future__ import annotations

import io
import sys

import click

from harness.cli.bench import bench_command
from harness.cli.check import check_command
from harness.cli.compare import compare_command
from harness.cli.console import echo, echo_text, print_plugin_problems
from harness.cli.data import data_group
from harness.cli.group import HarnessGroup
from harness.cli.list import list_command
from harness.cli.options import check_arguments
from harness.cli.publish import publish_command
from harness.cli.run import run_command
from harness.cli.show import show_command
from harness.cli.verify import verify_command
from harness.errors import HarnessError
from harness.plugins.catalog import Catalog, load_catalog
from harness.report.text import visible

EXIT_BAD_INPUT, EXIT_INTERRUPTED = 2, 130


@click.group(cls=HarnessGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="forecast-harness")
@click.pass_context
def cli(context: click.Context) -> None:
    """A benchmark harness and leaderboard for time-series forecasting models."""
    if context.obj is None:  # called without `main`, as tests do
        context.obj = load_catalog()


for command in (
    run_command,
    show_command,
    compare_command,
    publish_command,
    bench_command,
    check_command,
    verify_command,
    list_command,
    data_group,
):
    cli.add_command(command)


def main() -> None:
    """The entry point: runs a command; a HarnessError, or a file that cannot be used, is printed as one sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    catalog: Catalog | None = None
    try:
        catalog = load_catalog()
        commands = cli.copy()
        catalog.add_commands(commands)
        check_arguments(sys.argv[1:])
        commands.main(prog_name="harness", obj=catalog, standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        echo_text(visible(shown.getvalue(), keep="\n\t"), err=True)
        sys.exit(EXIT_BAD_INPUT)
    except HarnessError as error:
        _report(error, catalog)
        sys.exit(EXIT_BAD_INPUT)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        _report(error, catalog)
        sys.exit(EXIT_BAD_INPUT)


def _report(error: HarnessError | OSError, catalog: Catalog | None) -> None:
    """Print an error as one sentence, after its traceback if that was asked for."""
    if "--debug" in sys.argv:
        import traceback

        traceback.print_exc()
    if catalog is not None:
        print_plugin_problems(catalog)  # a plugin's problem may be why a name is unknown
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"cannot use {error.filename2 or error.filename}: {error.strerror}; move it away, or make it accessible"
    echo(f"error: {text}", err=True)
