"""Run plans in a store, shards that read them, and merges of homes in stores with folders."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from commands import CELLS, Machines
from machines import KEY, TASK, Machine, actuals, run_of

from harness import BadInput, Journal, Run, Standings, StoredCell, StoredPlan, stored_plans, stored_standings
from harness.cli.main import cli
from harness.cli.plan_run import PlanOptions
from harness.execution.scheduling.groups import CellGroup
from harness.execution.scheduling.run_plan import RunPlan, read_run_plan
from harness.results.conflicts import pending_conflicts
from harness.results.journal import prepare_home
from harness.results.remote import conflicts
from harness.results.remote.opening import open_store

OTHER = "f" * 32
PLAN = RunPlan((CellGroup("cpu", 2, 1, "cpu", 10**9, 1.0, {KEY: 1.0, OTHER: 2.0}),))
Merge = Callable[..., Result]


def test_shards_read_the_run_plan_of_the_store(machines: Machines, bucket: str) -> None:
    machines.run("a", "run", "./board", "--only", "mean 2", "--jobs", "0")  # a measurement for the plan
    script = machines.run("a", "plan", "./board", "--slurm", "2")
    (plan,) = re.findall("--plan ([0-9a-f]{12}) ", script)
    assert f"--home {bucket}\n" in script

    shards = [
        machines.start(name, "run", "./board", "--jobs", "0", "--shard", str(number), "--plan", plan)
        for number, name in ((1, "b"), (2, "c"))
    ]
    ended = [machines.end(shard) for shard in shards]

    assert [code for code, _ in ended] == [0, 0], ended
    own = [re.search(r"shard \d of 2: (\d+) of 10 cells, .* division (\w{8})", text) for _, text in ended]
    assert sum(int(match[1]) for match in own if match) == len(CELLS)
    assert len({match[2] for match in own if match}) == 1
    assert len([name for name in open_store(bucket).names() if name.startswith("cells/")]) == len(CELLS)


class TestRunPlans:
    def test_separate_homes_are_refused(self) -> None:
        with pytest.raises(BadInput, match="--separate-homes is for a home in a folder; leave it out"):
            PlanOptions(separate_homes=True).check_home("s3://bucket/run")

    def test_another_machine_reads_it(self, tmp_path: Path, url: str) -> None:
        a, b = (Machine(tmp_path / name, open_store(url)) for name in "ab")

        PLAN.save(a.home)
        a.remote.push_pending()
        PLAN.save(b.home)  # the same on another machine
        b.remote.push_pending()
        b.remote.pull()

        assert list(a.store.names()) == [f"plans/{PLAN.id}/1"]
        assert read_run_plan(PLAN.id, b.home) == PLAN

    def test_a_damaged_one_is_not_used_and_written_again(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        a, b, c = (Machine(tmp_path / name, open_store(f"file://{tmp_path}/store")) for name in "abc")
        PLAN.save(a.home)
        a.remote.push_pending()
        a.store.write(f"plans/{PLAN.id}/1", b"")

        b.remote.pull()
        assert f"plans/{PLAN.id}/1 is damaged" in caplog.text
        with pytest.raises(BadInput, match=f"there is no run plan {PLAN.id} in"):
            read_run_plan(PLAN.id, b.home)
        PLAN.save(b.home)
        b.remote.push_pending()
        c.remote.pull()

        assert read_run_plan(PLAN.id, c.home) == PLAN


@pytest.fixture
def merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Merge:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "1000")
    return lambda *homes: CliRunner().invoke(cli, ["merge", *map(str, homes)])


def folder(path: Path, *runs: Run) -> Path:
    """A home in a folder."""
    for run in runs:
        Journal(prepare_home(path)).write(run)
    return path


def scores(machine: Machine) -> dict[str, float]:
    machine.remote.pull()
    runs = {key: machine.journal.read(key) for key in machine.journal.keys()}  # noqa: SIM118
    return {key: run.scores["MAE"] for key, run in runs.items() if run is not None}


class TestMerge:
    def test_a_folder_is_merged_into_a_store_and_a_store_into_a_folder(
        self, tmp_path: Path, url: str, merge: Merge
    ) -> None:
        # of two equal runs, the earlier one is kept
        later = replace(run_of(), finished="2001-01-02T00:00:00.000+00:00")
        home, machine = folder(tmp_path / "home", later, run_of(OTHER)), Machine(tmp_path / "a", open_store(url))
        machine.store_run(replace(later, finished="2001-01-01T00:00:00.000+00:00"))
        Journal(home).write_actuals("aa", TASK, actuals())
        StoredPlan("toys", "Toys", "", "MAE", "naive", (StoredCell(KEY, "naive", "toy", "aa"),), ("naive",)).save(home)

        merged, again = merge(home, url), merge(home, url)
        back = merge(url, tmp_path / "copy")

        assert (merged.exit_code, again.exit_code, back.exit_code) == (0, 0, 0), merged.output
        assert f"merged 1 home into {url}: 1 cell copied" in merged.output
        assert scores(machine) == {KEY: 1.0, OTHER: 1.0}
        for place in (machine.home, tmp_path / "copy"):
            assert [plan.name for plan in stored_plans(place)] == ["toys"]
            assert Journal(place).read_actuals("aa", TASK) is not None
            assert sorted(Journal(place).keys()) == [KEY, OTHER]
        assert not [name for name in machine.store.names() if name.startswith("cells") and not name.endswith("/1")]

    def test_a_result_that_the_store_has_counts_and_others_are_kept(
        self, tmp_path: Path, url: str, merge: Merge
    ) -> None:
        home, machine = folder(tmp_path / "home", run_of(shift=1.0)), Machine(tmp_path / "a", open_store(url))
        machine.store_run(run_of())

        merged, again = merge(home, url), merge(home, url)

        assert (merged.exit_code, again.exit_code) == (1, 0), merged.output
        said = re.sub(r"\s+", " ", merged.output)
        assert f"not deterministic: the results of 1 cell differ from those in {url}, and those in {url} count" in said
        assert f"kept in {url}/conflicts/{KEY}" in said
        assert "1 result left out" in again.output
        assert scores(machine) == {KEY: 1.0}
        assert len(machine.store.names(f"conflicts/{KEY}")) == 1

    def test_different_results_are_stored_by_the_merge_that_continues_an_interrupted_one(
        self, tmp_path: Path, merge: Merge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = f"file://{tmp_path}/store"
        home, machine = folder(tmp_path / "home", run_of(shift=1.0)), Machine(tmp_path / "a", open_store(url))
        machine.store_run(run_of())

        def interrupted(*arguments: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(conflicts, "store_conflicts", interrupted)
            merge(home, url)
        assert not machine.store.names("conflicts")
        merge(home, url)

        assert len(machine.store.names(f"conflicts/{KEY}")) == 1
        assert scores(machine) == {KEY: 1.0}

    def test_a_cell_is_pending_of_which_others_have_different_results(
        self, tmp_path: Path, url: str, merge: Merge
    ) -> None:
        homes = [folder(tmp_path / name, run_of(shift=shift)) for name, shift in (("a", 1.0), ("b", 2.0))]
        machine = Machine(tmp_path / "m", open_store(url))

        merged = merge(*homes, url)

        assert merged.exit_code == 1
        said = re.sub(r"\s+", " ", merged.output)
        assert "1 cell has different results and is pending; `harness run` runs it again" in said
        assert scores(machine) == {}
        assert len(machine.store.names(f"conflicts/{KEY}")) == 2

    def test_other_machines_name_such_a_cell_until_it_is_run(self, tmp_path: Path, merge: Merge) -> None:
        url, homes = (
            f"file://{tmp_path}/store",
            [folder(tmp_path / name, run_of(shift=i)) for i, name in enumerate("ab")],
        )
        plan = StoredPlan("toys", "", "", "MAE", "naive", (StoredCell(KEY, "naive", "toy", "aa"),), ("naive",))
        plan.save(homes[0])
        merge(*homes, url)
        other, third = (Machine(tmp_path / name, open_store(url)) for name in ("other", "third"))

        other.remote.pull()
        (other.home / "store-url").write_text(url)
        named = [each.sentence for each in pending_conflicts(plan, other.home)]
        third.remote.pull()
        third.store_run(run_of(shift=2.0))
        other.remote.pull()

        assert named == [
            "naive on toy is pending: several homes have different results, which are kept in "
            f"{url}/conflicts/{KEY}; run the board again, and its result counts"
        ]
        assert list(pending_conflicts(plan, other.home)) == []

    @pytest.mark.parametrize("into", ["folder", "store"])
    def test_results_of_a_forecaster_that_no_plugin_provides_may_differ(
        self, tmp_path: Path, merge: Merge, into: str
    ) -> None:
        """As those of a file harness_plugin.py beside a board, which a merge does not import."""
        cell = replace(run_of().cell, forecaster="clocked")
        runs = [replace(run_of(shift=shift), cell=cell) for shift in (1.0, 2.0)]
        homes = [folder(tmp_path / f"home-{i}", run, run_of(OTHER)) for i, run in enumerate(runs)]
        cells = (StoredCell(KEY, "clocked", "toy", "aa"), StoredCell(OTHER, "naive", "toy", "aa"))
        StoredPlan("toys", "Toys", "", "MAE", "naive", cells, ("clocked", "naive")).save(homes[0])
        place = tmp_path / "into" if into == "folder" else f"file://{tmp_path}/store"

        merged = merge(*homes, place)
        back = merge(place, tmp_path / "copy")

        assert (merged.exit_code, back.exit_code) == (1, 0), merged.exception
        assert "clocked on toy has different results" in merged.output
        assert list(Journal(tmp_path / "copy").keys()) == [OTHER]
        assert [plan.name for plan in stored_plans(tmp_path / "copy")] == ["toys"]

    def test_different_results_are_told_until_the_cell_is_run(self, tmp_path: Path, merge: Merge) -> None:
        a, b = (folder(tmp_path / name, run_of(shift=i), run_of(OTHER)) for i, name in enumerate("ab"))
        cells = (StoredCell(KEY, "drift", "toy", "aa"), StoredCell(OTHER, "naive", "toy", "aa"))
        for home in (a, b):
            Journal(home).write_actuals("aa", TASK, actuals())
            StoredPlan("toys", "Toys", "", "MAE", "naive", cells, ("drift", "naive")).save(home)

        def said(*arguments: str) -> str:
            ended = CliRunner().invoke(cli, [*arguments, "--home", str(b)])
            assert ended.exit_code == 0, ended.output
            return re.sub(r"\s+", " ", ended.output)

        assert "several homes" not in said("show", "toys") + said("status")
        Standings("toys", "Toys", "MAE", "naive", ("toy",), ()).save(b)  # of the cells before the merge
        merge(a, b)
        again = merge(a, b)

        told = (
            f"drift on toy is pending: several homes have different results, which are kept in {b}/conflicts/{KEY}; "
            "run the board again, and its result counts"
        )
        assert stored_standings(b, "toys") is None
        assert told in said("show", "toys")
        assert told in said("status")
        assert f"naive on toy: an earlier merge found different results, kept in {b}/conflicts/{KEY}" in again.output
        Journal(b).write(run_of(shift=2.0))
        assert "several homes" not in said("show", "toys") + said("status")

    def test_the_metric_of_the_board_is_told(self, tmp_path: Path, merge: Merge) -> None:
        scores = [{"MAE": shift, "MASE": 2 * shift} for shift in (1.0, 2.0)]
        homes = [folder(tmp_path / f"home-{i}", replace(run_of(shift=i), scores=each)) for i, each in enumerate(scores)]
        cells = (StoredCell(KEY, "naive", "toy", "aa"),)
        StoredPlan("toys", "Toys", "", "MASE", "naive", cells, ("naive",)).save(homes[0])

        assert "completed, MASE 2.0 in" in merge(*homes, tmp_path / "into").output

    def test_the_tolerance_of_a_forecaster_that_no_plugin_provides_is_the_noted_one(
        self, tmp_path: Path, merge: Merge
    ) -> None:
        cell, noted = replace(run_of().cell, forecaster="clocked"), ("forecasts repeat within 4e-3 (declared)",)
        runs = [replace(run_of(shift=shift), cell=cell, notes=noted) for shift in (1.0, 1.002)]
        homes = [folder(tmp_path / f"home-{i}", run) for i, run in enumerate(runs)]

        merged = merge(*homes, tmp_path / "into")

        assert merged.exit_code == 0, merged.output

    def test_an_empty_store_is_no_home(self, tmp_path: Path, merge: Merge) -> None:
        ended = merge(f"file://{tmp_path}/store", tmp_path / "into")

        assert isinstance(ended.exception, BadInput)
        assert f"file://{tmp_path}/store is no home: no results are stored there" in str(ended.exception)
