"""A plugin with cards: its training overlap and its pools are on the board in every view, also without the plugin."""

from __future__ import annotations

import csv
import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import harness
from harness import BadInput, Journal, stored_plans, stored_standings

PLUGIN = """
from dataclasses import dataclass

import numpy as np

from harness import Card, DatasetSpec, ForecasterSpec, LocalForecaster, Panel, TrainedOn, hookimpl


@dataclass
class Level(LocalForecaster):
    shift: float = 0.0

    def predict_series(self, context):
        return np.tile(context.target[-1] + self.shift, (context.horizon, 1))


def daily(start):
    values = np.random.default_rng(sum(map(ord, str(start)))).normal(size=120).cumsum()
    return Panel.of([values], start=start, freq="D" if start else None, season_length=7)


ZERO = Card(
    checkpoint="org/zero",
    parameters=1_000_000,
    trained_on=(TrainedOn("ocean_waves"), TrainedOn("Rain", until="2023-01-31")),
    trained_until="2024-01-31",
)


@hookimpl
def harness_forecasters():
    return [
        ForecasterSpec("level", Level),
        ForecasterSpec("zero", Level, card=ZERO, pool="zero-shot"),
        ForecasterSpec("tuned", Level, card=Card(trained_until="2022-12", selected_on="test", checkpoint="org/tuned")),
        ForecasterSpec("mix", Level, card=Card(components=("zero", "level"))),
    ]


@hookimpl
def harness_datasets():
    return [
        DatasetSpec("waves", lambda: daily("2024-01-01"), aliases=("Ocean Waves",)),
        DatasetSpec("rain", lambda: daily("2023-01-01")),
        DatasetSpec("steps", lambda: daily(0)),
    ]
"""
TASKS = """
[[tasks]]
dataset = "{}"
protocol = { kind = "rolling-origin", horizon = 5, windows = 12 }
"""
FORECASTERS = """
[[forecasters]]
name = "level"
[[forecasters]]
name = "mix"
parameters = { shift = 1.0 }
[[forecasters]]
name = "zero"
parameters = { shift = 3.0 }
[[forecasters]]
name = "tuned"
parameters = { shift = 6.0 }
"""
HEAD = 'title = "Seas"\nmetric = "MAE"\nbaseline = "level"\n'
BODY = "".join(TASKS.replace("{}", name) for name in ("waves", "rain", "steps")) + FORECASTERS
BOARDS = {"seas": HEAD + BODY, "zeros": HEAD + 'pools = ["zero-shot"]\n' + BODY}
NOTE = "ranked are the forecasters of pool zero-shot and the baseline level"


class Shell:
    """Runs `harness` in a folder with the plugin and the boards."""

    def __init__(self, run: Any) -> None:
        self.run, self.home = run, run.home
        run.install(PLUGIN, BOARDS)

    def __call__(self, *arguments: str, code: int = 0) -> str:
        ended = self.run(*arguments)
        assert ended.returncode == code, ended.stdout + ended.stderr
        said: str = ended.stdout + ended.stderr
        return said

    def table(self, *arguments: str) -> dict[str, dict[str, str]]:
        """The rows of CSV by forecaster."""
        return {row["forecaster"]: row for row in csv.DictReader(self(*arguments, "--csv").splitlines())}

    def ranks(self, *arguments: str) -> dict[str, tuple[int, float]]:
        """The rank and the win rate of each forecaster."""
        return {name: (int(row["rank"]), float(row["win_rate"])) for name, row in self.table(*arguments).items()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Any) -> Shell:
    shell = Shell(plugin_folder(tmp_path_factory.mktemp("cards"), "cards_plugin"))
    shell("run", "seas", "--jobs", "0")
    return shell


@pytest.fixture
def shell(installed: Shell, tmp_path: Path, plugin_folder: Any) -> Shell:
    """A copy of the folder in which the board was run."""
    shutil.copytree(installed.run.folder, tmp_path / "copy")
    copied = Shell.__new__(Shell)
    copied.run = plugin_folder(tmp_path / "copy", "cards_plugin")
    copied.home = copied.run.home
    return copied


