"""The option --device, for forecasters with and without the hyperparameter `device`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.efficiency.board_costs import board_costs
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Latency, Percentile
from harness.efficiency.request import BenchRequest, jobs
from harness.efficiency.store import write_bench
from harness.errors import BadInput
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.stored_plan import StoredCell, StoredPlan


@pytest.fixture
def catalog(toys: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """The catalog with the toys."""
    monkeypatch.syspath_prepend(str(toys))
    return load_catalog()


def request(toys: Path, home: Path, *names: str, device: str = "auto") -> BenchRequest:
    return BenchRequest(home, names, str(toys / "toy-board"), device=device)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_forecasters_of_the_board_that_have_none_keep_their_record(toys, catalog, tmp_path, device) -> None:
    asked = [request(toys, tmp_path), request(toys, tmp_path, device=device)]

    auto, chosen = ([(job.bench.key, job.bench.conditions.device) for job in jobs(each, catalog)] for each in asked)

    assert auto == chosen


def test_the_cpu_for_a_named_one_that_has_none_keeps_its_record(toys, catalog, tmp_path) -> None:
    asked = [request(toys, tmp_path, "flat"), request(toys, tmp_path, "flat", device="cpu")]

    assert len({jobs(each, catalog)[0].bench.key for each in asked}) == 1


def test_a_gpu_for_a_named_one_that_has_none_is_refused_at_once(toys, catalog, tmp_path) -> None:
    with pytest.raises(BadInput, match="--device cuda: flat has no hyperparameter `device`"):
        jobs(request(toys, tmp_path, "chooses", "flat", device="cuda"), catalog)


def test_on_a_machine_with_a_gpu_they_are_shown_beside_those_that_use_it(toys, catalog, tmp_path) -> None:
    """`flat` is measured with `auto`, since it cannot choose; `chooses` is told to use the GPU."""
    p99 = Percentile(0.1, 0.09, 0.11)
    measured = []
    for job, (device, used) in zip(
        jobs(request(toys, tmp_path, "chooses", "flat"), catalog), (("cuda", "cuda"), ("auto", "cpu")), strict=True
    ):
        bench = replace(
            job.bench,
            conditions=replace(job.bench.conditions, device=device, used_device=used),
            machine=replace(job.bench.machine, gpus=("a GPU",)),
            latency=Latency(p99, p99, p99, 0.1, 400, 3, 0.0),
            measured="2026-01-01",
        )
        measured.append(bench)
        write_bench(tmp_path, bench)
    cells = tuple(StoredCell(bench.subject.cell, bench.subject.title, "ramp", "") for bench in measured)

    found = board_costs(StoredPlan("toy-board", "Toys", "", "MAE", "flat", cells), tmp_path, this_machine().id)

    assert sorted(found.by_forecaster) == ["chooses", "flat"]
