"""The hooks: the whole map of what a plugin can do, in the order in which a run meets them."""

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

PROJECT = "harness"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def harness_forecasters() -> list[ForecasterSpec]:  # type: ignore[empty-body]
    """Supply forecasters.

    Called: when the catalog is built, in every process; so it must not import heavy libraries.
    Arguments: none.
    Result: a list of ForecasterSpec; a name that another plugin has already is refused.
    Example:

        @hookimpl
        def harness_forecasters() -> list[ForecasterSpec]:
            return [ForecasterSpec("moving-average", MovingAverage)]
    """


@hookspec
def harness_datasets() -> list[DatasetSpec]:  # type: ignore[empty-body]
    """Supply datasets.

    Called: when the catalog is built, in every process; nothing is loaded yet.
    Arguments: none.
    Result: a list of DatasetSpec; a name that another plugin has already is refused.
    Example:

        @hookimpl
        def harness_datasets() -> list[DatasetSpec]:
            return [DatasetSpec("ramp", lambda: Panel.of([range(100)]), description="a straight line")]
    """


@hookspec
def harness_metrics() -> list[Metric]:  # type: ignore[empty-body]
    """Supply metrics; the core's own enter by this hook too.

    Called: when the catalog is built, in every process.
    Arguments: none.
    Result: a list of Metric; a name that another plugin has already is refused.
    Example:

        @hookimpl
        def harness_metrics() -> list[Metric]:
            return [Metric("MSLE", lambda outcomes: (outcomes.mean - outcomes.actuals) ** 2 / 2)]
    """


@hookspec
def harness_leaderboards() -> list[Path]:  # type: ignore[empty-body]
    """Supply leaderboards.

    Called: when the catalog is built.
    Arguments: none.
    Result: paths of `leaderboard.toml` files; each board is called like the folder its file lies in.
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
    """Hear of a finished cell.

    Called: in the parent process, after the run is in the journal, whatever its status; the next cell
    waits for the call to return, so hand slow work to a thread or a process.
    Arguments: `run`, its record without arrays; `home`, the folder that holds the journal.
    Result: none.
    Example:

        @hookimpl
        def harness_run_finished(run: Run) -> None:
            log.info("%s: %s", run.cell.forecaster, run.status)
    """


@hookspec
def harness_standings_changed(leaderboard: Leaderboard, standings: Standings, home: Path) -> None:
    """Hear of new standings.

    Called: in the parent process, after a board was computed again, or its costs measured, and stored.
    Arguments: `leaderboard`; its `standings`; `home`, the folder that holds them.
    Result: none.
    Example:

        @hookimpl
        def harness_standings_changed(leaderboard: Leaderboard, standings: Standings) -> None:
            log.info("%s is led by %s", leaderboard.title, standings.rows[0].forecaster)
    """


@hookspec
def harness_finished(home: Path) -> list[str]:  # type: ignore[empty-body]
    """Finish what was begun, before the command ends.

    Called: in the parent process, once, when all cells are done, or costs measured, and all standings stored.
    Arguments: `home`, the folder that holds the journal.
    Result: a list of sentences to show to the user, such as where to look at the results.
    Example:

        @hookimpl
        def harness_finished(home: Path) -> list[str]:
            return [f"the journal is in {home}"]
    """
