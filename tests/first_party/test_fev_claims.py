"""Results that fev publishes as claimed results of a board."""

from __future__ import annotations

import ast
import csv
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import BadInput, Claim, Row, Standings, write_claims
from harness.analysis.claims import with_claims
from harness.report.standings.csv_text import standings_csv
from harness.report.standings.markdown import readme
from harness.report.standings.terminal import legend, remarks
from harness.results.claims import CLAIMS_FILE, ClaimedResults, read_claims
from harness_fev.claims import read_claims as read_results
from harness_fev.tasks import FevTask, read_tables

FIELDS = list(FevTask.__dataclass_fields__)
TASK: dict[str, Any] = {
    "dataset_path": "org/repository",
    "dataset_config": "shops",
    "horizon": 4,
    "extra_metrics": [{"name": "WAPE", "epsilon": 1.0}],
}


def row(forecaster: str, scores: dict[str, float], **fields: Any) -> Row:
    """A row of standings with these scores."""
    nan = math.nan
    values: dict[str, Any] = {
        "rank": 1, "skill": 0.0, "relative_error": 1.0, "win_rate": nan, "mean_rank": nan,
        "median_relative_error": nan, "intervals": {}, "mcs_p_value": nan, "tied_for_first": False, "seeds": 1,
        "skill_std": nan, "close_to_next": False, "score_stds": {}, "metrics": {}, "fit_seconds": nan,
        "predict_seconds": nan, "windows": 1, "completed": len(scores), "missing": {}, "failed_windows": 0,
    }  # fmt: skip
    return Row(forecaster=forecaster, scores=scores, **{**values, **fields})


def standings(*rows: Row, metric: str = "fev MASE") -> Standings:
    return Standings("board", "A board", metric, rows[0].forecaster, tuple(rows[0].scores), rows)


def result(**fields: Any) -> dict[str, Any]:
    """A row of results of fev on the task."""
    (task,) = read_tables([TASK])
    return {
        "model_name": "theirs",
        **task.to_json(),
        "test_error": 0.9,
        "MASE": 0.9,
        "WAPE": 0.1,
        "dataset_fingerprint": "abc",
        "fev_version": "0.8.0",
        "trained_on_this_dataset": False,
        **fields,
    }


def results_file(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(tmp_path: Path, *rows: dict[str, Any], source: str | None = None) -> tuple[list[Claim], list[str]]:
    tasks = {task.task_name: task for task in read_tables([TASK])}
    return read_results([results_file(tmp_path / "results.csv", *rows)], tasks, source)


class TestMatching:
    def test_scores_are_those_of_the_metrics_of_the_task(self, tmp_path: Path) -> None:
        (claim,), left_out = read(tmp_path, result(trained_on_this_dataset=True))
        assert claim == Claim(
            "theirs", "fev 0.8.0", {"fev MASE": {"shops": 0.9}, "fev WAPE (epsilon 1)": {"shops": 0.1}}, ("shops",)
        )
        assert left_out == []

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"horizon": 8}, "horizon is 8 there and 4 on the board"),
            ({"num_windows": 3}, "num_windows is 3 there and 1 on the board"),
            ({"seasonality": 7}, "seasonality is 7 there"),
            ({"initial_cutoff": -5}, "initial_cutoff is -5 there and -4 on the board"),
            ({"initial_cutoff": "2024-01-01"}, "initial_cutoff is 2024-01-01 there"),
            ({"target": ["a", "b"]}, "target is"),
            ({"eval_metric": "SQL"}, "eval_metric is SQL there and fev MASE on the board"),
            ({"extra_metrics": ["WAPE"]}, "WAPE has another epsilon there"),
            ({"known_dynamic_columns": ["promo"]}, "known_dynamic_columns is"),
            ({"dataset_path": "org/other"}, "dataset_path is org/other there"),
        ],
    )
    def test_results_of_another_task_are_left_out(self, fields: dict[str, Any], reason: str, tmp_path: Path) -> None:
        claims, left_out = read(tmp_path, result(**fields))
        assert claims == []
        (line,) = left_out
        assert line.startswith(f"claimed results of theirs on shops are left out: {reason}")

    def test_results_of_other_data_than_the_first_are_left_out(self, tmp_path: Path) -> None:
        claims, left_out = read(tmp_path, result(), result(model_name="others", dataset_fingerprint="xyz"))
        assert [claim.forecaster for claim in claims] == ["theirs"]
        (line,) = left_out
        assert line.endswith("on shops are left out: dataset_fingerprint is xyz there and abc in the first file")

    def test_two_results_of_a_model_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="there is a second result of 'theirs' on task 'shops'"):
            read(tmp_path, result(), result())

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="has no results of fev: it lacks the columns model_name, task_name"):
            read_results([results_file(tmp_path / "other.csv", {"a": 1})], {}, None)