class TestOverlap:
    """The first forecasts are of 2024-03-01 (waves, from day 60 of 2024) and 2023-03-02 (rain)."""

    def test_runs_hold_the_period_of_their_task(self, shell: Shell) -> None:
        journal = Journal(shell.home)
        runs = [run for run in map(journal.read, journal.keys()) if run is not None]

        periods = {run.cell.task.dataset: run.period for run in runs}

        assert len(runs) == 12
        assert periods == {
            "waves": ("2024-03-01", "2024-04-29"),
            "rain": ("2023-03-02", "2023-04-30"),
            "steps": None,
        }

    def test_the_terminal_marks_forecasters_and_says_why(self, shell: Shell) -> None:
        said = shell("show", "seas")

        assert "zero †" in said
        assert "mix †" in said
        assert "tuned †" in said
        assert "level †" not in said
        overlap = (
            "trained on the data of waves (dataset); its training data ends 2024-01-31, after the first forecasts of "
            "rain (date); trained on earlier values of rain (until 2023-01-31); date overlap unknown for steps"
        )
        lines = " ".join(said.split())
        assert f"mix and zero: {overlap.replace('its training', 'their training')}" in lines
        assert "tuned: date overlap unknown for steps; selected on test windows of benchmark tasks" in lines
        assert "level:" not in lines

    def test_csv_has_a_column_for_each_part(self, shell: Shell) -> None:
        names = ("pool", "training_overlap", "date_overlap", "date_overlap_unknown", "trained_until", "selected_on")

        rows = {name: tuple(row[name] for name in names) for name, row in shell.table("show", "seas").items()}

        assert rows == {
            "level": ("local", "", "", "", "", ""),
            "zero": ("zero-shot", "waves", "rain", "steps", "2024-01-31", ""),
            "mix": ("system", "waves", "rain", "steps", "2024-01-31", ""),
            "tuned": ("zero-shot", "", "", "steps", "2022-12", "test"),
        }

    def test_python_has_the_same(self, shell: Shell) -> None:
        table = harness.standings("seas", home=shell.home)

        assert table.loc["zero", ["training_overlap", "date_overlap", "pool"]].tolist() == [
            "waves",
            "rain",
            "zero-shot",
        ]

    def test_markdown_and_the_page_have_cells_and_lines(self, shell: Shell) -> None:
        markdown, page = shell("show", "seas", "--markdown"), shell("show", "seas", "--html", "-")

        (row,) = (line for line in markdown.splitlines() if line.startswith("|") and " zero †" in line)
        assert "| zero-shot | waves (dataset); rain (date) |" in row
        assert "trained on earlier values of rain (until 2023-01-31)" in markdown
        assert ">zero-shot</span>" in page
        assert "training overlap by dataset</span>" in page
        assert "training overlap by date</span>" in page
        assert "trained on earlier values of rain (until 2023-01-31)" in page

    def test_it_is_stored_so_that_the_plugin_may_be_missing(self, shell: Shell) -> None:
        before, ranks = shell.table("show", "seas"), shell.ranks("show", "seas", "--pool", "zero-shot")
        shutil.rmtree(next(shell.run.module.parent.glob("*.dist-info")))
        shell.run.module.unlink()
        (shell.home / "boards" / "seas" / "standings.json").unlink()

        assert shell.table("show", "seas") == before
        assert shell.ranks("show", "seas", "--pool", "zero-shot") == ranks

    def test_a_publication_has_it(self, shell: Shell) -> None:
        before = shell.table("show", "seas")

        shell("publish", "seas")

        after = shell.table("show", "seas", "--published")
        for name in ("pool", "training_overlap", "date_overlap", "date_overlap_unknown"):
            assert {title: row[name] for title, row in after.items()} == {
                title: row[name] for title, row in before.items()
            }
        assert list(shell.ranks("show", "seas", "--published", "--pool", "zero-shot")) == ["level", "zero", "tuned"]


WHOLE = {"level": 1, "mix": 2, "zero": 3, "tuned": 4}
ALONE = {"level": 1, "zero": 2, "tuned": 3}


