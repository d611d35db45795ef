"""The page of a board in MLflow: an artifact of a run in an experiment of its own, which has one run for each board."""

from __future__ import annotations

from harness import Standings
from harness_mlflow import views
from harness_mlflow.costs import PARETO, pareto_picture
from harness_mlflow.index import MirroredBoard
from harness_mlflow.inputs import board_page
from harness_mlflow.runs import KnownRun, Runs
from harness_mlflow.storage import tag_value


def send_page(runs: Runs, standings: Standings, sent: MirroredBoard) -> str:
    """Write a board's page; returns its address in MLflow's pages, an empty text if there is none."""
    if not sent.pages_experiment:
        _delete_former(runs, sent)
    html = board_page(standings.board, runs.place.home)
    sent.pages_experiment, _ = runs.experiment(views.PAGES, sent.pages_experiment)
    runs.tag_experiment(sent.pages_experiment, {"mlflow.note.content": views.PAGES_NOTE})
    known = pages_of(runs, standings.board, sent)
    for superfluous in known[1:] if html else known:
        runs.delete(superfluous)
    if html is None:
        sent.page = ""
        return ""
    run = known[0] if known else _new_run(runs, standings.board, sent)
    with runs.artifact_folder(run) as folder:
        (folder / views.PAGE).write_text(html, encoding="utf-8", errors="backslashreplace")
        (folder / PARETO).unlink(missing_ok=True)
        if picture := pareto_picture(standings):
            (folder / PARETO).write_text(picture, encoding="utf-8")
    runs.end(run)
    sent.page = run.number
    return views.artifact_page(sent.pages_experiment, run.number, views.PAGE)


def pages_of(runs: Runs, board: str, sent: MirroredBoard) -> list[KnownRun]:
    """The runs that hold the page of a board, the newest first."""
    if not sent.pages_experiment:
        return []
    return [run for run in runs.find(sent.pages_experiment) if run.tags.get("harness.page") == tag_value(board)]


def _new_run(runs: Runs, board: str, sent: MirroredBoard) -> KnownRun:
    return runs.create(sent.pages_experiment, board, {"board": board, "harness.page": board})


def _delete_former(runs: Runs, sent: MirroredBoard) -> None:
    """Delete the page that earlier versions wrote among the runs of cells."""
    for run in list(runs.find(sent.cells_experiment, "harness.kind", "page")):
        runs.delete(run)
