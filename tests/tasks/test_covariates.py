"""The covariates of a task: what a forecaster is given, and what is stored."""

from __future__ import annotations

import numpy as np
import pytest

from harness.data.panel import Channel, Panel
from harness.errors import BadData, BadTask
from harness.evaluation.run import Cell
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task

CHANNELS = (
    Channel("sales"),
    Channel("visitors", "past covariate"),
    Channel("promotion", "known covariate"),
    Channel("returns"),
)


def shops() -> Panel:
    """Two series of four channels; the values of a channel are ten times its position, plus the step."""
    rows = np.arange(9.0)[:, None] + 10 * np.arange(4)
    return Panel.of([rows, rows[:7]], channels=CHANNELS, static={"area": [1.0, 2.0], "region": ["n", "s"]})


def given(covariates: tuple[str, ...] | None, targets: tuple[str, ...] | None = None) -> Panel:
    """The panel of a task with these covariates."""
    return backtest(Task("shops", RollingOrigin(2, windows=2), targets=targets, covariates=covariates), shops()).panel


def names(panel: Panel) -> list[str]:
    return [channel.name for channel in panel.channels]


class TestCovariates:
    def test_without_a_choice_all_are_given(self) -> None:
        assert names(given(None)) == [channel.name for channel in CHANNELS]
        assert set(given(None).static) == {"area", "region"}

    def test_an_empty_choice_leaves_the_targets(self) -> None:
        panel = given(())

        assert names(panel) == ["sales", "returns"]
        assert panel.static == {}
        assert panel.values[0].tolist() == [0, 30]

    def test_past_known_and_static_ones_are_chosen_by_name(self) -> None:
        panel = given(("area", "promotion"))

        assert names(panel) == ["sales", "promotion", "returns"]
        assert panel.static == {"area": (1.0, 2.0)}
        assert panel.values[1].tolist() == [1, 21, 31]

    def test_other_targets_are_covariates_if_they_are_named(self) -> None:
        assert names(given((), ("sales",))) == ["sales"]
        assert names(given(("returns",), ("sales",))) == ["sales", "returns"]
        assert names(given(None, ("sales",))) == ["sales", "visitors", "promotion", "returns"]

    def test_windows_and_training_data_have_only_these(self) -> None:
        made = backtest(Task("shops", RollingOrigin(2, windows=2), covariates=("promotion",)), shops())
        (fold,) = made.folds()

        assert names(fold.train.panel) == ["sales", "promotion", "returns"]
        assert fold.windows.contexts.last(1).shape == (4, 1, 3)
        assert fold.windows.contexts.known()[0, :, 0].tolist() == [25, 26]
        assert made.windows.actuals.shape == (4, 2, 2)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("visitor", "no covariate called 'visitor'; did you mean 'visitors'?"),
            ("arae", "no covariate called 'arae'; did you mean 'area'?"),
            ("sales", "'sales' is a target, not a covariate; its covariates are area, promotion, region, visitors"),
        ],
    )
    def test_another_name_is_refused(self, name: str, message: str) -> None:
        with pytest.raises(BadTask) as caught:
            given(("area", name))

        assert f"task 'shops' on dataset 'shops': {message}" in str(caught.value)

    def test_a_panel_refuses_another_name(self) -> None:
        with pytest.raises(BadData, match="no covariate called 'visitor'; did you mean 'visitors'"):
            shops().with_covariates(["visitor"])

    def test_a_repeated_name_is_refused(self) -> None:
        with pytest.raises(BadTask, match=r"covariates must be names, each once, not \('a', 'a'\)"):
            Task("d", RollingOrigin(2, windows=2), covariates=("a", "a"))

    def test_a_single_text_is_refused(self) -> None:
        with pytest.raises(BadTask, match="covariates must be a list"):
            Task("d", RollingOrigin(2, windows=2), covariates="area")  # type: ignore[arg-type]


class TestStorage:
    @pytest.mark.parametrize("covariates", [None, (), ("a", "b")])
    def test_a_task_is_read_as_it_was_written(self, covariates: tuple[str, ...] | None) -> None:
        task = Task("d", RollingOrigin(2, windows=3), covariates=covariates)

        assert Task.from_json(task.to_json()) == task
        assert Cell.from_json(Cell(task, "f").to_json()).task == task

    def test_a_task_without_a_choice_is_stored_as_before(self) -> None:
        assert "covariates" not in Task("d", RollingOrigin(2, windows=3)).to_json()

    def test_each_choice_is_another_cell(self) -> None:
        keys = {
            Cell(Task("d", RollingOrigin(2, windows=3), covariates=covariates), "f").key("print", "plugin==1:0")
            for covariates in (None, (), ("a",), ("a", "b"))
        }

        assert len(keys) == 4
