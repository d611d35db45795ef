"""Comparisons: pairs, conditions, verdicts and exit codes."""

from __future__ import annotations

import csv
import io
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from harness import BadInput, Context, LocalForecaster, Metric, Panel, RollingOrigin, Run, Task, hookimpl
from harness.analysis.comparison.conditions import COSTS, Condition, parse_condition
from harness.analysis.comparison.loss_differences import LossDifferences
from harness.analysis.comparison.results import Comparison
from harness.analysis.comparison.results import compare as compare_sources
from harness.analysis.comparison.sources import find_sources
from harness.analysis.ranking.compute import compute_standings
from harness.analysis.statistics.diebold_mariano import diebold_mariano
from harness.arrays import Floats
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import BoardPlan, PlannedCell
from harness.boards.workspace import Workspace
from harness.cli.main import cli
from harness.errors import HarnessError, UnknownName
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell
from harness.plugins.catalog import load_catalog
from harness.report.standings.comparison import comparison_csv, comparison_lines, comparison_tables
from harness.results.board_results import JournalResults
from harness.results.journal import Journal
from harness.results.publication.writing import publish
from harness.tasks.folds import backtest

CATALOG = load_catalog()
MAE = next(metric for metric in METRICS if metric.name == "MAE")
PANEL = Panel.of([np.cumsum(np.random.default_rng(seed).normal(size=60)) for seed in range(12)], season_length=2)
TASK = Task("walks", RollingOrigin(3, windows=4))


@dataclass
class Toy(LocalForecaster):
    """The last value, some luck and an offset; raises where it is told to."""

    off: float = 0.0
    luck: int = 0
    raises: bool = False
    dread: float = math.inf

    def predict_series(self, context: Context) -> Floats:
        if self.raises or context.target[-1, 0] > self.dread:
            raise RuntimeError("no luck")
        rng = np.random.default_rng([self.luck, int(1e6 * abs(context.target[-1, 0]))])
        return context.target[-1] + self.off + 0.5 * rng.normal(size=(context.horizon, 1))


def board(
    home: Path, forecasters: Mapping[str, Toy], *, task: Task = TASK, panel: Panel = PANEL, name: str = "toys"
) -> Path:
    """A board in a home."""
    journal, cells = Journal(home), []
    fingerprint = panel.fingerprint()
    journal.write_actuals(fingerprint, task, Actuals.of(backtest(task, panel)))
    for title, forecaster in forecasters.items():
        cell = Cell(task, title, {"off": forecaster.off, "luck": forecaster.luck})
        key = cell.key(fingerprint, "toys==1")
        done = evaluate(forecaster, task, panel, cell=cell)
        costs = replace(done.costs, fit_seconds=1.0 + forecaster.off)
        journal.write(replace(done, key=key, costs=costs, provenance={"plugin": {"version": "toys==1"}}))
        cells.append(PlannedCell(key, title, task.label, cell, fingerprint))
    entries = tuple(Entry(title) for title in forecasters)
    made = Leaderboard("Toys", "MAE", entries[0].name, (task,), forecasters=entries)
    BoardPlan(name, made, tuple(cells), tuple(forecasters)).save(home)
    return home


def runs(home: Path) -> dict[str, Run]:
    journal = Journal(home)
    found = [journal.read(key) for key in journal.keys()]  # noqa: SIM118
    return {run.cell.forecaster: run for run in found if run is not None}


def compare(
    first: str,
    second: str,
    *conditions: str,
    home: Path = Path("nowhere"),
    strict: bool = False,
    only: Sequence[str] = (),
) -> Comparison:
    pair = find_sources(first, second, Workspace(home, CATALOG))
    parsed = [parse_condition(condition) for condition in conditions]
    return compare_sources(*pair, parsed, (), CATALOG, strict=strict, only=only)


def between(first: Path, second: Path, *conditions: str, strict: bool = False, only: Sequence[str] = ()) -> Comparison:
    return compare(f"toys@{first}", f"toys@{second}", *conditions, strict=strict, only=only)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return board(tmp_path_factory.mktemp("good"), {"base": Toy(), "other": Toy(luck=1)})


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return board(tmp_path_factory.mktemp("bad"), {"base": Toy(), "other": Toy(2.0, luck=1)})


