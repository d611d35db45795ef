"""The page of a board: one file that loads nothing, whatever its names are."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness import Actuals, Generation, Journal, RollingOrigin, Run, SeriesSplit, Status, StoredCell, StoredPlan, Task
from harness.analysis.ranking.compute import compute_standings
from harness.boards.board_files import store_file
from harness.cli.main import cli
from harness.data.panel import Panel
from harness.data.panel_store import store_panel
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.run import Cell
from harness.plugins.catalog import load_catalog
from harness.report.numbers import duration, error, number, with_minus_sign
from harness.report.page.details import find_details
from harness.report.page.examples import Example, Examples, Lines, find_examples
from harness.report.page.lines import Limit, thin
from harness.report.page.render import _templates, page
from harness.report.text import LAYOUT, visible
from harness.results.board_results import JournalResults
from harness.results.costs import BenchCosts
from harness.results.standings import RankTest, Row, Significance, Standings
from harness.tasks.folds import backtest

NAN = float("nan")
NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</script><b>bold</b>",
    "</style>&lt;&amp;",
    "two\u2028lines\u2029here",
    "\u202eright to left\u202c \u05d0\u05d1",
    "half of a pair \ud800",
    "nothing\0",
    "\x1b[31mred\x1b[0m\r\x9b1m",
    "",
    "'`${alert(3)}`'",
)


def row(forecaster: str, rank: int, tasks: tuple[str, ...], **changes: Any) -> Row:
    """A forecaster whose skill falls with its rank."""
    skill = 0.5 - rank / 20
    made = Row(
        forecaster=forecaster,
        rank=rank,
        skill=skill,
        relative_error=1 - skill,
        win_rate=0.6,
        mean_rank=float(rank),
        median_relative_error=1 - skill,
        intervals={"skill": (skill - 0.1, skill + 0.08), "win_rate": (0.4, 0.7)},
        mcs_p_value=0.5 if rank < 3 else 0.01,
        tied_for_first=rank < 3,
        seeds=1,
        skill_std=NAN,
        close_to_next=False,
        scores={task: 0.7 + rank / 20 + place / 10 for place, task in enumerate(tasks)},
        score_stds={},
        metrics={},
        fit_seconds=0.3 * rank,
        predict_seconds=0.05 / rank,
        windows=20,
        completed=len(tasks),
        missing={},
        failed_windows=0,
    )
    return replace(made, **changes)


def board(forecasters: tuple[str, ...], tasks: tuple[str, ...], **changes: Any) -> Standings:
    """Standings of so many forecasters and tasks, with all that can be known of them."""
    count, rng = len(forecasters), np.random.default_rng(1)
    skills = rng.normal(0, 0.3, (count, count))
    pairs = {task: tuple(rng.random(count * (count - 1) // 2)) for task in tasks}
    ranks = {name: 1.0 + place for place, name in enumerate(forecasters)}
    found = Significance(
        "windows in blocks",
        40,
        1000,
        0.95,
        forecasters,
        matrix(rng.random((count, count))),
        matrix(skills),
        matrix(skills - 0.1),
        matrix(skills + 0.1),
        pairs,
        RankTest(31.2, 0.0001, 40, 2.4, ranks, (forecasters[: count // 2 + 1],)),
    )
    made = Standings(
        board="invented",
        title="An invented board",
        metric="MASE",
        baseline=forecasters[-1] if forecasters else "",
        tasks=tasks,
        rows=tuple(row(name, rank, tasks) for rank, name in enumerate(forecasters, start=1)),
        description="Made for a test.",
        significance=found,
        finished="2026-01-02T03:04:05+00:00",
        machines=("a machine",),
    )
    return replace(made, **changes)


def matrix(values: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(value) for value in values.tolist())


def shown(standings: Standings, horizon: int, past: int) -> Examples:
    """Examples of every cell: two windows with random lines."""
    rng = np.random.default_rng(2)

    def line(steps: int) -> tuple[float, ...]:
        return tuple(rng.normal(0, 100, steps).tolist())

    def example(number: int) -> Example:
        lines = Lines("y", line(past), line(horizon), line(horizon), line(horizon), line(horizon))
        return Example(f"series {number}", 100 + number, "2020-01-01", 0.5, (lines,), (0.1, 0.9))

    names = [row.forecaster for row in standings.rows]
    steps = {task: {name: line(horizon) for name in names} for task in standings.tasks}
    windows = {
        task: {name: (example(2 * place), example(2 * place + 1)) for place, name in enumerate(names)}
        for task in standings.tasks
    }
    return Examples("MASE", "MASE", steps, windows)


class Reader(HTMLParser):
    """Tags, attributes and texts as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def numbered(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind}-{number}" for number in range(count))