def places(ranks: dict[str, tuple[int, float]]) -> dict[str, int]:
    """The ranks without the win rates."""
    return {name: rank for name, (rank, _) in ranks.items()}


class TestPools:
    def test_show_ranks_within_the_pool_and_the_baseline(self, shell: Shell) -> None:
        whole, alone = shell.ranks("show", "seas"), shell.ranks("show", "seas", "--pool", "zero-shot")

        assert places(whole) == WHOLE
        assert places(alone) == ALONE
        assert whole["zero"][1] == pytest.approx(1 / 3)
        assert alone["zero"][1] == pytest.approx(1 / 2)  # it beats tuned, of two others
        said = shell("show", "seas", "--pool", "zero-shot")
        assert NOTE in said
        assert "Seas, pool zero-shot (seas)" in said
        assert NOTE not in shell("show", "seas")

    def test_several_pools_are_ranked_together(self, shell: Shell) -> None:
        found = shell.ranks("show", "seas", "--pool", "zero-shot", "--pool", "system")

        assert places(found) == WHOLE

    def test_python_ranks_within_pools_too(self, shell: Shell) -> None:
        table = harness.standings("seas", home=shell.home, pools=["zero-shot"])

        assert table["rank"].to_dict() == ALONE
        with pytest.raises(BadInput, match="pools must be a list of local, trained, zero-shot, system, not 'zero-s"):
            harness.standings("seas", home=shell.home, pools="zero-shot")  # type: ignore[arg-type]

    def test_run_shows_the_pool_and_stores_the_whole_board(self, shell: Shell) -> None:
        shutil.rmtree(shell.home)

        said = shell("run", "seas", "--jobs", "0", "--pool", "zero-shot")

        assert NOTE in said
        assert len(list(Journal(shell.home).keys())) == 9  # without the cells of mix
        stored = stored_standings(shell.home, "seas")
        assert stored is not None
        assert [row.forecaster for row in stored.rows if row.missing] == ["mix"]
        assert stored_plans(shell.home)[0].only_pools == ()

    def test_a_board_may_be_of_a_pool(self, shell: Shell) -> None:
        said = shell("run", "zeros", "--jobs", "0")

        assert "Nothing to do: all 9 cells are in the journal" in said
        assert NOTE in said
        assert places(shell.ranks("show", "zeros")) == ALONE

    def test_slices_are_of_the_pool(self, shell: Shell) -> None:
        said = shell("show", "seas", "--by", "step", "--task", "rain", "--pool", "zero-shot", "--csv")

        assert {row["forecaster"] for row in csv.DictReader(said.splitlines())} == set(ALONE)

    def test_comparisons_are_of_the_pool_without_the_baseline(self, shell: Shell) -> None:
        said = shell("compare", "seas", f"seas@{shell.home}", "--pool", "zero-shot", "--csv")

        assert {row["forecaster"] for row in csv.DictReader(said.splitlines())} == {"zero", "tuned"}
        described = {name: " ".join(shell(name, "--help").split()) for name in ("run", "show", "compare")}
        assert "forecasters of this pool only, without a baseline of another pool." in described["compare"]
        assert "Run the forecasters of this pool and the baseline only." in described["run"]
        assert "Rank the forecasters of this pool and the baseline only." in described["show"]

    def test_the_baseline_may_be_named_although_it_is_of_another_pool(self, shell: Shell) -> None:
        shutil.rmtree(shell.home)

        said = shell("run", "seas", "--jobs", "0", "--pool", "zero-shot", "--only", "level", "--only", "zero")

        assert NOTE in said
        assert len(list(Journal(shell.home).keys())) == 6
        assert "Nothing to do: all 3 cells" in shell("run", "seas", "--pool", "zero-shot", "--only", "level")

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("show", "seas", "--pool", "trained"), "no forecaster on board 'seas' is of pool trained; its pools are "),
            (("run", "seas", "--pool", "trained"), "no forecaster on these boards is of pool trained; `harness list"),
            (("run", "seas", "--pool", "system", "--only", "zero"), "--only names 'zero', which --pool system leaves"),
            (("run", "seas", "--pool", "system", "--set", "zero.shift=1"), "--set names 'zero', which --pool system"),
            (("show", "seas", "--pool", "big"), "'big' is not one of 'local', 'trained', 'zero-shot', 'system'"),
        ],
    )
    def test_a_pool_without_forecasters_is_an_error(
        self, shell: Shell, arguments: tuple[str, ...], problem: str
    ) -> None:
        assert problem in shell(*arguments, code=2)


