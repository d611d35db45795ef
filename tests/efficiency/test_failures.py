"""Forecasters that raise, die, hang or tire: each fails alone, and its row says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.efficiency.record import Bench, Percentile, Server, Training
from harness.efficiency.runner import BenchFinished, BenchRequest, jobs, measure
from harness.evaluation.model_size import ModelSize
from harness.plugins.catalog import load_catalog
from harness.report.efficiency import bench_remarks, bench_table


@pytest.fixture(scope="module")
def failed(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bench]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(toys))
        patch.setenv("PYTHONPATH", str(toys))
        names = ("raises", "dies", "hangs", "tires", "flat")
        asked = BenchRequest(home, names, str(toys / "toy-board"), seconds=0.1)
        events = measure(jobs(asked, load_catalog()), timeout=8.0)
        return {one.bench.subject.title: one.bench for one in events if isinstance(one, BenchFinished)}


def test_one_that_raises_says_so(failed) -> None:
    assert failed["raises"].failure == "start: RuntimeError: no luck"


def test_one_that_dies_says_of_what(failed) -> None:
    assert failed["dies"].failures["start"].startswith("the process was killed by SIGKILL")


def test_one_that_hangs_is_ended(failed) -> None:
    assert failed["hangs"].failures == {"start": "did not end within 8 s"}


def test_one_that_fails_in_the_middle_keeps_what_was_measured(failed) -> None:
    bench = failed["tires"]

    assert bench.failures == {
        "offline, batch of 512": "RuntimeError: too many",
        "offline, batch of 4096": "RuntimeError: too many",
    }
    assert bench.latency is not None
    assert [one.size for one in bench.throughput.batches] == [1, 8, 64]


def test_the_others_go_on(failed) -> None:
    assert failed["flat"].failures == {}
    assert failed["flat"].latency is not None
    assert failed["flat"].server is None  # no bound was given


def test_the_table_shows_all_within_a_hundred_columns(failed) -> None:
    console = Console(width=100, record=True, highlight=False)

    console.print(bench_table([*failed.values()]))
    lines = console.export_text().splitlines()

    assert all(len(line.rstrip()) <= 100 for line in lines)
    assert any("raises" in line and "start" in line for line in lines)
    told = bench_remarks([*failed.values()])
    assert "raises failed, start: RuntimeError: no luck" in told
    assert "tires failed, offline, batch of 512, offline, batch of 4096: RuntimeError: too many" in told


def test_columns_for_which_there_is_no_room_are_left_to_csv(failed) -> None:
    p99 = Percentile(0.0000777, 0.0000702, 0.0000818)
    wide = replace(
        failed["flat"],
        subject=replace(failed["flat"].subject, title="a-forecaster-with-a-long-name"),
        latency=replace(failed["flat"].latency, p50=p99, p99=p99),
        training=Training(0.00275, 3, 10),
        size=ModelSize(12_345_678, 1),
        server=Server(0.02, 1360.0, Percentile(0.01, 0.009), 1.0),
    )
    console = Console(width=100, record=True, highlight=False)

    console.print(bench_table([wide]))
    text = console.export_text()

    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "0.0777 [0.0702, 0.0818]" in text  # nothing is cut but the name
    assert "1.36k*" in text
    assert "param." not in text


def test_it_exits_with_1_where_nobody_could_be_measured(shell) -> None:
    said = shell("bench", "raises", "--board", "toy-board", "--seconds", "0.05", "--home", "nobody", code=1)

    assert "raises failed, start: RuntimeError: no luck" in said.flat
