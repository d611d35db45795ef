"""The keys and the planning of cells."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import (
    Actuals,
    BadData,
    BadInput,
    Card,
    Context,
    DataFile,
    DatasetSpec,
    Floats,
    ForecasterSpec,
    Generation,
    Leaderboard,
    LocalForecaster,
    Panel,
    Resources,
    RollingOrigin,
    Run,
    SeriesSplit,
    Status,
    StoredPlan,
    Task,
    TimeSplit,
    TrainedOn,
    hookimpl,
    stored_plans,
)
from harness.boards.fingerprints import Fingerprints, load_unchanged, stored_fingerprints
from harness.boards.leaderboard import Entry
from harness.boards.pending import pending_cells
from harness.boards.planning import BoardPlan, plan_board
from harness.boards.workspace import Workspace
from harness.errors import BadTask, HomeUnusable
from harness.evaluation import run
from harness.evaluation.run import Cell
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.journal import CachedJournal, Journal
from harness.results.training import Training
from harness.tasks.folds import backtest

TASK = Task("toy", RollingOrigin(2, windows=3))
ABSENT = DataFile("absent.csv", "http://unreachable.invalid/absent.csv")


@dataclass
class Still(LocalForecaster):
    """Forecasts a constant."""

    level: float = 0.0

    def predict_series(self, context: Context) -> Floats:
        return np.full((context.horizon, 1), self.level)


@dataclass
class Drawing(Still):
    """The same, with a seed."""

    seed: int = 0


@dataclass
class Toys:
    """A plugin with a dataset, of which it counts how often it is loaded, and some forecasters."""

    load: Callable[[], Any] = lambda: Panel.of([range(20)])
    forecasters: Iterable[ForecasterSpec] = ()
    loaded: list[str] = field(default_factory=list)
    depends: tuple[str, ...] = ()

    @hookimpl
    def harness_datasets(self) -> list[DatasetSpec]:
        return [
            DatasetSpec("toy", self._load, depends=self.depends),
            DatasetSpec("absent", self._load, files=(ABSENT,)),
        ]

    @hookimpl
    def harness_forecasters(self) -> list[ForecasterSpec]:
        return [ForecasterSpec("still", Still), ForecasterSpec("drawing", Drawing), *self.forecasters]

    def _load(self) -> Any:
        self.loaded.append("toy")
        return self.load()


def catalog_of(toys: Toys) -> Catalog:
    return load_catalog({"toys": toys})


def board(*entries: Entry, tasks: tuple[Task, ...] = (TASK,), **more: Any) -> Leaderboard:
    forecasters = (Entry("still"), *entries)
    return Leaderboard("Toys", "MAE", "still", tasks, forecasters=forecasters, **more)


def plan_of(home: Path, asked: Leaderboard, toys: Toys | None = None, seeds: int | None = None) -> BoardPlan:
    return plan_board("toys", asked, Workspace(home, catalog_of(toys or Toys())), seeds)


class TestKeys:
    def key(
        self,
        task: Task = TASK,
        forecaster: str = "still",
        parameters: Mapping[str, Any] | None = None,
        seed: int | None = None,
        data: str = "aa",
        plugin: str = "toys==1",
    ) -> str:
        return Cell(task, forecaster, parameters or {}, seed).key(data, plugin)

    def test_a_key_is_a_name_for_a_folder(self) -> None:
        assert len(self.key()) == 32
        assert set(self.key()) <= set("0123456789abcdef")

    @pytest.mark.parametrize(
        "other",
        [
            {"data": "bb"},
            {"plugin": "toys==2"},
            {"forecaster": "drawing"},
            {"parameters": {"level": 1.0}},
            {"parameters": {"level": None}},
            {"seed": 0},
            {"seed": 1},
            {"task": replace(TASK, dataset="other")},
            {"task": replace(TASK, protocol=RollingOrigin(3, windows=3))},
            {"task": replace(TASK, protocol=RollingOrigin(2, windows=4))},
            {"task": replace(TASK, protocol=RollingOrigin(2, windows=3, stride=1))},
            {"task": replace(TASK, protocol=RollingOrigin(2, windows=3, gap=1))},
            {"task": replace(TASK, protocol=RollingOrigin(2, windows=3, refit="every"))},
            {"task": replace(TASK, protocol=RollingOrigin(2, windows=3, refit=2))},
            {"task": replace(TASK, protocol=RollingOrigin(2, windows=3, max_context=5))},
            {"task": replace(TASK, protocol=Generation(2, 3))},
            {"task": replace(TASK, split=TimeSplit(0.5))},
            {"task": replace(TASK, split=SeriesSplit(0.5))},
            {"task": replace(TASK, targets=("value",))},
            {"task": replace(TASK, season_length=2)},
            {"task": replace(TASK, quantile_levels=(0.5,))},
            {"task": replace(TASK, standardise=True)},
        ],
        ids=str,
    )
    def test_it_changes_with_every_part(self, other: dict[str, Any]) -> None:
        assert self.key(**other) != self.key()

    def test_no_two_of_these_are_the_same(self) -> None:
        keys = [self.key(seed=seed, parameters={"level": level}) for seed in range(9) for level in range(9)]

        assert len(set(keys)) == 81

    def test_it_changes_with_the_evaluation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = self.key()
        monkeypatch.setattr(run, "EVALUATION_VERSION", run.EVALUATION_VERSION + 1)

        assert self.key() != before

    def test_the_name_of_a_task_is_no_part_of_it(self) -> None:
        assert self.key(task=replace(TASK, name="late")) == self.key()

    def test_the_order_of_parameters_is_no_part_of_it(self) -> None:
        one, other = {"a": 1, "b": [2]}, {"b": [2], "a": 1}

        assert self.key(parameters=one) == self.key(parameters=other)

    @pytest.mark.parametrize(
        "task",
        [
            TASK,
            replace(TASK, split=TimeSplit(8, 4, "2001-01-01"), quantile_levels=(0.1, 0.9), targets=("a", "b")),
            replace(TASK, split=SeriesSplit(0.5), protocol=Generation(2, 3)),
        ],
    )
    def test_a_cell_read_from_json_has_the_same(self, task: Task) -> None:
        cell = Cell(task, "still", {"level": 1.5, "list": [1, None]}, 3)

        again = Cell.from_json(json.loads(json.dumps(cell.to_json())))

        assert again == cell
        assert again.key("aa", "toys==1") == cell.key("aa", "toys==1")


class TestPlanning:
    def test_a_cell_for_each_forecaster_task_and_seed(self, tmp_path: Path) -> None:
        tasks = (TASK, replace(TASK, name="long", protocol=RollingOrigin(5, windows=1)))

        plan = plan_of(tmp_path, board(Entry("drawing"), tasks=tasks, seeds=2))

        assert [(cell.task, cell.title, cell.cell.seed) for cell in plan.cells] == [
            ("toy", "still", None),
            ("toy", "drawing", 0),
            ("toy", "drawing", 1),
            ("long", "still", None),
            ("long", "drawing", 0),
            ("long", "drawing", 1),
        ]
        assert len({cell.key for cell in plan.cells}) == 6
        assert plan.titles == ("still", "drawing")

    @pytest.mark.parametrize(("seeds", "asked"), [(3, None), (1, 3)])
    def test_the_number_of_seeds_changes_nothing_else(self, tmp_path: Path, seeds: int, asked: int | None) -> None:
        one = plan_of(tmp_path, board(Entry("drawing"), seeds=1))
        three = plan_of(tmp_path, board(Entry("drawing"), seeds=seeds), seeds=asked)

        assert three.cells[:2] == one.cells
        assert [cell.cell.seed for cell in three.cells] == [None, 0, 1, 2]

    def test_labels_and_resources_change_no_key(self, tmp_path: Path) -> None:
        spec = ForecasterSpec("greedy", Still, resources=Resources(threads=1))
        hungry = replace(spec, resources=Resources(threads=8, memory=10**9))

        plain = plan_of(tmp_path, board(Entry("greedy")), Toys(forecasters=[spec]))
        other = board(Entry("greedy", "glutton"), tasks=(replace(TASK, name="feast"),))
        labelled = plan_of(tmp_path, other, Toys(forecasters=[hungry]))

        assert [cell.key for cell in labelled.cells] == [cell.key for cell in plain.cells]
        assert (labelled.cells[1].title, labelled.cells[1].task) == ("glutton", "feast")
        assert labelled.cells[1].resources.threads == 8

    def test_other_data_has_other_keys(self, tmp_path: Path) -> None:
        one = plan_of(tmp_path / "one", board(), Toys(lambda: Panel.of([[1.0, 2.0, 3.0] * 5])))
        other = plan_of(tmp_path / "other", board(), Toys(lambda: Panel.of([[1.0, 2.0, 3.1] * 5])))

        assert one.cells[0].key != other.cells[0].key

    def test_a_task_without_data_is_unavailable(self, tmp_path: Path) -> None:
        asked = board(tasks=(replace(TASK, dataset="absent"), TASK))

        plan = plan_of(tmp_path, asked)

        assert [cell.task for cell in plan.cells] == ["toy"]
        assert list(plan.unavailable) == ["absent"]
        assert "run `harness data fetch absent`" in plan.unavailable["absent"]

    def test_a_task_that_does_not_fit_its_data_is_refused(self, tmp_path: Path) -> None:
        asked = board(tasks=(replace(TASK, protocol=RollingOrigin(21, windows=1)),))

        with pytest.raises(BadTask, match=r"board 'toys': .*21"):
            plan_of(tmp_path, asked)

    @pytest.mark.parametrize(
        ("load", "said"),
        [
            (lambda: Panel.of([[1.0, 2.0], []]), "series '1' is empty"),
            (lambda: Panel.of([[float("nan")] * 9]), "series '0' has no value in channel 'value'"),
            (lambda: Panel.of([[1.0]], ids=["a", "b"]), "there are 2 ids for 1 series"),
            (lambda: Panel.of([[1.0]], start="2020-01-01", freq="banana"), "dataset 'toy' cannot be loaded: 'banana'"),
            (lambda: Panel.of([[1.0]], season_length=365.25), "dataset 'toy' cannot be loaded: season_length must be"),
            (lambda: Panel.of([[math.inf]]), "dataset 'toy' cannot be loaded: series '0' has the value inf"),
            (lambda: 1 / 0, "dataset 'toy' cannot be loaded: ZeroDivisionError"),
            (lambda: [1, 2, 3], "dataset 'toy' cannot be loaded: its loader returned list, not Panel"),
        ],
    )
    def test_data_that_cannot_be_used_is_refused(self, tmp_path: Path, load: Callable[[], Any], said: str) -> None:
        with pytest.raises(BadData) as caught:
            plan_of(tmp_path, board(), Toys(load))

        assert said in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "factory", ["nowhere:Nothing", "harness_models.naive:Nothing", "harness_models.naive", "numpy:pi"]
    )
    def test_a_forecaster_that_cannot_be_imported_has_its_cell_still(self, tmp_path: Path, factory: Any) -> None:
        toys = Toys(forecasters=[ForecasterSpec("lost", factory)])

        plan = plan_of(tmp_path, board(Entry("lost"), seeds=3), toys)

        assert [(cell.title, cell.cell.seed) for cell in plan.cells] == [("still", None), ("lost", None)]

    @pytest.mark.parametrize(("depends", "loads"), [(("numpy",), 1), ((), 2)])
    def test_data_is_loaded_once_or_once_a_command(self, tmp_path: Path, depends: tuple[str, ...], loads: int) -> None:
        toys = Toys(depends=depends)
        tasks = (TASK, replace(TASK, name="long", protocol=RollingOrigin(5, windows=1)))

        first = plan_of(tmp_path, board(tasks=tasks), toys)
        again = plan_of(tmp_path, board(tasks=tasks), toys)

        assert first == again
        assert len(toys.loaded) == loads

    def test_other_data_of_a_loader_without_files_is_noticed(self, tmp_path: Path) -> None:
        before = plan_of(tmp_path, board(), Toys())
        after = plan_of(tmp_path, board(), Toys(load=lambda: Panel.of([range(1, 21)])))

        assert {cell.key for cell in before.cells}.isdisjoint(cell.key for cell in after.cells)

    def test_other_data_of_a_loader_with_undeclared_inputs_is_noticed_when_it_is_loaded_anew(
        self, tmp_path: Path
    ) -> None:
        other = Toys(load=lambda: Panel.of([range(1, 21)]), depends=("numpy",))
        before = plan_of(tmp_path, board(), Toys(depends=("numpy",)))

        trusting = plan_of(tmp_path, board(), other)
        workspace = Workspace(tmp_path, catalog_of(other))
        workspace.fingerprints.load_anew()
        anew = plan_board("toys", board(), workspace)
        later = plan_of(tmp_path, board(), other)

        assert trusting == before != anew == later

    def test_what_is_forgotten_is_loaded_again(self, tmp_path: Path) -> None:
        toys = Toys(depends=("numpy",))
        plan_of(tmp_path, board(), toys)

        Fingerprints(tmp_path).forget(catalog_of(toys).datasets["toy"])
        plan_of(tmp_path, board(), toys)

        assert len(toys.loaded) == 2

    def test_a_file_that_was_replaced_is_noticed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
        path = tmp_path / "data" / "toy.txt"
        path.parent.mkdir()
        path.write_text("1 2 3 4 5 6 7 8 9", encoding="utf-8")
        spec = DatasetSpec("text", lambda path: Panel.of([np.loadtxt(path)]), files=(DataFile("toy.txt", "http://x"),))
        before = fingerprint_of(tmp_path, spec)
        state = path.stat()

        path.write_text("9 8 7 6 5 4 3 2 1", encoding="utf-8")
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # as cp -p does, and with the same size

        assert fingerprint_of(tmp_path, spec) != before

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 3}', "\ufeff{}", "null", '{"STATE": {"values": "x"}}'])
    def test_damaged_fingerprints_are_computed_again(self, tmp_path: Path, content: str) -> None:
        before = plan_of(tmp_path, board())
        path = tmp_path / "fingerprints.json"
        (state,) = json.loads(path.read_text(encoding="utf-8"))["datasets"]
        path.write_text(content.replace("STATE", state), encoding="utf-8")

        assert plan_of(tmp_path, board()) == before
        assert stored_fingerprints(tmp_path) == [before.cells[0].fingerprint]

    def test_every_changed_byte_of_the_fingerprints_is_noticed(self, tmp_path: Path) -> None:
        toys = Toys(depends=("numpy",))
        before = plan_of(tmp_path, board(), toys)
        path = tmp_path / "fingerprints.json"
        content = path.read_bytes()
        for position in range(len(content)):
            path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])

            assert plan_of(tmp_path, board(), toys) == before

    def test_those_that_0_2_0_wrote_are_read(self, tmp_path: Path) -> None:
        toys = Toys(depends=("numpy",))
        before = plan_of(tmp_path, board(), toys)
        path = tmp_path / "fingerprints.json"
        path.write_text(json.dumps(json.loads(path.read_bytes())["datasets"]), encoding="utf-8")

        assert plan_of(tmp_path, board(), toys) == before
        assert len(toys.loaded) == 1

    def test_those_of_a_later_version_stay(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        path = tmp_path / "fingerprints.json"
        path.write_text('{"schema": 99}', encoding="utf-8")

        plan_of(tmp_path, board())

        assert path.read_text(encoding="utf-8") == '{"schema": 99}'
        assert "fingerprints.json was written by a later version of harness" in caplog.text

    def test_a_wrong_fingerprint_blocks_its_cells_for_one_command_only(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """0.2.0 wrote no checksum, so that a wrong one may have been taken over."""
        toys = Toys(depends=("numpy",))
        before = plan_of(tmp_path, board(), toys)
        path, right = tmp_path / "fingerprints.json", before.cells[0].fingerprint
        path.write_text(json.dumps(json.loads(path.read_bytes())["datasets"]).replace(right, "0" * len(right)))
        (cell,) = plan_of(tmp_path, board(), toys).cells
        assert cell.fingerprint != right

        with pytest.raises(BadData, match="run it again"):
            load_unchanged(catalog_of(toys).datasets["toy"], cell.fingerprint, tmp_path)

        assert plan_of(tmp_path, board(), toys) == before

    def test_a_folder_in_the_place_of_the_fingerprints_is_moved_away(self, tmp_path: Path) -> None:
        (tmp_path / "fingerprints.json" / "mine").mkdir(parents=True)

        plan_of(tmp_path, board())

        assert (tmp_path / "fingerprints.json").is_file()
        assert len(list((tmp_path / "damaged").glob("*-fingerprints.json/mine"))) == 1

    def test_fingerprints_that_cannot_be_written_are_an_unusable_home(self, tmp_path: Path) -> None:
        (tmp_path / "home").touch()

        with pytest.raises(HomeUnusable, match=r"fingerprints\.json cannot be written \(.*\); move it away, or name"):
            plan_of(tmp_path / "home", board())


def fingerprint_of(home: Path, spec: DatasetSpec) -> str:
    class Provides:
        @hookimpl
        def harness_datasets(self) -> list[DatasetSpec]:
            return [spec]

    return Fingerprints(home).of(load_catalog({"provides": Provides()}).datasets[spec.name])


class TestPending:
    @pytest.fixture
    def plan(self, tmp_path: Path) -> BoardPlan:
        return plan_of(tmp_path, board(Entry("drawing"), seeds=4))

    @pytest.fixture
    def journal(self, tmp_path: Path, plan: BoardPlan) -> Journal:
        """Runs of all cells but the last: completed, completed, failed, unsupported."""
        journal = Journal(tmp_path)
        statuses = (Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.UNSUPPORTED)
        for cell, status in zip(plan.cells, statuses, strict=False):
            journal.write(Run(cell.cell, status, cell.key))
        journal.write_actuals(plan.cells[0].fingerprint, TASK, Actuals.of(backtest(TASK, Toys().load())))
        return journal

    def test_cells_in_the_journal_are_not_pending(self, plan: BoardPlan, journal: Journal) -> None:
        assert pending_cells([plan], journal) == [plan.cells[4]]

    def test_failed_cells_are_pending_with_retry_failed(self, plan: BoardPlan, journal: Journal) -> None:
        assert pending_cells([plan], journal, retry_failed=True) == [plan.cells[2], plan.cells[4]]

    def test_all_cells_are_pending_with_rerun(self, plan: BoardPlan, journal: Journal) -> None:
        assert pending_cells([plan], journal, rerun=True) == list(plan.cells)

    def test_the_baseline_comes_first_then_models_on_heavy_libraries(self, plan: BoardPlan, journal: Journal) -> None:
        cells = tuple(replace(cell, imports=("torch",) * (cell.title != plan.board.baseline)) for cell in plan.cells)

        pending = pending_cells([replace(plan, cells=cells[::-1])], journal, rerun=True)

        titles = [cell.title == plan.board.baseline for cell in pending]
        assert any(titles)
        assert titles == sorted(titles, reverse=True)

    def test_all_cells_are_pending_with_strict_until_their_run_is_strict(
        self, plan: BoardPlan, journal: Journal
    ) -> None:
        assert pending_cells([plan], journal, strict=True) == list(plan.cells)

        for cell, status in zip(plan.cells[1:], (Status.COMPLETED, Status.FAILED), strict=False):
            journal.write(Run(cell.cell, status, cell.key, strict=True))
        assert pending_cells([plan], CachedJournal(journal.home), strict=True) == [
            plan.cells[0],
            *plan.cells[3:],
        ]
        assert pending_cells([plan], journal) == [plan.cells[4]]

    def test_a_cell_of_two_boards_is_pending_once(self, plan: BoardPlan, journal: Journal) -> None:
        other = replace(plan, name="other")

        assert pending_cells([plan, other], journal) == [plan.cells[4]]
        assert pending_cells([plan, other], journal, rerun=True) == list(plan.cells)

    def test_a_cell_with_a_damaged_record_is_pending(self, plan: BoardPlan, journal: Journal) -> None:
        (journal.cells / plan.cells[0].key / "record.json").write_text('{"schema": 1, "ke', encoding="utf-8")

        assert pending_cells([plan], journal) == [plan.cells[0], plan.cells[4]]

    @pytest.mark.parametrize("name", ["record.json", "*-values.npy", "*-series.npy"])
    def test_a_cell_is_pending_that_writes_lost_actuals_again(
        self, plan: BoardPlan, journal: Journal, name: str
    ) -> None:
        (path,) = journal.actuals.glob(f"*/{name}")
        path.unlink()
        assert pending_cells([plan], journal) == [plan.cells[4]]  # which writes them

        journal.write(Run(plan.cells[4].cell, Status.COMPLETED, plan.cells[4].key))
        pending = pending_cells([plan], journal)

        assert pending == [plan.cells[0]]
        assert pending[0].recorded == journal.modified(plan.cells[0].key) != 0


class TestPlans:
    def test_a_stored_plan_has_the_cells_of_the_board(self, tmp_path: Path) -> None:
        plan = plan_of(tmp_path, board(Entry("drawing"), seeds=2, description="small"))

        plan.save(tmp_path)

        (stored,) = stored_plans(tmp_path)
        assert (stored.name, stored.title, stored.description) == ("toys", "Toys", "small")
        assert (stored.metric, stored.baseline) == ("MAE", "still")
        assert [cell.key for cell in stored.cells] == [cell.key for cell in plan.cells]
        assert [cell.forecaster for cell in stored.cells] == ["still", "drawing", "drawing"]

    def test_a_stored_plan_knows_pools_and_training_data(self, tmp_path: Path) -> None:
        card = Card(trained_on=(TrainedOn("Toy", until="2020-06"),), trained_until="2021", selected_on="validation")
        toys = Toys(
            forecasters=[ForecasterSpec("pre", Still, card=card), ForecasterSpec("old", Still, trained_on=("toy",))]
        )

        plan_of(tmp_path, board(Entry("pre"), Entry("old")), toys).save(tmp_path)

        (stored,) = stored_plans(tmp_path)
        assert stored.pools == {"still": "local", "pre": "zero-shot", "old": "zero-shot"}
        assert stored.training_overlap == {"old": ("toy",)}
        assert stored.training == {
            "pre": Training({"toy": "2020-06"}, "2021", dated=True, selected_on="validation"),
            "old": Training(),
        }

    def test_a_plan_of_an_earlier_version_has_no_pools(self, tmp_path: Path) -> None:
        fields = plan_of(tmp_path, board()).to_stored().to_json()
        earlier = {name: value for name, value in fields.items() if name not in ("pools", "training", "only_pools")}

        stored = StoredPlan.from_json(earlier)

        assert (stored.pools, stored.training, stored.only_pools) == ({}, {}, ())
        with pytest.raises(BadInput, match="the pools of the forecasters on board 'toys' are not known, since an earl"):
            stored.of_pools(("local",))

    def test_a_board_of_pools_has_their_forecasters_and_the_baseline(self, tmp_path: Path) -> None:
        toys = Toys(
            forecasters=[ForecasterSpec("pre", Still, trained_on=("toy",)), ForecasterSpec("odd", "no.such:Name")]
        )
        asked = board(Entry("drawing"), Entry("pre"), Entry("odd"), pools=("zero-shot",))

        plan = plan_of(tmp_path, asked, toys)

        assert plan.titles == ("still", "pre")
        assert plan.to_stored().only_pools == ("zero-shot",)

    def test_saving_the_same_plan_again_writes_nothing(self, tmp_path: Path) -> None:
        plan = plan_of(tmp_path, board())
        path = tmp_path / "boards" / "toys" / "plan.json"

        plan.save(tmp_path)
        before = path.stat().st_ino
        plan.save(tmp_path)

        assert path.stat().st_ino == before

    def test_a_home_without_boards_has_none(self, tmp_path: Path) -> None:
        assert stored_plans(tmp_path) == []
