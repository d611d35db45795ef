"""The store: writes entries into MLflow; writing them again changes nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from mlflow import MlflowClient

from harness import Actuals, BenchCosts, Journal, Run, Standings, StoredPlan
from harness_mlflow import views
from harness_mlflow.artifacts import write_artifacts
from harness_mlflow.costs import PARETO, pareto_picture, write_costs
from harness_mlflow.database import make_usable, prepare
from harness_mlflow.entries import Entry, cell_entry, columns_by_name, is_success, milliseconds, row_entries
from harness_mlflow.index import Board, MirroredBoard, PendingCell
from harness_mlflow.inputs import board_page, dataset_of
from harness_mlflow.place import Place
from harness_mlflow.problems import check_tables
from harness_mlflow.runs import EXPERIMENT, Runs, experiment_name
from harness_mlflow.storage import storable

FORMER_TAGS = {"missing"}  # of forecasters' runs that earlier versions wrote


class Store:
    """An MLflow store that holds this home's boards."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.journal = Journal(place.home)
        self.repair = make_usable(place) if place.own else None  # what was done with the home's own store
        if not place.own:
            check_tables(place.uri)
        if place.own:
            prepare(place)
        self.client = MlflowClient(place.uri)
        self.runs = Runs(self.client, place)
        self.client.search_experiments(max_results=1)  # raises where the store cannot be reached
        self._rows: dict[tuple[str, str], str] = {}  # runs of forecasters, by board and forecaster
        self._listed: dict[str, dict[str, list[Any]]] = {}  # by experiment of cells, by key: runs that it held
        self._tried: set[str] = set()  # keys whose runs were taken from that list
        self._with_new_rows: set[str] = set()  # boards of which a forecaster's run was created
        self._actuals: tuple[Any, Actuals | None] = None, None  # of the last task

    def answers(self) -> bool:
        """Whether the store can be reached."""
        try:
            self.client.search_experiments(max_results=1)
        except Exception:  # MLflow's stores raise what their libraries raise
            return False
        return True

    def open_board(self, plan: StoredPlan, sent: MirroredBoard) -> None:
        """Find, restore or create the board's experiments; what they do not hold does not count as sent."""
        known = {plan.name: sent.experiment, f"{plan.name} · cells": sent.cells_experiment}
        found = [self.runs.experiment(name, number) for name, number in known.items()]
        experiments = [number for number, _ in found]
        restored = any(deleted for _, deleted in found)  # with all runs, even those that were deleted before
        if restored or experiments != [sent.experiment, sent.cells_experiment]:
            sent.forget()
        sent.experiment, sent.cells_experiment = experiments
        if restored:
            self._mark_former(plan, sent)
        if sent.cells and not self.place.own:  # of the own store, the index has seen it
            self._forget_lost(sent)

    def _mark_former(self, plan: StoredPlan, sent: MirroredBoard) -> None:
        """Mark the runs of cells that the board no longer has."""
        wanted = {cell.key for cell in plan.cells}
        for run in self.runs.find(sent.cells_experiment):
            tags = run.data.tags
            if tags.get("current") == "yes" and tags.get("harness.key") not in wanted:
                self.client.set_tag(run.info.run_id, "current", "no")

    def _forget_lost(self, sent: MirroredBoard) -> None:
        """Count cells whose run was deleted as not sent."""
        kept = {run.data.tags.get("harness.key") for run in self.runs.find(sent.cells_experiment)}
        for key in sent.cells.keys() - kept:
            del sent.cells[key]
            sent.names.pop(key, None)

    def send_cell(self, plan: StoredPlan, cell: PendingCell, sent: MirroredBoard) -> None:
        """Write a cell's run; a run that an earlier mirror left unfinished is finished."""
        run = self.journal.read_with_results(cell.key)
        if run is None:
            return
        names = {"forecaster": cell.forecaster, "task": cell.task}
        tags = {"harness.modified": str(cell.modified), **{key: storable(name) for key, name in names.items()}}
        known = self._keep_one(self._runs_of(cell.key, sent), tags)
        if known is not None and known.info.status != "RUNNING":
            return
        entry = cell_entry(run, plan, cell.forecaster, cell.task)
        row = self._row(plan.name, cell.forecaster, sent)
        if known is None:
            all_tags = {**entry.tags, **tags, "harness.row": row, "current": "yes"}
            started = milliseconds(run.started, cell.modified)
            known = self.runs.create(sent.cells_experiment, entry.name, all_tags, started)
        self._write_cell(known, run, cell, entry, plan, sent, row)

    def _keep_one(self, runs: list[Any], tags: Mapping[str, str]) -> Any:
        """One of the runs with these tags, None if there is none; the others are deleted."""
        matching = [run for run in runs if tags.items() <= run.data.tags.items()]
        for run in runs:
            if run not in matching[:1]:
                self.client.delete_run(run.info.run_id)
        return matching[0] if matching else None

    def _write_cell(
        self, known: Any, run: Run, cell: PendingCell, entry: Entry, plan: StoredPlan, sent: MirroredBoard, row: str
    ) -> None:
        """Write the artifacts, values and description of a cell's run, and end it."""
        number, finished = known.info.run_id, milliseconds(run.finished, cell.modified)
        with self.runs.artifact_folder(known) as folder:
            left_out = write_artifacts(folder, entry.name, run, self._actuals_of(run, cell), plan.metric)
        note = views.cell_note(run, plan, sent.experiment, row, (sent.cells_experiment, number))
        tags = {"mlflow.note.content": note, **({"forecasts": left_out} if left_out else {})}
        self.runs.log(number, entry.params, entry.metrics, tags, finished, 0, entry.curves)
        self.client.log_inputs(number, [dataset_of(run, cell)])
        self.client.set_terminated(number, "FINISHED" if is_success(run) else "FAILED", finished)

    def retag_cells(self, plan: StoredPlan, sent: MirroredBoard) -> None:
        """Mark the cells that are no longer on the board, and those that are again."""
        wanted = {cell.key for cell in plan.cells}
        former = [key for key in sent.cells if key not in wanted]
        for key in set(former) ^ set(sent.former):
            for run in self.runs.find(sent.cells_experiment, "harness.key", key):
                self.client.set_tag(run.info.run_id, "current", "no" if key in former else "yes")
        sent.former = former

    def send_standings(self, board: Board, sent: MirroredBoard) -> None:
        """Write a board's rows, with a new step of the metrics of those that changed; delete rows that left it."""
        plan, standings = board.plan, board.standings
        assert standings is not None
        page = sent.page = self._send_page(standings, sent)
        costs = {storable(row.forecaster): row.costs for row in standings.rows}
        known: dict[str, Any] = {}
        for run in self.runs.find(sent.experiment):
            if known.setdefault(run.data.tags.get("forecaster", ""), run) is not run:
                self.client.delete_run(run.info.run_id)
        step = 1 + max((int(run.data.tags.get("harness.step", -1)) for run in known.values()), default=-1)
        optional = FORMER_TAGS | columns_by_name(standings, "tag").keys()
        for entry in row_entries(standings, self._hyperparameters(plan)):
            reasons = entry.tags.get("reasons", "").splitlines()
            note = views.row_note(entry.name, sent.cells_experiment, page, reasons)
            tags = {**entry.tags, "harness.cells": sent.cells_experiment, "mlflow.note.content": note}
            row = replace(entry, tags=tags)
            self._send_row(row, known.pop(entry.name, None), step, sent, costs[entry.name], optional)
        for run in known.values():
            self.client.delete_run(run.info.run_id)
            self._rows.pop((plan.name, run.data.tags.get("forecaster", "")), None)
        self._link_cells(plan, sent)
        self._describe(plan, standings, sent, page)

    def _link_cells(self, plan: StoredPlan, sent: MirroredBoard) -> None:
        """Let the cells of forecasters whose run was created anew lead to the new one."""
        if plan.name not in self._with_new_rows:
            return
        self._with_new_rows.discard(plan.name)
        for run in self.runs.find(sent.cells_experiment):
            tags = run.data.tags
            row, former = self._rows.get((plan.name, tags.get("forecaster", ""))), tags.get("harness.row")
            if row and former and row != former:
                note = tags.get("mlflow.note.content", "").replace(former, row)
                self.client.set_tag(run.info.run_id, "mlflow.note.content", note)
                self.client.set_tag(run.info.run_id, "harness.row", row)

    def _send_page(self, standings: Standings, sent: MirroredBoard) -> str:
        """Write the board's page; returns the run that holds it, an empty text if there is none."""
        board = standings.board
        known = self.runs.find(sent.cells_experiment, "harness.kind", "page")
        html = board_page(board, self.place.home)
        for superfluous in known[1:] if html else known:
            self.client.delete_run(superfluous.info.run_id)
        if html is None:
            return ""
        tags = {"board": board, "harness.kind": "page"}
        run = known[0] if known else self.runs.create(sent.cells_experiment, "page", tags)
        with self.runs.artifact_folder(run) as folder:
            (folder / views.PAGE).write_text(html, encoding="utf-8")
            (folder / PARETO).unlink(missing_ok=True)
            if picture := pareto_picture(standings):
                (folder / PARETO).write_text(picture, encoding="utf-8")
        self.client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def _send_row(
        self,
        entry: Entry,
        known: Any,
        step: int,
        sent: MirroredBoard,
        costs: BenchCosts | None,
        optional: Collection[str],
    ) -> None:
        """Write a forecaster's run if it changed; of the `optional` tags those that it no longer has are deleted."""
        board = entry.tags["board"]
        if known is not None and known.data.tags.get("harness.row_digest") == entry.digest:
            return
        if known is not None and any(entry.params.get(name, old) != old for name, old in known.data.params.items()):
            self.client.delete_run(known.info.run_id)  # parameters cannot be changed
            self._rows.pop((board, entry.name), None)
            known = None
        number = known.info.run_id if known else self._row(board, entry.name, sent)
        metrics = dict(entry.metrics)
        if known:
            metrics |= dict.fromkeys(known.data.metrics.keys() - metrics.keys(), math.nan)
            for name in (known.data.tags.keys() & set(optional)) - entry.tags.keys():
                self.client.delete_tag(number, name)
        if costs is not None or (known and "measured" in known.data.tags):
            with self.runs.artifact_folder(known or self.client.get_run(number)) as folder:
                write_costs(folder, entry.name, self.place.home, costs)
        now = int(time.time() * 1000)
        self.runs.log(number, entry.params, metrics, entry.tags, now, step)
        self.runs.log(number, {}, {}, {"harness.row_digest": entry.digest, "harness.step": str(step)}, now, step)
        self.client.set_terminated(number, "FINISHED" if entry.metrics["completed"] else "FAILED", now)

    def _describe(self, plan: StoredPlan, standings: Standings, sent: MirroredBoard, page: str) -> None:
        """Write the titles, links and views of a board's experiments."""
        mine = "" if self.place.own else f"tags.`harness.home` = '{self.runs.home}'"
        current = " and ".join(part for part in ("tags.current = 'yes'", mine) if part)
        cell_views = {
            views.cells_of(row.forecaster): views.forecaster_view(
                plan, f"{views.is_forecaster(row.forecaster)} and {current}"
            )
            for row in standings.rows
        }
        cell_views[views.CELLS] = views.cells_view(plan, current)
        board_tags = {
            EXPERIMENT: experiment_name(plan.name),
            "mlflow.note.content": views.board_note(plan, standings, sent.experiment, sent.cells_experiment, page),
            views.SHARED + views.BOARD: views.board_view(standings, mine),
        }
        cells_tags = {
            "mlflow.note.content": views.cells_note(plan, sent.experiment),
            EXPERIMENT: experiment_name(f"{plan.name} · cells"),
        }
        self.runs.tag_experiment(sent.experiment, board_tags)
        self.runs.tag_experiment(
            sent.cells_experiment, cells_tags | {views.SHARED + name: view for name, view in cell_views.items()}
        )

    def _row(self, board: str, forecaster: str, sent: MirroredBoard) -> str:
        """The run of a forecaster on its board, created if necessary."""
        forecaster = storable(forecaster)
        if (board, forecaster) not in self._rows:
            for run in self.runs.find(sent.experiment):
                self._rows.setdefault((board, run.data.tags.get("forecaster", "")), str(run.info.run_id))
        if (board, forecaster) not in self._rows:
            tags = {"board": board, "forecaster": forecaster}
            created = self.runs.create(sent.experiment, forecaster, tags)
            self._rows[board, forecaster] = str(created.info.run_id)
            self._with_new_rows.add(board)
        return self._rows[board, forecaster]

    def _runs_of(self, key: str, sent: MirroredBoard) -> list[Any]:
        """The home's runs of a cell. If no cell of the board is known to be sent, all runs are looked up at once."""
        experiment = sent.cells_experiment
        if experiment not in self._listed and not sent.cells:
            listed = self._listed[experiment] = {}
            for run in self.runs.find(experiment):
                listed.setdefault(run.data.tags.get("harness.key", ""), []).append(run)
        if experiment in self._listed and key not in self._tried:
            self._tried.add(key)
            return self._listed[experiment].pop(key, [])
        return self.runs.find(experiment, "harness.key", key)

    def _actuals_of(self, run: Run, cell: PendingCell) -> Actuals | None:
        """The actuals of a cell; kept for the next cell, which is often of the same task."""
        task = cell.fingerprint, run.cell.task
        if self._actuals[0] != task:
            self._actuals = task, self.journal.read_actuals(*task)
        return self._actuals[1]

    def _hyperparameters(self, plan: StoredPlan) -> dict[str, Mapping[str, Any]]:
        """The hyperparameters of each forecaster of a board, from its first finished cell."""
        known: dict[str, Mapping[str, Any]] = {}
        for cell in plan.cells:
            if cell.forecaster not in known and (run := self.journal.read(cell.key)) is not None:
                known[cell.forecaster] = {**run.cell.parameters, **run.hyperparameters}
        return known