def data_of(text: str) -> Any:
    """The JSON that lies in a page."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(found)


def elements_of(text: str) -> list[str]:
    return sorted({tag for tag, _ in Reader(text).tags} - {"wbr"})  # between the words of some names


class TestSafety:
    def test_only_its_own_style_and_scripts_are_in_force(self) -> None:
        text = page(board(numbered("f", 3), ("a", "b")))

        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
        said = dict(part.strip().partition(" ")[::2] for part in html.unescape(policy).split(";"))
        styles = [hashed(source) for source in re.findall(r"<style>(.*?)</style>", text, re.S)]
        scripts = [hashed(source) for source in re.findall(r"<script>(.*?)</script>", text, re.S)]

        assert said["default-src"] == "'none'"
        assert said["style-src"].split() == styles
        assert said["script-src"].split() == scripts
        assert set(said) == {
            "default-src",
            "style-src",
            "script-src",
            "base-uri",
            "form-action",
            "require-trusted-types-for",
            "trusted-types",
        }

    def test_nothing_is_loaded(self) -> None:
        standings = board(numbered("f", 3), ("a", "b"))

        text = page(standings, shown(standings, 12, 24))

        found = Reader(text).tags
        assert {"link", "img", "iframe", "object", "embed", "base", "form"}.isdisjoint(tag for tag, _ in found)
        assert [one for _, one in found if "src" in one or "style" in one or any(key[:2] == "on" for key in one)] == []
        assert all(one["href"].startswith("#") for tag, one in found if one.get("href"))
        assert re.findall(r"url\(|@import|fetch\(|XMLHttpRequest|innerHTML|outerHTML|insertAdjacent|eval\(", text) == []
        assert set(re.findall(r"https?://[^'\"\s<]*", text)) == {"http://www.w3.org/2000/svg"}  # a name of XML

    @pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
    def test_names_are_texts(self, name: str) -> None:
        plain, nasty = (
            board(
                (each, f"{each} again"), (each,), board=each, title=each, metric=each, description=each, notes=(each,)
            )
            for each in ("plain", name)
        )
        nasty = replace(nasty, unavailable={name: name}, machines=(name,))
        nasty = replace(nasty, rows=tuple(replace(row, missing={"failed": 1}, reasons=(name,)) for row in nasty.rows))
        plain = replace(plain, unavailable={"plain": "plain"})
        plain = replace(plain, rows=tuple(replace(row, missing={"failed": 1}, reasons=("x",)) for row in plain.rows))

        text = page(nasty, shown(nasty, 5, 5))

        assert elements_of(text) == elements_of(page(plain, shown(plain, 5, 5)))
        assert len(re.findall("</script", text)) == len(re.findall("<script", text))
        assert data_of(text)["rows"][0]["name"] == visible(name, keep=LAYOUT)

    @given(st.text())
    def test_any_name_comes_back(self, name: str) -> None:
        text = page(board((name, f"{name}2"), ("t",)))

        assert data_of(text)["rows"][0]["name"] == visible(name, keep=LAYOUT)
        assert elements_of(text) == elements_of(page(board(("a", "b"), ("t",))))
        assert text.encode().decode() == text

    def test_json_has_no_letter_that_ends_it(self) -> None:
        name = "</script><!-- & ' \u2028\u2029 \0 \ud800"

        text = page(board((name, "b"), ("t",)))

        (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
        assert not set("<>&'\u2028\u2029\0\ufffd").intersection(found)
        assert json.loads(found)["rows"][0]["name"] == visible(name, keep=LAYOUT)


class TestSize:
    @pytest.mark.parametrize(("horizon", "past"), [(48, 96), (900, 0)], ids=["48", "900"])
    def test_twenty_by_twenty_is_small(self, horizon: int, past: int) -> None:
        standings = board(numbered("forecaster", 20), numbered("task", 20))

        text = page(standings, shown(standings, horizon, past))

        assert len(text.encode()) < 6_000_000
        assert len(data_of(text)["examples"]["windows"][19]) == 20

    def test_a_hundred_by_a_hundred_keeps_the_windows_of_the_best(self) -> None:
        standings = board(numbered("forecaster", 100), numbered("task", 100))

        text = page(standings, shown(standings, 24, 24))

        found = data_of(text)["examples"]
        assert len(text.encode()) < 16_000_000
        assert sorted(map(int, found["windows"][0])) == [*range(20), 99]  # 2000 cells, and the baseline
        assert found["shown"] == 21


class TestLines:
    def test_a_short_line_is_whole(self) -> None:
        assert Limit(150).line((1.0, 2.5, NAN)) == {"e": -4, "n": 3, "y": [10000, 25000, None]}

    def test_small_values_of_a_curve_keep_their_digits(self) -> None:
        assert Limit(150).curve((1.234567e-9, 1e3, math.inf)) == {"e": 0, "n": 3, "y": [1.2346e-9, 1000.0, None]}

    def test_a_long_line_keeps_its_ends_and_its_spikes(self) -> None:
        line = np.sin(np.arange(900) / 10)
        line[333], line[777] = 50, -50

        kept = thin(line, 150)

        assert len(kept) <= 150
        assert {0, 333, 777, 899} <= set(kept.tolist())

    def test_what_is_unknown_stays_unknown(self) -> None:
        line = np.full(900, NAN)

        assert np.isnan(line[thin(line, 100)]).all()

    def test_steps_come_back_from_their_differences(self) -> None:
        line = np.random.default_rng(0).normal(size=500)

        found = Limit(60).line(line.tolist())

        steps = np.cumsum(found["x"])
        assert np.allclose(np.array(found["y"]) * 10.0 ** found["e"], line[steps], atol=1e-4)

    @pytest.mark.parametrize("value", [0.0, 1e-310, 1e308, -1e308])
    def test_any_size_is_written(self, value: float) -> None:
        found = Limit(150).line((value, value))

        assert found["y"][0] * 10.0 ** found["e"] == pytest.approx(value, rel=1e-4, abs=1e-300)


class TestStandings:
    def test_marks_and_their_legend(self) -> None:
        standings = board(("a", "b", "c"), ("t",))
        rows = (
            standings.rows[0],
            replace(standings.rows[1], close_to_next=True, skill_std=0.02, training_overlap=("t",)),
        )

        text = page(replace(standings, rows=(*rows, standings.rows[2])))

        assert [text.count(words) for words in ("tied for first</span>", "training overlap</span>")] == [
            2,
            1,
        ]
        assert "within the standard deviation over seeds, and may be chance" in text

    def test_who_is_first_is_said(self) -> None:
        text = " ".join("".join(Reader(page(board(("a", "b", "c"), ("t",)))).texts).split())

        said = "a ranks first with a skill of 0.450 [0.35, 0.53]; 1 other is not significantly worse"
        assert f"{said} (model confidence set)." in text

    def test_the_headline_has_no_blank_where_an_interval_is_unknown(self) -> None:
        standings = board(("a", "b", "c"), ("t",), logarithmic=True)
        first = replace(standings.rows[0], relative_error=1e-20, skill=1.0, intervals={"skill": (1.0, 1.0)})

        text = " ".join("".join(Reader(page(replace(standings, rows=(first, *standings.rows[1:])))).texts).split())

        assert "a log10 relative error of −20.00; 1 other" in text

    def test_reasons_can_be_unfolded(self) -> None:
        standings = board(("a", "b"), ("t",))
        lost = replace(
            standings.rows[1], missing={"failed": 1}, failed_windows=2, reasons=("t: ValueError: too short",)
        )

        text = page(replace(standings, rows=(standings.rows[0], lost))).replace("<wbr>", "")

        assert "<summary>1 failed, 2 windows</summary><ul><li><bdi>t: ValueError: too short</bdi></li></ul>" in text

    def test_tasks_may_be_called_like_other_columns(self) -> None:
        tasks = ("rank", "forecaster", "skill", "skill_std", "failed_results")
        made = board(("a", "b"), tasks)

        text = page(replace(made, rows=tuple(replace(row, failed_windows=3) for row in made.rows)))

        cells = re.findall(
            r'<td class="number task" data-value="(.*?)"><span class="value( best)?">(.*?)</span></td>', text
        )
        assert [value for value, _, _ in cells] == [f"{row.scores[task]:.8g}" for row in made.rows for task in tasks]
        assert [bool(best) for _, best, _ in cells] == [True] * 5 + [False] * 5

    def test_failed_cells_sort_before_failed_windows(self) -> None:
        made = board(("a", "b"), ("t",))
        rows = (replace(made.rows[0], failed_windows=2), replace(made.rows[1], missing={"failed": 1}))

        text = page(replace(made, rows=rows))

        assert re.findall(r'<td class="failed" data-value="(.*?)">', text) == ["2e-06", "1"]

    def test_logarithmic_errors(self) -> None:
        standings = board(("a",), ("t",), logarithmic=True)

        text = page(replace(standings, rows=(replace(standings.rows[0], scores={"t": 1e-4}),)))

        assert ">−4.00<" in text
        assert "as log10" in text

    def test_log10_relative_errors_of_pairs_are_antisymmetric(self) -> None:
        logs = np.array([-19.72, -9.61, -0.3, 0.0])
        errors = logs[:, None] - logs[None, :]
        skills, lows, highs = (np.round(1 - 10 ** (errors + side), 6) for side in (0.0, 0.2, -0.2))
        standings = board(("a", "b", "c", "d"), ("t",), logarithmic=True)
        assert standings.significance is not None
        found = replace(
            standings.significance, skills=matrix(skills), skill_lows=matrix(lows), skill_highs=matrix(highs)
        )

        shown = data_of(page(replace(standings, significance=found)))["significance"]

        pairs, low, high = (np.array(shown[name], dtype=float) for name in ("pairs", "lows", "highs"))
        np.testing.assert_array_equal(pairs, -pairs.T)
        np.testing.assert_array_equal(low, -high.T)
        np.testing.assert_allclose(pairs, errors, rtol=1e-3)
        np.testing.assert_allclose(low, errors - 0.2, rtol=1e-3)
        np.testing.assert_allclose(high, errors + 0.2, rtol=1e-3)

    def test_errors_below_rounding_are_equally_the_lowest(self) -> None:
        standings = board(("a", "b", "c"), ("t",), logarithmic=True, rounding={"t": 1e-10})
        errors = (3e-22, 1e-22, 1e-3)
        rows = tuple(replace(one, scores={"t": value}) for one, value in zip(standings.rows, errors, strict=True))

        text = page(replace(standings, rows=rows))

        assert re.findall(r'<span class="value best">(.*?)</span>', text) == ["−21.52", "−22.00"]
        assert "Errors below 10⁻¹⁰ of the largest actual are rounding" in text
        assert "are rounding" not in page(board(("a", "b"), ("t",)))

    def test_the_two_kinds_of_mean_ranks_are_told_apart(self) -> None:
        text = page(board(("a", "b", "c"), ("t",)))

        assert "<bdi>Mean\N{NO-BREAK SPACE}rank over\N{NO-BREAK SPACE}tasks</bdi>" in text
        assert "Mean ranks over blocks and critical difference" in text

    @pytest.mark.parametrize(("statistic", "shown"), [(31.24, "31.2"), (11530.1, "11,530"), (1e7, "10,000,000")])
    def test_the_statistic_of_the_rank_test_is_written_out(self, statistic: float, shown: str) -> None:
        standings = board(("a", "b"), ("t",))
        assert standings.significance is not None
        assert standings.significance.rank_test is not None
        test = replace(standings.significance.rank_test, statistic=statistic)

        text = page(replace(standings, significance=replace(standings.significance, rank_test=test)))

        assert f"χ² = {shown}," in text

    @pytest.mark.parametrize("best", ["zero", "nominal"])
    def test_the_lowest_is_not_the_best_of_every_metric(self, best: Any) -> None:
        standings = board(("a", "b"), ("t",))

        assert 'class="value best"' in page(standings)
        assert 'class="value best"' not in page(replace(standings, best=best))

    def test_standings_stored_without_the_field_are_of_a_metric_whose_lowest_is_best(self) -> None:
        stored = {name: value for name, value in board(("a", "b"), ("t",)).to_json().items() if name != "best"}

        assert Standings.from_json(stored).best == "lowest"


class TestLittle:
    """Boards of which little is known."""

    @pytest.mark.parametrize("forecasters", [(), ("alone",), ("a", "b")], ids=len)
    @pytest.mark.parametrize("tasks", [(), ("t",)], ids=len)
    def test_few_forecasters_and_tasks(self, forecasters: tuple[str, ...], tasks: tuple[str, ...]) -> None:
        standings = replace(board(forecasters, tasks), significance=None)

        for found in (None, Examples("MASE", "MASE"), shown(standings, 3, 0)):
            data_of(page(standings, found))

    def test_nothing_is_a_number(self) -> None:
        standings = board(("a", "b", "c"), ("t",))
        measured = ("skill", "relative_error", "win_rate", "mean_rank", "median_relative_error", "mcs_p_value")
        nothing: dict[str, Any] = dict.fromkeys(measured, NAN)
        rows = tuple(replace(row, **nothing, intervals={}, scores={"t": NAN}, windows=0) for row in standings.rows)
        empty = tuple((NAN,) * 3 for _ in range(3))
        assert standings.significance is not None
        unknown = replace(
            standings.significance,
            win_rates=empty,
            skills=empty,
            skill_lows=empty,
            skill_highs=empty,
            p_values={"t": (NAN,) * 3},
            rank_test=RankTest(NAN, NAN, 0, NAN, {"a": NAN}, ()),
        )

        text = page(replace(standings, rows=rows, significance=unknown))

        assert data_of(text)["significance"]["pairs"] == [[None] * 3] * 3
        assert "nan" not in re.sub(r"<(script|style).*?</\1>", "", text, flags=re.S).lower()

    def test_without_a_journal_it_says_so(self) -> None:
        text = page(board(("a", "b"), ("t",)))

        assert text.count("No forecasts available") == 2

    def test_without_significance_it_says_so(self) -> None:
        text = page(replace(board(("a", "b"), ("t",)), significance=None))

        assert "No pairwise comparisons" in text
        assert "No rank test" in text
        assert "No intervals: nothing could be resampled." in text


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "said"),
        [
            (0.0, "0 s"),
            (3.2e-7, "0.3 µs"),
            (1.6e-4, "160 µs"),
            (0.0123, "12 ms"),
            (2.34, "2.3 s"),
            (90, "1.5 min"),
            (7200, "2.0 h"),
            (NAN, "–"),
        ],
    )
    def test_seconds_have_a_unit(self, value: float, said: str) -> None:
        assert duration(value) == said

    def test_minus_signs_are_true_and_never_before_zero(self) -> None:
        assert [number(-0.5, 2), number(-0.001, 2), with_minus_sign(error(-1e-5))] == ["−0.50", "0.00", "−1.00e−5"]


class TestExamples:
    @pytest.fixture
    def home(self, tmp_path: Path) -> tuple[Path, StoredPlan]:
        """A journal with a rolling task and a generation, each forecast by two forecasters."""
        rng = np.random.default_rng(0)
        rolling = Task("", RollingOrigin(horizon=4, windows=5, stride=2), quantile_levels=(0.1, 0.5, 0.9), name="roll")
        free = Task("", Generation(warm_up=10, horizon=30), split=SeriesSplit(2, 0, 3), name="free")
        panels = {"roll": Panel.of(rng.normal(size=(2, 60))), "free": Panel.of(rng.normal(size=(5, 40)))}
        catalog, journal, cells = load_catalog(), Journal(tmp_path), []
        for task in (rolling, free):
            journal.write_actuals("data", task, Actuals.of(backtest(task, panels[task.label])))
            for name in ("naive", "mean"):
                cell = Cell(task, name)
                made = evaluate(catalog.forecasters[name].spec.make({}), task, panels[task.label], cell=cell)
                journal.write(replace(made, key=f"{task.label}-{name}"))
                cells.append(StoredCell(f"{task.label}-{name}", name, task.label, "data"))
        return tmp_path, StoredPlan("toy", "Toy", "", "MASE", "naive", tuple(cells))

    def test_the_best_and_the_worst_window_are_found(self, home: tuple[Path, StoredPlan]) -> None:
        folder, stored = home
        journal = Journal(folder)

        found = find_examples(stored, journal, mase())

        run = journal.read_with_results("roll-naive")
        assert run is not None
        assert run.results is not None
        summed = run.results.terms["MASE"]
        losses = (summed.numerators / summed.denominators)[:, 0]
        best, worst = found.examples["roll"]["naive"]
        assert [best.loss, worst.loss] == pytest.approx([losses.min(), losses.max()])
        assert best.cutoff == run.results.cutoffs[losses.argmin()]
        assert best.lines[0].mean == tuple(run.results.forecast.mean[losses.argmin(), :, 0])
        assert best.levels == (0.1, 0.9)
        assert len(found.by_step["roll"]["naive"]) == 4
        assert len(found.by_step["free"]["mean"]) == 30

    def test_the_past_is_what_other_windows_show(self, home: tuple[Path, StoredPlan]) -> None:
        folder, stored = home
        journal = Journal(folder)
        run = journal.read("roll-naive")
        assert run is not None
        truth = journal.read_actuals("data", run.cell.task)
        assert truth is not None

        found = find_examples(stored, journal, mase())

        known = {
            (truth.ids[series], cutoff + step): value
            for series, cutoff, values in zip(truth.series, truth.cutoffs, truth.values[..., 0], strict=True)
            for step, value in enumerate(values)
        }
        for example in (example for examples in found.examples["roll"].values() for example in examples):
            past = example.lines[0].past
            assert len(past) <= 8
            for place, value in enumerate(past):
                assert value == known[example.series, example.cutoff - len(past) + place]

    def test_the_given_steps_of_a_generated_wave_are_shown(self, home: tuple[Path, StoredPlan]) -> None:
        folder, stored = home
        panel = Panel.of(np.random.default_rng(3).normal(size=(5, 40)))
        store_panel(panel, folder)
        cells = tuple(replace(cell, fingerprint=panel.fingerprint()) for cell in stored.cells if cell.task == "free")
        task = Journal(folder).read(cells[0].key).cell.task  # type: ignore[union-attr]
        Journal(folder).write_actuals(panel.fingerprint(), task, Actuals.of(backtest(task, panel)))

        found = find_examples(replace(stored, cells=cells), Journal(folder), mase())

        for example in found.examples["free"]["naive"]:
            series = panel.positions[example.series]
            assert example.lines[0].past == tuple(panel.values[40 * series : 40 * series + 10, 0])

    def test_details_of_cells_are_found_and_shown(self, home: tuple[Path, StoredPlan]) -> None:
        folder, stored = home
        journal, rich = Journal(folder), '<b>"</b>'
        run = journal.read("roll-mean")
        assert run is not None
        costs = replace(run.costs, parameters=12345)
        layers = (harness.Layer(rich, "Linear", (None, 7), 12345),)
        norms = {"hidden state": (1, 0.25)}
        changed = {
            "notes": (rich,),
            "hyperparameters": {rich: rich},
            "curves": {"loss": (3, 1)},
            "gradient_norms": norms,
        }
        environment = {"name": "sf", "requirements": ["statsforecast"], "lock": ["statsforecast==2.1.1"]}
        provenance = {**run.provenance, "environment": environment}
        trained = replace(run, key="trained", costs=costs, model_summary=layers, provenance=provenance, **changed)
        journal.write(trained)
        journal.write(Run(run.cell, Status.TIMED_OUT, "late", "it took too long"))
        cells = (StoredCell("trained", "net", "roll", "data"), StoredCell("late", "net", "free", "data"))
        standings = board(("net", "b"), ("roll", "free"))

        (found,) = find_details(replace(stored, cells=cells), journal, "MASE", ["net", "b"])
        text = page(standings, None, [found])

        assert (found.completed, found.parameters) == (1, (12345,))
        for part in ("12,345 parameters", "timed out", "it took too long", "trained", "&lt;b&gt;", "(None, 7)"):
            assert part in text
        assert re.search("Software of <bdi>roll</bdi>: <bdi>environment sf, .*statsforecast 2.1.1", text)
        assert rich not in text
        (curve,) = data_of(text)["training"]
        assert (curve["name"], curve["task"], curve["curves"]["loss"]["y"]) == ("net", 0, [3, 1])
        (norms,) = data_of(text)["gradients"]
        assert (norms["name"], norms["curves"]["hidden state"]["y"]) == ("net", [1, 0.25])
        assert "Gradient norms" in text
        assert "Gradient norms" not in re.sub("<script.*?</script>", "", page(standings, None, []), flags=re.DOTALL)

    def test_cells_of_a_forecaster_beyond_the_limit_are_not_read(
        self, home: tuple[Path, StoredPlan], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, stored = home
        monkeypatch.setattr("harness.report.page.details.MOST_CELLS", 0)
        read: list[str] = []
        monkeypatch.setattr(Journal, "read", lambda journal, key: read.append(key))

        assert find_details(stored, Journal(folder), "MASE", stored.forecasters) == []
        assert read == []

    def test_a_damaged_cell_is_left_out(self, home: tuple[Path, StoredPlan]) -> None:
        folder, stored = home
        for file in (folder / "journal" / "cells" / "roll-mean").glob("*-mean.npy"):
            file.unlink()
        (folder / "journal" / "cells" / "free-mean" / "record.json").write_text("{", encoding="utf-8")
        gone = replace(stored, cells=(*stored.cells, StoredCell("gone", "gone", "roll", "data")))

        found = find_examples(gone, Journal(folder), mase())

        assert list(found.examples["roll"]) == ["naive"]
        assert list(found.by_step["free"]) == ["naive"]

    def test_a_cell_without_its_actuals_is_left_out(self, home: tuple[Path, StoredPlan]) -> None:
        folder, stored = home
        for file in (folder / "journal" / "actuals").glob("*/*.npy"):
            file.write_bytes(b"no array")

        found = find_examples(stored, Journal(folder), mase())

        assert found.by_step == {}
        assert not any(found.examples.values())

    def test_a_failed_cell_is_left_out(self, home: tuple[Path, StoredPlan]) -> None:
        folder, stored = home
        run = Journal(folder).read("roll-mean")
        assert run is not None
        Journal(folder).write(Run(run.cell, Status.FAILED, "roll-mean", "it raised"))

        assert list(find_examples(stored, Journal(folder), mase()).by_step["roll"]) == ["naive"]

    def test_without_the_metric_there_are_windows_only(self, home: tuple[Path, StoredPlan]) -> None:
        folder, stored = home

        found = find_examples(stored, Journal(folder), None)

        assert found.by_step == {}
        assert found.loss == "MAE"
        assert len(found.examples["roll"]["mean"]) == 2

    @pytest.mark.parametrize(("best", "lowest_is_best"), [("lowest", True), ("zero", False)])
    def test_the_best_score_of_a_metric_that_a_plugin_provides(
        self, home: tuple[Path, StoredPlan], best: Any, lowest_is_best: bool
    ) -> None:
        folder, stored = home
        metric = Metric("mean error", lambda outcomes: outcomes.mean - outcomes.actuals, best=best)

        stored = replace(stored, forecasters=("naive", "mean"))

        standings = compute_standings(JournalResults(stored, Journal(folder)), metric)

        assert data_of(page(standings))["lowestIsBest"] is lowest_is_best
        assert ('class="value best"' in page(standings)) is lowest_is_best

    def test_seeds_are_averaged_and_the_first_is_shown(self, home: tuple[Path, StoredPlan]) -> None:
        folder, stored = home
        both = (replace(stored.cells[0], forecaster="both"), replace(stored.cells[1], forecaster="both"))

        found = find_examples(replace(stored, cells=both), Journal(folder), mase())

        single = find_examples(stored, Journal(folder), mase())
        curves = [single.by_step["roll"][name] for name in ("naive", "mean")]
        assert found.by_step["roll"]["both"] == pytest.approx(np.mean(curves, axis=0))
        assert found.examples["roll"]["both"] == single.examples["roll"]["naive"]


class TestWriting:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        board(("a", "b"), ("t",)).save(tmp_path)
        return tmp_path

    def test_a_stored_board_has_a_page(self, home: Path) -> None:
        text = harness.board_page("invented", home)

        assert text is not None
        assert data_of(text)["rows"][1]["name"] == "b"

    def test_a_board_that_was_never_run_has_none(self, tmp_path: Path) -> None:
        assert harness.board_page("invented", tmp_path) is None

    def test_it_is_computed_where_the_journal_has_later_results(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As while a board runs: the plan has cells whose runs are later than the stored standings, or no standings."""
        task = Task("", RollingOrigin(horizon=2, windows=10), name="t")
        panel, journal = Panel.of([np.arange(60.0)]), Journal(home)
        plan = StoredPlan("invented", "Run now", "", "MAE", "naive", (StoredCell("k", "naive", "t", "d"),), ("naive",))
        plan.save(home)
        assert "An invented board" in (harness.board_page("invented", home) or "")

        made = evaluate(load_catalog().forecasters["naive"].spec.make({}), task, panel, cell=Cell(task, "naive"))
        journal.write_actuals("d", task, Actuals.of(backtest(task, panel)))
        journal.write(replace(made, key="k"))

        text = harness.board_page("invented", home)
        assert text is not None
        assert "Run now" in text
        assert [row["name"] for row in data_of(text)["rows"]] == ["naive"]

    def test_links_are_at_its_top_and_escaped(self, home: Path) -> None:
        text = harness.board_page("invented", home, {"<All>": '/?"'})

        assert text is not None
        assert '<a href="/?&#34;">&lt;All&gt;</a>' in text

    def test_show_writes_it(self, home: Path, tmp_path: Path) -> None:
        target = tmp_path / "board.html"

        done = CliRunner().invoke(cli, ["show", "invented", "--html", str(target), "--home", str(home)])

        assert done.exit_code == 0, done.output
        assert str(target) in done.output
        assert target.read_text(encoding="utf-8") == harness.board_page("invented", home)

    def test_show_prints_it(self, home: Path) -> None:
        done = CliRunner().invoke(cli, ["show", "invented", "--html", "-", "--home", str(home)])

        assert done.output == harness.board_page("invented", home)

    def test_a_file_that_cannot_be_written_is_said(self, home: Path, tmp_path: Path) -> None:
        target = tmp_path / "no folder" / "board.html"

        done = CliRunner().invoke(cli, ["show", "invented", "--html", str(target), "--home", str(home)])

        assert isinstance(done.exception, harness.BadInput)
        assert str(target) in str(done.exception)


