"""Board files: what they may say, and the sentence that each mistake gets."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness import ForecasterSpec, Generation, Leaderboard, LocalForecaster, RollingOrigin, Task, TimeSplit, hookimpl
from harness.boards.leaderboard import (
    Entry,
    board_name,
    load_board,
    read_leaderboard,
    with_forecasters,
    with_parameters,
)
from harness.boards.limits import BoardLimits
from harness.boards.pending import distinct_cells
from harness.boards.planning import plan_board
from harness.boards.workspace import Workspace
from harness.errors import BadBoard, BadInput, DuplicateName, UnknownName
from harness.plugins.catalog import Catalog, load_catalog

BOARD = """\
title = "Rivers"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 5, windows = 2 }

[[tasks]]
dataset = "nile"
name = "late"
quantile_levels = [0.1, 0.9]
[tasks.protocol]
kind = "rolling-origin"
horizon = 3
[tasks.split]
kind = "time"
training = 0.5

[[forecasters]]
name = "naive"

[[forecasters]]
name = "mean"
label = "mean of ten"
parameters = { length = 10 }
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def written(folder: Path, text: str) -> Path:
    path = folder / "rivers" / "leaderboard.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_board_is_what_its_file_says(tmp_path: Path) -> None:
    board = read_leaderboard(written(tmp_path, BOARD))

    assert board == Leaderboard(
        title="Rivers",
        metric="MAE",
        baseline="naive",
        tasks=(
            Task("nile", RollingOrigin(5, windows=2)),
            Task("nile", RollingOrigin(3), TimeSplit(0.5), quantile_levels=(0.1, 0.9), name="late"),
        ),
        forecasters=(Entry("naive"), Entry("mean", "mean of ten", {"length": 10})),
    )


IN_ALL = (
    "classics",
    "cosine",
    "covariates",
    "ett",
    "ett-day-ahead",
    "etth1",
    "m4-hourly",
    "m4-weekly",
    "sequence-classes",
    "sine",
    "states",
    "vic-elec",
)
ON_REQUEST = (
    "cosine-long",
    "dyck-words",
    "ett-long",
    "long-memory",
    "m4-daily",
    "m4-hourly-baselines",
    "m4-monthly",
    "m4-quarterly",
    "m4-yearly",
    "sine-generation",
    "token-sequences",
    "weather",
)
SYNTHETIC = {
    "cosine",
    "cosine-long",
    "covariates",
    "dyck-words",
    "long-memory",
    "sequence-classes",
    "sine",
    "sine-generation",
    "states",
    "token-sequences",
}
OF_FILES = sorted({*IN_ALL, *ON_REQUEST} - SYNTHETIC - {"classics", "vic-elec"})


@pytest.mark.parametrize("name", IN_ALL)
def test_the_boards_that_come_with_harness_load(catalog: Catalog, name: str) -> None:
    board = load_board(name, catalog)

    assert board.title
    assert board.description
    assert board.in_all


@pytest.mark.parametrize("name", ON_REQUEST)
def test_boards_that_take_long_wait_to_be_asked_for(catalog: Catalog, name: str) -> None:
    assert not load_board(name, catalog).in_all


@pytest.mark.parametrize("name", OF_FILES)
def test_a_board_whose_files_are_not_here_says_how_to_get_them(
    catalog: Catalog, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "nothing"))
    board = load_board(name, catalog)

    plan = plan_board(name, board, Workspace(tmp_path, catalog))

    assert plan.cells == ()
    for task in board.tasks:
        said = plan.unavailable[task.label]
        (file, *_) = catalog.datasets[task.dataset].spec.files
        assert f"is missing, looked for in {tmp_path / 'nothing'} and {tmp_path / 'data'}; " in said
        assert said.endswith(f"run `harness data fetch {task.dataset}`, or put {file.url} there")