class TestGrammar:
    @given(
        quantity=st.sampled_from([*(metric.name for metric in METRICS), "phase drift", *COSTS]),
        direction=st.sampled_from(["worse", "better", "differs"]),
        percent=st.floats(0, 1e9, allow_nan=False),
        level=st.none() | st.floats(0, 1, exclude_min=True),
    )
    def test_what_is_written_is_read_again(self, quantity, direction, percent, level) -> None:
        condition = Condition(quantity, direction, percent, None if quantity in COSTS else level)

        assert parse_condition(str(condition)) == condition

    @given(st.text(max_size=30))
    def test_any_text_is_a_condition_or_refused(self, text) -> None:
        try:
            condition = parse_condition(text)
        except BadInput as error:
            told = str(error)
        else:
            assert parse_condition(str(condition)) == condition
            return
        assert "an example: 'MASE worse by 2%, p < 0.05'" in told

    @pytest.mark.parametrize(
        ("text", "condition"),
        [
            ("MASE worse by 2%, p < 0.05", Condition("MASE", "worse", 2.0, 0.05)),
            ("  MASE  worse by 2 % ,p<.05", Condition("MASE", "worse", 2.0, 0.05)),
            ("phase drift differs, p < 0.1", Condition("phase drift", "differs", 0.0, 0.1)),
            ("MAE worse", Condition("MAE", "worse")),
            ("peak_memory worse by 50%", Condition("peak_memory", "worse", 50.0)),
        ],
    )
    def test_examples(self, text, condition) -> None:
        assert parse_condition(text) == condition

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("MASE", "expected 'worse', 'better' or 'differs' at its end"),
            ("MASE wors by 2%", "expected 'worse', 'better' or 'differs' at 'wors by 2%' (character 6)"),
            ("worse by 2%", "expected a metric at 'worse by 2%' (character 1)"),
            ("MASE worse by two%", "expected a number at 'two%' (character 15)"),
            ("MASE worse by -2%", "expected a number at '-2%' (character 15)"),
            ("MASE worse by 2", "expected '%' at its end"),
            ("MASE worse by 2%, q < 1", "expected 'p <' at 'q < 1' (character 19)"),
            ("MASE worse by 2%, p < 5", "expected a number from 0 to 1 at '5' (character 23)"),
            ("MASE worse by 2%, p < 0.05 or so", "expected the end at 'or so' (character 28)"),
            ("fit_seconds worse by 2%, p < 0.05", "leave out the p"),
        ],
    )
    def test_errors_name_the_place(self, text, place) -> None:
        with pytest.raises(BadInput) as caught:
            parse_condition(text)

        assert place in str(caught.value)


