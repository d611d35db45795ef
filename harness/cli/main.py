"""The command line: parses, calls, prints. Nothing else in harness prints.

Each command imports heavy modules when it is called, so that `--help` and `list` start at once.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from typing import TextIO

import click

from harness.cli.bench import bench_command
from harness.cli.check import check_command
from harness.cli.compare import compare_command
from harness.cli.console import echo, echo_text, print_plugin_problems
from harness.cli.data import data_group
from harness.cli.env import env_group
from harness.cli.forecast import forecast_command
from harness.cli.generate import generate_command
from harness.cli.group import HarnessGroup
from harness.cli.list import list_command
from harness.cli.merge import merge_command
from harness.cli.new import new_command
from harness.cli.options import check_arguments
from harness.cli.plan import plan_command
from harness.cli.plugin_files import use_plugin_file
from harness.cli.publish import publish_command
from harness.cli.replay import replay_command
from harness.cli.run import run_command
from harness.cli.runs import runs_command
from harness.cli.show import show_command
from harness.cli.status import status_command
from harness.cli.verify import verify_command
from harness.cli.weights import weights_group
from harness.data.damage import listen
from harness.errors import HarnessError
from harness.plugins.catalog import Catalog, load_catalog
from harness.plugins.plugin_file import VARIABLE as PLUGIN_FILE
from harness.plugins.restriction import VARIABLE, restrict
from harness.plugins.table_datasets import VARIABLE as TABLES
from harness.report.text import visible

EXIT_BAD_INPUT = 2
BY_SIGNAL = 128  # added to the number of the signal that ended a command, as shells do


@click.group(cls=HarnessGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="forecast-harness")
@click.option(
    "--plugins",
    metavar="NAME,...",
    envvar=VARIABLE,
    show_envvar=True,
    help="Import only these plugins beside those included in harness, and use the environments named as @NAME; 'none' "
    "imports no others.",
)
@click.option(
    "--plugin-file",
    metavar="FILE",
    envvar=PLUGIN_FILE,
    show_envvar=True,
    help="Import this Python file as a plugin, too.  [default: harness_plugin.py beside a board named by its path]",
)
@click.pass_context
def cli(context: click.Context, plugins: str | None, plugin_file: str | None) -> None:
    """A benchmark harness and leaderboard for time-series forecasting models."""
    if context.obj is None:  # called without `main`, as tests do
        if plugins:
            restrict(plugins)
        use_plugin_file(cli, [], plugin_file)
        context.obj = load_catalog()


for command in (
    run_command,
    plan_command,
    merge_command,
    forecast_command,
    status_command,
    show_command,
    runs_command,
    compare_command,
    publish_command,
    bench_command,
    replay_command,
    generate_command,
    check_command,
    verify_command,
    new_command,
    list_command,
    data_group,
    env_group,
    weights_group,
):
    cli.add_command(command)


def main() -> None:
    """The entry point: runs a command; a HarnessError, or a file that cannot be used, is printed as one sentence."""
    former = {name: os.environ.get(name) for name in (VARIABLE, PLUGIN_FILE, TABLES)}
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            _main()
    except SystemExit as ended:
        if isinstance(ended.code, int) and ended.code > BY_SIGNAL:  # another one may come while the process ends
            from harness.cli.signals import ignore_signals

            ignore_signals()
        raise
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    listen(lambda told: echo(f"warning: {told}", err=True))
    catalog: Catalog | None = None
    try:
        check_arguments(sys.argv[1:])
        if selected := _group_option("plugins"):
            restrict(selected)
        use_plugin_file(cli, sys.argv[1:], _group_option("plugin_file") or os.environ.get(PLUGIN_FILE))
        catalog = load_catalog()
        commands = cli.copy()
        catalog.add_commands(commands)
        commands.main(prog_name="harness", obj=catalog, standalone_mode=False)
    except (click.Abort, KeyboardInterrupt) as error:
        from harness.cli.signals import exit_code

        sys.exit(exit_code(error))
    except RuntimeError as error:
        if not isinstance(error.__cause__, KeyboardInterrupt):  # as Python up to 3.11 wraps one in a class statement
            raise
        sys.exit(BY_SIGNAL + 2)  # SIGINT
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


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning of Python as Python does, with the control characters of its text visible."""
    echo_text(visible(warnings.formatwarning(message, category, filename, lineno, line), keep="\n"), err=True)


def _group_option(name: str) -> str | None:
    """The value of an option that is needed before the commands of plugins are known; None without it."""
    context = click.Context(cli, info_name="harness", resilient_parsing=True)
    try:
        options, _, _ = cli.make_parser(context).parse_args(sys.argv[1:])
    except click.ClickException:
        return None  # the error is raised again when the arguments are parsed for good
    value = options.get(name)
    return value if isinstance(value, str) else None


def _report(error: HarnessError | OSError, catalog: Catalog | None) -> None:
    """Print an error as one sentence, after its traceback if that was asked for."""
    if "--debug" in sys.argv:
        import traceback

        echo_text(visible(traceback.format_exc(), keep="\n"), err=True)
    if catalog is not None:
        print_plugin_problems(catalog)  # a plugin's problem may be why a name is unknown
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"cannot use {error.filename2 or error.filename}: {error.strerror}; move it away, or make it accessible"
    echo(f"error: {text}", err=True)