def test_the_long_horizons_of_etth1_are_four(catalog: Catalog) -> None:
    tasks = load_board("ett-long", catalog).tasks

    split = TimeSplit(8640, 2880, 2880)
    assert tasks == tuple(
        Task("etth1", RollingOrigin(horizon, stride=1), split, standardise=True, name=f"etth1-{horizon}")
        for horizon in (96, 192, 336, 720)
    )


def test_the_board_ett_is_the_task_of_fev_bench(catalog: Catalog) -> None:
    board = load_board("ett", catalog)

    levels = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    protocol = RollingOrigin(168, windows=20, stride=168, max_context=1000)
    assert board.tasks == (Task("ett-1h", protocol, quantile_levels=levels),)
    assert board.metric == "SQL"


def test_no_board_that_comes_with_harness_is_left_untested(catalog: Catalog) -> None:
    mine = [name for name, one in catalog.boards.items() if one.plugin.name == "leaderboards"]

    assert mine == sorted(IN_ALL + ON_REQUEST)


def test_the_cosine_board_is_the_generation_of_the_recipes(catalog: Catalog) -> None:
    (task,) = load_board("cosine", catalog).tasks

    assert task.protocol == Generation(100, 900)


def test_the_board_sine_generation_has_the_recipe_of_the_tutorial(catalog: Catalog) -> None:
    board = load_board("sine-generation", catalog)

    (task,) = board.tasks
    assert task.protocol == Generation(100, 1000)
    assert {"recipe": "scheduled-sampling", "scale": "none", "batch": 1, "teach_iterations": 10000} in [
        entry.parameters for entry in board.forecasters
    ]


def test_the_series_of_long_memory_end_with_what_is_forecast(catalog: Catalog) -> None:
    board = load_board("long-memory", catalog)

    for task in board.tasks:
        panel = catalog.datasets[task.dataset].spec.panel()
        steps = 1 if task.dataset.startswith("adding") else 4
        assert task.protocol == RollingOrigin(steps, windows=1)
        assert (panel.lengths == 60 + steps).all()


