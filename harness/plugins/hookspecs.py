"""The hooks: everything that a plugin can do, in the order in which a run calls them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from harness.boards.leaderboard import Leaderboard
    from harness.data.dataset import DatasetSpec
    from harness.evaluation.metrics import Metric
    from harness.evaluation.run import Run
    from harness.forecasters.spec import ForecasterSpec
    from harness.plugins.formats import ReportFormat
    from harness.results.standings import Standings
    from harness.tasks.protocols import Protocol

PROJECT = "harness"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def harness_forecasters() -> list[ForecasterSpec]:  # type: ignore[empty-body]
    """Provide forecasters.

    Called: when the catalog is built, in every process; do not import heavy libraries.
    Arguments: none.
    Result: a list of ForecasterSpec; a name that another plugin provides too is refused.
    Example:

        @hookimpl
        def harness_forecasters() -> list[ForecasterSpec]:
            return [ForecasterSpec("moving-average", MovingAverage)]
    """


@hookspec
def harness_datasets() -> list[DatasetSpec]:  # type: ignore[empty-body]
    """Provide datasets.

    Called: when the catalog is built, in every process; nothing is loaded yet.
    Arguments: none.
    Result: a list of DatasetSpec; a name that another plugin provides too is refused.
    Example:

        @hookimpl
        def harness_datasets() -> list[DatasetSpec]:
            return [DatasetSpec("ramp", lambda: Panel.of([range(100)]), description="a straight line")]
    """


@hookspec
def harness_metrics() -> list[Metric]:  # type: ignore[empty-body]
    """Provide metrics; the standard ones are provided by this hook too.

    Called: when the catalog is built, in every process.
    Arguments: none.
    Result: a list of Metric; a name that another plugin provides too is refused.
    Example:

        import numpy as np

        @hookimpl
        def harness_metrics() -> list[Metric]:
            return [Metric("MSLE", lambda outcomes: (np.log1p(outcomes.mean) - np.log1p(outcomes.actuals)) ** 2)]
    """


@hookspec
def harness_protocols() -> list[type[Protocol]]:  # type: ignore[empty-body]
    """Provide evaluation protocols; the standard ones are provided by this hook too.

    Called: when a board file or a stored result names a protocol, in every process.
    Arguments: none.
    Result: a list of classes that derive from Protocol; a `kind` that another plugin provides too is refused.
    Example:

        @hookimpl
        def harness_protocols() -> list[type[Protocol]]:
            return [LastWindow]
    """


@hookspec
def harness_leaderboards() -> list[Path]:  # type: ignore[empty-body]
    """Provide leaderboards.

    Called: when the catalog is built.
    Arguments: none.
    Result: paths of `leaderboard.toml` files; the name of a board is that of its folder.
    Example:

        @hookimpl
        def harness_leaderboards() -> list[Path]:
            return [Path(__file__).parent / "retail" / "leaderboard.toml"]
    """


@hookspec
def harness_reports() -> list[ReportFormat]:  # type: ignore[empty-body]
    """Supply formats in which `harness show --format` writes standings; the core's own enter by this hook too.

    Called: when the catalog is built; nothing is rendered yet.
    Arguments: none.
    Result: a list of ReportFormat; a name that another plugin has already is refused.
    Example:

        @hookimpl
        def harness_reports() -> list[ReportFormat]:
            return [ReportFormat("leader", "the best forecaster", lambda board, _: board.rows[0].forecaster, ".txt")]
    """


@hookspec
def harness_commands(cli: click.Group) -> None:
    """Add commands to the command line.

    Called: when the command line starts.
    Arguments: `cli`, the click group that holds all commands.
    Result: none.
    Example:

        @hookimpl
        def harness_commands(cli: click.Group) -> None:
            cli.add_command(click.Command("hello", callback=lambda: click.echo("hello")))
    """


@hookspec
def harness_run_finished(run: Run, home: Path) -> None:
    """Receive the run of a finished cell.

    Called: in the main process, after the run is in the journal, whatever its status; the next cell
    waits for the call to return, so do slow work in a thread or a process.
    Arguments: `run`, without its arrays; `home`, the folder that holds the journal.
    Result: none.
    Example:

        @hookimpl
        def harness_run_finished(run: Run) -> None:
            log.info("%s: %s", run.cell.forecaster, run.status)
    """


@hookspec
def harness_standings_changed(leaderboard: Leaderboard, standings: Standings, home: Path) -> None:
    """Receive new standings.

    Called: in the main process, after standings were computed, or joined with new costs, and stored.
    Arguments: `leaderboard`; its `standings`; `home`, the folder that holds them.
    Result: none.
    Example:

        @hookimpl
        def harness_standings_changed(leaderboard: Leaderboard, standings: Standings) -> None:
            log.info("%s is led by %s", leaderboard.title, standings.rows[0].forecaster)
    """


@hookspec
def harness_finished(home: Path) -> list[str]:  # type: ignore[empty-body]
    """Finish pending work before the command ends.

    Called: in the main process, once, when all cells are run, or costs measured, and all standings are stored.
    Arguments: `home`, the folder that holds the journal.
    Result: a list of sentences to show to the user, such as where to look at the results.
    Example:

        @hookimpl
        def harness_finished(home: Path) -> list[str]:
            return [f"the journal is in {home}"]
    """