class TestVerdicts:
    @pytest.mark.parametrize(
        "condition",
        ["MAE worse", "MAE differs", "MASE better", "MAE worse, p < 1", "bias worse", "fit_seconds differs"],
    )
    def test_a_board_is_no_worse_than_itself(self, good, condition) -> None:
        found = between(good, good, condition, strict=True)

        assert not found.failed
        assert {pair.verdict for pair in found.results[0].pairs} == {"identical"}
        assert {pair.difference for pair in found.results[0].pairs} == {0.0}

    def test_a_worse_forecaster_fails(self, good, bad) -> None:
        (judged,) = between(good, bad, "MASE worse by 2%, p < 0.05").results

        assert [(pair.forecaster, pair.verdict) for pair in judged.pairs] == [
            ("base", "identical"),
            ("other", "failed"),
        ]
        assert judged.failed

    def test_a_better_forecaster_does_not(self, good, bad) -> None:
        assert not between(bad, good, "MASE worse by 2%, p < 0.05").failed
        assert between(bad, good, "MASE better by 2%, p < 0.05").failed
        assert between(bad, good, "MASE differs by 2%, p < 0.05").failed

    def test_an_insignificant_difference_does_not_fail_a_condition_with_p(self, tmp_path) -> None:
        homes = [board(tmp_path / str(luck), {"base": Toy(luck=luck)}) for luck in range(2, 5)]
        circle = zip(homes, [*homes[1:], homes[0]], strict=True)

        failed = [
            [result.failed for result in between(*pair, "MAE worse", "MAE worse, p < 0.05").results] for pair in circle
        ]

        assert {by_anything for by_anything, _ in failed} == {True, False}
        assert {tested for _, tested in failed} == {False}

    def test_differences_and_p_values_by_hand(self, good, bad) -> None:
        (judged,) = between(good, bad, "MAE worse, p < 0.05").results

        errors = []
        for home in (good, bad):
            record = runs(home)["other"]
            actuals = Journal(home).read_actuals(PANEL.fingerprint(), record.cell.task)
            results = Journal(home).read_with_results(record.key).results
            errors.append(np.abs(results.forecast.mean - actuals.values).mean(axis=(1, 2)).reshape(-1))
        by_series = [np.array([error[actuals.series == i].mean() for i in range(12)]) for error in errors]
        p_value = diebold_mariano((by_series[1] - by_series[0])[:, None]).p_greater[0]
        line = judged.pairs[1]
        assert line.difference == pytest.approx(100 * (errors[1].mean() / errors[0].mean() - 1))
        assert line.p_value == pytest.approx(p_value)  # the other pair is identical: there is one test

    def test_costs_are_compared_without_p(self, good, bad) -> None:
        found = between(good, bad, "fit_seconds worse by 150%", "fit_seconds worse by 250%")

        assert [result.failed for result in found.results] == [True, False]
        assert [pair.difference for pair in found.results[0].pairs] == pytest.approx([0, 200])

    @pytest.mark.parametrize(
        ("conditions", "start"),
        [
            (["MAE worse, p < 0.05"], "p: one-sided Diebold–Mariano test"),
            (["MAE differs, p < 0.05"], "p: two-sided Diebold–Mariano test"),
            (["MAE differs, p < 0.05", "MSE worse, p < 0.05"], "p: Diebold–Mariano test"),
        ],
    )
    def test_the_sides_of_the_test_are_stated(self, good, bad, conditions, start) -> None:
        lines = comparison_lines(between(good, bad, *conditions))

        assert sum(line.startswith(start) for line in lines) == 1

    def test_differences_of_distances_are_explained(self, good, bad) -> None:
        line = "difference of the bias: that of its absolute value"

        assert line in comparison_lines(between(good, bad, "bias worse"))
        assert line not in comparison_lines(between(good, bad, "MAE worse"))

    def test_times_of_different_machines_are_said_to_be_not_comparable(self, good, bad) -> None:
        kinds = {good: {"processor": "EPYC", "cores": 4}, bad: {"processor": "Xeon", "cores": 64}}
        for home, machine in kinds.items():
            for run in [Journal(home).read_with_results(run.key) for run in runs(home).values()]:
                Journal(home).write(replace(run, provenance={**run.provenance, "machine": {"name": "a", **machine}}))
        line = "times of different machines are not comparable: A ran on EPYC, 4 cores; B ran on Xeon, 64 cores"

        assert line in comparison_lines(between(good, bad, "fit_seconds worse"))
        assert line not in comparison_lines(between(good, bad, "MAE worse"))
        assert line not in comparison_lines(between(good, good, "fit_seconds worse"))

    def test_too_few_units_are_not_testable_and_fail_only_strictly(self, tmp_path) -> None:
        few = PANEL[:3]
        first = board(tmp_path / "a", {"base": Toy(), "other": Toy(luck=1)}, panel=few)
        second = board(tmp_path / "b", {"base": Toy(2.0), "other": Toy(luck=1)}, panel=few)

        found = between(first, second, "MAE worse, p < 0.05")

        assert [pair.verdict for pair in found.results[0].pairs] == ["not testable", "identical"]
        assert "4 cutoffs are too few for a test" in found.results[0].pairs[0].reason
        assert not found.failed
        assert comparison_lines(found)[-1] == "passed; 1 row was not tested or compared, which fails with --strict"
        assert between(first, second, "MAE worse, p < 0.05", strict=True).failed
        assert between(first, second, "MAE worse").failed

    @pytest.mark.parametrize("condition", ["MAE worse by 1000%", "MAE differs, p < 0.01"])
    def test_failures_do_not_pass(self, tmp_path, good, condition) -> None:
        broken = board(tmp_path / "broken", {"base": Toy(), "other": Toy(raises=True)})
        coward = board(tmp_path / "coward", {"base": Toy(), "other": Toy(luck=1, dread=1.0)})

        for home, reason in (
            (broken, "B failed: every window: RuntimeError: no luck"),
            (coward, "windows failed in B"),
        ):
            line = between(good, home, condition).results[0].pairs[1]
            assert line.verdict == "failed"
            assert reason in line.reason

    def test_what_a_failed_in_is_not_compared(self, tmp_path, good) -> None:
        broken = board(tmp_path, {"base": Toy(), "other": Toy(raises=True)})

        found = between(broken, good, "MAE worse")

        assert not found.failed
        assert list(found.unmatched.values()) == [("other on walks",)]
        assert between(broken, good, "MAE worse", strict=True).failed