class TestMistakes:
    """Each gets the file, the line or the key, and what is allowed."""

    @staticmethod
    def said(folder: Path, text: str) -> str:
        path = written(folder, text)
        with pytest.raises(BadBoard) as caught:
            read_leaderboard(path)
        said = str(caught.value)
        assert said.startswith(str(path))
        assert "\n" not in said
        return said.removeprefix(str(path))

    @pytest.mark.parametrize(
        ("right", "wrong", "said"),
        [
            ('metric = "MAE"', 'metrik = "MAE"', ", line 2 (metrik): unknown key 'metrik'; did you mean 'metric'? "),
            (
                'title = "Rivers"',
                'title = "R"\npools = ["big"]',
                ", line 2 (pools.0): pools[0] must be 'local' or 'trained' ",
            ),
            ('title = "Rivers"', "title = 3", ", line 1 (title): title must be a text, not 3"),
            ('baseline = "naive"\n', "", ", the board: key 'baseline' is missing"),
            (
                "horizon = 5",
                "horizn = 5",
                ", line 7 (tasks.0.protocol.horizn): unknown key 'horizn'; did you mean 'hor",
            ),
            (
                "horizon = 5",
                'horizon = "5"',
                ", line 7 (tasks.0.protocol.horizon): horizon must be a whole number, not '",
            ),
            ("horizon = 5", "horizon = 0", ", line 7 (tasks.0.protocol): horizon must be at least 1, not 0"),
            (
                "windows = 2",
                "windows = 2.0",
                ", line 7 (tasks.0.protocol.windows): windows must be a whole number, not 2",
            ),
            ("horizon = 5, ", "", ", line 7 (tasks.0.protocol): key 'horizon' is missing"),
            ("horizon = 3\n", "", ", line 13 (tasks.1.protocol): key 'horizon' is missing"),
            (
                "horizon = 3",
                "horizon = true",
                ", line 15 (tasks.1.protocol.horizon): horizon must be a whole number, not",
            ),
            (
                "rolling-origin",
                "rolling",
                ", line 7 (tasks.0.protocol.kind): unknown kind 'rolling'; did you mean 'rolling-origin'?",
            ),
            (
                'kind = "rolling-origin", ',
                "",
                ", line 7 (tasks.0.protocol): protocol needs a kind; allowed: 'rolling-or",
            ),
            ("training = 0.5", "training = 1.5", ", line 16 (tasks.1.split): training is a fraction from 0 to 1 or a"),
            (
                "training = 0.5",
                "training = []",
                ", line 18 (tasks.1.split.training): training must be a number or a wh",
            ),
            ("[0.1, 0.9]", "[0.9, 0.1]", ", line 9 (tasks.1): quantile levels must rise between 0 and 1, not 0.9, 0.1"),
            (
                "[0.1, 0.9]",
                '[0.1, "x"]',
                ", line 12 (tasks.1.quantile_levels.1): quantile_levels[1] must be a number, ",
            ),
            ('dataset = "nile"\nname', "name", ", line 9 (tasks.1): key 'dataset' is missing"),
            ('name = "late"\n', "", ", line 5 (tasks): two tasks are called 'nile'; rename one of them"),
            ('label = "mean of ten"', 'label = "naive"', ", line 20 (forecasters): two forecasters are called 'naive'"),
            ('label = "mean of ten"', "label = 10", ", line 25 (forecasters.1.label): label must be a text, not 10"),
            ("{ length = 10 }", "10", ", line 26 (forecasters.1.parameters): parameters must be a table, not 10"),
            (
                'baseline = "naive"',
                'baseline = "naive"\nseeds = 0',
                ", line 4 (seeds): seeds must be at least 1, not 0",
            ),
            (
                'baseline = "naive"',
                'baseline = "naive"\nclip = [2, 3]',
                ", line 4 (clip): clip must hold 1 between two",
            ),
            (
                'baseline = "naive"',
                'baseline = "naive"\nclip = [1]',
                ", line 4 (clip): clip must be a list of 2 values,",
            ),
            ('title = "Rivers"', 'title = "Rivers', ": Illegal character '\\n' (at line 1, column 16)"),
        ],
    )
    def test_a_wrong_line(self, tmp_path: Path, right: str, wrong: str, said: str) -> None:
        assert self.said(tmp_path, BOARD.replace(right, wrong, 1)).startswith(said)

    def test_what_is_allowed_is_listed(self, tmp_path: Path) -> None:
        said = self.said(tmp_path, BOARD.replace("windows = 2", "window = 2"))

        assert said.endswith(
            "allowed: horizon, windows, first_cutoff, stride, gap, train_length, min_context, max_context, refit"
        )

    def test_a_comment_is_not_taken_for_the_key(self, tmp_path: Path) -> None:
        said = self.said(
            tmp_path, "# seeds = 3 would be nice\n" + BOARD.replace('metric = "MAE"', 'metric = "MAE"\nseeds = 0')
        )

        assert said.startswith(", line 4 (seeds)")

    def test_no_tasks(self, tmp_path: Path) -> None:
        said = self.said(
            tmp_path, 'title = ""\nmetric = "MAE"\nbaseline = "naive"\ntasks = []\nevery_forecaster = true'
        )

        assert said == ", line 4 (tasks): a board needs at least one task"

    def test_no_forecasters(self, tmp_path: Path) -> None:
        said = self.said(tmp_path, BOARD.partition("[[forecasters]]")[0])

        assert "a board needs forecasters, or every_forecaster = true" in said

    def test_not_text(self, tmp_path: Path) -> None:
        path = written(tmp_path, "")
        path.write_bytes(b"\xff\xfe")

        with pytest.raises(BadBoard, match=r"leaderboard\.toml cannot be read: it is not UTF-8"):
            read_leaderboard(path)

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(BadBoard, match=r"gone\.toml cannot be read: No such file"):
            read_leaderboard(tmp_path / "gone.toml")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(BadBoard, match="cannot be read: Is a directory"):
            read_leaderboard(tmp_path)


