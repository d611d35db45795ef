"""Shards of a run: every cell is in one of them, they are balanced, and they stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import BadInput, RollingOrigin, Task
from harness.boards.planning import PlannedCell
from harness.errors import UnknownName
from harness.evaluation.run import Cell
from harness.execution.scheduling.division import ShardOptions, find_shard
from harness.execution.scheduling.estimates import Estimate
from harness.execution.scheduling.groups import CellGroup, group_cells
from harness.execution.scheduling.run_plan import RunPlan, read_run_plan
from harness.execution.scheduling.shards import Shard, assign_shards, parse_shard
from harness.forecasters.resources import Resources

SECONDS = st.dictionaries(
    st.text("0123456789abcdef", min_size=1, max_size=4), st.floats(0, 1e4, allow_nan=False), max_size=40
)
SLURM = {
    "SLURM_ARRAY_TASK_ID": "3",
    "SLURM_ARRAY_TASK_MIN": "1",
    "SLURM_ARRAY_TASK_MAX": "16",
    "SLURM_ARRAY_TASK_STEP": "1",
    "SLURM_ARRAY_TASK_COUNT": "16",
}


def planned(seed: int, size: int = 100, resources: Resources | None = None) -> PlannedCell:
    cell = Cell(Task("ramp", RollingOrigin(1)), "level", {}, seed)
    key = cell.key("aa", "toys==1")
    return PlannedCell(key, "level", "ramp", cell, "aa", size=size, resources=resources or Resources())


CELLS = [planned(seed, size=10**6 * seed) for seed in range(20)]


def loads(seconds: Mapping[str, float], shards: Mapping[str, int], count: int) -> list[float]:
    return [sum(seconds[key] for key in seconds if shards[key] == index) for index in range(1, count + 1)]


@given(SECONDS, st.integers(1, 9))
def test_every_cell_is_in_one_shard(seconds: dict[str, float], count: int) -> None:
    shards = assign_shards(seconds, count)

    assert shards.keys() == seconds.keys()
    assert set(shards.values()) <= set(range(1, count + 1))


@given(SECONDS, st.integers(1, 9), st.randoms())
def test_the_order_of_cells_does_not_matter(seconds: dict[str, float], count: int, random) -> None:
    keys = list(seconds)
    random.shuffle(keys)

    assert assign_shards({key: seconds[key] for key in keys}, count) == assign_shards(seconds, count)


@given(st.lists(st.integers(0, 50), max_size=7), st.integers(1, 3))
def test_the_longest_shard_takes_at_most_four_thirds_of_the_best_division(times: list[int], count: int) -> None:
    seconds = {f"{i:02}": float(time) for i, time in enumerate(times)}

    longest = max(loads(seconds, assign_shards(seconds, count), count))

    best = min(
        max(loads(seconds, dict(zip(seconds, division, strict=True)), count))
        for division in product(range(1, count + 1), repeat=len(seconds))
    )
    assert longest <= (4 / 3 - 1 / (3 * count)) * best + 1e-9


def test_graham_s_example_has_the_worst_ratio() -> None:
    seconds = {key: float(time) for key, time in zip("abcde", (3, 3, 2, 2, 2), strict=True)}

    assert max(loads(seconds, assign_shards(seconds, 2), 2)) == 7  # 7/6 of the best, which is 6


def test_cells_of_equal_times_are_spread_evenly() -> None:
    shards = list(assign_shards({f"{i:03}": 1.0 for i in range(100)}, 8).values())

    assert {shards.count(index) for index in range(1, 9)} == {12, 13}


@pytest.mark.parametrize(
    ("text", "environment", "planned_shards", "shard"),
    [
        ("3/16", {}, None, Shard(3, 16)),
        (" 1/1 ", SLURM, None, Shard(1, 1)),
        ("auto", SLURM, None, Shard(3, 16, "SLURM_ARRAY_TASK_ID=3")),
        ("auto/16", SLURM, None, Shard(3, 16, "SLURM_ARRAY_TASK_ID=3")),
        ("auto", SLURM, 16, Shard(3, 16, "SLURM_ARRAY_TASK_ID=3")),
        ("3", {}, 16, Shard(3, 16)),
        (
            "auto",
            {**SLURM, "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "15"},
            None,
            Shard(4, 16, "SLURM_ARRAY_TASK_ID=3"),
        ),
        (
            "auto/16",  # submitted again for some tasks
            {**SLURM, "SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_MAX": "7", "SLURM_ARRAY_TASK_COUNT": "2"},
            None,
            Shard(3, 16, "SLURM_ARRAY_TASK_ID=3"),
        ),
        ("auto/4", {"JOB_COMPLETION_INDEX": "0"}, None, Shard(1, 4, "JOB_COMPLETION_INDEX=0")),
        ("auto", {"JOB_COMPLETION_INDEX": "3"}, 4, Shard(4, 4, "JOB_COMPLETION_INDEX=3")),
    ],
)
def test_shards_are_named_or_found(
    text: str, environment: dict[str, str], planned_shards: int | None, shard: Shard
) -> None:
    assert parse_shard(text, environment, planned_shards) == shard


def test_the_tasks_of_an_array_are_all_shards() -> None:
    for first in (0, 1):
        array = {**SLURM, "SLURM_ARRAY_TASK_MIN": str(first), "SLURM_ARRAY_TASK_MAX": str(first + 15)}
        shards = [parse_shard("auto", {**array, "SLURM_ARRAY_TASK_ID": str(first + i)}) for i in range(16)]

        assert [shard.index for shard in shards] == list(range(1, 17))


@pytest.mark.parametrize(
    ("text", "environment", "planned_shards", "reason"),
    [
        ("3", {}, None, "--shard 3 has no number of shards"),
        ("3/", {}, None, "takes the number of a shard"),
        ("first/4", {}, None, "takes the number of a shard"),
        ("-1/4", {}, None, "takes the number of a shard"),
        ("0/4", {}, None, "numbered from 1 to 4"),
        ("5/4", {}, None, "numbered from 1 to 4"),
        ("1/0", {}, None, "numbered from 1 to 0"),
        ("3/8", {}, 16, "into 16 shards, not 8"),
        ("auto", {}, None, "finds no job array"),
        ("auto", {"SLURM_ARRAY_TASK_ID": ""}, None, "finds no job array"),
        ("auto", {**SLURM, "JOB_COMPLETION_INDEX": "0"}, None, "finds two job arrays"),
        ("auto", {"JOB_COMPLETION_INDEX": "0"}, None, "does not tell a pod"),
        ("auto", {"JOB_COMPLETION_INDEX": "x"}, 4, "no number"),
        ("auto", {**SLURM, "SLURM_ARRAY_TASK_COUNT": "2"}, None, "only some of its tasks"),
        ("auto", {"SLURM_ARRAY_TASK_ID": "3"}, None, "only some of its tasks"),
        ("auto", {**SLURM, "SLURM_ARRAY_TASK_STEP": "2"}, None, "only some of its tasks"),
        ("auto/16", {**SLURM, "SLURM_ARRAY_TASK_MIN": "0"}, None, "number its tasks from 1"),
        ("auto/2", SLURM, None, "numbered from 1 to 2"),
    ],
)
def test_a_shard_that_cannot_be_known_is_refused(
    text: str, environment: dict[str, str], planned_shards: int | None, reason: str
) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_shard(text, environment, planned_shards)


def test_options_that_need_others() -> None:
    with pytest.raises(BadInput, match="need --shard"):
        ShardOptions(plan="p").check()
    with pytest.raises(BadInput, match="by --plan"):
        ShardOptions("1/2", group="cpu").check()


@pytest.fixture
def run_plan() -> RunPlan:
    gpu = [planned(seed, resources=Resources(device="cuda")) for seed in range(100, 104)]
    estimates = {cell.key: Estimate(seed + 1.0, 10**9) for seed, cell in enumerate([*CELLS, *gpu])}
    return RunPlan(group_cells([*CELLS, *gpu], estimates, 6))


def shard_keys(cells: list[PlannedCell], options: Iterator[ShardOptions], home) -> list[set[str]]:
    found = [find_shard(each, {}, home) for each in options]
    return [set(shard.cells_of(cells).seconds) for shard in found if shard is not None]


def test_shards_without_a_plan_have_every_cell_once(tmp_path) -> None:
    shards = shard_keys(CELLS, (ShardOptions(f"{i}/3") for i in (1, 2, 3)), tmp_path)

    assert sorted(key for shard in shards for key in shard) == sorted(cell.key for cell in CELLS)


def test_shards_of_a_plan_have_the_cells_of_its_group_once(tmp_path, run_plan: RunPlan) -> None:
    run_plan.save(tmp_path)
    cpu, gpu = run_plan.group("cpu"), run_plan.group("cuda")

    options = (
        ShardOptions(f"{i}", run_plan.id, group.name) for group in (cpu, gpu) for i in range(1, group.shards + 1)
    )
    cells = [*CELLS, *(planned(seed, resources=Resources(device="cuda")) for seed in range(100, 104))]
    shards = shard_keys(cells, options, tmp_path)

    assert cpu.shards + gpu.shards == len(shards) == 6
    assert sorted(key for shard in shards for key in shard) == sorted(cell.key for cell in cells)
    assert set(cpu.seconds) == {cell.key for cell in CELLS}


def test_a_shard_of_a_plan_is_the_same_for_a_part_of_its_boards(tmp_path, run_plan: RunPlan) -> None:
    path = run_plan.save(tmp_path)
    options = ShardOptions("1", str(path), "cpu")

    (whole,), (part,) = (shard_keys(cells, iter([options]), tmp_path) for cells in (CELLS, CELLS[::2]))

    assert part == whole & {cell.key for cell in CELLS[::2]}


def test_pending_cells_begin_with_the_longest(tmp_path) -> None:
    shard = find_shard(ShardOptions("1/1"), {}, tmp_path)
    assert shard is not None

    ordered = shard.cells_of(CELLS).ordered(CELLS[3:7])

    assert [cell.size for cell in ordered] == [6 * 10**6, 5 * 10**6, 4 * 10**6, 3 * 10**6]


def test_a_plan_is_read_as_it_was_written(tmp_path, run_plan: RunPlan) -> None:
    path = run_plan.save(tmp_path)

    assert read_run_plan(run_plan.id, tmp_path) == run_plan == read_run_plan(str(path), tmp_path / "other")


def test_plans_that_cannot_be_used(tmp_path, run_plan: RunPlan) -> None:
    path = run_plan.save(tmp_path)
    with pytest.raises(BadInput, match=r"1 of 1 cells are not in the run plan"):
        run_plan.check_cells([planned(999).key])
    with pytest.raises(BadInput, match="has 2 groups; say --group"):
        run_plan.group(None)
    with pytest.raises(UnknownName, match="did you mean 'cuda'"):
        run_plan.group("cude")
    with pytest.raises(BadInput, match="there is no run plan"):
        read_run_plan("0123456789ab", tmp_path)
    path.write_text(path.read_text().replace("cuda", "cudb"))
    with pytest.raises(BadInput, match="does not match its checksum"):
        read_run_plan(run_plan.id, tmp_path)


def test_groups_are_of_cells_that_need_the_same() -> None:
    cells = [
        planned(1, resources=Resources(threads=4)),
        planned(2, resources=Resources(memory=30 * 10**9)),
        planned(3, resources=Resources(device="cuda", threads=2)),
        planned(4, resources=Resources(device="auto")),
        planned(5),
    ]

    groups = group_cells(cells, {cell.key: Estimate(10.0, 10**9) for cell in cells}, 16)

    assert {(group.name, group.threads, group.memory, group.needs_gpu) for group in groups} == {
        ("cpu", 1, 2 * 10**9, False),
        ("cpu-4-threads", 4, 2 * 10**9, False),
        ("cpu-32gb", 1, 32 * 10**9, False),
        ("cuda-2-threads", 2, 2 * 10**9, True),
    }
    assert all(group.shards == len(group.seconds) for group in groups)  # none has more shards than cells
    assert sorted(len(group.seconds) for group in groups) == [1, 1, 1, 2]  # "auto" needs no GPU


def test_cells_that_need_custom_resources_are_groups_of_their_own(tmp_path) -> None:
    needs = [{}, {"licence": 1}, {"licence": 1}, {"licence": 2}, {"Licence!": 1}]
    cells = [planned(seed, resources=Resources(custom=custom)) for seed, custom in enumerate(needs)]

    groups = group_cells(cells, {cell.key: Estimate(10.0, 10**9) for cell in cells}, 16)

    assert {group.name: (dict(group.custom), len(group.seconds)) for group in groups} == {
        "cpu": ({}, 1),
        "cpu-licence-1": ({"Licence!": 1.0}, 1),  # capitals are first
        "cpu-licence-1-2": ({"licence": 1.0}, 2),
        "cpu-licence-2": ({"licence": 2.0}, 1),
    }
    assert read_run_plan(str(RunPlan(groups).save(tmp_path)), tmp_path) == RunPlan(groups)


@pytest.mark.parametrize(("count", "shards"), [(16, [15, 1]), (3, [2, 1]), (1, [1, 1]), (200, [100, 1])])
def test_shards_that_a_small_group_cannot_use_are_for_others(count: int, shards: list[int]) -> None:
    slow = planned(0, resources=Resources(device="cuda"))
    cells = [planned(seed) for seed in range(1, 101)]
    estimates = {**{cell.key: Estimate(10.0, 10**9) for cell in cells}, slow.key: Estimate(9000.0, 10**9)}

    groups = group_cells([slow, *cells], estimates, count)

    assert [group.shards for group in groups] == shards


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=5), st.integers(1, 40))
def test_shards_are_divided_among_groups_in_proportion(seconds: list[float], count: int) -> None:
    cells = {
        i: [planned(100 * i + j, resources=Resources(threads=i + 1)) for j in range(10 + 10 * i)]
        for i in range(len(seconds))
    }
    estimates = {cell.key: Estimate(seconds[i], 10**9) for i, group in cells.items() for cell in group}

    groups = group_cells([cell for group in cells.values() for cell in group], estimates, count)

    most = sum(len(group) for group in cells.values())
    assert sum(group.shards for group in groups) == max(min(count, most), len(seconds))
    assert all(group.shards <= len(group.seconds) for group in groups)
    assert all(isinstance(group, CellGroup) and group.shards >= 1 for group in groups)
