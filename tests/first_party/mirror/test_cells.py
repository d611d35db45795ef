"""Cells in MLflow: each is a run with its scores, parameters, tags and artifacts."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet as pq
import pytest
from mlflow_boards import CELL_NAMES, LEVELS, artifact, client_of, hills, runs_of

from harness import Journal, stored_plans

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector

SVG = "{http://www.w3.org/2000/svg}"


class TestCells:
    def test_every_cell_is_a_run_called_by_forecaster_task_and_seed(self, mirrored: Path) -> None:
        assert set(runs_of(mirrored, "hills · cells")) == set(CELL_NAMES)

    def test_metrics_are_the_scores_and_the_costs_of_the_journal(self, mirrored: Path) -> None:
        for run in runs_of(mirrored, "hills · cells").values():
            record = Journal(mirrored).read(run.data.tags["harness.key"])
            assert record is not None
            finite = {name: score for name, score in record.scores.items() if math.isfinite(score)}

            assert {name: run.data.metrics[name] for name in finite} == pytest.approx(finite, rel=1e-5)
            assert run.data.metrics["fit_seconds"] == pytest.approx(record.costs.fit_seconds, rel=1e-5)
            assert run.data.metrics["predict_cpu_seconds"] == pytest.approx(record.costs.predict_cpu_seconds, rel=1e-5)
            assert run.data.metrics["windows"] == 10

    def test_parameters_are_the_hyperparameters_and_the_task(self, mirrored: Path) -> None:
        params = runs_of(mirrored, "hills · cells")["last (wide) · hills"].data.params

        assert params["spread"] == "3.0"
        assert params["forecaster"] == "last"
        assert params["task.dataset"] == "hills"
        assert params["task.protocol.kind"] == "rolling-origin"
        assert params["task.protocol.horizon"] == "4"
        assert json.loads(params["task.quantile_levels"]) == list(LEVELS)

    def test_tags_say_what_it_is_and_where_it_was_made(self, mirrored: Path) -> None:
        tags = runs_of(mirrored, "hills · cells")["drawn · hills · seed 1"].data.tags

        expected = {
            "board": "hills",
            "forecaster": "drawn",
            "task": "hills",
            "seed": "1",
            "status": "completed",
            "plugin": "toys 3",
            "machine": "box",
            "harness.version": "9.9",
            "current": "yes",
        }
        assert {name: tags[name] for name in expected} == expected
        assert Journal(mirrored).has(tags["harness.key"])

    def test_training_is_a_curve(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["last · hills"]
        points = client_of(mirrored).get_metric_history(run.info.run_id, "training/loss")

        assert [(point.step, point.value) for point in points[:3]] == [(1, 1.0), (8, 1 / 8), (15, 1 / 15)]
        assert len(points) == 286

    def test_the_data_is_an_input_known_by_its_fingerprint(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["last · hills"]
        (given,) = run.inputs.dataset_inputs

        assert given.dataset.name == "hills"
        assert given.dataset.digest == hills().fingerprint()[:36]
        assert json.loads(given.dataset.source)["dataset"] == "hills"

    def test_it_began_and_ended_when_the_cell_did(self, mirrored: Path) -> None:
        info = runs_of(mirrored, "hills · cells")["last · hills"].info

        assert info.start_time == 1_714_557_600_250
        assert info.end_time == 1_714_557_602_500
        assert info.status == "FINISHED"

    def test_a_failed_cell_says_why(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["unfit · hills"]

        assert run.info.status == "FAILED"
        assert run.data.tags["status"] == "failed"
        assert "no patience" in run.data.tags["reason"]
        assert "no patience" in run.data.tags["mlflow.note.content"]
        traceback = artifact(mirrored, "hills · cells", "unfit · hills", "traceback.txt").read_text(encoding="utf-8")
        assert "RuntimeError: no patience" in traceback

    def test_the_record_goes_along(self, mirrored: Path) -> None:
        path = artifact(mirrored, "hills · cells", "last · hills", "record.json")
        record = json.loads(path.read_text(encoding="utf-8"))

        run = Journal(mirrored).read(record["key"])
        assert run is not None
        assert record["scores"] == json.loads(json.dumps(run.to_json()))["scores"]

    @pytest.mark.parametrize("file", ["forecasts.svg", "error_by_step.svg"])
    @pytest.mark.parametrize(("board", "name"), [("hills", "last · hills"), ("waves", "last · waves")])
    def test_plots_are_pictures(self, mirrored: Path, board: str, name: str, file: str) -> None:
        root = ElementTree.parse(artifact(mirrored, f"{board} · cells", name, file)).getroot()

        texts = [element.text for element in root.iter(f"{SVG}text")]
        assert texts[0] == name
        assert {"forecast", "actual"} <= set(texts) or {"mean", "median"} <= set(texts)
        assert len(list(root.iter(f"{SVG}path"))) > 10

    def test_the_description_leads_to_the_plots(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["last · hills"]
        page = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts/forecasts.svg"

        assert page in run.data.tags["mlflow.note.content"]
        failed = runs_of(mirrored, "hills · cells")["unfit · hills"]
        assert "forecasts.svg" not in failed.data.tags["mlflow.note.content"]

    def test_the_table_of_forecasts_holds_what_the_journal_holds(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["last · hills"]
        stored = Journal(mirrored).read_with_results(run.data.tags["harness.key"])
        assert stored is not None
        assert stored.results is not None
        assert stored.results.forecast.quantiles is not None
        (cell,) = [c for c in stored_plans(mirrored)[0].cells if c.key == stored.key]
        actuals = Journal(mirrored).read_actuals(cell.fingerprint, stored.cell.task)
        assert actuals is not None

        table = pq.read_table(artifact(mirrored, "hills · cells", "last · hills", "forecasts.parquet"))

        assert table.column_names == ["series", "cutoff", "step", "target", "mean", "q0.1", "q0.5", "q0.9", "actual"]
        column = {name: table[name].to_numpy() for name in table.column_names if name != "series"}
        np.testing.assert_array_equal(column["mean"], stored.results.forecast.mean.ravel())
        np.testing.assert_array_equal(column["q0.9"], stored.results.forecast.quantiles[..., 2].ravel())
        np.testing.assert_array_equal(column["actual"], actuals.values.ravel())
        np.testing.assert_array_equal(column["cutoff"], np.repeat(actuals.cutoffs, 4))
        np.testing.assert_array_equal(column["step"], np.tile([1, 2, 3, 4], 10))
        assert table["series"].to_pylist()[::4] == [actuals.ids[i] for i in actuals.series]