class TestNames:
    """What a board names is known."""

    @pytest.mark.parametrize(
        ("right", "wrong", "said"),
        [
            ('"MAE"', '"MASEE"', "no metric called 'MASEE'; did you mean 'MASE'?"),
            ('dataset = "nile"', 'dataset = "nil"', "no dataset called 'nil'; did you mean 'nile'?"),
            ('name = "mean"', 'name = "maen"', "no forecaster called 'maen'; did you mean 'mean'?"),
            ('baseline = "naive"', 'baseline = "nave"', "called 'nave'; did you mean 'naive'?"),
            ('baseline = "naive"', 'baseline = "mean"', "called 'mean'; known: mean of ten, naive"),
        ],
    )
    def test_unknown(self, tmp_path: Path, catalog: Catalog, right: str, wrong: str, said: str) -> None:
        path = written(tmp_path, BOARD.replace(right, wrong))

        with pytest.raises(BadBoard) as caught:
            load_board(str(path), catalog)

        assert str(caught.value).startswith(str(path))
        assert said in str(caught.value)

    def test_provided_twice(self, tmp_path: Path) -> None:
        class Other:
            @hookimpl
            def harness_forecasters(self) -> list[ForecasterSpec]:
                return [ForecasterSpec("mine", LocalForecaster)]

        path = written(tmp_path, BOARD.replace('"mean"', '"mine"'))

        with pytest.raises(DuplicateName, match=r"called 'mine': another .* and other .*"):
            load_board(str(path), load_catalog({"other": Other(), "another": Other()}))

    def test_an_unknown_board_is_told_its_neighbour(self, catalog: Catalog) -> None:
        with pytest.raises(UnknownName, match="no board called 'clasics'; did you mean 'classics'"):
            load_board("clasics", catalog)

    def test_a_metric_of_quantiles_needs_tasks_that_ask_for_them(self, tmp_path: Path, catalog: Catalog) -> None:
        path = written(tmp_path, BOARD.replace('"MAE"', '"WQL"'))

        with pytest.raises(BadBoard, match="WQL needs quantile_levels, and task 'nile' asks for none"):
            load_board(str(path), catalog)

    def test_a_metric_of_an_interval_needs_tasks_that_ask_for_two_levels(
        self, tmp_path: Path, catalog: Catalog
    ) -> None:
        text = BOARD.replace('"MAE"', '"MSIS"').replace(
            'dataset = "nile"', 'dataset = "nile"\nquantile_levels = [0.5]', 1
        )

        with pytest.raises(BadBoard, match="MSIS needs at least two quantile_levels, and task 'nile' asks for 1"):
            load_board(str(written(tmp_path, text)), catalog)


