"""The commands `harness env create`, `list`, `check` and `remove`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text, print_lines, wide_console
from harness.cli.group import HarnessGroup, is_debugging
from harness.cli.options import workspace_option

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace


@click.group("env", cls=HarnessGroup)
def env_group() -> None:
    """Make and check environments: plugins with dependencies of their own."""


@env_group.command("create", short_help="Make an environment, and install plugins into it.")
@click.argument("name")
@click.argument("requirements", nargs=-1, metavar="REQUIREMENT...")
@click.option(
    "--lock",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Install exactly what this lock.txt of an environment lists.",
)
@click.option("--python", metavar="X", help="Version or path of its Python.  [default: the one that runs harness]")
@click.option("--torch-index", metavar="URL", help="Install torch from this index, such as that of builds for the CPU.")
@workspace_option
def env_create_command(
    name: str,
    requirements: tuple[str, ...],
    lock: Path | None,
    python: str | None,
    torch_index: str | None,
    workspace: Workspace,
) -> None:
    """Make the environment NAME, and install the REQUIREMENTs into it.

    A REQUIREMENT is one of pip, such as 'numpy<2', the path of a package, or a plugin file, such as my_models.py. uv is
    used where it is installed, else venv and pip. The forecasters of its plugins are used by their names, or by
    FORECASTER@NAME where those are taken. With --lock, a REQUIREMENT is a plugin file, which locks do not list.
    """
    from harness.cli.signals import stop_signals
    from harness.plugins.catalog import load_catalog
    from harness.plugins.environments.creation import EnvironmentRequest, create_environment
    from harness.plugins.environments.forecasters import ambiguous_now, included_example, names_in
    from harness.plugins.environments.installers import InstallerFailed
    from harness.plugins.environments.lock import requirements_of
    from harness.results.journal import prepare_home

    if lock is not None:
        requirements = (*requirements_of(lock), *requirements)
    elif not requirements:
        raise click.UsageError("Missing argument 'REQUIREMENT...'.")
    prepare_home(workspace.home)
    before = workspace.catalog.forecasters
    request = EnvironmentRequest(name, requirements, python, torch_index)
    try:
        with stop_signals():
            environment, description = create_environment(
                workspace.home, request, lambda line: echo(f"{line} …", err=True)
            )
    except InstallerFailed as error:
        if is_debugging():
            echo_text(error.output, err=True)
        raise
    for problem in description["problems"]:
        echo(f"warning: {problem}", err=True)
    echo(f"environment {name}: Python {environment.python}, {len(environment.locked)} distributions")
    forecasters = load_catalog(home=workspace.home).forecasters
    names = names_in(environment, forecasters)
    if names:
        echo(f"forecasters: {', '.join(names)}")
    else:
        example = included_example(environment, forecasters)
        echo(f"no plugin in it provides forecasters; those of harness are available in it, such as {example}")
    if ambiguous := ambiguous_now(before, forecasters):
        echo(ambiguous)


@env_group.command("list")
@workspace_option
def env_list_command(workspace: Workspace) -> None:
    """List the environments of a home."""
    from harness.plugins.environments.environment import environments_of, unfinished_in
    from harness.report.catalog.environments import environments_text

    echo_text(environments_text(environments_of(workspace.home), unfinished_in(workspace.home)))


@env_group.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@workspace_option
def env_check_command(names: tuple[str, ...], workspace: Workspace) -> None:
    """Check that environments start, are as they were made, and that their plugins can be imported.

    Exits with 1 if a check fails.
    """
    from harness.cli.signals import stop_signals
    from harness.plugins.environments.checking import check_environment
    from harness.plugins.environments.environment import Environment, environments_of, find_environment
    from harness.report.checks.verdicts import verdict_heading, verdict_row

    console = wide_console()
    has_passed = True
    named = [find_environment(workspace.home, name) for name in names]
    with stop_signals():
        for environment in named or environments_of(workspace.home):
            if not isinstance(environment, Environment):
                print_lines([f"damaged: {environment}"], console)
                has_passed = False
                continue
            console.print(verdict_heading(environment.name, console.width))
            for result in check_environment(environment):
                console.print(verdict_row(result, console.width))
                has_passed &= result.passed
    sys.exit(0 if has_passed else 1)


@env_group.command("remove")
@click.argument("name")
@workspace_option
def env_remove_command(name: str, workspace: Workspace) -> None:
    """Remove an environment. Results of its forecasters stay."""
    from harness.plugins.environments.creation import remove_environment

    remove_environment(workspace.home, name)
    echo(f"removed environment {name}; results of its forecasters stay")
