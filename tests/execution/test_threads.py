"""However a forecaster is executed, numerical libraries use one thread unless more are asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import harness
from harness import BadInput, Context, Floats, LocalForecaster, Panel, RollingOrigin, Task
from harness.evaluation.threads import THREAD_VARIABLES, thread_limit

FORECASTERS = ("by-torch", "by-blas")

PLUGIN = '''
"""Forecasters whose forecasts depend on the number of threads, in the last digits; each forecast is logged."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import DatasetSpec, ForecasterSpec, LocalForecaster, Panel, Resources, hookimpl

VALUES = np.random.default_rng(0).normal(size=2_000_001)


@dataclass
class ByBlas(LocalForecaster):
    def total(self):
        return float(np.dot(VALUES, VALUES))

    def predict_series(self, context):
        total = self.total()
        with Path(os.environ["TOTALS"]).open("a") as file:
            file.write(f"{type(self).__name__} {total.hex()}\\n")
        return np.full((context.horizon, context.target.shape[1]), total)


@dataclass
class ByTorch(ByBlas):
    def total(self):
        import torch  # only now, as a library that is loaded late

        values = torch.from_numpy(VALUES).float()
        return float(values.square().sum() + values.dot(values))  # the first by OpenMP, the second by MKL


@hookimpl
def harness_forecasters():
    factories = {"by-torch": ByTorch, "by-blas": ByBlas}
    return [
        ForecasterSpec(f"{name}{suffix}", factory, resources=Resources(threads=threads))
        for name, factory in factories.items()
        for suffix, threads in (("", 1), ("-twice", 2))
    ]


@hookimpl
def harness_datasets():
    return [DatasetSpec("waves", lambda: Panel.of([np.sin(np.arange(120.0))], season_length=6))]
'''

SCRIPT = '''
"""Executes the forecasters in every way; prints the scores of each, the logged totals, and the threads after it."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import harness
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import plan_board
from harness.boards.workspace import Workspace
from harness.efficiency.cold_start import measure_cold_start
from harness.efficiency.request import BenchRequest, jobs
from harness.efficiency.workload import prepare_workload
from harness.execution.driver import drive
from harness.execution.events import Finished
from harness.execution.executors.table import executor_name, make_executor
from harness.plugins.checks.contracts import check
from harness.plugins.installed import installed_catalog
from harness.results.journal import Journal

TASK = harness.Task("waves", harness.RollingOrigin(4, windows=2))
CATALOG = installed_catalog()
NAMES = ("by-torch", "by-blas")


def by_run(number_of_jobs, names, home):
    board = Leaderboard("Waves", "MAE", names[0], (TASK,), forecasters=tuple(map(Entry, names)))
    cells = plan_board("waves", board, Workspace(home, CATALOG)).cells
    executor = make_executor(executor_name(number_of_jobs), home, cells, number_of_jobs)
    runs = [event.run for event in drive(cells, executor, Journal(home)) if isinstance(event, Finished)]
    return {run.cell.forecaster: [run.scores["MAE"].hex(), run.provenance["threads"]] for run in runs}


def by_evaluate(names, **options):
    return {name: [harness.evaluate(name, TASK, **options).scores["MAE"].hex()] for name in names}


def by_check():
    results = [list(check(name, CATALOG, Path("home"))) for name in NAMES]
    assert all(result.passed for of_one in results for result in of_one), results


def by_bench(home):
    board = home / "leaderboard.toml"
    home.mkdir()
    protocol = 'protocol = { kind = "rolling-origin", horizon = 4, windows = 2 }'
    tasks = f'title = "W"\\nmetric = "MAE"\\nbaseline = "by-blas"\\n[[tasks]]\\ndataset = "waves"\\n{protocol}\\n'
    board.write_text(tasks + "".join(f'[[forecasters]]\\nname = "{name}"\\n' for name in NAMES))
    for job in jobs(BenchRequest(home, board=str(board), seconds=0.1), CATALOG):
        measure_cold_start(prepare_workload(job, CATALOG), job.bench)


def logged(action, *arguments, **options):
    log = Path(os.environ["TOTALS"])
    log.write_text("")
    result = action(*arguments, **options)
    return result, sorted(set(log.read_text().split("\\n")[:-1]))


def threads():
    from threadpoolctl import threadpool_info

    torch = sys.modules.get("torch")
    variable = os.environ.get("OMP_NUM_THREADS")
    return [{pool["num_threads"] for pool in threadpool_info()} == {2}, torch and torch.get_num_threads(), variable]


def by_workers(number_of_jobs):
    names = [*NAMES, *(f"{name}-twice" for name in NAMES)]
    runs = logged(by_run, number_of_jobs, names, Path(f"workers-{number_of_jobs}"))
    return {"ways": {f"jobs {number_of_jobs}": runs}}


def by_this_process():
    home, ways, after = Path("homes"), {}, {}
    ways["evaluate"] = logged(by_evaluate, NAMES)
    after["evaluate"] = threads()
    ways["check"] = logged(by_check)
    ways["jobs 0"] = logged(by_run, 0, NAMES, home / "0")
    ways["evaluate, 2 threads"] = logged(by_evaluate, NAMES, threads=2)
    ways["jobs 0, 2 threads"] = logged(by_run, 0, [f"{name}-twice" for name in NAMES], home / "0-twice")
    after["jobs 0"] = threads()
    ways["bench"] = logged(by_bench, home / "bench")  # the last: it limits the threads of its own process for good
    return {"ways": ways, "after": after}


if __name__ == "__main__":
    number_of_jobs = int(sys.argv[1])
    print(json.dumps(by_workers(number_of_jobs) if number_of_jobs else by_this_process()))
'''


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script prints for 0, 1 and 2 jobs, where the user's environment allows two threads."""
    folder = tmp_path_factory.mktemp("threads")
    (folder / "counting.py").write_text(PLUGIN, encoding="utf-8")
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    information = folder / "counting-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text("[harness]\ncounting = counting\n", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    environment = kept | {"OMP_NUM_THREADS": "2", "PYTHONPATH": str(folder), "TOTALS": str(folder / "totals")}
    result: dict[str, Any] = {"ways": {}}
    for number_of_jobs in ("0", "1", "2"):
        command = [sys.executable, "script.py", number_of_jobs]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        printed = json.loads(done.stdout.splitlines()[-1])
        result["ways"] |= printed.pop("ways")
        result |= printed
    return result


