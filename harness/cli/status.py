"""The command `harness status`."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import echo, echo_text
from harness.cli.options import json_option, read_workspace_option
from harness.errors import BadInput, InfrastructureFault

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.execution.activity import Activity
    from harness.execution.status import HomeStatus

STALE = 60.0  # seconds without a change of what commands write of themselves, after which none of them runs any more


@click.command("status")
@click.argument("board", required=False)
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to this file instead."
)
@click.option(
    "--every",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="With --html: write it again at this interval, until a run was seen and has ended, or all cells are done; a "
    "browser that shows it loads it again.",
)
@json_option
@read_workspace_option
def status_command(
    board: str | None, page: Path | None, every: float | None, workspace: Workspace, *, as_json: bool
) -> None:
    """Show what runs in a home, and what is done of its boards or of one.

    It may be used while other processes run cells, also on other machines, and writes nothing to the home: a damaged
    record is named, and moved away by the next run of its board.
    """
    import json

    from harness.fields.dumping import dump
    from harness.report.progress.status import status_lines

    if every is not None and page is None:
        raise BadInput("--every needs --html, such as --html status.html --every 30")
    if as_json and page is not None:
        raise BadInput("--json and --html are two ways to show the status; leave out one of them")
    workspace.check_exists()
    if page is not None:
        sys.exit(_keep_page(page, every, board, workspace))
    status = _status(board, workspace)
    if as_json:
        echo_text(json.dumps(dump(status), indent=2) + "\n")
    else:
        echo_text("".join(f"{line}\n" for line in status_lines(status, by_forecaster=board is not None)))


def _status(board: str | None, workspace: Workspace) -> HomeStatus:
    """The present status of the home."""
    from harness.boards.leaderboard import board_name
    from harness.execution.status import home_status

    elsewhere: list[Activity] = []
    if workspace.remote is not None:
        from harness.execution.locks.stored import remote_activities

        elsewhere = remote_activities(workspace.remote.store)
    return home_status(workspace.home, workspace.journal, elsewhere, None if board is None else board_name(board))


def _keep_page(page: Path, every: float | None, board: str | None, workspace: Workspace) -> int:
    """Write the page, and with `every` again and again; returns the exit code.

    It ends when no command runs any more after one did, when all cells are done, or when no command gives a sign.
    The last one does not load itself again, also when a signal ends the command.
    """
    from harness.cli.signals import exit_code, stop_signals

    seen, code = _Seen.of(board, workspace), 0
    was_running = bool(seen.status.running)
    with stop_signals():
        try:
            changed = time.monotonic()
            while every is not None and not seen.is_over:
                if was_running and (not seen.status.running or time.monotonic() - changed > max(STALE, 2 * every)):
                    break
                seen.write(page, every)
                time.sleep(every)
                before, seen = seen, seen.later(board)
                was_running = was_running or bool(seen.status.running)
                if seen is before or seen.activities != before.activities:  # a store that is away tells nothing
                    changed = time.monotonic()
        except KeyboardInterrupt as stopped:
            code = exit_code(stopped)
    seen.write(page)
    echo(f"wrote {page}")
    return code


@dataclass(frozen=True)
class _Seen:
    """The status of a home, and when it was read."""

    status: HomeStatus
    time: str  # UTC, ISO 8601
    workspace: Workspace

    @property
    def is_over(self) -> bool:
        """Whether nothing runs, and nothing is left to be run."""
        return not self.status.running and self.status.is_done

    @property
    def activities(self) -> list[Activity]:
        """What commands have written of themselves."""
        return [replace(each, age=None) for each in self.status.running]

    @classmethod
    def of(cls, board: str | None, workspace: Workspace) -> _Seen:
        """The present status."""
        from datetime import UTC, datetime

        return cls(_status(board, workspace), datetime.now(UTC).isoformat(timespec="seconds"), workspace)

    def later(self, board: str | None) -> _Seen:
        """The status after what other machines stored was read; the same while their store does not answer."""
        try:
            return _Seen.of(board, self.workspace.pulled())
        except InfrastructureFault as error:
            echo(f"{error}; the page stays as it is until it can be read again", err=True)
            return self

    def write(self, page: Path, every: float | None = None) -> None:
        """Write the page; a browser loads it again at intervals of `every`. Raises BadInput."""
        from harness.data.storage import write_text
        from harness.report.page.status import status_page

        try:
            write_text(page, status_page(self.status, self.time, every))
        except OSError as error:
            raise BadInput(f"{page} cannot be written: {error.strerror}; name another file by --html") from error
