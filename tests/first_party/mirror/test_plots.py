"""Plots and tables that the mirror draws of a cell."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from mlflow_boards import HILLS, WAVES, Last, artifact, hills, runs_of, waves
from mlflow_homes import mirror

from harness import Outcomes
from harness.data.panel_store import store_panel
from harness.evaluation.evaluate import evaluate
from harness.evaluation.outcomes import Actuals
from harness.tasks.folds import backtest
from harness_mlflow import charts, plots, tables

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector


class TestPlots:
    def test_windows_are_the_best_the_median_and_the_worst(self) -> None:
        losses = np.array([3.0, math.nan, 1.0, 5.0, 4.0, 2.0])

        chosen = plots.chosen_windows(losses, ("best", "median", "worst"))

        assert chosen == [(2, "best"), (0, "median"), (3, "worst")]

    def test_a_single_window_is_drawn_once(self) -> None:
        assert plots.chosen_windows(np.array([1.0]), ("best", "worst")) == [(0, "best")]

    def test_the_worst_wave_is_the_one_of_the_highest_amplitude(self) -> None:
        run = evaluate(Last(), WAVES.tasks[0], waves())
        assert run.results is not None
        outcomes = Outcomes(Actuals.of(backtest(WAVES.tasks[0], waves())), run.results.forecast)

        losses, said = plots.window_losses(run, outcomes, "MSE")

        assert said == "MSE"
        np.testing.assert_allclose(losses, outcomes.squared_error.mean(axis=(1, 2)))
        assert plots.chosen_windows(losses, ("best", "worst"))[1] == (int(losses.argmax()), "worst")

    def test_coverage_does_not_choose_windows(self) -> None:
        run = evaluate(Last(), HILLS.tasks[0], hills())
        assert run.results is not None
        outcomes = Outcomes(Actuals.of(backtest(HILLS.tasks[0], hills())), run.results.forecast)

        losses, said = plots.window_losses(run, outcomes, "coverage")

        assert said == "MAE"
        np.testing.assert_allclose(losses, outcomes.absolute_error.mean(axis=(1, 2)))

    def test_a_generated_wave_follows_its_given_steps_and_the_cutoff_is_inside_of_the_axes(self, home: Path) -> None:
        store_panel(waves(), home)
        mirror(home)

        text = artifact(home, "waves · cells", "last · waves", "forecasts.svg").read_text(encoding="utf-8")

        assert ">given<" in text
        assert len(re.findall(rf"<path d='M[^']*L[^']*' [^>]*stroke='{plots.GIVEN}'", text)) == 2  # one of each wave
        for rule in re.findall(r"<path d='M([\d.]+) [^']*' [^>]*stroke-dasharray='2 2'", text):
            assert charts.MARGIN_LEFT + 50 < float(rule) < plots.WIDTH / 2  # after 20 of 100 steps

    def test_training_curves_are_on_a_logarithmic_axis(self, mirrored: Path) -> None:
        text = artifact(mirrored, "hills · cells", "last · hills", "training.svg").read_text(encoding="utf-8")

        assert ">loss<" in text
        assert all(f">{tick}<" in text for tick in ("0.001", "0.01", "0.1", "1"))
        note = runs_of(mirrored, "hills · cells")["last · hills"].data.tags["mlflow.note.content"]
        assert "training.svg" in note

    def test_gradient_norms_are_a_plot_and_metrics_of_their_own(self, mirrored: Path) -> None:
        text = artifact(mirrored, "hills · cells", "last · hills", "gradient_norms.svg").read_text(encoding="utf-8")

        assert ">hidden state before training<" in text
        assert ">time steps before the last one<" in text
        data = runs_of(mirrored, "hills · cells")["last · hills"].data
        assert data.metrics["gradient_norms/hidden state before training"] == 0.01
        assert "gradient_norms.svg" in data.tags["mlflow.note.content"]


class TestTables:
    def test_long_tables_are_rounded_and_thinned_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        run = evaluate(Last(), HILLS.tasks[0], hills())
        assert run.results is not None
        outcomes = Outcomes(Actuals.of(backtest(HILLS.tasks[0], hills())), run.results.forecast)
        monkeypatch.setattr(tables, "FULL", 10)
        monkeypatch.setattr(tables, "MOST", 20)
        monkeypatch.setattr(tables, "CHUNK", 8)

        said = tables.write_forecasts(tmp_path / "forecasts.parquet", outcomes, lambda: None)

        table = pq.read_table(tmp_path / "forecasts.parquet")
        assert said == "numbers are rounded to float32; only one of 2 windows is listed"
        assert str(table.schema.field("mean").type) == "float"
        np.testing.assert_allclose(table["actual"].to_numpy(), outcomes.actuals[::2].ravel(), rtol=1e-6)
