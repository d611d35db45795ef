"""Forecasters with a pretrained model: how often it is loaded, and what their cells share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from model_board import ModelBoard

from harness import Context, Floats, ForecasterSpec, LocalForecaster, check_forecaster

LINUX = os.path.exists("/proc/self/task")


@pytest.fixture
def board(tmp_path: Path) -> ModelBoard:
    return ModelBoard(tmp_path)


def statuses(board: ModelBoard, forecaster: str) -> list[str]:
    return [record["status"] for record in board.records(forecaster)]


def test_a_model_is_loaded_once_and_each_cell_has_a_new_process(board: ModelBoard) -> None:
    board.write({"pretrained": {}, "loads-each-time": {"name": "again"}}, tasks=4)

    board.run("--jobs", "2")

    assert statuses(board, "pretrained") == statuses(board, "loads-each-time") == ["completed"] * 4
    loads = [load["name"] for load in board.logged("load")]
    assert loads.count("small") == 1
    assert loads.count("again") >= 4  # for each cell, and in the copy of its process that is audited
    fits = board.logged("fit")
    assert len({fit["process"] for fit in fits}) == len(fits) == 8
    assert {fit["fits"] for fit in fits} == {1}  # nothing of another cell's fit


def test_hyperparameters_have_models_of_their_own(board: ModelBoard) -> None:
    board.write({"pretrained a": {"name": "a"}, "pretrained b": {"name": "b"}, "pretrained c": {"name": "c"}})

    board.run("--jobs", "1")

    assert sorted(load["name"] for load in board.logged("load")) == ["a", "b", "c"]  # one after the other


def test_forecasts_are_those_of_a_process_that_loads_the_model_itself(board: ModelBoard) -> None:
    parameters = {"act": "draws"}  # from a global generator, without a seed
    board.write(
        {"pretrained": parameters, "loads-each-time": parameters, "pretrained own": {**parameters, "name": "threads"}}
    )

    board.run("--jobs", "1")

    scores = [[record["scores"]["MAE"] for record in board.records(name)] for name in ("pretrained", "loads-each-time")]
    assert sorted(scores[0]) == sorted([*scores[1], *scores[1]])


def test_a_model_with_threads_is_loaded_by_a_worker_that_is_kept(board: ModelBoard) -> None:
    board.write({"pretrained": {"name": "threads"}}, tasks=4)

    board.run("--jobs", "1")

    assert statuses(board, "pretrained") == ["completed"] * 4
    loading, *others = board.logged("load")  # in the template, which cannot be forked
    assert len(others) == 1
    assert {fit["process"] for fit in board.logged("fit")} == {others[0]["process"]} != {loading["process"]}
    assert [fit["fits"] for fit in board.logged("fit")] == [1, 2, 3, 4]


def test_a_kept_worker_begins_with_an_empty_folder(board: ModelBoard) -> None:
    board.write({"pretrained": {"name": "threads", "act": "leaves a file"}})

    board.run("--jobs", "1")

    assert [line["files"] for line in board.logged("files")] == [[], [], []]


def test_a_kept_worker_serves_no_other_forecaster(board: ModelBoard) -> None:
    threads = {"name": "threads"}
    board.write({"pretrained": threads, "other": threads, "pretrained more": {**threads, "most": 3}}, tasks=2)

    board.run("--jobs", "1")

    assert len({fit["process"] for fit in board.logged("fit")}) == 3


def test_a_crash_ends_a_kept_worker_and_the_next_cell_has_a_new_one(board: ModelBoard) -> None:
    board.write({"pretrained": {"name": "threads", "act": "crashes"}}, tasks=4)

    board.run("--jobs", "1")

    assert sorted(statuses(board, "pretrained")) == ["completed"] * 3 + ["crashed"]
    assert len({fit["process"] for fit in board.logged("fit")}) >= 3


@pytest.mark.parametrize("act", ["fails when reused", "crashes when reused and described"])
def test_what_fails_in_a_kept_worker_is_tried_in_a_new_one(board: ModelBoard, act: str) -> None:
    board.write({"pretrained": {"name": "threads", "act": act}})

    board.run("--jobs", "1")

    assert statuses(board, "pretrained") == ["completed"] * 3
    assert [fit["fits"] for fit in board.logged("fit")] == [1, 2, 1, 2, 1]


def test_a_model_that_cannot_be_loaded_fails_its_cells(board: ModelBoard) -> None:
    board.write({"pretrained": {"name": "raises"}}, tasks=2)

    board.run("--jobs", "1")

    assert [record["status"] for record in board.records("pretrained")] == ["failed"] * 2
    assert "the checkpoint is damaged" in board.records("pretrained")[0]["reason"]


@pytest.mark.skipif(not LINUX, reason="the memory of a process is limited by means of Linux")
def test_a_model_counts_as_memory_of_its_cells(board: ModelBoard) -> None:
    board.variables["MODEL_SIZE"] = str(200 * 10**6)
    board.write({"pretrained": {}}, tasks=2)

    board.run("--jobs", "1", "--memory", "150MB")
    assert statuses(board, "pretrained") == ["out_of_memory"] * 2

    board.run("--jobs", "1", "--memory", "500MB", "--retry-failed")
    assert statuses(board, "pretrained") == ["completed"] * 2


def test_strict_cells_have_new_processes(board: ModelBoard) -> None:
    board.write({"pretrained": {"name": "threads"}}, tasks=2)

    board.run("--jobs", "1", "--strict")

    assert statuses(board, "pretrained") == ["completed"] * 2
    assert all("fit 1 of its process" in record["notes"] for record in board.records("pretrained"))


def test_a_reusable_forecaster_needs_a_method_that_loads_its_model() -> None:
    @dataclass
    class WithoutModel(LocalForecaster):
        def predict_series(self, context: Context) -> Floats:
            return np.zeros((context.horizon, context.target.shape[1]))

    results = check_forecaster(ForecasterSpec("without", WithoutModel, reusable=True))

    (failed,) = (result for result in results if not result.passed)
    assert "WithoutModel has no method load_model" in failed.detail