@pytest.fixture(scope="module")
def of_one_thread(found: dict[str, Any]) -> list[str]:
    """The total of each forecaster with one thread; with two it is another number, or the test would show nothing."""
    one: list[str] = found["ways"]["evaluate"][1]
    two: list[str] = found["ways"]["evaluate, 2 threads"][1]
    assert len(one) == len(two) == len(FORECASTERS)
    if set(one) & set(two):
        pytest.skip("with two threads this machine computes the same sums as with one")
    return one


@pytest.mark.parametrize("way", ["check", "jobs 0", "bench"])
def test_each_way_forecasts_with_one_thread(found: dict[str, Any], of_one_thread: list[str], way: str) -> None:
    assert found["ways"][way][1] == of_one_thread


@pytest.mark.parametrize("way", ["jobs 1", "jobs 2"])
def test_workers_use_as_many_threads_as_the_spec_requests(
    found: dict[str, Any], of_one_thread: list[str], way: str
) -> None:
    of_two_threads = found["ways"]["jobs 0, 2 threads"][1]

    assert found["ways"][way][1] == sorted(of_one_thread + of_two_threads)
    assert of_two_threads == found["ways"]["evaluate, 2 threads"][1]


@pytest.mark.parametrize("way", ["jobs 0", "jobs 1", "jobs 2"])
def test_scores_have_the_same_bits_and_provenance_has_the_threads(found: dict[str, Any], way: str) -> None:
    evaluated, runs = found["ways"]["evaluate"][0], found["ways"][way][0]

    for name in FORECASTERS:
        assert runs[name] == [*evaluated[name], 1]
    if "by-torch-twice" in runs:
        assert runs["by-torch-twice"][1] == 2


def test_after_an_evaluation_the_process_has_its_threads_again(found: dict[str, Any]) -> None:
    """PyTorch too, whether it was imported before or during the evaluation."""
    assert found["after"] == {"evaluate": [True, 2, "2"], "jobs 0": [True, 2, "2"]}


def test_the_limit_ends_where_the_forecaster_raises() -> None:
    before, inside = os.environ.get("OMP_NUM_THREADS"), list[str]()

    def action() -> None:
        with thread_limit(3):
            inside.append(os.environ["OMP_NUM_THREADS"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        action()

    assert inside == ["3"]
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_no_threads_are_refused() -> None:
    class Zero(LocalForecaster):
        def predict_series(self, context: Context) -> Floats:
            return np.zeros((context.horizon, 1))

    panel = Panel.of([np.arange(20.0)])

    with pytest.raises(BadInput, match="threads must be at least 1, not 0"):
        harness.evaluate(Zero(), Task("ramp", RollingOrigin(2)), panel, threads=0)
