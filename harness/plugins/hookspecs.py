"""The hooks: what plugins provide, and then the notifications of a run in the order of their calls."""

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

    Called: when forecasters are first looked up; do not import heavy libraries.
    Arguments: none.
    Result: a list of ForecasterSpec; a name that two plugins provide is refused, see docs/hooks.md.
    Example:

        @hookimpl
        def harness_forecasters() -> list[ForecasterSpec]:
            return [ForecasterSpec("moving-average", MovingAverage)]
    """


@hookspec
def harness_datasets() -> list[DatasetSpec]:  # type: ignore[empty-body]
    """Provide datasets.

    Called: when datasets are first looked up; no data is loaded yet.
    Arguments: none.
    Result: a list of DatasetSpec; a name that two plugins provide is refused, see docs/hooks.md.
    Example:

        @hookimpl
        def harness_datasets() -> list[DatasetSpec]:
            return [DatasetSpec("ramp", lambda: Panel.of([range(100)]), description="a straight line")]
    """


@hookspec
def harness_metrics() -> list[Metric]:  # type: ignore[empty-body]
    """Provide metrics; the standard ones are provided by this hook too.

    Called: when metrics are first looked up.
    Arguments: none.
    Result: a list of Metric; a name that two plugins provide is refused, see docs/hooks.md.
    Example:

        import numpy as np

        def squared_log_error(outcomes: Outcomes) -> Floats:
            forecasts = np.maximum(outcomes.point, 0.0)  # the logarithm of others is NaN, which is ignored
            return (np.log1p(forecasts) - np.log1p(outcomes.actuals)) ** 2

        @hookimpl
        def harness_metrics() -> list[Metric]:
            return [Metric("MSLE", squared_log_error)]
    """


@hookspec
def harness_protocols() -> list[type[Protocol]]:  # type: ignore[empty-body]
    """Provide evaluation protocols; the standard ones are provided by this hook too.

    Called: when a board file or a stored result first names a protocol.
    Arguments: none.
    Result: a list of classes that derive from Protocol; a `kind` that two plugins provide is refused.
    Example:

        @hookimpl
        def harness_protocols() -> list[type[Protocol]]:
            return [LastWindow]
    """


@hookspec
def harness_leaderboards() -> list[Path]:  # type: ignore[empty-body]
    """Provide leaderboards, and collections of leaderboards.

    Called: when boards are first looked up.
    Arguments: none.
    Result: a list of paths of `leaderboard.toml` files, and of `collection.toml` files; the name of a board or a
    collection is the name of the folder of its file.
    Example:

        @hookimpl
        def harness_leaderboards() -> list[Path]:
            return [Path(__file__).parent / "retail" / "leaderboard.toml"]
    """


@hookspec
def harness_reports() -> list[ReportFormat]:  # type: ignore[empty-body]
    """Provide formats in which `harness show --format` writes standings; the standard ones are provided by it too.

    Called: when report formats are first looked up; nothing is rendered yet.
    Arguments: none.
    Result: a list of ReportFormat; a name that two plugins provide is refused, see docs/hooks.md.
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

    Called: in the main process, after the standings of a board were computed, or their costs updated, and stored.
    Arguments: `leaderboard`; its `standings`; `home`, the folder that holds them.
    Result: none.
    Example:

        @hookimpl
        def harness_standings_changed(leaderboard: Leaderboard, standings: Standings) -> None:
            log.info("%s is led by %s", leaderboard.title, standings.rows[0].forecaster)
    """


@hookspec
def harness_finished(home: Path) -> list[str]:  # type: ignore[empty-body]
    """Finish pending work before the command ends, and return sentences for the user.

    Called: in the main process, once, at the end of `harness run`, or of `harness bench` if it updated standings;
    not after Ctrl-C.
    Arguments: `home`, the folder that holds the journal.
    Result: a list of sentences that are printed, such as where the results are.
    Example:

        @hookimpl
        def harness_finished(home: Path) -> list[str]:
            return [f"the journal is in {home}"]
    """