def loss_differences(values: Floats, reference: float = 1.0, root: bool = False) -> LossDifferences:
    """Those of independent units."""
    return LossDifferences(float(values.mean()), float(stats.sem(values)), len(values) - 1, reference, root)


class TestPower:
    """Rows that are identical take no part in tests, and what a condition could have detected is shown."""

    CONDITION = "MAE worse by 2%, p < 0.05"

    @pytest.fixture(scope="class")
    def many(self, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
        """Two homes in which one forecaster of 25 changed, and one with this forecaster alone."""
        folder = tmp_path_factory.mktemp("many")
        unchanged = {f"unchanged {number}": Toy(luck=number) for number in range(24)}
        first = board(folder / "a", unchanged | {"changed": Toy(luck=51)})
        second = board(folder / "b", unchanged | {"changed": Toy(0.7, luck=51)})
        alone = board(folder / "alone", {"changed": Toy(0.7, luck=51)})
        return first, second, alone

    def test_a_regression_among_identical_rows_is_found(self, many) -> None:
        first, second, alone = many

        among_others = between(first, second, self.CONDITION)

        (found,) = [pair for pair in among_others.results[0].pairs if pair.forecaster == "changed"]
        (by_itself,) = between(first, alone, self.CONDITION).results[0].pairs
        assert 0.05 / 25 < by_itself.p_value < 0.05  # it would not pass a correction for 25 tests
        assert found.p_value == by_itself.p_value
        assert found.verdict == "failed"
        assert among_others.failed
        assert "24 identical rows are not tested" in " ".join(comparison_lines(among_others))

    def test_cells_of_one_key_with_other_results_are_not_identical(self, tmp_path, good) -> None:
        """The results of a cell may differ from machine to machine."""
        home = board(tmp_path, {"base": Toy(), "other": Toy(luck=1)})
        record = runs(home)["other"]
        task, cell = record.cell.task, record.cell
        other = replace(evaluate(Toy(0.001, luck=1), task, PANEL, cell=cell), key=record.key)
        Journal(home).write(replace(other, provenance=record.provenance))

        verdicts = [pair.verdict for pair in between(good, home, "MAE differs").results[0].pairs]

        assert verdicts == ["identical", "failed"]

    def test_only_restricts_the_rows_and_the_correction(self, tmp_path, good) -> None:
        home = board(tmp_path, {"base": Toy(0.4), "other": Toy(0.5, luck=1)})

        both = between(good, home, self.CONDITION).results[0].pairs
        (alone,) = between(good, home, self.CONDITION, only=["other"]).results[0].pairs

        assert alone.forecaster == "other"
        assert both[1].p_value == pytest.approx(2 * alone.p_value)
        assert both[1].detectable > alone.detectable
        assert between(good, home, self.CONDITION, only=["base,other"]).results[0].pairs == both

    def test_only_takes_forecasters_of_boards(self, good) -> None:
        key = runs(good)["base"].key

        with pytest.raises(UnknownName, match="no forecaster on these boards called 'bas'; did you mean 'base'"):
            between(good, good, only=["bas"])
        with pytest.raises(BadInput, match="--only selects forecasters of boards"):
            compare(key, key, home=good, only=["base"])

    @given(
        units=st.integers(8, 60),
        direction=st.sampled_from(["worse", "better", "differs"]),
        percent=st.sampled_from([0.0, 2.0, 30.0]),
        level=st.sampled_from([0.01, 0.05, 0.1]),
        tests=st.integers(1, 30),
        seed=st.integers(0, 1000),
    )
    def test_the_detectable_effect_is_that_of_bloom(self, units, direction, percent, level, tests, seed) -> None:
        values = np.random.default_rng(seed).normal(0.3, 1, units)
        losses = loss_differences(values, 10.0)

        found = losses.detectable(Condition("MAE", direction, percent, level), tests)

        error, freedom = stats.sem(values), units - 1
        tail = level / tests / (2 if direction == "differs" else 1)
        least = max(stats.t.ppf(1 - tail, freedom) * error, percent / 100 * 10)
        assert found == pytest.approx(100 * (least + stats.t.ppf(0.8, freedom) * error) / 10)

    def test_it_is_close_to_the_effect_of_exact_power(self) -> None:
        values = np.random.default_rng(0).normal(size=40)

        found = loss_differences(values).detectable(Condition("MAE", "worse", 0.0, 0.05), 1)

        effect = TTestPower().solve_power(nobs=40, alpha=0.05, power=0.8, alternative="larger")
        assert found == pytest.approx(100 * effect * values.std(ddof=1), rel=0.01)

    def test_four_of_five_such_differences_are_detected(self) -> None:
        rng = np.random.default_rng(1)
        signs = np.tile([-1.0, 1.0], 15)
        size = loss_differences(signs).detectable(Condition("MAE", "worse", 0.0, 0.05), 1) / 100

        draws = rng.normal(size, signs.std(ddof=1), (400, 30))

        found = [loss_differences(draw).p_value("worse") < 0.05 for draw in draws]
        assert np.mean(found) == pytest.approx(0.8, abs=0.05)

    def test_the_effect_on_a_root_is_in_percent_of_the_root(self) -> None:
        values = np.random.default_rng(0).normal(size=30)
        condition = Condition("RMSE", "worse", 0.0, 0.05)

        squared, root = (loss_differences(values, 4.0, root).detectable(condition, 1) for root in (False, True))

        assert root == pytest.approx(100 * (math.sqrt(1 + squared / 100) - 1))

    def test_a_pass_without_power_shows_it(self, tmp_path) -> None:
        homes = [board(tmp_path / str(luck), {"base": Toy(luck=luck)}) for luck in (2, 3)]
        found = min((between(*homes, self.CONDITION), between(*homes[::-1], self.CONDITION)), key=lambda it: it.failed)

        lines = comparison_lines(found)

        (pair,) = found.results[0].pairs
        assert pair.verdict == "passed"
        assert pair.detectable > 2
        size = f"{pair.detectable:.2f} % (base on walks)"
        assert f"MAE worse by 2%, p < 0.05: 1 row was tested; detectable are differences from {size}" in lines
        assert lines[-1] == "passed"


class TestSilentPasses:
    """What could not be judged does not pass without a word."""

    @pytest.mark.filterwarnings("ignore:overflow")
    def test_an_infinite_score_of_b_fails(self, tmp_path, good) -> None:
        home = board(tmp_path, {"base": Toy(), "other": Toy(1e200, luck=1)})

        line = between(good, home, "MSE worse by 2%").results[0].pairs[1]

        assert (line.verdict, line.reason) == ("failed", "MSE of B is not finite")
        assert between(home, good, "MSE worse by 2%").results[0].pairs[1].verdict == "not compared"

    def test_a_condition_that_is_decided_for_no_row_fails(self, tmp_path) -> None:
        few = PANEL[:3]
        homes = [board(tmp_path / str(off), {"base": Toy(off)}, panel=few) for off in (0.0, 2.0)]

        found = between(*homes, "MAE worse, p < 0.05")

        assert found.failed
        assert comparison_lines(found)[-1] == "FAILED: MAE worse, p < 0.05 (no row could be decided)"

    def test_a_negative_score_that_rises_is_worse(self, good, bad) -> None:
        """Such as a negative log-likelihood: relative to the score, and not to its sign."""

        class LogLosses:
            @hookimpl
            def harness_metrics(self) -> list[Metric]:
                return [Metric("log", lambda outcomes: outcomes.absolute_error - 100)]

        catalog = load_catalog({"log-losses": LogLosses()})
        pair = find_sources(f"toys@{good}", f"toys@{bad}", Workspace(Path("nowhere"), catalog))

        found = compare_sources(*pair, [parse_condition("log worse by 0.1%, p < 0.05")], (), catalog)

        (line,) = [line for line in found.results[0].pairs if line.forecaster == "other"]
        assert line.first < line.second < 0
        assert line.difference == pytest.approx(100 * (line.second - line.first) / -line.first)
        assert line.verdict == "failed"
        assert 0 < line.detectable < line.difference

    def test_a_level_is_refused_of_a_metric_that_has_no_losses(self, good) -> None:
        with pytest.raises(BadInput, match="bias has no losses to test; leave out the p, as in 'bias worse by 2%'"):
            between(good, good, "bias worse by 2%, p < 0.05")

    def test_removed_forecasters_are_counted(self, tmp_path, good) -> None:
        home = board(tmp_path, {"base": Toy(0.1, luck=3)})

        lines = comparison_lines(between(good, home, "MAE worse by 900%"))

        assert "not compared, it is only in A: other on walks" in lines
        assert lines[-1] == "passed; 1 row was not tested or compared, which fails with --strict"

    @pytest.mark.parametrize(("condition", "p"), [("MAE worse", ""), ("MAE worse by 2%", ", p < 0.05")])
    def test_identical_rows_do_not_pass_for_rows_without_a_counterpart(self, tmp_path, good, condition, p) -> None:
        home = board(tmp_path / "new", {"base": Toy(), "new": Toy(2.0, luck=1)})

        found = between(good, home, condition + p)

        *_, hint, last = comparison_lines(found)
        assert found.failed
        assert last == (
            f"FAILED: {condition}{p} (nothing was decided: compared rows are identical, others have no counterpart: "
            "other on walks, new on walks)"
        )
        _, _, arguments = hint.partition("harness compare ")
        by_key = compare(*arguments.split(), condition + p)
        assert [pair.forecaster for pair in by_key.results[0].pairs] == ["other → new"]
        assert by_key.failed

    def test_a_forecaster_that_one_side_adds_or_removes_is_counted(self, tmp_path, good) -> None:
        fewer = board(tmp_path, {"base": Toy()})

        for sides in ((good, fewer), (fewer, good)):
            found = between(*sides, "MAE worse")

            assert not found.failed
            assert comparison_lines(found)[-1].endswith("1 row was not tested or compared, which fails with --strict")

    def test_strict_names_the_rows_that_fail(self, tmp_path, good) -> None:
        home = board(tmp_path, {"base": Toy(0.1, luck=3)})

        last = comparison_lines(between(good, home, "MAE worse by 900%", strict=True))[-1]

        assert last == "FAILED: 1 row was not compared, which fails with --strict: other on walks"

    def test_results_compared_with_themselves_are_said_to_be_the_same(self, tmp_path, good) -> None:
        copied = shutil.copytree(good, tmp_path / "copy")

        said = comparison_lines(between(good, good, "MAE worse"))
        shown = comparison_lines(between(good, good))
        equal = comparison_lines(between(good, copied, "MAE worse"))

        sentence = "A and B are the same results; name two different ones, such as BOARD@published and BOARD"
        assert said[-1] == "passed: A and B are the same results"
        assert sentence in said
        assert sentence in shown
        assert equal[-1] == "passed: A and B are identical in all compared rows"


class TestChangedBoards:
    """A board beside the results of `--set`, in which a changed forecaster has another name."""

    CONDITION = "MASE worse by 2%, p < 0.05"

    @pytest.fixture(scope="class")
    def home(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        home = tmp_path_factory.mktemp("changed")
        board(home, {"base": Toy(), "toy": Toy(luck=1), "toy (wide)": Toy(luck=2)})
        changed = {"base": Toy(), "toy (off=2.0)": Toy(2.0, luck=1), "toy (wide)": Toy(luck=2)}
        return board(home, changed, name="toys-changed")

    def test_a_changed_forecaster_is_compared_with_its_original(self, home) -> None:
        found = compare("toys", "toys-changed", self.CONDITION, home=home)

        verdicts = {pair.forecaster: pair.verdict for pair in found.results[0].pairs}
        assert verdicts == {"base": "identical", "toy → toy (off=2.0)": "failed", "toy (wide)": "identical"}
        assert not found.unmatched

    def test_so_it_is_the_other_way_round(self, home) -> None:
        found = compare("toys-changed", "toys", "MASE better by 2%, p < 0.05", home=home)

        assert [pair.verdict for pair in found.results[0].pairs] == ["identical", "failed", "identical"]
        assert not found.unmatched

    @pytest.mark.parametrize("name", ["toy", "toy (off=2.0)"])
    def test_only_takes_either_name(self, home, name) -> None:
        found = compare("toys", "toys-changed", self.CONDITION, home=home, only=[name])

        assert [pair.forecaster for pair in found.results[0].pairs] == ["toy → toy (off=2.0)"]
        assert not found.unmatched

    def test_two_changed_forecasters_are_told_apart(self, tmp_path) -> None:
        board(tmp_path, {"toy": Toy(), "toy (wide)": Toy(luck=2)})
        changed = {"toy (off=2.0)": Toy(2.0), "toy (wide) (off=3.0)": Toy(3.0, luck=2)}
        board(tmp_path, changed, name="toys-changed")

        found = compare("toys", "toys-changed", self.CONDITION, home=tmp_path)

        pairs = [pair.forecaster for pair in found.results[0].pairs]
        assert pairs == ["toy → toy (off=2.0)", "toy (wide) → toy (wide) (off=3.0)"]

    def test_other_boards_are_matched_by_name_only(self, home) -> None:
        other = board(home.parent / "unrelated", {"base": Toy(), "toy (off=2.0)": Toy(2.0, luck=1)})

        found = compare("toys", f"toys@{other}", home=home)

        assert "toy on walks" in found.unmatched["it is only in A"]


class TestPairing:
    def test_what_only_one_has_is_listed(self, tmp_path, good) -> None:
        home = board(tmp_path, {"base": Toy(), "new": Toy()})

        found = between(good, home)

        assert found.unmatched == {"it is only in A": ("other on walks",), "it is only in B": ("new on walks",)}
        assert [pair.forecaster for pair in found.results[0].pairs] == ["base"]

    @pytest.mark.parametrize(
        ("task", "panel", "reason"),
        [
            (replace(TASK, protocol=RollingOrigin(4, windows=4)), PANEL, "the tasks differ"),
            (TASK, PANEL[:11], "the data differ"),
        ],
        ids=["task", "data"],
    )
    def test_boards_that_share_nothing_are_refused(self, tmp_path, good, task, panel, reason) -> None:
        home = board(tmp_path, {"base": Toy()}, task=task, panel=panel)

        with pytest.raises(BadInput, match=f"cannot be compared: base on walks: {reason}"):
            between(good, home)

    def test_runs_of_two_forecasters(self, good) -> None:
        first, second = (runs(good)[name].key[:8] for name in ("base", "other"))

        found = compare(first, f"{second}@{good}", "MAE worse by 1%", home=good)

        assert [pair.forecaster for pair in found.results[0].pairs] == ["base → other"]

    def test_a_run_that_is_in_no_plan_is_found_by_its_key(self, tmp_path, good) -> None:
        home = board(tmp_path, {"base": Toy(), "other": Toy(luck=1), "third": Toy(1.0)})
        board(home, {"base": Toy()})  # the plan has one cell now

        found = compare(f"{runs(good)['base'].key}@{good}", f"{runs(home)['third'].key}@{home}", "MAE worse")

        assert found.failed

    def test_published_results_are_as_good_as_a_home(self, tmp_path, good, bad) -> None:
        results = JournalResults(
            find_sources(f"toys@{good}", f"toys@{good}", Workspace(good, CATALOG))[0].results.plan, Journal(good)
        )
        publish(results, [MAE], compute_standings(results, MAE), "# Toys\n", tmp_path)

        conditions = ("MAE worse by 2%, p < 0.05", "MASE worse by 2%, p < 0.05")
        home, told = between(good, bad, *conditions), between(tmp_path, bad, *conditions)

        assert comparison_csv(replace(told, results=told.results[:1])) == comparison_csv(
            replace(home, results=home.results[:1])
        )
        assert [pair.verdict for pair in told.results[1].pairs] == [
            "identical",
            "not testable",
        ]  # only MAE was published
        key = runs(good)["base"].key
        assert not compare(f"{key}@{tmp_path}", f"{key}@{good}", "MAE differs").failed

    @pytest.mark.parametrize(
        ("first", "second", "told"),
        [
            ("toys", "{key}", "is a run and 'toys' a board"),
            ("toyz", "toys", "no board called 'toyz'"),
            ("naive", "mean", "'naive' is a forecaster and not a board; two forecasters are compared on one task"),
            ("toys", "toys@nowhere", "'nowhere' is neither a home folder nor one of published results"),
            ("{key}", "ab", "at least 6 digits"),
            ("{key}", "abcdef", "no run in .* has a key that begins with abcdef"),
            ("{key}", "{key}@", "neither KEY@HOME nor BOARD@PLACE"),
        ],
    )
    def test_what_names_nothing_is_refused(self, good, first, second, told) -> None:
        key = runs(good)["base"].key

        with pytest.raises(BadInput, match=told):
            compare(first.format(key=key), second.format(key=key), home=good)


class TestReport:
    def test_the_table_fits_a_hundred_columns(self, good, tmp_path) -> None:
        from rich.console import Console

        home = board(tmp_path, {"base": Toy(), "other": Toy(200.0, luck=1)})
        console = Console(width=200, record=True, file=io.StringIO())

        for found in (between(good, home), between(good, home, "MAE worse by 2%, p < 0.05")):
            for table in comparison_tables(found):
                console.print(table)

        text = console.export_text()
        assert "FAILED" in text
        assert "fails if MAE worse by 2%, p < 0.05" in text
        assert max(map(len, map(str.rstrip, text.splitlines()))) <= 100

    def test_the_last_line_says_which_condition_failed(self, good, bad) -> None:
        lines = comparison_lines(between(good, bad, "MAE worse by 2%", "MAE worse by 900%"))

        assert lines[-1] == "FAILED: MAE worse by 2%"
        assert comparison_lines(between(bad, good, "MAE worse"))[-1] == "passed"
        same = comparison_lines(between(good, good, "MAE worse"))
        assert same[-1] == "passed: A and B are the same results"

    def test_csv_has_a_row_a_condition_and_place(self, good, bad) -> None:
        rows = list(csv.DictReader(comparison_csv(between(good, bad, "MAE worse by 2%", "bias differs")).splitlines()))

        assert [row["condition"] for row in rows] == ["MAE worse by 2%"] * 2 + ["bias differs"] * 2
        assert [row["verdict"] for row in rows] == ["identical", "failed", "identical", "failed"]


class TestCommand:
    @staticmethod
    def said(*arguments: str | Path) -> tuple[int, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}
        done = subprocess.run(
            [sys.executable, "-m", "harness", "compare", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**kept, "COLUMNS": "100"},
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def test_exit_codes(self, good, bad) -> None:
        condition = "MASE worse by 2%, p < 0.05"

        passed, _ = self.said("toys", f"toys@{good}", "--home", good, "--fail-if", condition)
        failed, text = self.said("toys", f"toys@{bad}", "--home", good, "--fail-if", condition)
        refused, sentence = self.said("toys", f"toys@{bad}", "--home", good, "--fail-if", "MASE worse by much")
        shown, _ = self.said("toys", f"toys@{bad}", "--home", good)

        assert (passed, failed, refused, shown) == (0, 1, 2, 0)
        assert "FAILED: MASE worse by 2%, p < 0.05" in text
        assert sentence.startswith("error: condition 'MASE worse by much': expected a number at 'much'")
        assert "Traceback" not in text + sentence

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (["--strict"], "--strict needs a condition"),
            (["--fail-if", "MAE worse", "--metric", "MAE"], "--metric shows metrics without --fail-if"),
            (["--only", "bas"], "no forecaster on these boards called 'bas'; did you mean 'base'?"),
        ],
    )
    def test_options_without_effect_are_refused(self, good, options, sentence) -> None:
        done = CliRunner().invoke(cli, ["compare", "toys", "toys", "--home", str(good), *options])

        assert isinstance(done.exception, HarnessError)  # which is printed as one line, with exit code 2
        assert sentence in str(done.exception)