def hashed(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def mase() -> Any:
    return next(metric for metric in METRICS if metric.name == "MASE")


class TestMeasuredCosts:
    COSTS = BenchCosts(
        "m", "<b>CPU</b>", "2026-01-01", "sun", 1, "cpu", 0.001, 0.002, 0.004, 0.003, None, throughput=25_000.0
    )

    def board(self, **changes: Any) -> Standings:
        made = board(("first", "second", "base"), ("sun", "moon"))
        rows = (replace(made.rows[0], costs=replace(self.COSTS, **changes)), *made.rows[1:])
        return replace(made, rows=rows, cost_notes=("cost: measured by harness bench on sun, <b>CPU</b>",))

    def data(self, standings: Standings) -> Any:
        (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page(standings), re.S)
        return json.loads(found)

    def test_they_have_columns_in_the_place_of_indicative_ones(self) -> None:
        measured, plain = page(self.board()), page(board(("first", "base"), ("sun",)))

        for heading in ("p99", "p50", "Forecasts / s", "Memory"):
            assert f"<bdi>{heading}</bdi>" in measured
            assert f"<bdi>{heading}</bdi>" not in plain
        assert "<bdi>Predict a\N{NO-BREAK SPACE}window</bdi>" in plain
        assert "<bdi>Predict a\N{NO-BREAK SPACE}window</bdi>" not in measured
        assert "[3.0 ms, …]" in measured

    def test_where_they_were_measured_is_said_and_escaped(self) -> None:
        text = page(self.board())

        assert "Cost: measured by harness bench on sun, &lt;b&gt;CPU&lt;/b&gt;" in text
        assert "<b>CPU" not in text

    def test_without_them_it_says_how_to_measure(self) -> None:
        text = page(board(("first", "base"), ("sun",)))

        assert "Times are indicative" in text
        assert "<code>harness bench --board invented</code>" in text

    def test_times_of_several_kinds_of_machines_are_not_compared(self) -> None:
        found = board(("first", "base"), ("sun",))

        text = page(replace(found, machines=("A, 2 cores", "B, 8 cores")))

        assert "not comparable, as several kinds of machines ran the cells" in text
        assert "not comparable" not in page(found)

    def test_the_script_is_told_the_figures_of_each_row(self) -> None:
        costs = self.data(self.board())["costs"]

        names = [kind["name"] for kind in costs["kinds"]]
        assert dict(zip(names, costs["rows"][0], strict=True)) == {
            "latency_p99": 0.004,
            "latency_p50": 0.001,
            "throughput": 25_000.0,
            "training_seconds": None,
            "memory": None,
        }
        assert costs["rows"][1] == [None] * 5
        assert [kind["name"] for kind in costs["kinds"] if kind["more"]] == ["throughput"]


class TestHomePage:
    def test_it_lists_boards_with_their_best_forecasters(self, tmp_path: Path) -> None:
        made = board(("<first>", "second", "third", "fourth"), ("t",))
        made.save(tmp_path)
        plan = StoredPlan("invented", "", "", "MASE", "fourth", ())
        plan.save(tmp_path)

        text = harness.home_page(
            tmp_path, {"invented": {"Standings": "/boards/invented", "Runs": "/runs"}}, {"More": "/m"}
        )

        for part in ("&lt;first&gt;", "second", "third", 'href="/boards/invented"', '<a href="/runs">Runs</a>', '"/m"'):
            assert part in text
        assert "fourth" not in text
        assert "<first>" not in text

    def test_a_board_whose_standings_cannot_be_computed_is_listed_with_the_reason(self, tmp_path: Path) -> None:
        board(("first", "second"), ("t",)).save(tmp_path)
        StoredPlan("invented", "", "", "MASE", "second", ()).save(tmp_path)
        StoredPlan("classics", "<Faulty>", "", "MASE", "a", ()).save(tmp_path)
        (tmp_path / "other.toml").write_text("of another board")
        store_file(tmp_path, "classics", tmp_path / "other.toml")

        links = {name: {"Standings": f"/boards/{name}", "Runs": f"/runs/{name}"} for name in ("invented", "classics")}
        text = harness.home_page(tmp_path, links)

        assert "first" in text
        assert 'href="/boards/invented"' in text
        assert "&lt;Faulty&gt;" in text
        assert "The standings cannot be computed: <bdi>" in text
        assert "has the results of another board called &#39;classics&#39;" in text
        assert 'href="/runs/classics"' in text
        assert 'href="/boards/classics"' not in text

    def test_a_home_without_boards_says_so(self, tmp_path: Path) -> None:
        assert "No board was run yet." in harness.home_page(tmp_path)

    def test_errors_that_span_orders_of_magnitude_are_logarithms(self, tmp_path: Path) -> None:
        made = board(("a", "b"), ("t",))
        rows = (replace(made.rows[0], relative_error=1e-6, skill=1 - 1e-6), *made.rows[1:])
        replace(made, rows=rows, logarithmic=True).save(tmp_path)
        StoredPlan("invented", "", "", "MASE", "b", ()).save(tmp_path)

        assert '<td class="score">−6.00</td>' in harness.home_page(tmp_path)


class TestLongLines:
    def test_a_wave_of_a_thousand_steps_is_whole(self) -> None:
        wave = np.sin(np.arange(1000) / 7)

        assert Limit().line(wave)["n"] == len(Limit().line(wave)["y"]) == 1000

    def test_of_a_longer_one_the_envelope_remains(self) -> None:
        wave = np.sin(np.arange(20_000) / 7) * np.linspace(1, 3, 20_000)

        kept = thin(wave, 400)

        assert len(kept) <= 400
        assert {0, 19_999} <= set(kept.tolist())
        for part in np.array_split(np.arange(20_000), 100):  # longer than the parts of which extremes are kept
            inside = wave[kept[(kept >= part[0]) & (kept <= part[-1])]]
            assert inside.max() > 0.95 * wave[part].max()
            assert inside.min() < 0.95 * wave[part].min()


def test_the_list_of_boards_names_those_without_results_and_what_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)

    text = harness.home_page(tmp_path)

    needs = dict(re.findall(r"<dt><bdi>(.*?)</bdi></dt><dd><bdi>(.*?)</bdi></dd>", text))
    assert needs["classics"] == "not run yet"
    assert needs["m4-weekly"] == "data not downloaded: harness data fetch m4-weekly"
    with pytest.raises(
        harness.BadInput,
        match=r"not downloaded: run `harness data fetch m4-weekly --home .*`, then `harness run m4-weekly --home",
    ):
        harness.standings("m4-weekly", home=tmp_path)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("statsforecast:AutoETS@sf", "<bdi>statsforecast:<wbr>Auto<wbr>ETS<wbr>@sf</bdi>"),
        ("seasonal-naive", "<bdi>seasonal-naive</bdi>"),
        ("a<b>", "<bdi>a&lt;b&gt;</bdi>"),
    ],
)
def test_names_are_broken_between_their_words(name: str, shown: str) -> None:
    macros: Any = _templates().get_template("macros.html.jinja").module

    assert str(macros.name(name)) == shown