class TestStandings:
    OURS = standings(row("base", {"a": 1.0, "b": 2.0}), row("ours", {"a": 0.5, "b": math.nan}, rank=2, skill=0.1))
    CLAIMS = ClaimedResults(
        (
            Claim("theirs", "a paper", {"fev MASE": {"a": 0.25, "b": 2.0}}),
            Claim("base", "a paper", {"fev MASE": {"a": 1.0}}),
        ),
        ("claimed results of others are left out: why",),
    )

    def test_claimed_rows_have_no_rank(self) -> None:
        found = with_claims(self.OURS, self.CLAIMS)
        assert [(each.forecaster, each.rank) for each in found.rows] == [
            ("base", 1), ("ours", 2), ("theirs", 0), ("base (claimed)", 0)
        ]  # fmt: skip
        assert found.rows[:2] == self.OURS.rows
        assert found.rows[2].skill == pytest.approx(1 - math.sqrt(0.25))
        assert found.notes == (
            "claimed by a paper, not measured here: theirs, base (claimed) (not on 1 of 2 tasks)",
            "where nothing is claimed, the error is the error of base",
            "claimed results of others are left out: why",
        )

    def test_all_are_ranked_where_that_is_asked_for(self) -> None:
        ours = replace(self.OURS, rows=(self.OURS.rows[0], replace(self.OURS.rows[1], relative_error=0.9)))
        found = with_claims(ours, self.CLAIMS, ranked=True)
        assert [(each.forecaster, each.rank) for each in found.rows] == [
            ("theirs", 1), ("ours", 2), ("base", 3), ("base (claimed)", 3)
        ]  # fmt: skip
        assert found.significance is None

    def test_claims_by_another_metric_are_not_shown_and_cannot_be_ranked(self) -> None:
        ours = replace(self.OURS, metric="MAE")
        assert with_claims(ours, self.CLAIMS) == ours
        with pytest.raises(BadInput, match="has no claimed results by MAE to rank"):
            with_claims(ours, self.CLAIMS, ranked=True)

    def test_every_view_says_whose_results_they_are(self) -> None:
        found = with_claims(self.OURS, self.CLAIMS)
        rows = list(csv.DictReader(standings_csv(found).splitlines()))
        assert [each["claimed_by"] for each in rows] == ["", "", "a paper", "a paper"]
        assert "a paper" in readme(found, [], "harness run")
        assert any(line.startswith("◊ claimed") for line in legend(found))
        assert any(line.startswith("claimed by a paper") for line in remarks(found))

    def test_files_are_read_as_they_were_written_and_damaged_ones_refused(self, tmp_path: Path) -> None:
        assert read_claims(tmp_path) == ClaimedResults(())
        write_claims(tmp_path, self.CLAIMS.claims, self.CLAIMS.left_out)
        assert read_claims(tmp_path) == self.CLAIMS
        (tmp_path / CLAIMS_FILE).write_text('{"claims": [{"forecaster": 3}]}')
        with pytest.raises(BadInput, match=r"claimed\.json is damaged"):
            read_claims(tmp_path)


def test_fev_bench_has_the_leaderboard_of_fev(real_file: Callable[[str], Path]) -> None:
    """Win rate and skill that fev 0.10 computes from the results of six models on 100 tasks, by MASE."""
    names = ("autoarima", "autoets", "autotheta", "drift", "naive")
    with real_file("fev_bench/seasonal_naive.csv").open(newline="") as lines:
        baseline = list(csv.DictReader(lines))
    tables = [{name: _value(each[name]) for name in FIELDS if each[name]} for each in baseline]
    tasks = {task.task_name: task for task in read_tables(tables)}
    assert len(tasks) == 100
    ours = standings(row("Seasonal Naive", {each["task_name"]: float(each["MASE"]) for each in baseline}))

    claims, left_out = read_results([real_file(f"fev_bench/{name}.csv") for name in names], tasks, None)
    found = with_claims(ours, ClaimedResults(tuple(claims)), ranked=True)

    assert left_out == []
    assert {each.forecaster: (round(each.win_rate, 3), round(each.skill, 6)) for each in found.rows} == {
        "AutoARIMA": (0.711, 0.116260),
        "AutoTheta": (0.692, 0.109885),
        "AutoETS": (0.550, 0.022590),
        "Seasonal Naive": (0.418, 0.0),
        "Naive": (0.395, -0.166739),
        "Drift": (0.234, -0.181392),
    }


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
