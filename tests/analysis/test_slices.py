"""Slices: scores by step, series, season, length and task, against numbers by hand and a table by pandas."""

from __future__ import annotations

import csv
import io
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import harness
from harness import Actuals, Channel, Context, Floats, LocalForecaster, Panel, RollingOrigin, Task
from harness.analysis.ranking.compute import compute_standings
from harness.analysis.slicing.aggregation import Segments
from harness.analysis.slicing.compute import compute_slices
from harness.analysis.slicing.groups import Grouping, by_length
from harness.analysis.slicing.seasons import by_season
from harness.analysis.slicing.slices import SLICE_KINDS, SliceRequest, Slices, TaskSlices
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import BoardPlan, PlannedCell
from harness.cli.main import cli
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import BadInput, DataUnavailable, UnknownName
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.run import Cell
from harness.evaluation.scoring import Terms
from harness.plugins.catalog import Catalog
from harness.report.standings.slices import ROWS, records, slices_csv, slices_markdown, slices_remarks, slices_tables
from harness.results.board_results import BoardResults, JournalResults
from harness.results.folders import SCHEMA
from harness.results.journal import Journal
from harness.tasks.folds import backtest

NAN = math.nan
NAMED = {metric.name: metric for metric in METRICS}
BY_GROUP = [
    replace(NAMED["WAPE"], name=f"WAPE by {level}", aggregation=level) for level in ("series", "cutoff", "window")
]
EVERY = [*(metric for metric in METRICS if not metric.scores_classes), *BY_GROUP]
LEVELS = (0.1, 0.5, 0.9)


@dataclass
class Last(LocalForecaster):
    """The last value and `off` more at each step; raises where the last step was a `dread`ed one."""

    off: float = 0.0
    dread: float = np.inf

    def predict_series(self, context: Context) -> Floats:
        if abs(context.target[-1, 0] - context.target[-2, 0]) > self.dread:
            raise RuntimeError("too wild")
        return context.target[-1] + self.off * np.arange(1, context.horizon + 1)[:, None]


class Board:
    """A small board that was run in this process, with the metrics given."""

    def __init__(self, home: Path, panel: Panel, task: Task, forecasters: dict[str, LocalForecaster]) -> None:
        self.panel, self.tasks, self.journal, self.cells = panel, (task,), Journal(home), []
        self.journal.write_actuals("aa", task, Actuals.of(backtest(task, panel)))
        for title, forecaster in forecasters.items():
            cell = Cell(task, title)
            run = evaluate(forecaster, task, panel, cell=cell)
            self.journal.write(replace(run, key=(key := cell.key("aa", "toys==1"))))
            self.cells.append(PlannedCell(key, title, task.label, cell, "aa"))
        self.titles = tuple(forecasters)
        board = Leaderboard("Toys", "MAE", self.titles[0], (task,), forecasters=tuple(map(Entry, self.titles)))
        self.plan = BoardPlan("toys", board, tuple(self.cells), self.titles)

    @property
    def results(self) -> JournalResults:
        return JournalResults(self.plan.to_stored(), self.journal)

    def slices(self, by: str, metric: Metric | str = "MAE", **asked: object) -> Slices:
        metric = NAMED[metric] if isinstance(metric, str) else metric
        found = compute_standings(self.results, metric, completed_only=bool(asked.get("completed_only")))
        lookup = lambda cell, task: self.panel.season_length  # noqa: E731
        return compute_slices(self.results, metric, SliceRequest(by, metric.name, **asked), found, lookup)

    def values(self, by: str, metric: Metric | str = "MAE", **asked: object) -> dict[str, dict[str, float]]:
        slices = self.slices(by, metric, **asked)
        (part,) = slices.tasks.values()
        columns = zip(slices.forecasters, part.values.T.tolist(), strict=True)
        return {one: dict(zip(part.names, column, strict=True)) for one, column in columns}


