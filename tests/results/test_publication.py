"""Published results: the same standings without data or models, nothing of the data inside, no damage unseen."""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness import (
    BadInput,
    Channel,
    Context,
    DataUnavailable,
    Floats,
    LocalForecaster,
    Panel,
    RollingOrigin,
    Standings,
    Task,
)
from harness.analysis.lookup import find_standings
from harness.analysis.ranking.compute import compute_standings
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import BoardPlan, PlannedCell
from harness.boards.workspace import Workspace
from harness.data import storage
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell, Run, Status
from harness.plugins.catalog import load_catalog
from harness.report.standings.columns import table_columns
from harness.report.standings.markdown import readme
from harness.results.board_results import BoardResults, JournalResults
from harness.results.journal import Journal
from harness.results.publication.files import is_published
from harness.results.publication.published_results import PublishedResults
from harness.results.publication.records import PublishedRun
from harness.results.publication.writing import publish
from harness.tasks.folds import backtest

from ..whole_values import whole

MASE, MAE, MSE, WAPE, BIAS, RMSSE = (
    next(metric for metric in METRICS if metric.name == name)
    for name in ("MASE", "MAE", "MSE", "WAPE", "bias", "RMSSE")
)
CATALOG = load_catalog()
PUBLISHED = [path.spec.parent for path in CATALOG.boards.values() if is_published(path.spec.parent)]


@dataclass
class Toy(LocalForecaster):
    """The last value and some luck; raises on the share of windows that it dreads."""

    off: float = 0.0
    dread: float = 0.0
    seed: int = 0

    def predict_series(self, context: Context) -> Floats:
        rng = np.random.default_rng([self.seed, len(context.target)])
        if rng.random() < self.dread:
            raise RuntimeError(f"no luck in {len(context.target) % 2}")
        last = np.nan_to_num(context.target[-1])
        return last + self.off + rng.normal(size=(context.horizon, context.target.shape[1]))


def panel_of(seed: int, series: int, targets: int, missing: bool) -> Panel:
    rng = np.random.default_rng(seed)
    columns = [np.cumsum(rng.normal(size=(70, targets)), axis=0) + 31.25 for _ in range(series)]
    if missing:
        for column in columns:
            column[rng.random(column.shape) < 0.02] = np.nan
    ids = [f"s{i}" for i in rng.permutation(series)]
    return Panel.of(columns, ids=ids, season_length=2, channels=[Channel(f"c{i}", "target") for i in range(targets)])


def board(
    home: Path, tasks: Mapping[str, tuple[Task, Panel]], forecasters: Mapping[str, Sequence[Toy]], metric: Metric
) -> JournalResults:
    """A board called 'toys', with the baseline of the first name, run into a home."""
    journal, cells = Journal(home), []
    for name, (task, panel) in tasks.items():
        task = replace(task, name=name)
        fingerprint = panel.fingerprint()
        journal.write_actuals(fingerprint, task, Actuals.of(backtest(task, panel)))
        for title, seeds in forecasters.items():
            for seed, forecaster in enumerate(seeds):
                cell = Cell(task, title, {}, seed if len(seeds) > 1 else None)
                key = cell.key(fingerprint, "toys==1")
                done = evaluate(forecaster, task, panel, cell=cell)
                machine = {"name": "secret", "processor": "toy", "cores": 1}
                told = {"machine": machine, "harness": "0", "plugin": {"version": "toys==1"}}
                journal.write(replace(done, key=key, finished=f"2026-01-0{seed + 1}T00:00:00", provenance=told))
                cells.append(PlannedCell(key, title, name, cell, fingerprint))
    entries = tuple(Entry(title) for title in forecasters)
    made = Leaderboard(
        "Toys", metric.name, entries[0].name, tuple(task for task, _ in tasks.values()), forecasters=entries
    )
    plan = BoardPlan("toys", made, tuple(cells), tuple(forecasters))
    plan.save(home)
    return JournalResults(plan.to_stored(), journal)


def published(results: BoardResults, metrics: Sequence[Metric], folder: Path) -> Mapping[str, str]:
    computed = compute_standings(results, metrics[0])
    return publish(results, metrics, computed, readme(computed, results.runs.values(), "toys"), folder)


WALKS = {"walks": (Task("walks", RollingOrigin(5, windows=9)), panel_of(0, 2, 1, missing=False))}
TOYS = {"base": [Toy()], "far": [Toy(3.0)], "coward": [Toy(dread=0.3)]}


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> JournalResults:
    return board(tmp_path_factory.mktemp("home"), WALKS, TOYS, MASE)


