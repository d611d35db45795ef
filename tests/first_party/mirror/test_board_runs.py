"""Boards in MLflow: each forecaster is a run that carries its standings."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow_boards import HILLS, client_of, fill, runs_of
from mlflow_homes import mirror

from harness import StoredPlan, stored_standings
from harness.results.stored_plan import StoredCell
from harness_mlflow import views

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector


class TestBoards:
    def test_every_forecaster_is_a_run_that_carries_its_standings(self, mirrored: Path) -> None:
        computed = stored_standings(mirrored, "hills")
        assert computed is not None
        runs = runs_of(mirrored, "hills")

        assert set(runs) == {row.forecaster for row in computed.rows}
        for row in computed.rows:
            metrics = runs[row.forecaster].data.metrics
            expected = {
                "rank": row.rank,
                "skill": row.skill,
                "win_rate": row.win_rate,
                "mean_rank": row.mean_rank,
                "median_relative_error": row.median_relative_error,
                "relative_error": row.relative_error,
                "mcs_p_value": row.mcs_p_value,
                "skill_std": row.skill_std,
                "seeds": row.seeds,
                "MASE/hills": row.scores["hills"],
                **row.metrics,
                "predict_ms_per_window": 1000 * row.window_seconds,
                "fit_seconds": row.fit_seconds,
                "predict_seconds": row.predict_seconds,
                "completed": row.completed,
                "failed_results": sum(row.missing.values()),
                "failed_windows": row.failed_windows,
            }
            for name in ("skill", "win_rate", "mean_rank", "median_relative_error"):
                expected[f"{name}_low"], expected[f"{name}_high"] = row.interval(name)
            if not row.completed:  # whose statistics would be those of imputed errors
                statistics = ("skill", "win_rate", "mean_rank", "median_relative_error", "relative_error")
                expected = {name: x for name, x in expected.items() if not name.startswith(statistics)}
            assert metrics == pytest.approx({name: x for name, x in expected.items() if math.isfinite(x)}, rel=1e-4)

    def test_numbers_of_a_row_have_five_digits(self, mirrored: Path) -> None:
        for run in runs_of(mirrored, "hills").values():
            for value in run.data.metrics.values():
                assert value.is_integer() or value == float(f"{value:.5g}")

    def test_who_is_tied_for_first_and_who_has_seen_the_data_is_tagged(self, home: Path) -> None:
        computed = stored_standings(home, "hills")
        assert computed is not None
        rows = [
            replace(
                row,
                tied_for_first=row.rank <= 2,
                training_overlap=("hills",) if row.forecaster == "drawn" else (),
                date_overlap=("hills",) if row.forecaster == "drawn" else (),
                pool="zero-shot" if row.forecaster == "drawn" else "local",
            )
            for row in computed.rows
        ]
        replace(computed, rows=tuple(rows)).save(home)

        mirror(home)

        tags = {name: run.data.tags for name, run in runs_of(home, "hills").items()}
        tied = {name for name, found in tags.items() if found.get("tied_for_first") == "yes"}
        assert tied == {row.forecaster for row in rows if row.tied_for_first}
        assert [name for name, found in tags.items() if "training_overlap" in found] == ["drawn"]
        assert tags["drawn"]["training_overlap"] == tags["drawn"]["date_overlap"] == "hills"
        assert tags["drawn"]["overlap"] == "hills (dataset); hills (date)"
        assert {name: found["pool"] for name, found in tags.items()} == {row.forecaster: row.pool for row in rows}
        note = client_of(home).get_experiment_by_name("hills").tags["mlflow.note.content"]
        assert "not significantly worse than the best (model confidence set): last" in note
        replace(computed, rows=tuple(replace(row, tied_for_first=False) for row in computed.rows)).save(home)
        mirror(home)
        assert not any("tied_for_first" in run.data.tags for run in runs_of(home, "hills").values())

    def test_a_tag_of_an_earlier_version_is_deleted(self, sent: Path) -> None:
        computed = stored_standings(sent, "hills")
        assert computed is not None
        client_of(sent).set_tag(runs_of(sent, "hills")["unfit"].info.run_id, "missing", "1 failed")
        replace(computed, rows=tuple(replace(row, failed_windows=1) for row in computed.rows)).save(sent)

        mirror(sent)

        tags = runs_of(sent, "hills")["unfit"].data.tags
        assert "missing" not in tags
        assert tags["failed_results"] == "1 failed, 1 window"

    def test_the_description_says_how_intervals_were_made(self, mirrored: Path) -> None:
        computed = stored_standings(mirrored, "hills")
        assert computed is not None
        assert computed.significance is not None

        note = client_of(mirrored).get_experiment_by_name("hills").tags["mlflow.note.content"]

        assert f"95% intervals: {computed.significance.method}" in note

    def test_hyperparameters_and_losses_are_told(self, mirrored: Path) -> None:
        runs = runs_of(mirrored, "hills")

        assert runs["last (wide)"].data.params["spread"] == "3.0"
        assert runs["unfit"].data.tags["failed_results"] == "1 failed"
        assert runs["unfit"].info.status == "FAILED"
        assert "failed_results" not in runs["last"].data.tags

    def test_the_board_opens_sorted_with_its_columns(self, mirrored: Path) -> None:
        experiment = client_of(mirrored).get_experiment_by_name("hills")
        view = json.loads(experiment.tags["mlflow.sharedViewState.harness"])

        assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`rank`", True)
        assert view["selectedColumns"] == [
            "metrics.`rank`",
            "tags.`tied_for_first`",
            "metrics.`skill`",
            "tags.`interval`",
            "metrics.`win_rate`",
            "metrics.`relative_error`",
            "metrics.`MASE/hills`",
            "metrics.`fit_seconds`",
            "metrics.`predict_ms_per_window`",
            "metrics.`completed`",
            "metrics.`failed_results`",
            "tags.`failed_results`",
        ]
        assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
        assert experiment.tags["mlflow.note.content"].startswith(
            "**Hills and vales**: ranked by MASE, relative to last"
        )

    def test_boards_and_cells_lead_to_each_other(self, mirrored: Path) -> None:
        client = client_of(mirrored)
        board, cells = (client.get_experiment_by_name(name).experiment_id for name in ("hills", "hills · cells"))
        row = runs_of(mirrored, "hills")["drawn"]
        cell = runs_of(mirrored, "hills · cells")["drawn · hills · seed 0"]

        assert cell.data.tags["harness.row"] == row.info.run_id
        assert views.run_page(board, row.info.run_id) in cell.data.tags["mlflow.note.content"]
        assert row.data.tags["harness.cells_experiment_id"] == cells
        view = views.cells_of("drawn")
        note = row.data.tags["mlflow.note.content"]
        assert views.view_page(cells, view) in note
        numbers = {run.info.run_id for name, run in runs_of(mirrored, "hills · cells").items() if "drawn" in name}
        assert views.artifact_page(cells, min(numbers), "forecasts.svg") in note
        shown = json.loads(client.get_experiment(cells).tags[f"mlflow.sharedViewState.{view}"])
        found = client.search_runs([cells], shown["searchFilter"])
        assert {run.info.run_name for run in found} == {"drawn · hills · seed 0", "drawn · hills · seed 1"}

    def test_cells_of_several_tasks_are_grouped(self) -> None:
        backtest = StoredPlan("a", "A", "", "MAE", "b", tuple(StoredCell(f"{k}", "b", f"{k}", "") for k in range(2)))

        both, one, mine = (
            json.loads(view)
            for view in (
                views.cells_view(backtest, ""),
                views.cells_view(replace(backtest, cells=backtest.cells[:1]), ""),
                views.forecaster_view(backtest, ""),
            )
        )

        assert both["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "task"}]
        assert both["orderByKey"] == one["orderByKey"] == "metrics.`MAE`"
        assert one["groupBy"] is mine["groupBy"] is None
        assert mine["orderByKey"] == "tags.`task`"

    def test_new_standings_are_a_new_step_of_those_that_changed(self, sent: Path) -> None:
        computed = stored_standings(sent, "hills")
        assert computed is not None
        rows = [replace(row, skill=0.125) if row.forecaster == "drawn" else row for row in computed.rows]
        replace(computed, rows=tuple(rows)).save(sent)

        mirror(sent)

        client, runs = client_of(sent), runs_of(sent, "hills")
        skills = {name: client.get_metric_history(run.info.run_id, "skill") for name, run in runs.items()}
        assert [metric.step for metric in skills["last"]] == [0]
        assert [metric.step for metric in skills["drawn"]] == [0, 1]
        assert runs["drawn"].data.metrics["skill"] == 0.125

    def test_who_leaves_the_board_leaves_its_table_and_may_come_back(self, sent: Path) -> None:
        fill(sent, "hills", replace(HILLS, forecasters=HILLS.forecasters[:2]))

        mirror(sent)

        assert set(runs_of(sent, "hills")) == {"last", "drawn"}
        assert runs_of(sent, "hills · cells")["unfit · hills"].data.tags["current"] == "no"
        fill(sent, "hills", HILLS)
        mirror(sent)
        assert set(runs_of(sent, "hills")) == {"last", "drawn", "last (wide)", "unfit"}
        assert runs_of(sent, "hills · cells")["unfit · hills"].data.tags["current"] == "yes"

    def test_a_score_that_is_lost_does_not_stay(self, sent: Path) -> None:
        computed = stored_standings(sent, "hills")
        assert computed is not None
        rows = tuple(replace(row, scores={"hills": math.nan}) for row in computed.rows)
        replace(computed, rows=rows).save(sent)

        mirror(sent)

        assert math.isnan(runs_of(sent, "hills")["last"].data.metrics["MASE/hills"])