def ramps(tmp_path: Path, **task: object) -> Board:
    """0, 1, 2 … and the double of it, 8 and 12 values, with a season of 2; the last 2 windows of 3 steps."""
    panel = Panel.of([np.arange(8.0), 2 * np.arange(12.0)], ids=["short", "long"], season_length=2)
    declared = Task("ramps", RollingOrigin(3, windows=2), **task)
    return Board(tmp_path, panel, declared, {"last": Last(), "knows": Last(off=1.0)})


class TestByHand:
    def test_by_step(self, tmp_path) -> None:
        found = ramps(tmp_path).values("step")

        assert found["last"] == pytest.approx({"1": 1.5, "2": 3.0, "3": 4.5})  # behind by 1 and by 2 a step
        assert found["knows"] == pytest.approx({"1": 0.5, "2": 1.0, "3": 1.5})

    def test_by_series(self, tmp_path) -> None:
        found = ramps(tmp_path).values("series")

        assert found["last"] == pytest.approx({"short": 2.0, "long": 4.0})
        assert found["knows"] == pytest.approx({"short": 0.0, "long": 2.0})

    def test_by_phase_of_the_season(self, tmp_path) -> None:
        found = ramps(tmp_path).values("season")

        # cutoffs 2 and 5 of the short series, 6 and 9 of the long one; even steps are 2 4 6, 6 8 10
        # behind by 1·1 1·3 1·2 in the short one, and by 2·1 2·3 2·2 in the long one
        assert found["last"] == pytest.approx({"0": 18 / 6, "1": 18 / 6})

    def test_by_length(self, tmp_path) -> None:
        found = ramps(tmp_path).values("length")

        assert found["last"] == pytest.approx({"2": 2.0, "5": 2.0, "6": 4.0, "9": 4.0})

    def test_scaled(self, tmp_path) -> None:
        found = ramps(tmp_path).values("step", "MASE")  # the scale of a season of 2 is 2, and 4

        assert found["last"]["1"] == pytest.approx(0.5)
        assert found["last"]["3"] == pytest.approx(1.5)

    def test_counts(self, tmp_path) -> None:
        (part,) = ramps(tmp_path).slices("step").tasks.values()
        (phases,) = ramps(tmp_path).slices("season").tasks.values()
        (series,) = ramps(tmp_path).slices("series").tasks.values()

        assert (part.windows.tolist(), part.steps.tolist()) == ([4, 4, 4], [4, 4, 4])
        assert (phases.windows.tolist(), phases.steps.tolist()) == ([4, 4], [6, 6])
        assert (series.windows.tolist(), series.steps.tolist()) == ([2, 2], [6, 6])

    def test_neighbours_are_joined_from_their_sums(self, tmp_path) -> None:
        found = ramps(tmp_path).values("step", "RMSE", max_slices=2)

        assert found["last"]["1–2"] == pytest.approx(math.sqrt((1 + 4 + 4 + 16) / 4))

    def test_slices_have_ranks_and_the_hardest_come_first(self) -> None:
        apart = np.array([[1.0, 1.0, 2.0], [5.0, NAN, 3.0]])
        part = TaskSlices(("a", "b"), np.ones(2, int), np.ones(2, int), -apart, apart)

        assert part.ranks.tolist() == [[1, 1, 3], [2, 0, 1]]
        assert part.hardest.tolist() == [1, 0]
        assert part.take([1]).values.tolist()[0][0] == -5.0


