"""Expected costs of cells: of measured ones their own, of others those that an additive model of logarithms gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Journal, RollingOrigin, Run, Status, Task
from harness.boards.planning import PlannedCell
from harness.evaluation.run import Audit, Cell, Costs
from harness.execution.scheduling.estimates import (
    LIBRARY_SECONDS,
    MEMORY,
    MeasuredCell,
    basis_counts,
    default_estimate,
    estimate_cells,
    measured_cells,
    unmeasured_forecasters,
)
from harness.execution.scheduling.groups import group_cells
from harness.forecasters.resources import Resources
from harness.results.journal import prepare_home

SIZES = {"small": 1_000, "middle": 10_000, "large": 100_000}
FACTORS = {"naive": 0.01, "ridge": 1.0, "lstm": 30.0}


def planned(forecaster: str, dataset: str, seed: int | None = None, imports: tuple[str, ...] = ()) -> PlannedCell:
    cell = Cell(Task(dataset, RollingOrigin(1)), forecaster, {}, seed)
    return PlannedCell(
        cell.key(dataset, "toys==1"), forecaster, dataset, cell, dataset, imports, size=SIZES.get(dataset, 1)
    )


def record(cell: PlannedCell, seconds: float, status: Status = Status.COMPLETED, memory: int | None = None) -> Run:
    return Run(
        cell.cell,
        status,
        cell.key,
        costs=Costs(peak_memory=memory),
        started="2001-01-01T00:00:00.000+00:00",
        finished=f"2001-01-01T00:{int(seconds // 60):02}:{seconds % 60:06.3f}+00:00",
    )


def measured(home: Path, *runs: Run) -> list[MeasuredCell]:
    journal = Journal(prepare_home(home))
    for run in runs:
        journal.write(run)
    return list(measured_cells(journal))


def test_a_measured_cell_is_expected_to_take_as_long_again(tmp_path: Path) -> None:
    seeds = [planned("lstm", "small", seed) for seed in range(4)]

    estimates = estimate_cells(
        seeds, measured(tmp_path, *(record(cell, 10.0 * (i + 1), memory=i) for i, cell in enumerate(seeds[:3])))
    )

    assert {estimate.seconds for estimate in estimates.values()} == {20.0}  # the median, also of another seed
    assert {estimate.memory for estimate in estimates.values()} == {2}  # the most
    assert basis_counts(estimates) == {"measured": 4}


def test_other_cells_follow_from_their_forecaster_and_their_task(tmp_path: Path) -> None:
    cells = [planned(name, dataset) for name in FACTORS for dataset in SIZES]
    seconds = {cell.key: FACTORS[cell.title] * SIZES[cell.task] / 1000 for cell in cells}
    left_out = cells[4], cells[8]  # ridge on middle, lstm on large

    found = measured(tmp_path, *(record(cell, seconds[cell.key]) for cell in cells if cell not in left_out))
    estimates = estimate_cells(cells, found)

    for cell in left_out:
        assert estimates[cell.key].seconds == pytest.approx(seconds[cell.key], rel=0.01)
        assert estimates[cell.key].basis == "similar cells"


def test_a_slow_run_of_many_does_not_matter(tmp_path: Path) -> None:
    cells = [planned(name, dataset) for name in FACTORS for dataset in SIZES]
    seconds = {cell.key: FACTORS[cell.title] * SIZES[cell.task] / 1000 for cell in cells}
    slow = {**seconds, cells[0].key: 100.0}

    estimates = estimate_cells(cells, measured(tmp_path, *(record(cell, slow[cell.key]) for cell in cells[:-1])))

    assert estimates[cells[-1].key].seconds == pytest.approx(seconds[cells[-1].key], rel=0.01)


def test_a_task_without_runs_is_like_that_of_the_nearest_size(tmp_path: Path) -> None:
    small, large = planned("ridge", "small"), planned("ridge", "large")

    estimates = estimate_cells([small, large], measured(tmp_path, record(small, 2.0)))

    assert estimates[large.key].seconds == pytest.approx(200.0)


def test_another_task_on_the_same_data_is_like_it(tmp_path: Path) -> None:
    done = planned("ridge", "small")
    cell = Cell(Task("small", RollingOrigin(7)), "ridge")
    longer = PlannedCell("longer", "ridge", "small", cell, "small", size=SIZES["small"])

    estimates = estimate_cells([longer], measured(tmp_path, record(done, 5.0)))

    assert estimates["longer"].seconds == pytest.approx(5.0)


def test_a_forecaster_without_runs_is_like_others_with_libraries(tmp_path: Path) -> None:
    cells = [planned("lstm", "small", imports=("torch",)), planned("naive", "small")]
    new = planned("gru", "small", imports=("torch",))

    found = measured(tmp_path, record(cells[0], 30.0), record(cells[1], 0.1))

    assert estimate_cells([*cells, new], found)[new.key].seconds == pytest.approx(30.0)


@pytest.mark.parametrize(("naive", "factor"), [(0.01, 1.0), (5.0, 5.0 / 0.202)])
def test_a_forecaster_without_runs_is_expected_to_be_slow_where_others_are(
    tmp_path: Path, naive: float, factor: float
) -> None:
    done, new = planned("naive", "small"), planned("lstm", "small", imports=("torch",))

    estimates = estimate_cells([done, new], measured(tmp_path, record(done, naive)))

    assert estimates[new.key].seconds == pytest.approx(factor * default_estimate(new).seconds)
    assert estimates[new.key].basis == "other forecasters"


def test_forecasters_with_the_same_libraries_are_preferred(tmp_path: Path) -> None:
    done = [planned("ridge", "small", imports=("sklearn.linear_model",)), planned("lstm", "small", imports=("torch",))]
    new = planned("trees", "small", imports=("sklearn.ensemble",))

    found = measured(tmp_path, record(done[0], 20.0), record(done[1], 3000.0))

    assert estimate_cells([*done, new], found)[new.key].seconds == pytest.approx(20.0)


def test_forecasters_without_a_completed_run_are_named_with_the_slowest_first(tmp_path: Path) -> None:
    done = planned("ridge", "small"), planned("ridge", "large")
    failed = planned("dense", "small", imports=("torch",)), planned("dense", "large", imports=("torch",))
    cells = [*done, planned("mean", "small"), planned("lstm", "small", imports=("torch",)), *failed]

    found = measured(tmp_path, record(done[0], 1.0), record(failed[0], 3.0, Status.TIMED_OUT))

    assert unmeasured_forecasters(cells, estimate_cells(cells, found)) == ["dense", "lstm", "mean"]
    assert unmeasured_forecasters(cells, estimate_cells(cells, [])) == ["dense", "lstm", "ridge", "mean"]


def test_a_failed_run_counts_for_its_own_cell_only(tmp_path: Path) -> None:
    failed, other = planned("lstm", "small"), planned("lstm", "large")

    estimates = estimate_cells([failed, other], measured(tmp_path, record(failed, 3.0, Status.TIMED_OUT)))

    assert estimates[failed.key].seconds == 3.0
    assert estimates[other.key] == default_estimate(other)


def test_runs_that_failed_at_once_do_not_tell_what_a_cell_takes(tmp_path: Path) -> None:
    done = planned("naive", "small")
    failed = [planned("lstm", name, imports=("torch",)) for name in SIZES]

    found = measured(
        tmp_path, record(done, 1.0), *(record(cell, 0.01, Status.FAILED, memory=10**6) for cell in failed[:2])
    )
    estimates = estimate_cells([done, *failed], found)

    assert unmeasured_forecasters([done, *failed], estimates) == ["lstm"]
    assert all(estimates[cell.key].seconds >= default_estimate(cell).seconds for cell in failed)
    assert {estimates[cell.key].memory for cell in failed} == {MEMORY}


def test_failed_runs_of_a_forecaster_that_works_on_other_tasks_count(tmp_path: Path) -> None:
    done, failed = planned("lstm", "small"), planned("lstm", "large")

    found = measured(tmp_path, record(done, 1.0), record(failed, 40.0, Status.FAILED))

    assert estimate_cells([done, failed], found)[failed.key].seconds == 40.0


def test_the_memory_at_which_a_cell_ended_is_needed_at_least(tmp_path: Path) -> None:
    done, failed = planned("naive", "small"), planned("lstm", "small")

    found = measured(tmp_path, record(done, 1.0), record(failed, 2.0, Status.OUT_OF_MEMORY, memory=7 * 10**9))

    assert estimate_cells([done, failed], found)[failed.key].memory == 7 * 10**9


def test_a_cell_in_parts_takes_what_its_parts_took_in_sum(tmp_path: Path) -> None:
    cell = planned("theta", "large")
    run = record(cell, 3000.0)  # with pauses
    costs = Costs(fit_seconds=20.0, predict_seconds=30.0, parts=9)

    found = measured(tmp_path, replace(run, costs=costs, audit=Audit(1, 10, 2.0)))
    estimate = estimate_cells([cell], found)[cell.key]

    assert (estimate.seconds, estimate.parts) == (52.0, 8)  # the first part runs before the others
    (group,) = group_cells([cell], {cell.key: estimate}, 1)
    assert group.parts == {cell.key: 8}


def test_without_runs_larger_data_and_libraries_take_longer() -> None:
    small, large, library = planned("f", "small"), planned("f", "large"), planned("f", "small", imports=("torch",))

    assert default_estimate(small).seconds < default_estimate(large).seconds
    assert default_estimate(library).seconds > LIBRARY_SECONDS
    assert default_estimate(small).memory == MEMORY


def test_times_that_are_not_known_do_not_count(tmp_path: Path) -> None:
    cell = planned("f", "small")

    assert measured(tmp_path, Run(cell.cell, Status.COMPLETED, cell.key)) == []


@given(st.integers(1, 10**12))
def test_memory_has_a_margin(memory: int) -> None:
    cell = planned("f", "small")
    found = [MeasuredCell(*names_of(cell), "small", 1.0, memory, Status.COMPLETED)]

    (group,) = group_cells([cell], estimate_cells([cell], found), 1)

    assert group.memory >= int(1.5 * memory)


def names_of(cell: PlannedCell) -> tuple[str, str]:
    from harness.execution.scheduling.estimates import _names

    return _names(cell.cell)


def test_declared_memory_is_not_undercut() -> None:
    cell = planned("f", "small")
    declared = PlannedCell(
        cell.key, "f", "small", cell.cell, "small", resources=Resources(memory=20 * 10**9), size=1000
    )

    (group,) = group_cells([declared], estimate_cells([declared], []), 1)

    assert group.memory == 32 * 10**9
