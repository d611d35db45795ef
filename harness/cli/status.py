"""The command `harness status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.cli.console import echo_text
from harness.cli.options import json_option, workspace_option

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.execution.activity import Activity


@click.command("status")
@json_option
@workspace_option
def status_command(workspace: Workspace, *, as_json: bool) -> None:
    """Show what runs in a home, and what is done of its boards.

    It may be used while another process runs cells, and writes nothing: a
    damaged record is named, and moved away by the next run of its board.
    """
    import json

    from harness.execution.status import home_status
    from harness.fields.dumping import dump
    from harness.report.status import status_lines

    elsewhere: list[Activity] = []
    if workspace.remote is not None:
        from harness.execution.remote_locks import remote_activities

        elsewhere = remote_activities(workspace.remote.store)
    status = home_status(workspace.home, workspace.journal, elsewhere)
    if as_json:
        echo_text(json.dumps(dump(status), indent=2) + "\n")
    else:
        echo_text("".join(f"{line}\n" for line in status_lines(status)))