def card_fields(said: str) -> dict[str, str]:
    """The fields of a card by their names, with the first line of each."""
    fields = dict(line.strip().split("  ", 1) for line in said.splitlines()[1:] if re.match(r"  \S.*\S  ", line))
    return {name: value.strip() for name, value in fields.items()}


class TestListing:
    def test_forecasters_are_listed_with_their_pools(self, shell: Shell) -> None:
        lines = [line.split() for line in shell("list", "forecasters").splitlines()]

        pools = {line[0]: line for line in lines if line and line[0] in ("level", "zero", "mix", "naive", "ridge")}

        assert all(pool in pools[name] for name, pool in (("level", "local"), ("zero", "zero-shot"), ("mix", "system")))
        assert all(pool in pools[name] for name, pool in (("naive", "local"), ("ridge", "trained")))

    def test_a_card_is_shown_whole(self, shell: Shell) -> None:
        values = card_fields(shell("list", "forecasters", "--card", "zero"))

        assert values["checkpoint"] == "org/zero"
        assert values["parameters"] == "1,000,000"
        assert values["trained on"] == "ocean_waves, Rain until 2023-01-31"
        assert values["trained until"] == "2024-01-31"
        assert values["licence"] == "not stated"
        assert values["pool"] == "zero-shot"
        assert values["depends"] == "not stated"
        assert values["revision of the spec"] == "not stated"
        assert (values["tolerance"], values["missing values"]) == ("0", "received as NaN")

    def test_what_concerns_pretrained_models_only_is_left_out_of_other_cards(self, shell: Shell) -> None:
        said = shell("list", "forecasters", "--card", "theta")
        values = card_fields(said)

        assert "not stated" not in said
        assert (values["pool"], values["quantiles"], values["covariates"]) == ("local", "yes", "none: they are ignored")
        assert values["theta"].startswith("2.0 · The theta method")

    def test_a_card_shows_what_is_inherited_and_what_the_spec_states(self, shell: Shell) -> None:
        source = shell.run.module.read_text()
        changed = (
            'ForecasterSpec("mix", Level, depends=("numpy", "no-such-thing"), revision="r7", tolerance=0.004, '
            'missing="ffill", card=Card(components=("zero", "level", "tuned"), trained_on=("Tides",)))'
        )
        shell.run.module.write_text(
            source.replace('ForecasterSpec("mix", Level, card=Card(components=("zero", "level")))', changed)
        )

        values = card_fields(shell("list", "forecasters", "--card", "mix"))

        assert values["trained on"] == "Tides, ocean_waves (from zero), Rain until 2023-01-31 (from zero)"
        assert values["trained until"] == "2024-01-31 (from zero), 2022-12 (from tuned)"
        assert values["selected on"] == "test (from tuned)"
        assert values["components"] == "zero, level, tuned"
        assert values["pool"] == "system"
        assert values["depends"] == f"numpy {version('numpy')}, no-such-thing not installed"
        assert values["revision of the spec"] == "r7"
        assert (values["tolerance"], values["missing values"]) == ("0.004", "filled: ffill")

    def test_a_card_is_of_a_forecaster(self, shell: Shell) -> None:
        assert "no forecaster called 'zeros'; did you mean 'zero'?" in shell("list", "--card", "zeros", code=2)
        assert "say `harness list forecasters --card zero`" in shell("list", "boards", "--card", "zero", code=2)

    def test_components_that_do_not_exist_are_named(self, shell: Shell) -> None:
        source = shell.run.module.read_text()
        shell.run.module.write_text(source.replace('components=("zero", "level")', 'components=("zero", "nil")'))

        said = shell("list", "forecasters")

        assert "the card of forecaster 'mix' names the components 'nil', which no plugin provides" in said
