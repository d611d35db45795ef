"""The command `harness ui`."""

from __future__ import annotations

import click

from harness import BadInput
from harness_mlflow.installation import missing_mlflow


@click.command("ui")
@click.argument("board", required=False)
@click.option("--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1.  [default: the first free from 5000]")
@click.option("--no-browser", is_flag=True, help="Print the address without opening a browser.")
@click.option(
    "--home",
    metavar="FOLDER|URL",
    default=".harness",
    envvar="HARNESS_HOME",
    show_default=True,
    help="Folder of the journal, the data and MLflow's store, or a URL such as s3://bucket/run.",
)
def ui(board: str | None, port: int | None, no_browser: bool, home: str) -> None:
    """Show all boards, or BOARD, in the browser, with links to MLflow; Ctrl-C ends it."""
    if command := missing_mlflow():
        raise BadInput(f"harness ui needs MLflow, which is not installed; run `{command}`")
    from harness import open_home  # whose imports other commands do not need
    from harness_mlflow.server import show

    show(open_home(home).resolve(), board, port, name=home, browser=not no_browser, say=click.echo)