def walks(missing: float = 0.0, targets: int = 1, seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    series = [10 + np.cumsum(rng.normal(size=(40 + 3 * i, targets)), axis=0) for i in range(4)]
    for values in series:
        values[5:][rng.random(values[5:].shape) < missing] = np.nan
    return Panel.of(series, season_length=4, channels=[Channel(f"t{i}") for i in range(targets)])


def walked(home: Path, **kinds: object) -> Board:
    task = Task("walks", RollingOrigin(5, windows=4, stride=3, gap=1), quantile_levels=LEVELS)
    panel = walks(**kinds)
    return Board(home, panel, task, {"base": Last(), "far": Last(off=0.5), "coward": Last(dread=1.0)})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return walked(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def holed(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """With missing values, two targets and windows that failed."""
    return walked(tmp_path_factory.mktemp("holed"), missing=0.1, targets=2)


class TestAgainstStandings:
    @pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
    @pytest.mark.parametrize("completed_only", [False, True], ids=["imputed", "completed"])
    def test_a_single_slice_of_each_kind_scores_as_the_task(self, whole, holed, metric, completed_only) -> None:
        for board in (whole, holed):
            rows = compute_standings(board.results, metric, completed_only=completed_only).rows
            scores = {row.forecaster: row.scores["walks"] for row in rows}

            for by in ("step", "season"):
                found = board.values(by, metric, max_slices=1, completed_only=completed_only)
                assert {one: next(iter(slices.values())) for one, slices in found.items()} == pytest.approx(
                    scores, nan_ok=True
                )
            found = board.values("task", metric, completed_only=completed_only)
            assert {one: slices["walks"] for one, slices in found.items()} == pytest.approx(scores, nan_ok=True)

    def test_a_failed_window_is_imputed_in_its_slice(self, whole, holed) -> None:
        for board in (whole, holed):
            lost = {cell.forecaster: len(board.results.failures(cell)) for cell in board.results.plan.cells}
            assert 0 < lost["coward"] < 16

    def test_forecasters_are_in_the_order_of_the_standings(self, whole) -> None:
        rows = compute_standings(whole.results, NAMED["RMSE"]).rows

        assert whole.slices("step", "RMSE").forecasters == tuple(row.forecaster for row in rows)


@given(
    seed=st.integers(0, 2**32 - 1),
    slices=st.integers(1, 5),
    metric=st.sampled_from([metric for metric in EVERY if metric.aggregation == "pooled"]),
)
def test_the_sums_of_all_slices_are_those_of_the_task(seed, slices, metric) -> None:
    rng = np.random.default_rng(seed)
    windows, horizon = 6, 4
    actuals = actuals_of(rng.integers(0, 3, windows), rng.integers(1, 9, windows), horizon)
    grouping = Grouping(tuple(map(str, range(slices))), rng.integers(0, slices, (windows, horizon)))
    summed = Terms(rng.random((windows, horizon, 1)), rng.integers(0, 2, (windows, horizon, 1)).astype(float))
    summed.numerators[summed.denominators == 0] = 0

    segments = Segments.of(metric, grouping, actuals)
    scores = segments.scores(metric, summed)
    weights = np.bincount(grouping.index.ravel(), weights=summed.denominators.ravel(), minlength=slices)

    parts = np.where(weights > 0, scores, 0.0) ** (2 if metric.root else 1) * weights
    assert parts.sum() == pytest.approx(summed.numerators.sum())
    assert grouping.steps(horizon).sum() == windows * horizon


def actuals_of(series, cutoffs, horizon, **more) -> Actuals:
    series = np.asarray(series)
    ids = tuple(f"s{i}" for i in range(int(series.max()) + 1))
    values = np.zeros((len(series), horizon, 1))
    return Actuals(ids, series, np.asarray(cutoffs), np.zeros(len(series), dtype=np.int64), values, **more)


def long_table(board: Board, title: str, completed_only: bool) -> pd.DataFrame:
    """Every loss of a forecaster of a board, worked out step by step from the panel; no failures imputed."""
    (cell,) = [cell for cell in board.results.plan.cells if cell.forecaster == title]
    outcomes = board.results.outcomes(cell)
    truth, rows = outcomes.truth, []
    for window in range(len(truth)):
        series, cutoff = int(truth.series[window]), int(truth.cutoffs[window])
        past = list(board.panel)[series]
        for step in range(5):
            at = cutoff + 1 + step  # after a gap of one
            scale = np.abs(past[4:cutoff, 0] - past[: cutoff - 4, 0]).mean()
            actual, said = past[at, 0], outcomes.forecast.mean[window, step, 0]
            rows.append((window, f"{series}", cutoff, str(step + 1), str(at % 4), actual, said, scale))
    table = pd.DataFrame(rows, columns=["window", "series", "length", "step", "season", "actual", "said", "scale"])
    return table.dropna(subset="said") if completed_only else table


class TestAgainstPandas:
    @pytest.mark.parametrize("by", ["step", "series", "season"])
    @pytest.mark.parametrize("title", ["base", "coward"])
    def test_pooled_losses(self, whole, by, title) -> None:
        table = long_table(whole, title, completed_only=True)
        error = (table.said - table.actual).abs()

        found = {name: whole.values(by, name, completed_only=True)[title] for name in ("MAE", "MASE", "WAPE", "RMSE")}

        grouped = error.groupby(table[by])
        assert found["MAE"] == pytest.approx(grouped.mean().to_dict())
        assert found["MASE"] == pytest.approx((error / table.scale).groupby(table[by]).mean().to_dict())
        assert found["RMSE"] == pytest.approx(np.sqrt((error**2).groupby(table[by]).mean()).to_dict())
        actuals = table.actual.abs().groupby(table[by]).sum()
        assert found["WAPE"] == pytest.approx((grouped.sum() / actuals).to_dict())

    @pytest.mark.parametrize("by", ["step", "series", "season"])
    def test_losses_by_group(self, whole, by) -> None:
        table = long_table(whole, "base", completed_only=True).assign(error=lambda one: (one.said - one.actual).abs())

        for metric, group in ((BY_GROUP[0], "series"), (BY_GROUP[2], "window")):
            sums = table.assign(actual=table.actual.abs()).groupby([by, *{group} - {by}])[["error", "actual"]].sum()
            means = (sums.error / sums.actual).groupby(by).mean()

            assert whole.values(by, metric)["base"] == pytest.approx(means.to_dict())

    @pytest.mark.parametrize("by", ["step", "series", "season"])
    def test_a_failed_window_is_scored_as_that_of_the_baseline(self, whole, by) -> None:
        tables = {title: long_table(whole, title, completed_only=False) for title in ("base", "coward")}
        errors = {title: (one.said - one.actual).abs() for title, one in tables.items()}
        imputed = errors["coward"].where(errors["coward"].notna(), errors["base"])

        assert errors["coward"].isna().any()
        assert whole.values(by)["coward"] == pytest.approx(imputed.groupby(tables["base"][by]).mean().to_dict())


class TestGroupings:
    def test_lengths_in_quarters_have_round_names(self) -> None:
        grouping = by_length(actuals_of(np.zeros(240, int), np.arange(701, 941), 1))

        assert grouping.names == ("701–760", "761–820", "821–880", "881–940")
        assert grouping.windows().tolist() == [60, 60, 60, 60]

    @given(st.lists(st.integers(1, 5000), min_size=1, max_size=60))
    def test_each_length_lies_in_its_range(self, cutoffs) -> None:
        grouping = by_length(actuals_of(np.zeros(len(cutoffs), int), cutoffs, 1))

        assert len(grouping.names) <= 4
        for cutoff, at in zip(cutoffs, grouping.index, strict=True):
            first, _, last = grouping.names[at].partition("–")
            assert int(first) <= cutoff <= int(last or first)
        assert (grouping.windows() > 0).all()

    @pytest.mark.parametrize(
        ("count", "most", "names"),
        [
            (3, 3, ["1", "2", "3"]),
            (48, 40, ["1–2", "3–4"]),
            (720, 30, ["1–24", "25–48"]),
            (7, 4, ["1–2", "3–4", "5–6", "7"]),
        ],
    )
    def test_neighbours_are_joined_to_equal_ranges(self, count, most, names) -> None:
        grouping = Grouping(tuple(str(i + 1) for i in range(count)), np.arange(count)[None]).at_most(most)

        assert list(grouping.names[: len(names)]) == names
        assert len(grouping.names) <= most
        assert grouping.steps(count).sum() == count

    @pytest.mark.parametrize(
        ("freq", "season", "start", "first", "count"),
        [
            ("h", 24, "2020-01-01T05", "07:00", 24),
            ("15min", 96, "2020-01-01", "00:30", 96),
            ("D", 7, "2020-01-01", "Friday", 7),  # the first of the year was a Wednesday
            ("B", 5, "2020-01-01", "Friday", 5),
            ("h", 168, "2020-01-01", "Wed 02:00", 168),
            ("MS", 12, "2020-01-01", "March", 12),
            ("ME", 12, "2020-01-31", "March", 12),
            ("QS", 4, "2020-01-01", "Q3", 4),
            ("QE-NOV", 4, "2020-02-29", "Q3", 4),
            ("W-SAT", 52, "2020-01-04", "2", 52),
            ("h", 12, "2020-01-01", "2", 12),
            ("YS", 11, "2020-01-01", "2", 11),
        ],
    )
    def test_phases_have_their_calendar_names(self, freq, season, start, first, count) -> None:
        begins = np.array([start], dtype="datetime64[ns]")
        actuals = actuals_of([0], [1], 2 * season, start=begins, freq=freq)

        grouping = by_season(actuals, 1, season)

        assert grouping.names[grouping.index[0, 0]] == first
        assert len(grouping.names) == count
        assert (grouping.index[0, :season] == grouping.index[0, season:]).all()

    def test_phases_are_in_the_order_of_the_season(self) -> None:
        begins = np.array(["2020-05-01", "2020-09-01"], dtype="datetime64[ns]")

        grouping = by_season(actuals_of([0, 1], [1, 1], 12, start=begins, freq="MS"), 0, 12)

        assert grouping.names[:3] == ("January", "February", "March")
        assert [grouping.names[i] for i in grouping.index[:, 0]] == ["June", "October"]

    def test_without_a_calendar_phases_count_from_the_start_of_the_series(self) -> None:
        grouping = by_season(actuals_of([0, 1], [10, 11], 2, start=np.array([5, 0])), 1, 4)

        assert [[grouping.names[i] for i in row] for row in grouping.index] == [["3", "0"], ["0", "1"]]


class TestRefusals:
    def test_another_kind(self, whole) -> None:
        with pytest.raises(BadInput, match="slices are by step, series, season, length or task, not 'steps'"):
            whole.slices("steps")

    def test_another_task(self, whole) -> None:
        with pytest.raises(UnknownName, match="no task called 'walk'; did you mean 'walks'"):
            whole.slices("step", task="walk")

    def test_no_season(self, tmp_path) -> None:
        with pytest.raises(BadInput, match="task 'ramps' has no season: its season length is 1"):
            ramps(tmp_path, season_length=1).slices("season")

    def test_a_metric_that_does_not_apply(self, tmp_path) -> None:
        with pytest.raises(
            BadInput, match="cannot be ranked by WQL, which needs quantile levels; its tasks ask for none"
        ):
            ramps(tmp_path).slices("step", "WQL")

    def test_results_without_forecasts(self, whole) -> None:
        class Scored(JournalResults):
            outcomes = BoardResults.outcomes

        results = Scored(whole.plan.to_stored(), whole.journal)
        order = SimpleNamespace(rows=(), board="", title="", baseline="base", logarithmic=False)

        found = compute_slices(results, NAMED["MAE"], SliceRequest("series"), order, lambda cell, task: 4)
        assert found.tasks["walks"].names == ("0", "1", "2", "3")
        with pytest.raises(DataUnavailable, match="the forecasts of base on walks are not published"):
            compute_slices(results, NAMED["MAE"], SliceRequest("step"), order, lambda cell, task: 4)


class TestSeasonLength:
    def test_it_is_stored_with_the_actuals(self, whole) -> None:
        (cell, *_) = whole.results.plan.cells

        assert whole.results.actuals(cell).season_length == 4

    def test_for_an_older_journal_it_is_that_of_the_dataset(self, tmp_path) -> None:
        board = ramps(tmp_path)
        (record,) = (tmp_path / "journal" / "actuals").glob("*/record.json")
        fields = read_checked_json(record, SCHEMA)
        assert fields is not None
        del fields["season_length"]
        write_checked_json(record, fields, SCHEMA)

        assert set(board.values("season")["last"]) == {"0", "1"}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """More series, steps and forecasters than a terminal has room for."""
    rng = np.random.default_rng(1)
    panel = Panel.of([np.cumsum(rng.normal(size=200)) for _ in range(50)], season_length=7)
    known = {"the-baseline": Last(off=3.0)} | {f"forecaster-number-{i}": Last(off=i / 9) for i in range(12)}
    return Board(tmp_path_factory.mktemp("wide"), panel, Task("walks", RollingOrigin(90, windows=1)), known)


def shown(slices: Slices) -> str:
    console = Console(width=100, file=io.StringIO(), highlight=False)
    console.print(*slices_tables(slices))
    return console.file.getvalue()


class TestReport:
    @pytest.mark.parametrize("by", SLICE_KINDS)
    def test_tables_fit(self, wide, by) -> None:
        slices = wide.slices(by, max_slices=ROWS)

        (table,) = slices_tables(slices)
        headings = [str(column.header) for column in table.columns]

        assert table.row_count <= ROWS
        assert Console(width=300).measure(table).maximum <= 100
        assert headings[-2:] == ["the-\nbaseline", "best"]
        assert headings[2].replace("\n", "") == slices.forecasters[0]

    def test_the_hardest_series_are_shown_and_the_others_counted(self, wide) -> None:
        slices = wide.slices("series", max_slices=ROWS)
        (part,) = slices.tasks.values()

        (table,) = slices_tables(slices)

        assert str(next(iter(table.columns[0].cells))) == part.names[int(np.nanargmax(part.values.mean(axis=1)))]
        assert "10 more series, those with smaller errors, are in --csv" in slices_remarks(slices)

    def test_the_best_is_bold(self, tmp_path) -> None:
        slices = ramps(tmp_path).slices("step")

        (table,) = slices_tables(slices)
        lines = slices_markdown(slices).splitlines()

        assert [str(cell.style) for cell in table.columns[2].cells] == ["bold"] * 3  # who knows is first
        assert "| 1 | 4 | **0.500** | 1.500 |" in lines

    def test_csv_has_everything(self, tmp_path) -> None:
        rows = list(csv.DictReader(io.StringIO(slices_csv(ramps(tmp_path).slices("season")))))

        assert len(rows) == 2 * 2
        assert rows[0] == {
            "task": "ramps",
            "slice": "0",
            "forecaster": "knows",
            "metric": "MAE",
            "value": "1.0",
            "count": "6",
            "rank": "1",
        }

    def test_a_failed_forecaster_has_no_value(self, tmp_path) -> None:
        panel = Panel.of([np.arange(20.0)])
        board = Board(tmp_path, panel, Task("ramp", RollingOrigin(2, windows=2)), {"a": Last(), "b": Last(dread=0.0)})

        slices = board.slices("step")

        assert {record["forecaster"]: record["rank"] for record in records(slices)} == {"a": 1, "b": 0}
        assert "–" in shown(slices)
        assert slices_csv(slices).splitlines()[2] == "ramp,1,b,MAE,,2,0"

    def test_failed_windows_are_noted(self, whole) -> None:
        lost = next(len(whole.results.failures(cell)) for cell in whole.cells if cell.title == "coward")

        assert slices_remarks(whole.slices("step")) == [
            f"coward on walks: {lost} windows failed and are scored as imputed"
        ]
        assert slices_remarks(whole.slices("step", completed_only=True)) == [
            f"coward on walks: {lost} windows failed and are ignored"
        ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks of real data and three forecasters, run by the command line."""
    folder = tmp_path_factory.mktemp("board")
    path = folder / "small" / "leaderboard.toml"
    path.parent.mkdir()
    path.write_text(
        """
title = "Small"
metric = "MASE"
baseline = "seasonal-naive"
[[tasks]]
dataset = "elnino"
quantile_levels = [0.1, 0.5, 0.9]
protocol = { kind = "rolling-origin", horizon = 6, windows = 5 }
[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 3, windows = 2 }
[[forecasters]]
name = "naive"
[[forecasters]]
name = "seasonal-naive"
[[forecasters]]
name = "drift"
"""
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Catalog, "_call", lambda catalog, hook, **arguments: [])  # without the mirror it takes a second
        done = CliRunner().invoke(cli, ["run", str(path), "--jobs", "0", "--home", str(folder / "home")])
    assert done.exit_code == 0, done.output
    return folder / "home"


def forgetful(home: Path, copy: Path) -> Path:
    """A copy of a home, as it was before season lengths were stored."""
    shutil.copytree(home, copy)
    for record in (copy / "journal" / "actuals").glob("*/record.json"):
        fields = read_checked_json(record, SCHEMA)
        assert fields is not None
        del fields["season_length"]
        write_checked_json(record, fields, SCHEMA)
    return copy


class TestCommand:
    def said(self, home: Path, *arguments: str) -> str:
        done = CliRunner().invoke(cli, ["show", "small", "--home", str(home), *arguments], catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    def test_a_table_for_each_task(self, home) -> None:
        text = self.said(home, "--by", "step")

        assert "Small (small), elnino by step" in text
        assert "Small (small), nile by step" in text
        assert max(map(len, text.splitlines())) <= 100

    def test_one_task_as_csv_is_the_same_from_python(self, home) -> None:
        text = self.said(home, "--by", "season", "--task", "elnino", "--metric", "WQL", "--csv")

        table = harness.slices("small", "season", metric="WQL", task="elnino", home=home)

        assert list(pd.read_csv(io.StringIO(text)).value) == pytest.approx(list(table.value))
        assert set(table.slice) >= {"January", "December"}
        assert len(table) == 12 * 3

    def test_by_task_is_one_table_of_the_standings_scores(self, home) -> None:
        text = self.said(home, "--by", "task", "--markdown")

        scores = harness.standings("small", home=home)
        table = harness.slices("small", "task", home=home).pivot(index="forecaster", columns="slice", values="value")

        assert text.count("| task |") == 1
        for task in ("elnino", "nile"):
            assert table[task].to_dict() == pytest.approx(scores[task].to_dict())

    def test_tasks_without_such_slices_are_noted(self, home) -> None:
        assert "task 'nile' has no season: its season length is 1" in self.said(home, "--by", "season")
        assert "WQL does not apply to task 'nile'" in self.said(home, "--by", "step", "--metric", "WQL")

    def test_lengths_and_series(self, home) -> None:
        assert "elnino by length" in self.said(home, "--by", "length", "--completed-only")
        assert "nino-1+2" in self.said(home, "--by", "series")

    def test_published_results_have_slices_too_but_no_steps(self, home) -> None:
        board = str(home.parent / "small")
        options = ["--home", str(home), "--by"]
        done = CliRunner().invoke(cli, ["publish", board, "--home", str(home)], catch_exceptions=False)
        assert done.exit_code == 0

        done = CliRunner().invoke(cli, ["show", board, "--published", "--csv", *options, "task"])
        assert done.output == self.said(home, "--by", "task", "--csv")
        with pytest.raises(DataUnavailable, match="run the board on this machine for errors by step"):
            CliRunner().invoke(cli, ["show", board, "--published", *options, "step"], catch_exceptions=False)

    def test_an_older_journal_asks_the_data_for_the_season(self, home, tmp_path) -> None:
        older = forgetful(home, tmp_path / "older")

        assert self.said(older, "--by", "season", "--csv") == self.said(home, "--by", "season", "--csv")

    def test_data_that_has_changed_since_is_not_asked(self, home, tmp_path) -> None:
        older = forgetful(home, tmp_path / "older")

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Panel, "fingerprint", lambda panel: "another")
            with pytest.raises(DataUnavailable, match="is not in the journal: its data has changed since"):
                self.said(older, "--by", "season")

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--task", "nile"], "--task goes with --by"),
            (["--by", "step", "--html", "page.html"], "--html writes the page of a whole board"),
            (["--by", "phase"], "slices are by step, series, season, length or task, not 'phase'"),
            (["--by", "step", "--task", "nil"], "did you mean 'nile'"),
            (["--by", "season", "--task", "nile"], "has no season"),
            (["--by", "step", "--task", "nile", "--metric", "WQL"], "does not apply"),
        ],
    )
    def test_what_it_refuses(self, home, arguments, sentence) -> None:
        with pytest.raises(BadInput, match=sentence):
            CliRunner().invoke(cli, ["show", "small", "--home", str(home), *arguments], catch_exceptions=False)
