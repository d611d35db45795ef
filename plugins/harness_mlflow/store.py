"""The store: writes entries into MLflow; writing them again changes nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from mlflow import MlflowClient

from harness import Actuals, BenchCosts, Histories, Journal, Run, Standings, StoredPlan
from harness_mlflow import views
from harness_mlflow.artifacts import write_artifacts
from harness_mlflow.board_page import send_page
from harness_mlflow.costs import write_costs
from harness_mlflow.database import make_usable, prepare
from harness_mlflow.entries import Entry, cell_entry, columns_by_name, is_success, milliseconds, row_entries
from harness_mlflow.index import MirroredBoard, PendingCell
from harness_mlflow.inputs import dataset_of, hyperparameters_of
from harness_mlflow.place import Place
from harness_mlflow.problems import check_tables
from harness_mlflow.runs import EXPERIMENT, KnownRun, Runs, experiment_name
from harness_mlflow.settling import settle
from harness_mlflow.storage import tag_value

FORMER_TAGS = {"missing", "harness.cells"}  # of forecasters' runs that earlier versions wrote


class Store:
    """An MLflow store that holds this home's boards."""

    def __init__(self, place: Place, advance: Callable[[], None]) -> None:
        self.place = place
        self.advance = advance  # called after each step, large or small
        self.journal = Journal(place.home)
        self.histories = Histories(place.home)
        self.repair = make_usable(place) if place.own else None  # what was done with the home's own store
        if not place.own:
            check_tables(place.uri)
        if place.own:
            prepare(place)
        self.client = MlflowClient(place.uri)
        self.runs = Runs(self.client, place, advance)
        self.client.search_experiments(max_results=1)  # raises where the store cannot be reached
        self._rows: dict[tuple[str, str], KnownRun] = {}  # runs of forecasters, by experiment and forecaster
        self._with_rows: set[str] = set()  # experiments of boards whose runs of forecasters were listed
        self._listed: dict[str, dict[str, list[KnownRun]]] = {}  # by experiment of cells, by key: runs that it held
        self._tried: set[str] = set()  # keys whose runs were taken from that list
        self._with_new_rows: set[str] = set()  # experiments of boards of which a forecaster's run was created
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
        if sent.unsettled:
            self.settle(plan.name, sent)
        elif sent.cells and not self.place.own:  # of the own store, the index has seen it
            self._forget_lost(sent)

    def settle(self, board: str, sent: MirroredBoard) -> None:
        """Delete doubled and unfinished runs of a board; what they were of does not count as sent."""
        settle(self.runs, board, sent)
        self._rows = {place: run for place, run in self._rows.items() if place[0] != sent.experiment}
        self._with_rows.discard(sent.experiment)

    def _mark_former(self, plan: StoredPlan, sent: MirroredBoard) -> None:
        """Mark the runs of cells that the board no longer has."""
        wanted = {cell.key for cell in plan.cells}
        for run in list(self.runs.find(sent.cells_experiment)):
            if run.tags.get("current") == "yes" and run.tags.get("harness.key") not in wanted:
                self.runs.tag(run, "current", "no")

    def _forget_lost(self, sent: MirroredBoard) -> None:
        """Count cells whose run was deleted as not sent."""
        kept = {run.tags.get("harness.key") for run in self.runs.find(sent.cells_experiment)}
        for key in sent.cells.keys() - kept:
            sent.forget_cell(key)

    def send_cell(self, plan: StoredPlan, cell: PendingCell, sent: MirroredBoard) -> None:
        """Write a cell's run; a run that an earlier mirror left unfinished is finished."""
        run = self.journal.read_with_results(cell.key)
        if run is None:
            return
        names = {"forecaster": cell.forecaster, "task": cell.task}
        tags = {"harness.modified": str(cell.modified), **{key: tag_value(name) for key, name in names.items()}}
        known = self._keep_one(self._runs_of(cell.key, sent), tags)
        if known is not None and known.finished:
            return
        entry = cell_entry(run, plan, cell.forecaster, cell.task)
        row = self._row(plan.name, cell.forecaster, sent).number
        if known is None:
            all_tags = {**entry.tags, **tags, "harness.row": row, "current": "yes"}
            started = milliseconds(run.started, cell.modified)
            known = self.runs.create(sent.cells_experiment, entry.name, all_tags, started)
        self._write_cell(known, run, cell, entry, plan, sent, row)

    def _keep_one(self, runs: list[KnownRun], tags: Mapping[str, str]) -> KnownRun | None:
        """One of the runs with these tags, None if there is none; the others are deleted."""
        matching = [run for run in runs if tags.items() <= run.tags.items()]
        for run in runs:
            if run not in matching[:1]:
                self.runs.delete(run)
        return matching[0] if matching else None

    def _write_cell(
        self,
        known: KnownRun,
        run: Run,
        cell: PendingCell,
        entry: Entry,
        plan: StoredPlan,
        sent: MirroredBoard,
        row: str,
    ) -> None:
        """Write the artifacts, values and description of a cell's run, and end it."""
        finished = milliseconds(run.finished, cell.modified)
        with self.runs.artifact_folder(known) as folder:
            actuals = self._actuals_of(run, cell)
            before = partial(self.histories.before, cell.fingerprint)
            left_out = write_artifacts(folder, entry.name, run, actuals, plan.metric, before, self.advance)
        note = views.cell_note(run, plan, sent.experiment, row, (sent.cells_experiment, known.number))
        tags = {"mlflow.note.content": note, **({"forecasts": left_out} if left_out else {})}
        self.runs.log(known, entry.params, entry.metrics, tags, finished, 0, entry.curves)
        self.client.log_inputs(known.number, [dataset_of(run, cell)])
        self.runs.end(known, "FINISHED" if is_success(run) else "FAILED", finished)

    def retag_cells(self, plan: StoredPlan, sent: MirroredBoard) -> None:
        """Mark the cells that are no longer on the board, and those that are again."""
        wanted = {cell.key for cell in plan.cells}
        former = [key for key in sent.cells if key not in wanted]
        for key in set(former) ^ set(sent.former):
            for run in list(self.runs.find(sent.cells_experiment, "harness.key", key)):
                self.runs.tag(run, "current", "no" if key in former else "yes")
        sent.former = former

    def send_standings(self, plan: StoredPlan, standings: Standings, sent: MirroredBoard) -> None:
        """Write a board's rows, with a new step of the metrics of those that changed; delete rows that left it."""
        standings = standings.with_results
        page = send_page(self.runs, standings, sent)
        costs = {tag_value(row.forecaster): row.costs for row in standings.rows}
        known: dict[str, KnownRun] = {}
        for run in list(self.runs.find(sent.experiment)):
            if known.setdefault(run.tags.get("forecaster", ""), run) is not run:
                self.runs.delete(run)
        step = 1 + max((int(run.tags.get("harness.step", -1)) for run in known.values()), default=-1)
        optional = FORMER_TAGS | columns_by_name(standings, "tag").keys()
        cells = self.runs.completed(sent.cells_experiment, plan.tasks)
        for entry in row_entries(standings, hyperparameters_of(plan, self.journal)):
            reasons = entry.tags.get("reasons", "").splitlines()
            plots = cells.get(entry.tags["forecaster"], {})
            note = views.row_note(entry.name, sent.cells_experiment, page, plots, reasons)
            tags = {**entry.tags, "harness.cells_experiment_id": sent.cells_experiment, "mlflow.note.content": note}
            row, name = replace(entry, tags=tags), entry.tags["forecaster"]
            self._send_row(row, known.pop(name, None), step, sent, costs[name], optional)
        for run in known.values():
            self.runs.delete(run)
            self._rows.pop((sent.experiment, run.tags.get("forecaster", "")), None)
        self._link_cells(plan, sent)
        self._describe(plan, standings, sent, page)
        sent.rows = list(costs)

    def _link_cells(self, plan: StoredPlan, sent: MirroredBoard) -> None:
        """Let the cells of forecasters whose run was created anew lead to the new one."""
        if sent.experiment not in self._with_new_rows:
            return
        self._with_new_rows.discard(sent.experiment)
        for run in self.runs.find(sent.cells_experiment):
            tags = run.tags
            row, former = self._rows.get((sent.experiment, tags.get("forecaster", ""))), tags.get("harness.row")
            if row and former and row.number != former:
                note = tags.get("mlflow.note.content", "").replace(former, row.number)
                self.runs.tag(run, "mlflow.note.content", note)
                self.runs.tag(run, "harness.row", row.number)

    def _send_row(
        self,
        entry: Entry,
        known: KnownRun | None,
        step: int,
        sent: MirroredBoard,
        costs: BenchCosts | None,
        optional: Collection[str],
    ) -> None:
        """Write a forecaster's run if it changed; of the `optional` tags those that it no longer has are deleted."""
        board, forecaster = entry.tags["board"], entry.tags["forecaster"]
        if known is not None and known.tags.get("harness.row_digest") == entry.digest:
            return
        if known is not None and any(entry.params.get(name, old) != old for name, old in known.params.items()):
            self.runs.delete(known)  # parameters cannot be changed
            self._rows.pop((sent.experiment, forecaster), None)
            known = None
        run = known or self._row(board, forecaster, sent)
        metrics = dict(entry.metrics)
        if known:
            metrics |= dict.fromkeys(known.metrics - metrics.keys(), math.nan)
            for name in (known.tags.keys() & set(optional)) - entry.tags.keys():
                self.client.delete_tag(run.number, name)
        if costs is not None or (known and "measured" in known.tags):
            with self.runs.artifact_folder(run) as folder:
                write_costs(folder, entry.name, self.place.home, costs)
        now = int(time.time() * 1000)
        self.runs.log(run, entry.params, metrics, entry.tags, now, step)
        self.runs.end(run, "FINISHED" if entry.metrics["completed"] else "FAILED", now)
        self.runs.log(run, {}, {}, {"harness.row_digest": entry.digest, "harness.step": str(step)}, now, step)

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

    def _row(self, board: str, forecaster: str, sent: MirroredBoard) -> KnownRun:
        """The run of a forecaster on its board, created if necessary."""
        forecaster, experiment = tag_value(forecaster), sent.experiment
        if experiment not in self._with_rows:
            self._with_rows.add(experiment)
            for run in self.runs.find(experiment):
                self._rows.setdefault((experiment, run.tags.get("forecaster", "")), run)
        if (place := (experiment, forecaster)) not in self._rows:
            self._rows[place] = self.runs.create(*place, {"board": board, "forecaster": forecaster})
            self._with_new_rows.add(experiment)
        return self._rows[experiment, forecaster]

    def _runs_of(self, key: str, sent: MirroredBoard) -> list[KnownRun]:
        """The home's runs of a cell. If no cell of the board is known to be sent, all runs are looked up at once."""
        experiment = sent.cells_experiment
        if experiment not in self._listed and not sent.cells:
            listed: dict[str, list[KnownRun]] = {}
            for run in self.runs.find(experiment):
                listed.setdefault(run.tags.get("harness.key", ""), []).append(run)
            self._listed[experiment] = listed
        if experiment in self._listed and key not in self._tried:
            self._tried.add(key)
            return self._listed[experiment].pop(key, [])
        return list(self.runs.find(experiment, "harness.key", key))

    def _actuals_of(self, run: Run, cell: PendingCell) -> Actuals | None:
        """The actuals of a cell; kept for the next cell, which is often of the same task."""
        task = cell.fingerprint, run.cell.task
        if self._actuals[0] != task:
            self._actuals = task, self.journal.read_actuals(*task)
        return self._actuals[1]
