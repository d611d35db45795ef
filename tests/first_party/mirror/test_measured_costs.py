"""What `harness bench` measured, in MLflow."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from mlflow_boards import artifact, client_of, pages_of, runs_of
from mlflow_homes import copy_with_artifacts, mirror

from harness import stored_plans, stored_standings
from harness.analysis.costs import with_costs
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench, Conditions, Histogram, Latency, Percentile, Subject
from harness.efficiency.store import write_bench
from harness_mlflow import views

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector

SVG = "{http://www.w3.org/2000/svg}"


class TestMeasuredCosts:
    """What `harness bench` measured, on a board that is mirrored already."""

    @pytest.fixture(scope="class")
    def measured(self, mirrored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A copy of it, in which two forecasters were measured since."""
        home = copy_with_artifacts(mirrored, tmp_path_factory.mktemp("measured") / "home")
        self.measure(home, "last", 0.002)
        self.measure(home, "last (wide)", 0.004)
        self.store(home)
        mirror(home)
        return home

    @staticmethod
    def measure(home: Path, forecaster: str, seconds: float) -> None:
        backtest = next(plan for plan in stored_plans(home) if plan.name == "hills")
        cell = next(cell.key for cell in backtest.cells if cell.forecaster == forecaster)
        p50, p90, p99 = (Percentile(seconds * k, seconds * k, seconds * k) for k in (1, 2, 3))
        bins = Histogram(seconds / 2, seconds * 4, (1, 300, 20, 5))
        latency = Latency(p50, p90, p99, seconds, 326, 9, 0.0, histogram=bins)
        subject = Subject(forecaster, "last", "hills", "hills", cell)
        bench = Bench(cell, subject, this_machine(), Conditions(1.0, 1, "auto"), "2026-01-02T03:04:05+00:00")
        write_bench(home, replace(bench, latency=latency))

    @staticmethod
    def store(home: Path) -> None:
        found, backtest = (
            stored_standings(home, "hills"),
            next(plan for plan in stored_plans(home) if plan.name == "hills"),
        )
        assert found is not None
        with_costs(found, backtest, home).save(home)

    def test_they_are_metrics_of_the_forecaster(self, measured: Path) -> None:
        metrics = runs_of(measured, "hills")["last"].data.metrics

        assert metrics["latency_p50_ms"] == pytest.approx(2.0)
        assert metrics["latency_p99_ms"] == pytest.approx(6.0)
        assert "throughput" not in metrics  # was not measured
        assert "latency_p99_ms" not in runs_of(measured, "hills")["drawn"].data.metrics

    def test_where_they_were_measured_is_a_tag(self, measured: Path) -> None:
        said = runs_of(measured, "hills")["last"].data.tags["measured"]

        assert this_machine().processor in said
        assert "1 thread, cpu, 2026-01-02T03:04:05" in said

    def test_the_table_shows_them(self, measured: Path, mirrored: Path) -> None:
        columns = [
            json.loads(client_of(home).get_experiment_by_name("hills").tags["mlflow.sharedViewState.harness"])[
                "selectedColumns"
            ]
            for home in (measured, mirrored)
        ]

        assert "metrics.`latency_p99_ms`" in columns[0]
        assert "metrics.`predict_ms_per_window`" not in columns[0]
        assert "metrics.`predict_ms_per_window`" in columns[1]

    def test_all_figures_and_a_histogram_are_artifacts(self, measured: Path) -> None:
        told = json.loads(artifact(measured, "hills", "last", "bench.json").read_text(encoding="utf-8"))
        drawn = artifact(measured, "hills", "last", "latency.svg").read_text(encoding="utf-8")

        assert told["latency"]["p99"]["seconds"] == pytest.approx(0.006)
        said = [element.text for element in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
        assert {"p50 2 ms", "p90 4 ms", "p99 6 ms"} <= set(said)
        assert not artifact(measured, "hills", "drawn", "bench.json").exists()

    def test_skill_against_latency_is_drawn_beside_the_page(self, measured: Path) -> None:
        (run,) = pages_of(measured)
        folder = measured / "mlflow" / "artifacts" / views.PAGES / run.info.run_id / "artifacts"

        drawn = ElementTree.fromstring((folder / "pareto.svg").read_text(encoding="utf-8"))

        said = [element.text for element in drawn.iter(f"{SVG}text")]
        assert "last" in said
        assert "last (wide)" in said
        assert "drawn" not in said

    def test_measuring_again_adds_a_repetition_and_what_is_gone_goes(self, measured: Path, tmp_path: Path) -> None:
        before = artifact(measured, "hills", "last", "bench.json").read_text(encoding="utf-8")
        self.measure(measured, "last", 0.003)
        kept = measured / "bench" / this_machine().id
        cell = next(cell.key for cell in stored_plans(measured)[0].cells if cell.forecaster == "last (wide)")
        (kept / f"{cell}.json").unlink()
        self.store(measured)

        mirror(measured)

        runs = runs_of(measured, "hills")
        assert artifact(measured, "hills", "last", "bench.json").read_text(encoding="utf-8") != before
        assert runs["last"].data.metrics["latency_p50_ms"] == pytest.approx(math.sqrt(2.0 * 3.0), rel=1e-4)
        assert not artifact(measured, "hills", "last (wide)", "bench.json").exists()
        assert "measured" not in runs["last (wide)"].data.tags