@pytest.fixture(scope="module")
def folder(toys: JournalResults, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("published")
    assert published(toys, [MASE], made) == {}
    return made


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


PLACE = re.compile(r"(?<=the first: )series .*? at cutoff \d+: | \([^()]+, line \d+, in \w+\)(?= \(details|$)")
DETAILS = re.compile(r" \(details of [^()]+\)$")  # said where reasons of tasks differ, also by their places alone


def same(first: Standings, second: Standings) -> bool:
    """Whether standings are the same but for the lines of code and windows that failed, which are not published."""
    return whole(without_places(first)) == whole(without_places(second))


def without_places(standings: Standings) -> Standings:
    rows = [
        replace(row, reasons=tuple(DETAILS.sub("", PLACE.sub("", reason)) for reason in row.reasons))
        for row in standings.rows
    ]
    return replace(standings, rows=tuple(rows))


def test_texts_that_are_not_unicode_are_published(tmp_path: Path) -> None:
    results = board(tmp_path / "home", WALKS, TOYS, MASE)
    for key in results.runs:
        run = results.journal.read_with_results(key)
        assert run is not None
        results.journal.write(replace(run, notes=("half \ud800, nothing \0",)))
    odd = JournalResults(results.plan, Journal(tmp_path / "home"))

    publish(odd, [MASE], compute_standings(odd, MASE), "# half \ud800", tmp_path / "published")

    assert PublishedResults(tmp_path / "published").runs.keys() == odd.runs.keys()
    assert "half \\ud800" in (tmp_path / "published" / "README.md").read_text(encoding="utf-8")


def test_earlier_results_stay_until_new_ones_are_written(
    toys: JournalResults, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    monkeypatch.setattr("harness.results.publication.writing._write_terms", full)

    with pytest.raises(OSError, match="no space"):
        published(toys, [MASE], copy)

    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


@pytest.mark.parametrize("lost", ["README.md", "results.json", "terms.parquet"])
def test_they_stay_if_a_new_one_cannot_be_flushed_to_disk(
    toys: JournalResults, copy: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    sync = storage.sync

    def full(path: Path) -> None:
        if path.name.startswith(f".{lost}-"):
            raise OSError(errno.ENOSPC, "no space left on device")
        sync(path)

    monkeypatch.setattr(storage, "sync", full)

    with pytest.raises(OSError, match="no space"):
        published(toys, [MASE], copy)

    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


class TestRoundTrip:
    @settings(max_examples=15)
    @given(
        seed=st.integers(0, 1000),
        series=st.integers(1, 12),
        targets=st.integers(1, 3),
        missing=st.booleans(),
        seeds=st.integers(1, 3),
        dread=st.sampled_from([0.0, 0.2, 1.0]),
        metric=st.sampled_from([MASE, MSE, RMSSE]),
        windows=st.integers(1, 10),
    )
    @example(seed=0, series=1, targets=1, missing=False, seeds=3, dread=0.2, metric=MASE, windows=3)
    def test_standings_are_the_same(
        self, tmp_path_factory, seed, series, targets, missing, seeds, dread, metric, windows
    ) -> None:
        home, out = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("out")
        panel = panel_of(seed, series, targets, missing)
        first, second = (Task("walks", RollingOrigin(horizon, windows=windows, stride=4)) for horizon in (6, 12))
        drawing = [Toy(0.1, dread, seed) for seed in range(seeds)]
        results = board(
            home, {"short": (first, panel), "long": (second, panel)}, {"base": [Toy()], "draws": drawing}, metric
        )

        withheld = published(results, [metric], out)
        read = PublishedResults(out)

        if not withheld:
            assert same(compute_standings(read, metric), compute_standings(results, metric))
            completed = [compute_standings(source, metric, completed_only=True) for source in (read, results)]
            assert same(*completed)
        else:
            assert read.stored is not None
            assert same(read.stored, compute_standings(results, metric))

    def test_terms_of_a_further_metric(self, toys: JournalResults, tmp_path: Path) -> None:
        published(toys, [MASE, MAE], tmp_path)

        assert same(compute_standings(PublishedResults(tmp_path), MAE), compute_standings(toys, MAE))

    def test_the_files_are_the_same_to_the_byte(self, toys: JournalResults, folder: Path, tmp_path: Path) -> None:
        published(toys, [MASE], tmp_path)

        files = sorted(path.name for path in folder.iterdir())
        assert files == ["README.md", "results.json", "terms.parquet"]
        assert all((tmp_path / name).read_bytes() == (folder / name).read_bytes() for name in files)

    def test_a_metric_whose_terms_are_not_published(self, folder: Path) -> None:
        read = PublishedResults(folder)

        with pytest.raises(DataUnavailable, match=r"no terms of MAE are published in .*, but of MASE"):
            read.terms(read.plan.cells[0], MAE)

    def test_a_failed_window_keeps_its_reason(self, toys: JournalResults, folder: Path) -> None:
        read = PublishedResults(folder)

        failures = {key: run.window_failures for key, run in read.runs.items() if run is not None}
        assert failures == {key: run.window_failures for key, run in toys.runs.items() if run is not None}
        assert any(failures.values())


def test_a_completed_run_without_a_score_of_the_boards_metric_is_published_with_an_undefined_one() -> None:
    """So that it needs no terms, which may be withheld, to be known as without a score."""
    completed = Run(Cell(Task("toy", RollingOrigin(2)), "naive"), Status.COMPLETED, scores={"MAE": 1.0})
    failed = replace(completed, status=Status.FAILED, scores={})

    published = [PublishedRun.of(run, "toy", 0, metric) for run, metric in ((completed, "MSE"), (failed, "MSE"))]

    assert published[0].scores == pytest.approx({"MAE": 1.0, "MSE": np.nan}, nan_ok=True)
    assert published[1].scores == {}
    assert PublishedRun.of(completed, "toy", 0, "MAE").scores == {"MAE": 1.0}


class TestNothingOfTheData:
    def test_no_value_is_inside(self, toys: JournalResults, folder: Path) -> None:
        actuals = toys.actuals(toys.plan.cells[0])
        values = np.unique(np.concatenate([actuals.values.ravel(), WALKS["walks"][1].values.ravel()]))

        table = pq.read_table(folder / "terms.parquet")
        numbers = [np.asarray(column) for column in table.columns if pa.types.is_floating(column.type)]
        found = json.loads((folder / "results.json").read_text(encoding="utf-8"))

        held = np.unique(np.concatenate([*numbers, np.array([*floats(found)])]))
        apart = np.abs(held[:, None] - values[None, :]).min()
        assert apart > 1e-9
        text = (folder / "results.json").read_text(encoding="utf-8") + (folder / "README.md").read_text("utf-8")
        assert not any(f"{value:.5f}" in text for value in values.tolist())
        assert "Traceback" not in text

    @pytest.mark.parametrize(
        ("protocol", "metrics", "why"),
        [
            (RollingOrigin(1, windows=9), [MASE], "a single step of its own"),
            (RollingOrigin(5, windows=9, stride=1), [MASE], "a single step of its own"),
            (RollingOrigin(4, windows=9), [MASE, MAE], "4 steps of its own"),
            (RollingOrigin(5, windows=9), [WAPE], "divides by actuals"),
            (RollingOrigin(5, windows=9), [BIAS], "losses with a sign"),
        ],
        ids=["one-step", "overlapping", "two-metrics", "weights", "sign"],
    )
    def test_terms_that_reveal_values_are_withheld(self, tmp_path, protocol, metrics, why) -> None:
        tasks = {"walks": (Task("walks", protocol), WALKS["walks"][1])}
        results = board(tmp_path / "home", tasks, TOYS, metrics[0])

        withheld = published(results, metrics, tmp_path / "out")

        assert why in withheld["walks"]
        assert not (tmp_path / "out" / "terms.parquet").exists()
        read = PublishedResults(tmp_path / "out")
        assert read.stored is not None
        assert same(read.stored, compute_standings(results, metrics[0]))
        with pytest.raises(DataUnavailable, match="terms of"):
            read.terms(read.plan.cells[0], metrics[0])

    def test_a_window_of_which_little_is_known_withholds_the_task(self, tmp_path) -> None:
        values = np.cumsum(np.random.default_rng(0).normal(size=40))
        values[-4:] = np.nan  # one known step in the last window
        tasks = {"walks": (Task("walks", RollingOrigin(5, windows=4)), Panel.of([values]))}
        results = board(tmp_path / "home", tasks, {"base": [Toy()], "far": [Toy(1.0)]}, MAE)

        assert "less than 3 values" in published(results, [MAE], tmp_path / "out")["walks"]


def floats(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        return [number for each in (value.values() if isinstance(value, dict) else value) for number in floats(each)]
    return [value] if isinstance(value, float) else []


class TestRefusals:
    def test_a_board_that_is_not_finished(self, toys: JournalResults, tmp_path: Path) -> None:
        shutil.copytree(toys.journal.home, tmp_path / "home")
        shutil.rmtree(tmp_path / "home" / "journal" / "cells" / toys.plan.cells[0].key)

        with pytest.raises(BadInput, match="1 of 3 cells of board 'toys' are not run yet"):
            published(JournalResults(toys.plan, Journal(tmp_path / "home")), [MASE], tmp_path / "out")

    def test_a_readme_that_somebody_wrote(self, toys: JournalResults, tmp_path: Path) -> None:
        (tmp_path / "README.md").write_text("mine", encoding="utf-8")

        with pytest.raises(BadInput, match=r"README\.md was not written by"):
            published(toys, [MASE], tmp_path)
        assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"

    def test_a_copy_of_a_published_readme_that_somebody_went_on_with(
        self, toys: JournalResults, tmp_path: Path
    ) -> None:
        published(toys, [MASE], tmp_path)
        text = "# My project\n" + (tmp_path / "README.md").read_text(encoding="utf-8").partition("\n")[2]
        (tmp_path / "README.md").write_text(text, encoding="utf-8")
        (tmp_path / "results.json").unlink()

        with pytest.raises(BadInput, match=r"README\.md was not written by"):
            published(toys, [MASE], tmp_path)
        assert (tmp_path / "README.md").read_text(encoding="utf-8") == text

    @pytest.mark.parametrize("lost", ["results.json", "terms.parquet", "README.md"])
    def test_none_for_a_publication_that_was_interrupted(self, toys: JournalResults, tmp_path: Path, lost: str) -> None:
        published(toys, [MASE], tmp_path)
        (tmp_path / lost).unlink()

        published(toys, [MASE], tmp_path)

        assert (tmp_path / lost).is_file()


def edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        fields = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        change(fields)
        (folder / "results.json").write_text(json.dumps(fields), encoding="utf-8")

    return edit


def rewritten(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        pq.write_table(change(pq.read_table(folder / "terms.parquet")), folder / "terms.parquet")

    return rewrite


def with_first(name: str, value: float) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        column = table.column(name).to_pylist()
        column[0] = value
        return table.set_column(table.column_names.index(name), name, pa.array(column, table.column(name).type))

    return change


def first(fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(fields["cells"].values()))
    return found


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no json": (lambda folder: (folder / "results.json").write_text("{", "utf-8"), "results.json: it is not JSON"),
    "schema": (edited(lambda fields: fields.update(schema=9)), "results.json: it is not of schema 1"),
    "plan": (edited(lambda fields: fields.pop("plan")), "results.json: it is not valid: key 'plan' is missing"),
    "cell": (edited(lambda fields: fields["cells"].popitem()), "results.json: cell .* is in its plan only"),
    "more": (edited(lambda fields: fields["plan"]["cells"].pop()), "results.json: cell .* is in its records only"),
    "status": (
        edited(lambda fields: first(fields).update(status="fine")),
        r"results.json: cells\..*\.status is not valid: status must be 'completed' or ",
    ),
    "score": (
        edited(lambda fields: first(fields)["scores"].update(MASE=0.5)),
        "parquet: the terms of cell .* give MASE",
    ),
    "windows": (edited(lambda fields: first(fields).update(windows=8)), "has another number of windows than others"),
    "range": (
        edited(
            lambda fields: first(fields)["window_failures"].append(
                {"status": "failed", "reason": "luck", "windows": [99]}
            )
        ),
        "results.json: cell .* has failed windows that are not among its 18",
    ),
    "no terms": (lambda folder: (folder / "terms.parquet").unlink(), "terms.parquet: it does not exist"),
    "no parquet": (lambda folder: (folder / "terms.parquet").write_bytes(b"PAR1"), "parquet: it is not a Parquet file"),
    "rows": (
        rewritten(lambda table: table.filter(pc.field("cell") != table["cell"][0])),
        "terms.parquet: it lacks the rows of cell",
    ),
    "row": (rewritten(lambda table: table.slice(1)), "terms.parquet: cell .* has 17 rows, not one for each of 18"),
    "columns": (rewritten(lambda table: table.drop_columns(["number"])), "terms.parquet: its columns are"),
    "nan": (rewritten(with_first("MASE numerator", float("nan"))), "has terms of MASE that are not sums"),
    "count": (rewritten(with_first("MASE denominator", 6.0)), "not sums over up to 5 steps"),
    "number": (rewritten(with_first("MASE numerator", 7.25)), "parquet: the terms of cell .* give MASE"),
    "cutoff": (rewritten(with_first("cutoff", 3)), "has other windows than those before it"),
    "window": (rewritten(with_first("window", 3)), "does not have each window once"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_with_the_file_and_what_is_wrong(copy: Path, damage: str) -> None:
    do, told = DAMAGES[damage]
    do(copy)

    with pytest.raises(BadInput, match=told) as caught:
        PublishedResults(copy)
    assert str(copy) in str(caught.value)


@settings(max_examples=60)
@given(data=st.data(), value=st.sampled_from([None, "x", -1, 0, 2.5, [], {}, [1], True]))
def test_whatever_is_edited_is_read_or_told(folder: Path, tmp_path_factory, data, value) -> None:
    fields = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    place, within = fields, fields
    while isinstance(within, dict | list) and within:
        place = within
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        within = place[key]
        if data.draw(st.integers(0, 3)) == 0:
            break
    place[key] = value
    other = tmp_path_factory.mktemp("edited")
    shutil.copy(folder / "terms.parquet", other)
    (other / "results.json").write_text(json.dumps(fields), encoding="utf-8")

    try:
        read = PublishedResults(other)
        assert read.origin
    except BadInput as error:
        assert str(other) in str(error)  # noqa: PT017


class TestShowing:
    @pytest.fixture
    def place(self, copy: Path) -> Path:
        (copy / "toys").mkdir()
        for name in ("README.md", "results.json", "terms.parquet"):
            (copy / name).rename(copy / "toys" / name)
        (copy / "toys" / "leaderboard.toml").write_text("", encoding="utf-8")
        return copy / "toys"

    def test_where_the_home_has_nothing_they_are_what_was_published(self, place, toys, tmp_path) -> None:
        found = find_standings(str(place), Workspace(tmp_path, CATALOG))

        assert whole(without_places(found).rows) == whole(without_places(compute_standings(toys, MASE)).rows)
        assert found.notes[-1] == "published results of 2026-01-01, run on toy"

    def test_where_the_home_has_results_they_are_its_own_unless_asked_for(self, place, toys, tmp_path) -> None:
        home = toys.journal.home

        own = find_standings(str(place), Workspace(home, CATALOG))
        asked = find_standings(str(place), Workspace(home, CATALOG), published=True)

        assert not any("published" in note for note in own.notes)
        assert "published results of" in asked.notes[-1]

    def test_another_metric_has_no_intervals_and_says_why(self, tmp_path) -> None:
        results = board(tmp_path / "home", WALKS, {"base": [Toy()], "far": [Toy(3.0)]}, MASE)
        place = tmp_path / "toys"
        published(results, [MASE], place)
        (place / "leaderboard.toml").write_text("", encoding="utf-8")

        found = find_standings(str(place), Workspace(tmp_path, CATALOG), "MAE")

        assert [row.scores for row in found.rows] == [row.scores for row in compute_standings(results, MAE).rows]
        assert found.notes[-1] == "without intervals: they need terms of MAE, which are not published"


def test_a_readme_says_what_the_board_is_and_how_to_come_by_it(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")

    assert text.startswith("# Toys\n")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert table[0] == "| # | forecaster | skill | 95 % | wins | p | walks | fit s | predict s | failed |"
    assert len({line.count("|") for line in table}) == 1
    for said in (
        "harness run toys",
        "resamples of ",
        "finished 2026-01-01",
        "machine toy, 1 core",
        "windows failed",
    ):
        assert said in text


@pytest.mark.parametrize("place", PUBLISHED, ids=lambda place: place.name)
def test_what_is_committed_is_whole_and_its_readme_shows_it(place: Path) -> None:
    read = PublishedResults(place)

    metric = read.metrics.get(read.plan.metric)
    found = read.stored if metric is None or read.stored is not None else compute_standings(read, metric)
    assert found is not None
    assert read.plan.name == place.name
    text = (place / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {found.title}\n")
    shown = next(cell for column, cell in table_columns(found, "markdown") if column.name == "skill")
    assert all(f"| {row.forecaster} | {shown.text(row)} |" in text for row in found.rows)
