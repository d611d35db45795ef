"""The journal: what is written comes back, whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import (
    DatasetSpec,
    DataUnavailable,
    Forecast,
    Generation,
    Journal,
    Metric,
    Panel,
    Results,
    RollingOrigin,
    Run,
    SeriesSplit,
    Status,
    Task,
    hookimpl,
)
from harness.data.storage import read_json
from harness.errors import HomeUnusable, LaterVersion
from harness.evaluation.evaluate import score_run
from harness.evaluation.metrics import METRICS
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell, Costs, WindowFailure
from harness.evaluation.scoring import Terms
from harness.plugins.catalog import load_catalog
from harness.results import recomputation
from harness.results.index import State
from harness.results.journal import CachedJournal, prepare_home
from harness.tasks.folds import backtest

TASK = Task("toy", RollingOrigin(2, windows=3), quantile_levels=(0.1, 0.5, 0.9))
KEY = "0123456789abcdef0123456789abcdef"
RECORD = Run(
    Cell(TASK, "naive", {"length": 3, "words": ["a", None]}, 1),
    Status.COMPLETED,
    KEY,
    scores={"MAE": 1.5, "MASE": math.nan},
    windows=3,
    window_failures=(WindowFailure(2, Status.INVALID, "NaN or infinite values"),),
    hyperparameters={"length": 3},
    notes=("a note",),
    costs=Costs(1.0, 2.0, 0.5, 0.25, 1, 1000),
    started="2001-01-01T00:00:00.000+00:00",
    finished="2001-01-01T00:00:01.000+00:00",
    provenance={"harness": "0", "blas": [{"num_threads": 1}]},
)


def results(levels: tuple[float, ...] = (0.1, 0.5, 0.9), shift: float = 0.0) -> Results:
    mean = np.arange(6.0).reshape(3, 2, 1) + shift
    mean[2] = np.nan
    forecast = Forecast(mean, levels, mean[..., None] + np.array(levels)) if levels else Forecast.point(mean)
    terms = {
        "MAE": Terms(np.arange(3.0)[:, None], np.full((3, 1), 2.0)),
        "bias": Terms(-np.ones((3, 1)), np.ones((3, 1))),
    }
    return Results(forecast, terms, np.array([0, 0, 1]), np.array([5, 7, 5]))


def same(one: Results | None, other: Results | None) -> bool:
    assert one is not None
    assert other is not None
    return (
        np.array_equal(one.forecast.mean, other.forecast.mean, equal_nan=True)
        and one.forecast.quantile_levels == other.forecast.quantile_levels
        and (one.forecast.quantiles is None) == (other.forecast.quantiles is None)
        and (
            one.forecast.quantiles is None
            or np.array_equal(one.forecast.quantiles, np.asarray(other.forecast.quantiles), equal_nan=True)
        )
        and list(one.terms) == list(other.terms)
        and all(np.array_equal(one.terms[name].numerators, other.terms[name].numerators) for name in one.terms)
        and all(np.array_equal(one.terms[name].denominators, other.terms[name].denominators) for name in one.terms)
        and np.array_equal(one.series, other.series)
        and np.array_equal(one.cutoffs, other.cutoffs)
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def arrays_of(journal: Journal) -> list[Path]:
    return sorted((journal.cells / KEY).glob("*.npy"))


class TestRecords:
    def test_a_record_comes_back_as_it_was(self, journal: Journal) -> None:
        journal.write(RECORD)

        again = journal.read(KEY)

        assert again is not None
        assert math.isnan(again.scores["MASE"])
        assert again.cell == RECORD.cell
        assert again.to_json() == RECORD.to_json()

    @pytest.mark.parametrize("status", Status)
    def test_every_status_comes_back(self, journal: Journal, status: Status) -> None:
        journal.write(replace(RECORD, status=status, reason="why", traceback='File "x", line 1\n  "ä"'))

        again = journal.read(KEY)

        assert again is not None
        assert (again.status, again.reason) == (status, "why")
        assert again.traceback == 'File "x", line 1\n  "ä"'

    def test_a_record_is_strict_json(self, journal: Journal) -> None:
        journal.write(replace(RECORD, scores={"MAE": math.nan, "MSE": math.inf}))

        text = (journal.cells / KEY / "record.json").read_text(encoding="utf-8")

        assert json.loads(text, parse_constant=pytest.fail)["scores"] == {"MAE": None, "MSE": None}

    def test_a_renamed_metric_is_read_by_its_present_name(self, journal: Journal) -> None:
        old = results()
        terms = {"CRPS" if name == "bias" else name: of_metric for name, of_metric in old.terms.items()}
        journal.write(replace(RECORD, scores={"MAE": 1.5, "CRPS": 0.5}, results=replace(old, terms=terms)))

        again, record = journal.read_with_results(KEY), journal.record(KEY)

        assert again is not None
        assert again.results is not None
        assert again.scores == {"MAE": 1.5, "MQL": 0.5}
        assert set(again.results.terms) == {"MAE", "MQL"}
        assert record is not None
        stored = record.terms("MQL")
        assert stored is not None
        assert stored.numerators.tolist() == old.terms["bias"].numerators.tolist()

    @pytest.mark.parametrize("task", [TASK, replace(TASK, quantile_levels=())])
    def test_a_plugins_metric_of_a_former_name_keeps_it(self, journal: Journal, task: Task) -> None:
        scores = {"CRPS": 0.4, **({"MQL": 0.5} if task.quantile_levels else {})}
        journal.write(replace(RECORD, cell=replace(RECORD.cell, task=task), scores=scores))

        again = journal.read(KEY)

        assert again is not None
        assert again.scores == scores

    def test_hyperparameters_may_be_infinite(self, journal: Journal) -> None:
        cell = replace(RECORD.cell, parameters={"bounds": [0.0, math.inf]})
        journal.write(replace(RECORD, cell=cell, hyperparameters={"most": math.inf, "least": -math.inf}))

        again = journal.read(KEY)

        assert again is not None
        assert again.hyperparameters == {"most": "inf", "least": "-inf"}
        assert again.cell.parameters == {"bounds": [0.0, "inf"]}

    def test_what_is_not_there_is_none(self, journal: Journal) -> None:
        assert journal.read(KEY) is None
        assert journal.read_with_results(KEY) is None
        assert not journal.has(KEY)
        assert journal.modified(KEY) == 0
        assert list(journal.keys()) == []

    def test_keys_are_those_of_finished_cells(self, journal: Journal) -> None:
        for key in ("b", "a"):
            journal.write(replace(RECORD, key=key))
        (journal.cells / "c").mkdir()

        assert list(journal.keys()) == ["a", "b"]

    def test_the_time_of_writing_tells_a_new_record_from_an_old_one(self, journal: Journal) -> None:
        journal.write(RECORD)
        os.utime(journal.cells / KEY / "record.json", (1, 1))
        before = journal.modified(KEY)
        journal.write(RECORD)

        assert 0 < before < journal.modified(KEY)


class TestArrays:
    @pytest.mark.parametrize("levels", [(0.1, 0.5, 0.9), ()])
    def test_arrays_come_back_as_they_were(self, journal: Journal, levels: tuple[float, ...]) -> None:
        journal.write(replace(RECORD, results=results(levels)))

        again = journal.read_with_results(KEY)

        assert again is not None
        assert same(again.results, results(levels))
        assert again.scores["MAE"] == 1.5

    def test_reading_the_record_reads_no_arrays(self, journal: Journal) -> None:
        journal.write(replace(RECORD, results=results()))
        for path in arrays_of(journal):
            path.unlink()

        again = journal.read(KEY)

        assert again is not None
        assert again.results is None

    def test_a_run_without_results_has_none(self, journal: Journal) -> None:
        journal.write(RECORD)

        again = journal.read_with_results(KEY)

        assert again is not None
        assert again.results is None

    def test_a_run_without_metrics_keeps_its_forecast(self, journal: Journal) -> None:
        journal.write(replace(RECORD, results=replace(results(), terms={})))

        again = journal.read_with_results(KEY)

        assert again is not None
        assert same(again.results, replace(results(), terms={}))

    def test_arrays_are_read_only(self, journal: Journal) -> None:
        journal.write(replace(RECORD, results=results()))
        again = journal.read_with_results(KEY)

        assert again is not None
        assert again.results is not None
        with pytest.raises(ValueError, match="read-only"):
            again.results.forecast.mean[0] = 1

    @pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:50])])
    def test_a_cell_of_which_an_array_is_lost_is_moved_away(
        self, journal: Journal, damage: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        journal.write(replace(RECORD, results=results()))
        for path in arrays_of(journal):
            damage(path)  # type: ignore[operator]

        assert journal.read_with_results(KEY) is None
        assert not journal.has(KEY)
        assert journal.state(KEY) == State(0, None)
        assert re.search(rf"{KEY} is damaged: .*; it was moved to .*{KEY}, and its cell is pending again", caplog.text)

    def test_terms_are_those_of_the_metric(self, journal: Journal) -> None:
        journal.write(replace(RECORD, results=results()))

        record = journal.record(KEY)

        assert record is not None
        found = record.terms("bias")
        assert found is not None
        assert np.array_equal(found.numerators, -np.ones((3, 1)))
        assert np.array_equal(found.denominators, np.ones((3, 1)))
        assert record.terms("MSE") is None

    def test_without_arrays_there_are_no_terms(self, journal: Journal) -> None:
        journal.write(RECORD)

        record = journal.record(KEY)

        assert record is not None
        assert record.terms("MAE") is None

    def test_large_arrays_stay_on_disk(self, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
        journal.write(replace(RECORD, results=results()))
        monkeypatch.setattr("harness.results.stored_arrays.READ_AT_ONCE", 10)

        again = journal.read_with_results(KEY)

        assert again is not None
        assert same(again.results, results())
        assert again.results is not None
        assert isinstance(again.results.forecast.mean, np.memmap)


class TestReadOnce:
    def test_a_record_is_parsed_once(self, tmp_path: Path) -> None:
        journal = CachedJournal(tmp_path)
        journal.write(RECORD)

        assert journal.read(KEY) is journal.read(KEY)

    def test_one_that_another_process_wrote_anew_is_read_anew(self, tmp_path: Path) -> None:
        journal, other = CachedJournal(tmp_path), Journal(tmp_path)
        assert journal.read(KEY) is None
        for status in (Status.FAILED, Status.COMPLETED):
            other.write(replace(RECORD, status=status))

            again = journal.read(KEY)

            assert again is not None
            assert again.status is status
            os.utime(journal.cells / KEY / "record.json", (1, 1))  # the clock of files may be slower than this test
            assert journal.read(KEY) is not again


class TestHalfWritten:
    """What a killed process leaves is never taken for a result."""

    def test_arrays_without_a_record(self, journal: Journal) -> None:
        journal.write(replace(RECORD, results=results()))
        (journal.cells / KEY / "record.json").unlink()

        assert not journal.has(KEY)
        assert journal.read_with_results(KEY) is None
        assert list(journal.keys()) == []

    @pytest.mark.parametrize("length", [0, 1, 100, -1])
    def test_a_truncated_record(self, journal: Journal, length: int) -> None:
        journal.write(RECORD)
        path = journal.cells / KEY / "record.json"
        path.write_text(path.read_text(encoding="utf-8")[:length], encoding="utf-8")

        assert journal.read(KEY) is None
        assert journal.read_with_results(KEY) is None

    @pytest.mark.parametrize("text", ["[]", "null", "3", "{}", '{"schema": 0}', '{"schema": 1}', "\0" * 40])
    def test_a_record_of_something_else(self, journal: Journal, text: str) -> None:
        journal.write(RECORD)
        (journal.cells / KEY / "record.json").write_text(text, encoding="utf-8")

        assert journal.read(KEY) is None

    def test_a_record_of_a_later_version_stays(self, journal: Journal) -> None:
        journal.write(RECORD)
        path = journal.cells / KEY / "record.json"
        path.write_text('{"schema": 999}', encoding="utf-8")

        for action in (journal.read, journal.read_with_results, journal.state, lambda _: journal.write(RECORD)):
            with pytest.raises(LaterVersion, match=r"record\.json was written by a later version of harness"):
                action(KEY)
        assert path.read_text(encoding="utf-8") == '{"schema": 999}'

    def test_a_draft_of_a_record(self, journal: Journal) -> None:
        folder = journal.cells / KEY
        folder.mkdir(parents=True)
        (folder / ".record.json-0123").write_text(json.dumps({**RECORD.to_json(), "schema": 1}), encoding="utf-8")

        assert not journal.has(KEY)
        assert journal.read(KEY) is None

    def test_drafts_are_swept_away_by_the_next_write(self, journal: Journal) -> None:
        folder = journal.cells / KEY
        folder.mkdir(parents=True)
        (folder / "aaaa-mean.npy").write_bytes(b"half")
        (folder / ".record.json-0123").write_text("{", encoding="utf-8")

        journal.write(replace(RECORD, results=results()))

        again = journal.read_with_results(KEY)
        assert again is not None
        assert same(again.results, results())
        named = read_json(folder / "record.json")
        assert named is not None
        files = {array["file"] for array in named["arrays"].values()}
        assert {path.name for path in folder.iterdir()} == {"record.json", *files}

    def test_a_killed_rewrite_leaves_the_old_run_whole(self, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
        journal.write(replace(RECORD, results=results()))

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("harness.data.storage.os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            journal.write(replace(RECORD, status=Status.FAILED, results=results(shift=9)))

        again = journal.read_with_results(KEY)
        assert again is not None
        assert again.status is Status.COMPLETED
        assert same(again.results, results())


class TestReplacing:
    def test_a_rerun_takes_the_place_of_the_older_run(self, journal: Journal) -> None:
        journal.write(replace(RECORD, results=results()))
        journal.write(replace(RECORD, scores={"MAE": 7.0}, results=results(shift=9)))

        again = journal.read_with_results(KEY)

        assert again is not None
        assert again.scores == {"MAE": 7.0}
        assert same(again.results, results(shift=9))
        assert len(arrays_of(journal)) == 5

    def test_a_rerun_that_fails_leaves_no_arrays(self, journal: Journal) -> None:
        journal.write(replace(RECORD, results=results()))
        journal.write(replace(RECORD, status=Status.FAILED))

        assert arrays_of(journal) == []
        again = journal.read_with_results(KEY)
        assert again is not None
        assert again.results is None


class TestActuals:
    @pytest.mark.parametrize(
        "task",
        [TASK, replace(TASK, standardise=True), Task("toy", Generation(5, 4), SeriesSplit(1))],
        ids=["plain", "standardised", "generation"],
    )
    def test_forecasts_are_scored_alike_from_what_is_stored(self, journal: Journal, task: Task) -> None:
        panel = Panel.of([np.sin(np.arange(20)), [0, np.nan, 3, 1, 5, 2, np.nan, 5, 7, 1, 2]], season_length=2)
        actuals = Actuals.of(backtest(task, panel))
        forecast = Forecast.from_normal(actuals.values * 0 + 1.5, np.ones(1), task.quantile_levels)
        forecast = replace(forecast, mean=np.nan_to_num(forecast.mean))

        journal.write_actuals("aa", task, actuals)

        stored = journal.read_actuals("aa", task)
        assert stored is not None
        metrics: tuple[Metric, ...] = METRICS
        expected, again = (score_run(RECORD, truth, forecast, metrics).scores for truth in (actuals, stored))
        np.testing.assert_array_equal(list(again.values()), list(expected.values()))
        assert again.keys() == expected.keys()

    def test_they_are_of_a_task_and_its_data(self, journal: Journal) -> None:
        actuals = Actuals.of(backtest(TASK, Panel.of([range(9)])))

        journal.write_actuals("aa", TASK, actuals)

        assert journal.has_actuals("aa", replace(TASK, name="late"))
        assert not journal.has_actuals("bb", TASK)
        assert not journal.has_actuals("aa", replace(TASK, standardise=True))
        assert journal.read_actuals("bb", TASK) is None

    def test_half_written_ones_are_none(self, journal: Journal) -> None:
        journal.write_actuals("aa", TASK, Actuals.of(backtest(TASK, Panel.of([range(9)]))))
        (record,) = journal.actuals.glob("*/record.json")
        record.write_text('{"schema": 1, "ids', encoding="utf-8")

        assert journal.read_actuals("aa", TASK) is None


class TestHome:
    def test_it_is_made(self, tmp_path: Path) -> None:
        assert prepare_home(tmp_path / "a" / "b") == tmp_path / "a" / "b"
        assert [path for path in (tmp_path / "a" / "b").rglob("*") if path.is_file()] == []

    def test_below_a_file_it_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(HomeUnusable, match=r"cannot be written to \(Not a directory\); name another by --home"):
            prepare_home(tmp_path / "file" / "home")

    def test_a_file_cannot_be_one(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(HomeUnusable, match="cannot be written to"):
            prepare_home(tmp_path / "file")


def test_actuals_written_by_many_at_once_are_whole(tmp_path: Path) -> None:
    """Workers that finish the first cells of a task together all write what came."""
    actuals = Actuals.of(backtest(TASK, Panel.of([np.arange(30.0)] * 2, season_length=3)))
    writers = [threading.Thread(target=Journal(tmp_path).write_actuals, args=("aa", TASK, actuals)) for _ in range(12)]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    found = Journal(tmp_path).read_actuals("aa", TASK)
    assert found is not None
    assert np.array_equal(found.values, actuals.values)
    assert [path.name.startswith(".") for path in (tmp_path / "journal" / "actuals").iterdir()] == [False]


class TestScalesThatAreNotStored:
    """A metric may be on any scale; where it is not stored, it is computed from the data."""

    PANEL = Panel.of([np.arange(30.0) ** 1.5, np.arange(20.0) ** 2], season_length=3)

    @pytest.fixture
    def stored(self, journal: Journal) -> Actuals:
        actuals = Actuals.of(backtest(TASK, self.PANEL))
        journal.write_actuals(self.PANEL.fingerprint(), TASK, actuals)
        found = journal.read_actuals(self.PANEL.fingerprint(), TASK)
        assert found is not None
        return found

    @staticmethod
    def provide(monkeypatch: pytest.MonkeyPatch, *datasets: DatasetSpec) -> None:
        class Plugin:
            @staticmethod
            @hookimpl
            def harness_datasets() -> list[DatasetSpec]:
                return list(datasets)

        catalog = load_catalog({"toys": Plugin})
        monkeypatch.setattr(recomputation, "installed_catalog", lambda: catalog)

    @pytest.mark.parametrize("power", [1, 2, 3, 4])
    def test_they_are_those_of_the_data(self, stored: Actuals, monkeypatch, power: int) -> None:
        self.provide(monkeypatch, DatasetSpec("toy", lambda: self.PANEL))

        expected = Actuals.of(backtest(TASK, self.PANEL)).scale(power)

        np.testing.assert_array_equal(stored.scale(power), expected)
        assert np.isfinite(expected).all()

    def test_without_the_data_they_are_unavailable(self, stored: Actuals, monkeypatch) -> None:
        self.provide(monkeypatch)

        with pytest.raises(DataUnavailable, match=r"task 'toy' needs its data .* no dataset called 'toy'"):
            stored.scale(3)

    def test_with_other_data_they_are_unavailable(self, stored: Actuals, monkeypatch) -> None:
        self.provide(monkeypatch, DatasetSpec("toy", lambda: Panel.of([np.arange(30.0)], season_length=3)))

        with pytest.raises(DataUnavailable, match="dataset 'toy' has changed since; run the board again"):
            stored.scale(3)
