"""Simulated schedules, against schedules that were worked out by hand, and bounds that hold for all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import BadInput
from harness.execution.scheduling import simulation
from harness.execution.scheduling.simulation import Job, Machines, parse_machines, simulate_shards, simulate_shared


@pytest.fixture(autouse=True)
def without_overhead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "OVERHEAD", 0.0)


def jobs(*seconds: float, cores: int = 1, gpus: int = 0) -> list[Job]:
    return [Job(f"{cores}-{gpus}-{i:03}", float(each), cores, gpus) for i, each in enumerate(seconds)]


JOBS = st.lists(st.tuples(st.floats(0.1, 100), st.integers(1, 3), st.integers(0, 1)), min_size=1, max_size=30).map(
    lambda rows: [Job(f"{i:03}", *row) for i, row in enumerate(rows)]
)


def test_one_core_runs_one_cell_after_the_other() -> None:
    schedule = simulate_shared(jobs(1, 2, 3), Machines())

    assert (schedule.makespan, schedule.utilisation, schedule.tail, schedule.bound) == (6, 1, 0, 6)


def test_the_longest_cell_begins_first() -> None:
    schedule = simulate_shared(jobs(1, 1, 1, 3), Machines(1, 2))  # 3 | 1 1 1

    assert schedule.makespan == 3


def test_a_long_cell_at_the_end_is_the_tail() -> None:
    schedule = simulate_shared(jobs(10, 1, 1, 1), Machines(4, 1))  # three of four nodes have nothing to do from 1 on

    assert (schedule.makespan, schedule.tail) == (10, 9)
    assert schedule.utilisation == pytest.approx(13 / 40)
    assert sorted(schedule.ends) == [1, 1, 1, 10]


def test_cores_that_never_had_a_cell_are_part_of_the_tail() -> None:
    assert simulate_shared(jobs(10, 10), Machines(4, 1)).tail == 0  # two of four cores: half of them
    assert simulate_shared(jobs(10, 10), Machines(5, 1)).tail == 10


def test_parts_of_a_cell_run_at_the_same_time() -> None:
    split = Job("split", 12.0, parts=4)

    schedule = simulate_shared([split, *jobs(2)], Machines(2, 2))  # 3 3 3 | 3 of the cell, and one of 2 beside them

    assert (schedule.makespan, schedule.bound) == (5, 3.5)
    assert simulate_shards([split], Machines(2, 2)).ends == (6, 0)  # a cell is in one shard


def test_shards_are_divided_before_they_begin() -> None:
    # longest first: 5 4 3 3 3 → node 1: 5 3, node 2: 4 3 3
    assert simulate_shards(jobs(5, 4, 3, 3, 3), Machines(2, 1)).makespan == 10
    assert simulate_shared(jobs(5, 4, 3, 3, 3), Machines(2, 1)).makespan == 10


def test_the_cores_of_a_node_share_its_shard() -> None:
    schedule = simulate_shards(jobs(*[1] * 8), Machines(2, 4))

    assert (schedule.makespan, schedule.utilisation) == (1, 1)


def test_a_cell_with_threads_takes_as_many_cores() -> None:
    schedule = simulate_shared([*jobs(4, cores=3), *jobs(2, 2)], Machines(1, 4))  # 3 cores, and one after the other

    assert (schedule.makespan, schedule.utilisation) == (4, 1)


def test_cells_that_need_a_gpu_wait_for_one() -> None:
    schedule = simulate_shared([*jobs(2, 2, gpus=1), *jobs(1, 1)], Machines(1, 8, 1))

    assert schedule.makespan == 4


@pytest.mark.parametrize("simulate", [simulate_shards, simulate_shared])
@given(found=JOBS, nodes=st.integers(1, 4), cores=st.integers(3, 6))
def test_no_schedule_is_shorter_than_the_bound(simulate, found: list[Job], nodes: int, cores: int) -> None:
    schedule = simulate(found, Machines(nodes, cores, 1))

    assert schedule.bound <= schedule.makespan + 1e-9
    assert 0 < schedule.utilisation <= 1 + 1e-9
    assert max(schedule.ends) == schedule.makespan
    work = sum(job.seconds * job.cores for job in found)
    assert schedule.utilisation * schedule.makespan * nodes * cores == pytest.approx(work)


@given(found=JOBS)
def test_a_shared_home_keeps_graham_s_bound(found: list[Job]) -> None:
    single = [Job(job.key, job.seconds) for job in found]

    schedule = simulate_shared(single, Machines(2, 2))

    assert schedule.makespan <= (4 / 3 - 1 / 12) * 2 * schedule.bound  # of the best schedule, which is at most twice it


def test_the_overhead_is_part_of_each_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "OVERHEAD", 0.5)

    assert simulate_shared(jobs(1, 1), Machines()).makespan == 3


def test_machines_are_read() -> None:
    assert parse_machines("nodes=100,cores=32") == (Machines(100, 32, 0), 1)
    assert parse_machines("cores=8, gpus=2, nodes=3,copies=10") == (Machines(3, 8, 2), 10)


@pytest.mark.parametrize("text", ["", "nodes", "nodes=0", "nodes=-1", "cores=two", "node=3", "nodes=3;cores=2"])
def test_machines_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadInput, match="--simulate takes nodes=N"):
        parse_machines(text)


def test_cells_that_no_machine_can_run() -> None:
    with pytest.raises(BadInput, match="needs 3 cores, and a node has 2"):
        simulate_shared(jobs(1, cores=3), Machines(1, 2))
    with pytest.raises(BadInput, match="gpus=1"):
        simulate_shards(jobs(1, gpus=1), Machines(1, 2))
