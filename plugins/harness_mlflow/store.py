"""The store: writes entries into MLflow, so that writing them again changes nothing."""

from __future__ import annotations

import getpass
import json
import math
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType

from harness import Journal, Run, StoredPlan
from harness_mlflow import views
from harness_mlflow.artifacts import write_artifacts
from harness_mlflow.database import prepare
from harness_mlflow.entries import Entry, cell_entry, milliseconds, row_entries, succeeded
from harness_mlflow.index import Board, Sent, Waiting
from harness_mlflow.place import Place

BATCH = 90  # parameters or tags that MLflow takes at a time
METRICS = 900  # metrics that it takes at a time
ROW_TAGS = {"missing", "reasons"}  # that a row has at times


class Store:
    """An MLflow store that holds this home's boards."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.home = place.identity()
        self.journal = Journal(place.home)
        if place.own:
            prepare(place)
        self.client = MlflowClient(place.uri)
        self.client.search_experiments(max_results=1)  # raises where the store is away
        self._rows: dict[tuple[str, str], str] = {}

    def answers(self) -> bool:
        """Whether the store is there."""
        try:
            self.client.search_experiments(max_results=1)
        except Exception:  # MLflow's stores raise what their libraries raise
            return False
        return True

    def open_board(self, plan: StoredPlan, sent: Sent) -> None:
        """Find or make the board's experiments; where they were lost, nothing of it counts as sent."""
        found = [self._experiment(name) for name in (plan.name, f"{plan.name} · cells")]
        if found != [sent.experiment, sent.cells_experiment]:
            sent.cells.clear()
            sent.former.clear()
            sent.standings = ""
        sent.experiment, sent.cells_experiment = found

    def send_cell(self, plan: StoredPlan, cell: Waiting, sent: Sent) -> None:
        """Write a cell's run; what an earlier mirror left unfinished is finished."""
        run = self.journal.read_with_results(cell.key)
        if run is None:
            return
        entry = cell_entry(run, plan, cell.forecaster, cell.task)
        known = self._found(sent.cells_experiment, cell.key)
        mine = [one for one in known if one.data.tags.get("harness.modified") == str(cell.modified)]
        for other in known:
            if other not in mine[:1]:
                self.client.delete_run(other.info.run_id)
        if mine and mine[0].info.status != "RUNNING":
            return
        row = self._row(plan.name, cell.forecaster, sent)
        note = views.cell_note(run, plan, sent.experiment, row)
        tags = {**entry.tags, "harness.modified": str(cell.modified), "harness.row": row, "current": "yes"}
        started = milliseconds(run.started, cell.modified)
        number = mine[0].info.run_id if mine else self._create(sent.cells_experiment, entry.name, tags, started, note)
        finished = milliseconds(run.finished, cell.modified)
        with tempfile.TemporaryDirectory(prefix="harness-") as folder:
            left_out = write_artifacts(Path(folder), entry.name, run, cell, self.journal, plan.metric)
            extra = {"forecasts": left_out} if left_out else {}
            self._log(number, entry.params, entry.metrics, extra, finished, 0)
            self._log_curves(number, entry.curves, finished)
            self.client.log_inputs(number, [_dataset(run, cell)])
            self.client.log_artifacts(number, folder)
        self.client.set_terminated(number, "FINISHED" if succeeded(run) else "FAILED", finished)

    def retag_cells(self, plan: StoredPlan, sent: Sent) -> None:
        """Mark the cells that are no longer on the board, and those that are again."""
        wanted = {cell.key for cell in plan.cells}
        former = [key for key in sent.cells if key not in wanted]
        for key in set(former) ^ set(sent.former):
            for run in self._found(sent.cells_experiment, key):
                self.client.set_tag(run.info.run_id, "current", "no" if key in former else "yes")
        sent.former = former

    def send_standings(self, board: Board, sent: Sent) -> None:
        """Write a board's rows, a new step of the metrics for those that changed; take away rows that left."""
        plan, standings = board.plan, board.standings
        assert standings is not None
        known = {one.data.tags["forecaster"]: one for one in self._found(sent.experiment)}
        step = 1 + max((int(one.data.tags.get("harness.step", -1)) for one in known.values()), default=-1)
        for entry in row_entries(standings, self._hyperparameters(plan)):
            self._send_row(entry, known.pop(entry.name, None), step, sent)
        for left in known.values():
            self.client.delete_run(left.info.run_id)
            self._rows.pop((plan.name, left.data.tags["forecaster"]), None)
        self._describe(board, sent)

    def _send_row(self, entry: Entry, known: Any, step: int, sent: Sent) -> None:
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
        now = int(time.time() * 1000)
        note = views.row_note(entry.name, sent.cells_experiment, entry.tags.get("reasons", "").splitlines())
        tags = {**entry.tags, "harness.cells": sent.cells_experiment, "mlflow.note.content": note}
        self._log(number, entry.params, metrics, tags, now, step)
        self._log(number, {}, {}, {"harness.row_digest": entry.digest, "harness.step": str(step)}, now, step)
        self.client.set_terminated(number, "FINISHED" if entry.metrics["completed"] else "FAILED", now)

    def _describe(self, board: Board, sent: Sent) -> None:
        """Titles, links and the views of a board's experiments."""
        plan, standings = board.plan, board.standings
        assert standings is not None
        mine = "" if self.place.own else f"tags.`harness.home` = '{self.home}'"
        current = " and ".join(part for part in ("tags.current = 'yes'", mine) if part)
        note = views.board_note(plan, standings, sent.experiment, sent.cells_experiment)
        for experiment, tags in (
            (sent.experiment, {"mlflow.note.content": note, _SHARED: views.board_view(standings, mine)}),
            (
                sent.cells_experiment,
                {
                    "mlflow.note.content": views.cells_note(plan, sent.experiment),
                    _SHARED: views.cells_view(plan.metric, current),
                },
            ),
        ):
            for name, value in tags.items():
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

    def _row(self, board: str, forecaster: str, sent: Sent) -> str:
        """The run that stands for a forecaster on its board, made if need be."""
        if (board, forecaster) not in self._rows:
            for run in self._found(sent.experiment):
                self._rows.setdefault((board, run.data.tags["forecaster"]), str(run.info.run_id))
        if (board, forecaster) not in self._rows:
            tags = {"board": board, "forecaster": forecaster}
            self._rows[board, forecaster] = self._create(sent.experiment, forecaster, tags, None, "")
        return self._rows[board, forecaster]

    def _found(self, experiment: str, key: str = "") -> list[Any]:
        """This home's runs in an experiment, or those of one cell; the newest first."""
        text = f"tags.`harness.home` = '{self.home}'" + (f" and tags.`harness.key` = '{key}'" if key else "")
        found: list[Any] = []
        token = None
        while True:
            page = self.client.search_runs([experiment], text, ViewType.ACTIVE_ONLY, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def _create(self, experiment: str, name: str, tags: Mapping[str, str], started: int | None, note: str) -> str:
        all_tags = {
            **tags,
            "harness.home": self.home,
            "mlflow.user": _user(),
            "mlflow.source.name": "harness",
            "mlflow.source.type": "LOCAL",
        }
        if note:
            all_tags["mlflow.note.content"] = note
        return str(self.client.create_run(experiment, started, all_tags, name).info.run_id)

    def _log(
        self,
        run: str,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        moment: int,
        step: int,
    ) -> None:
        """Everything in as few requests as MLflow's limits allow."""
        all_params = [Param(*one) for one in params.items()]
        all_metrics = [Metric(name, value, moment, step) for name, value in metrics.items()]
        all_tags = [RunTag(*one) for one in tags.items()]
        while all_params or all_metrics or all_tags:
            self.client.log_batch(run, all_metrics[:METRICS], all_params[:BATCH], all_tags[:BATCH])
            all_metrics, all_params, all_tags = all_metrics[METRICS:], all_params[BATCH:], all_tags[BATCH:]

    def _log_curves(self, run: str, curves: Mapping[str, tuple[float, ...]], moment: int) -> None:
        """Each curve as a metric with steps from 1; long ones at evenly spaced steps."""
        for name, curve in curves.items():
            steps = range(0, len(curve), -(-len(curve) // METRICS) or 1)
            points = [Metric(name, curve[i], moment, i + 1) for i in steps if math.isfinite(curve[i])]
            self.client.log_batch(run, points)

    def _hyperparameters(self, plan: StoredPlan) -> dict[str, Mapping[str, Any]]:
        """What each forecaster of a board was set to, as its first finished cell says."""
        known: dict[str, Mapping[str, Any]] = {}
        for cell in plan.cells:
            if cell.forecaster not in known and (run := self.journal.read(cell.key)) is not None:
                known[cell.forecaster] = {**run.cell.parameters, **run.hyperparameters}
        return known


_SHARED = views.SHARED + views.KEY


def _dataset(run: Run, cell: Waiting) -> Any:
    source = json.dumps({"dataset": run.cell.task.dataset, "fingerprint": cell.fingerprint})
    dataset = Dataset(run.cell.task.dataset, cell.fingerprint[:36], "harness", source)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
