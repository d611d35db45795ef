"""The store: writes entries into MLflow, so that writing them again changes nothing."""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType

from harness import Actuals, BenchCosts, Journal, Run, Standings, StoredPlan
from harness_mlflow import views
from harness_mlflow.artifacts import write_artifacts
from harness_mlflow.costs import PARETO, pareto_picture, write_costs
from harness_mlflow.database import create, prepare
from harness_mlflow.entries import Entry, cell_entry, milliseconds, row_entries, succeeded
from harness_mlflow.index import Board, MirroredBoard, PendingCell
from harness_mlflow.inputs import board_page, dataset_of, user
from harness_mlflow.place import Place

LONGEST_CURVE = 300  # points of a training's curve, evenly spaced
ROW_TAGS = {"tied_for_first", "missing", "reasons", "training_overlap", "measured"}  # that a row has at times


class Store:
    """An MLflow store that holds this home's boards."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.home = place.identity()
        self.journal = Journal(place.home)
        if place.own and not place.database.is_file():
            create(place)
        if place.own:
            prepare(place)
        self.client = MlflowClient(place.uri)
        self.client.search_experiments(max_results=1)  # raises where the store is away
        self._rows: dict[tuple[str, str], str] = {}
        self._listed: dict[str, dict[str, list[Any]]] = {}  # by experiment of cells, by key: runs that were there
        self._tried: set[str] = set()  # keys whose runs that list no longer tells
        self._came: tuple[Any, Actuals | None] = None, None

    def answers(self) -> bool:
        """Whether the store is there."""
        try:
            self.client.search_experiments(max_results=1)
        except Exception:  # MLflow's stores raise what their libraries raise
            return False
        return True

    def open_board(self, plan: StoredPlan, sent: MirroredBoard) -> None:
        """Find or make the board's experiments; where they were lost, nothing of it counts as sent."""
        found = [self._experiment(name) for name in (plan.name, f"{plan.name} · cells")]
        if found != [sent.experiment, sent.cells_experiment]:
            sent.cells.clear()
            sent.names.clear()
            sent.former.clear()
            sent.standings = ""
        sent.experiment, sent.cells_experiment = found

    def send_cell(self, plan: StoredPlan, cell: PendingCell, sent: MirroredBoard) -> None:
        """Write a cell's run; what an earlier mirror left unfinished is finished."""
        run = self.journal.read_with_results(cell.key)
        if run is None:
            return
        known = self._runs_of(cell.key, sent)
        told = {"harness.modified": str(cell.modified), "forecaster": cell.forecaster, "task": cell.task}
        mine = [one for one in known if told.items() <= one.data.tags.items()]
        for other in known:
            if other not in mine[:1]:
                self.client.delete_run(other.info.run_id)
        if mine and mine[0].info.status != "RUNNING":
            return
        entry = cell_entry(run, plan, cell.forecaster, cell.task)
        row = self._row(plan.name, cell.forecaster, sent)
        tags = {**entry.tags, **told, "harness.row": row, "current": "yes"}
        started = milliseconds(run.started, cell.modified)
        made = mine[0] if mine else self._create(sent.cells_experiment, entry.name, tags, started)
        number, finished = made.info.run_id, milliseconds(run.finished, cell.modified)
        with self._artifacts_of(made) as folder:
            left_out = write_artifacts(folder, entry.name, run, self._actuals(run, cell), plan.metric)
        note = views.cell_note(run, plan, sent.experiment, row, (sent.cells_experiment, number))
        extra = {"mlflow.note.content": note} | ({"forecasts": left_out} if left_out else {})
        self._log(number, entry.params, entry.metrics, extra, finished, 0, entry.curves)
        self.client.log_inputs(number, [dataset_of(run, cell)])
        self.client.set_terminated(number, "FINISHED" if succeeded(run) else "FAILED", finished)

    def retag_cells(self, plan: StoredPlan, sent: MirroredBoard) -> None:
        """Mark the cells that are no longer on the board, and those that are again."""
        wanted = {cell.key for cell in plan.cells}
        former = [key for key in sent.cells if key not in wanted]
        for key in set(former) ^ set(sent.former):
            for run in self._found(sent.cells_experiment, "harness.key", key):
                self.client.set_tag(run.info.run_id, "current", "no" if key in former else "yes")
        sent.former = former

    def send_standings(self, board: Board, sent: MirroredBoard) -> None:
        """Write a board's rows, a new step of the metrics for those that changed; take away rows that left."""
        plan, standings = board.plan, board.standings
        assert standings is not None
        page = self._send_page(standings, sent)
        costs = {row.forecaster: row.costs for row in standings.rows}
        known = {one.data.tags["forecaster"]: one for one in self._found(sent.experiment)}
        step = 1 + max((int(one.data.tags.get("harness.step", -1)) for one in known.values()), default=-1)
        for entry in row_entries(standings, self._hyperparameters(plan)):
            reasons = entry.tags.get("reasons", "").splitlines()
            note = views.row_note(entry.name, sent.cells_experiment, page, reasons)
            tags = {**entry.tags, "harness.cells": sent.cells_experiment, "mlflow.note.content": note}
            self._send_row(replace(entry, tags=tags), known.pop(entry.name, None), step, sent, costs[entry.name])
        for left in known.values():
            self.client.delete_run(left.info.run_id)
            self._rows.pop((plan.name, left.data.tags["forecaster"]), None)
        self._describe(board, sent, page)

    def _send_page(self, standings: Standings, sent: MirroredBoard) -> str:
        """Write the board as a page of HTML; returns the run that holds it, nothing where there is none."""
        board = standings.board
        known = self._found(sent.cells_experiment, "harness.kind", "page")
        html = board_page(board, self.place.home)
        for other in known[1:] if html else known:
            self.client.delete_run(other.info.run_id)
        if html is None:
            return ""
        tags = {"board": board, "harness.kind": "page"}
        run = known[0] if known else self._create(sent.cells_experiment, "page", tags)
        with self._artifacts_of(run) as folder:
            (folder / views.PAGE).write_text(html, encoding="utf-8")
            (folder / PARETO).unlink(missing_ok=True)
            if picture := pareto_picture(standings):
                (folder / PARETO).write_text(picture, encoding="utf-8")
        self.client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def _send_row(self, entry: Entry, known: Any, step: int, sent: MirroredBoard, costs: BenchCosts | None) -> None:
        if known is not None and known.data.tags.get("harness.row_digest") == entry.digest:
            return
        if known is not None and any(entry.params.get(name, old) != old for name, old in known.data.params.items()):
            self.client.delete_run(known.info.run_id)  # parameters cannot be changed
            self._rows.pop((entry.tags["board"], entry.name), None)
            known = None
        number = known.info.run_id if known else self._row(entry.tags["board"], entry.name, sent)
        metrics = dict(entry.metrics)
        if known:
            metrics |= dict.fromkeys(known.data.metrics.keys() - metrics.keys(), math.nan)
            for name in ROW_TAGS & known.data.tags.keys() - entry.tags.keys():
                self.client.delete_tag(number, name)
        if costs is not None or (known and "measured" in known.data.tags):
            with self._artifacts_of(known or self.client.get_run(number)) as folder:
                write_costs(folder, entry.name, self.place.home, costs)
        now = int(time.time() * 1000)
        self._log(number, entry.params, metrics, entry.tags, now, step)
        self._log(number, {}, {}, {"harness.row_digest": entry.digest, "harness.step": str(step)}, now, step)
        self.client.set_terminated(number, "FINISHED" if entry.metrics["completed"] else "FAILED", now)

    def _describe(self, board: Board, sent: MirroredBoard, page: str) -> None:
        """Titles, links and the views of a board's experiments."""
        plan, standings = board.plan, board.standings
        assert standings is not None
        mine = "" if self.place.own else f"tags.`harness.home` = '{self.home}'"
        current = " and ".join(part for part in ("tags.current = 'yes'", mine) if part)
        shown = {
            views.cells_of(row.forecaster): views.forecaster_view(
                plan, f"{views.is_forecaster(row.forecaster)} and {current}"
            )
            for row in standings.rows
        }
        shown[views.CELLS] = views.cells_view(plan, current)
        self._tag(
            sent.experiment,
            {
                "mlflow.note.content": views.board_note(plan, standings, sent.experiment, sent.cells_experiment, page),
                views.SHARED + views.BOARD: views.board_view(standings, mine),
            },
        )
        self._tag(
            sent.cells_experiment,
            {
                "mlflow.note.content": views.cells_note(plan, sent.experiment),
                **{views.SHARED + name: view for name, view in shown.items()},
            },
        )

    def _tag(self, experiment: str, tags: Mapping[str, str]) -> None:
        """Set the tags of an experiment that are not so yet."""
        known = self.client.get_experiment(experiment).tags
        for name, value in tags.items():
            if known.get(name) != value:
                self.client.set_experiment_tag(experiment, name, value)

    def _experiment(self, name: str) -> str:
        """The number of an experiment, made or restored if need be."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            if found.lifecycle_stage == "deleted":
                self.client.restore_experiment(found.experiment_id)
            return str(found.experiment_id)
        location = None if self.place.served else (self.place.artifacts / name.replace("/", "_")).as_uri()
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return str(self.client.create_experiment(name, location, tags))

    def _row(self, board: str, forecaster: str, sent: MirroredBoard) -> str:
        """The run that stands for a forecaster on its board, made if need be."""
        if (board, forecaster) not in self._rows:
            for run in self._found(sent.experiment):
                self._rows.setdefault((board, run.data.tags["forecaster"]), str(run.info.run_id))
        if (board, forecaster) not in self._rows:
            tags = {"board": board, "forecaster": forecaster}
            made = self._create(sent.experiment, forecaster, tags)
            self._rows[board, forecaster] = str(made.info.run_id)
        return self._rows[board, forecaster]

    def _runs_of(self, key: str, sent: MirroredBoard) -> list[Any]:
        """This home's runs of a cell. Where none of a board is known to be sent, they are all looked up at once."""
        if sent.cells_experiment not in self._listed and not sent.cells:
            listed = self._listed[sent.cells_experiment] = {}
            for run in self._found(sent.cells_experiment):
                listed.setdefault(run.data.tags.get("harness.key", ""), []).append(run)
        if sent.cells_experiment in self._listed and key not in self._tried:
            self._tried.add(key)
            return self._listed[sent.cells_experiment].pop(key, [])
        return self._found(sent.cells_experiment, "harness.key", key)

    def _found(self, experiment: str, tag: str = "", value: str = "") -> list[Any]:
        """This home's runs in an experiment, or those of them with a tag; the newest first."""
        text = f"tags.`harness.home` = '{self.home}'" + (f" and tags.`{tag}` = '{value}'" if tag else "")
        found: list[Any] = []
        token = None
        while True:
            page = self.client.search_runs([experiment], text, ViewType.ACTIVE_ONLY, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def _create(self, experiment: str, name: str, tags: Mapping[str, str], started: int | None = None) -> Any:
        all_tags = {
            **tags,
            "harness.home": self.home,
            "mlflow.user": user(),
            "mlflow.source.name": "harness",
            "mlflow.source.type": "LOCAL",
        }
        return self.client.create_run(experiment, started, all_tags, name)

    @contextlib.contextmanager
    def _artifacts_of(self, run: Any) -> Iterator[Path]:
        """A folder whose files become artifacts of a run; in a store on this machine, it is theirs already."""
        address = urlsplit(run.info.artifact_uri)
        if address.scheme == "file" and not self.place.served:
            folder = Path(url2pathname(address.path))
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
            return
        with tempfile.TemporaryDirectory(prefix="harness-") as draft:
            yield Path(draft)
            self.client.log_artifacts(run.info.run_id, draft)

    def _actuals(self, run: Run, cell: PendingCell) -> Actuals | None:
        """What came; kept from cell to cell, since those of a task follow each other."""
        if self._came[0] != (cell.fingerprint, run.cell.task):
            self._came = (cell.fingerprint, run.cell.task), self.journal.read_actuals(cell.fingerprint, run.cell.task)
        return self._came[1]

    def _log(
        self,
        run: str,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        moment: int,
        step: int,
        curves: Mapping[str, tuple[float, ...]] = MappingProxyType({}),
    ) -> None:
        """Everything at once; MLflow's client divides it as its limits ask. Curves have steps from 1."""
        all_metrics = [Metric(name, value, moment, step) for name, value in metrics.items()]
        for name, curve in curves.items():
            steps = range(0, len(curve), -(-len(curve) // LONGEST_CURVE) or 1)
            all_metrics += [Metric(name, curve[i], moment, i + 1) for i in steps if math.isfinite(curve[i])]
        all_params = [Param(*one) for one in params.items()]
        self.client.log_batch(run, all_metrics, all_params, [RunTag(*one) for one in tags.items()])

    def _hyperparameters(self, plan: StoredPlan) -> dict[str, Mapping[str, Any]]:
        """What each forecaster of a board was set to, as its first finished cell says."""
        known: dict[str, Mapping[str, Any]] = {}
        for cell in plan.cells:
            if cell.forecaster not in known and (run := self.journal.read(cell.key)) is not None:
                known[cell.forecaster] = {**run.cell.parameters, **run.hyperparameters}
        return known
