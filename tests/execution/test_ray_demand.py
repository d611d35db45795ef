"""What cells ask of a Ray cluster. No Ray is needed for that."""

from __future__ import annotations

from harness import RollingOrigin, Task
from harness.boards.planning import PlannedCell
from harness.evaluation.run import Cell
from harness.execution.executors.ray_demand import RayNodes, ScarceResources, cell_demand, task_options
from harness.execution.options import CellOptions
from harness.forecasters.limits import Limits
from harness.forecasters.resources import Resources

SMALL, LARGE = {"CPU": 4.0, "memory": 8e9}, {"CPU": 8.0, "memory": 32e9, "GPU": 2.0, "licence": 1.0}
MIXED = RayNodes([SMALL, LARGE])


def planned(resources: Resources) -> PlannedCell:
    return PlannedCell("key", "f", "t", Cell(Task("d", RollingOrigin(1)), "f"), "aa", resources=resources)


def demand(
    resources: Resources, nodes: RayNodes = MIXED, options: CellOptions | None = None, *, with_gpus: bool = True
) -> dict[str, float]:
    return cell_demand(planned(resources), options or CellOptions(), nodes, with_gpus=with_gpus)


def test_a_cell_asks_for_what_its_spec_states() -> None:
    resources = Resources(threads=2, memory=10**9, device="cuda", device_share=0.5, custom={"licence": 1})

    assert demand(resources) == {"CPU": 2, "memory": 10**9, "GPU": 0.5, "licence": 1}
    assert task_options(demand(resources)) == {
        "num_cpus": 2,
        "memory": 10**9,
        "num_gpus": 0.5,
        "resources": {"licence": 1},
    }
    assert task_options(demand(Resources())) == {"num_cpus": 1}


def test_a_limit_of_the_command_is_the_memory_to_reserve() -> None:
    assert demand(Resources(memory=10**9), options=CellOptions(limits=Limits(memory=2 * 10**9)))["memory"] == 2 * 10**9


def test_auto_asks_for_a_gpu_where_a_node_has_one_with_everything_else() -> None:
    auto = Resources(device="auto", device_share=0.5)

    assert demand(auto) == {"CPU": 1, "GPU": 0.5}
    assert demand(auto, RayNodes([SMALL])) == {"CPU": 1}
    assert demand(auto, RayNodes([])) == {"CPU": 1}
    assert demand(auto, with_gpus=False) == {"CPU": 1}
    assert "GPU" not in demand(Resources(device="auto", threads=16))
    assert "GPU" not in demand(Resources(device="auto", memory=64 * 10**9))
    assert "GPU" not in demand(Resources(device="auto", custom={"licence": 2}))
    assert "GPU" in demand(Resources(device="auto", custom={"licence": 1}))
    assert "GPU" in demand(Resources(device="cuda", threads=16))


def test_no_more_cells_ask_for_a_gpu_than_it_has_room_for() -> None:
    scarce, half = ScarceResources(), demand(Resources(device="auto", device_share=0.5))

    for _ in range(4):
        assert scarce.has_room(half, MIXED)
        scarce.add(half)

    assert not scarce.has_room(half, MIXED)
    assert scarce.has_room(demand(Resources()), MIXED)
    scarce.remove(half)
    assert scarce.has_room(half, MIXED)


def test_one_cell_may_wait_for_what_no_node_has() -> None:
    scarce, tpu = ScarceResources(), demand(Resources(custom={"tpu": 1}))

    assert scarce.has_room(tpu, MIXED)
    scarce.add(tpu)
    assert not scarce.has_room(tpu, MIXED)