class TestEntries:
    @pytest.fixture
    def board(self, tmp_path: Path) -> Leaderboard:
        return read_leaderboard(written(tmp_path, BOARD))

    @pytest.fixture
    def open_board(self, tmp_path: Path) -> Leaderboard:
        text = BOARD.replace('baseline = "naive"', 'baseline = "naive"\nevery_forecaster = true\nwithout = ["drift"]')
        return read_leaderboard(written(tmp_path, text))

    def test_every_forecaster_of_the_catalog_follows_those_listed(
        self, open_board: Leaderboard, catalog: Catalog
    ) -> None:
        titles = [entry.title for entry in open_board.entries(catalog)]

        assert titles[:2] == ["naive", "mean of ten"]
        own = {name for name in catalog.forecasters if ":" not in name}  # without models of other libraries
        assert set(titles) == {*own, "mean of ten"} - {"drift"}
        assert len(titles) == len(set(titles))

    def test_a_with_forecasters_board_keeps_the_baseline(self, open_board: Leaderboard, catalog: Catalog) -> None:
        narrow = with_forecasters(open_board, catalog, ("mean of ten",))

        assert [entry.title for entry in narrow.entries(catalog)] == ["naive", "mean of ten"]

    def test_a_name_that_is_not_on_the_board_is_refused(self, board: Leaderboard, catalog: Catalog) -> None:
        with pytest.raises(UnknownName, match="did you mean 'mean of ten'"):
            with_forecasters(board, catalog, ("mean of tne",))

    def test_other_hyperparameters_are_said_in_the_title(self, board: Leaderboard, catalog: Catalog) -> None:
        changed = with_parameters(board, catalog, {"mean of ten": {"length": 5}})

        assert changed.forecasters == (Entry("naive"), Entry("mean", "mean of ten (length=5)", {"length": 5}))

    def test_the_baseline_keeps_its_title(self, board: Leaderboard, catalog: Catalog) -> None:
        changed = with_parameters(board, catalog, {"naive": {"x": 5}})

        assert changed.forecasters[0] == Entry("naive", "naive", {"x": 5})


def test_a_board_is_called_like_its_folder(tmp_path: Path) -> None:
    assert board_name(str(written(tmp_path, BOARD))) == "rivers"
    assert board_name("classics") == "classics"


def test_a_bad_board_is_bad_input() -> None:
    assert issubclass(BadBoard, BadInput)


class TestLimits:
    def test_they_are_limits_of_the_cells_and_change_no_key(self, tmp_path: Path, catalog: Catalog) -> None:
        workspace = Workspace(tmp_path / "home", catalog)
        board = read_leaderboard(written(tmp_path, BOARD))
        limited = read_leaderboard(written(tmp_path, 'limits = { seconds = 600, memory = "4GB" }\n' + BOARD))

        without, plan = plan_board("rivers", board, workspace), plan_board("rivers", limited, workspace)

        assert [cell.key for cell in plan.cells] == [cell.key for cell in without.cells]
        assert {(cell.limits.seconds, cell.limits.memory) for cell in plan.cells} == {(600.0, 4 * 10**9)}

    def test_a_cell_of_two_boards_has_the_wider_ones(self, tmp_path: Path, catalog: Catalog) -> None:
        workspace = Workspace(tmp_path / "home", catalog)
        board = read_leaderboard(written(tmp_path, BOARD))
        limits = BoardLimits(60.0, "1GB"), BoardLimits(600.0, 100), BoardLimits()
        plans = [plan_board("rivers", replace(board, limits=given), workspace) for given in limits]

        both, all_ = distinct_cells(plans[:2]), distinct_cells(plans)

        assert {(cell.limits.seconds, cell.limits.memory) for cell in both} == {(600.0, 10**9)}
        assert {(cell.limits.seconds, cell.limits.memory) for cell in all_} == {(None, None)}

    @pytest.mark.parametrize(
        ("limits", "said"),
        [
            ('memory = "4"', "a size is given in B, kB, MB, GB, KiB, MiB, GiB, not without a unit"),
            ('memory = "0B"', "a size must be at least one byte"),
            ("memory = -1", "memory of the limits must be a positive number of bytes, not -1"),
            ("memory = 1.5", "memory must be a whole number or a text, not 1.5"),
            ("seconds = 0", "seconds of the limits must be a positive number, not 0.0"),
            ("seconds = inf", "seconds of the limits must be a positive number, not inf"),
            ('seconds = "10"', "seconds must be a number, not '10'"),
            ("threads = 1", "unknown key 'threads'"),
        ],
    )
    def test_those_that_are_none_are_refused(self, tmp_path: Path, limits: str, said: str) -> None:
        path = written(tmp_path, f"limits = {{ {limits} }}\n" + BOARD)

        with pytest.raises(BadBoard, match=rf"leaderboard.toml, line 1 \(limits.*{re.escape(said)}"):
            read_leaderboard(path)
