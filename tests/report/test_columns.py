"""One table of columns: every view takes from it what it shows."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from harness import BenchCosts, Row, Standings, standings_columns
from harness.report.page.render import page
from harness.report.standings.column import Column
from harness.report.standings.columns import data_columns, table_columns
from harness.report.standings.costs import COSTS, FIGURES
from harness.report.standings.csv_text import standings_csv
from harness.report.standings.shown import Shown
from harness.report.standings.terminal import legend, remarks, standings_table, table_legend
from harness.results.standings import RankTest, Significance

NOT_FIGURES = {"processor", "measured", "task", "threads", "device", "failure", "key", "runs", "intervals"}
FRAME = [  # as docs/boards.md states
    *("rank", "tied_for_first", "skill", "skill_low", "skill_high", "win_rate", "win_rate_low", "win_rate_high"),
    *("mean_rank", "mean_rank_low", "mean_rank_high"),
    *("median_relative_error", "median_relative_error_low", "median_relative_error_high", "relative_error"),
    *("mcs_p_value", "skill_std", "ramp", "fit_seconds", "predict_seconds", "completed", "failed_results"),
]
MEASURED = BenchCosts("m", "CPU", "2026-01-01", "ramp", 2, "cpu", 0.001, 0.002, 0.004, 0.003, 0.005, throughput=2500.0)


def row(forecaster: str, rank: int, **changes: object) -> Row:
    made = Row(
        forecaster=forecaster,
        rank=rank,
        skill=0.25,
        relative_error=0.75,
        win_rate=1.0,
        mean_rank=1.0,
        median_relative_error=0.7,
        intervals={"skill": (-0.25, 0.5)},
        mcs_p_value=math.nan,
        tied_for_first=False,
        seeds=1,
        skill_std=math.nan,
        close_to_next=False,
        scores={"ramp": 1.5},
        score_stds={},
        metrics={"MAE": 1.5},
        fit_seconds=0.5,
        predict_seconds=0.25,
        windows=10,
        completed=1,
        missing={},
        failed_windows=0,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def board(*rows: Row) -> Standings:
    return Standings("toys", "Toys", "MAE", "base", ("ramp",), rows)


def by_name(standings: Standings) -> dict[str, Column]:
    return {column.name: column for column in standings_columns(standings)}


class TestTable:
    def test_names_are_unique_and_each_has_a_meaning(self) -> None:
        columns = standings_columns(board(row("a", 1, costs=MEASURED, missing={"failed": 1})))

        assert len({column.name for column in columns}) == len(columns)
        assert all(column.meaning for column in columns)

    def test_each_measured_cost_has_an_entry(self) -> None:
        fields = {field.name for field in dataclasses.fields(BenchCosts)}

        assert {cost.name for cost in COSTS} == fields - NOT_FIGURES - {"machine"}
        assert list(FIGURES) == [field.name for field in dataclasses.fields(BenchCosts) if field.name in FIGURES]

    def test_every_important_column_is_a_metric_or_a_tag(self) -> None:
        columns = standings_columns(board(row("a", 1, costs=MEASURED)))

        assert all(column.names.keys() & {"metric", "tag"} for column in columns if column.important)

    def test_of_two_columns_of_one_name_a_view_has_the_first(self) -> None:
        """A plugin may call its metric like a statistic."""
        standings = board(row("a", 1, metrics={"skill": 99.0}))

        assert data_columns(standings, "csv")["skill"].value(standings.rows[0]) == 0.25


class TestViews:
    def test_tables_show_headings_and_texts(self) -> None:
        standings = board(row("a", 1, close_to_next=True, skill_std=0.01, seeds=2, tied_for_first=True))
        (shown,) = standings.rows

        texts = {cell.heading: cell.text(shown) for _, cell in table_columns(standings, "terminal")}

        assert texts == {
            "#": "1=",
            "forecaster": "a",
            "skill": "0.250≈",
            "95 %": "-0.25…0.50",
            "± seeds": "0.010",
            "wins": "1.00",
            "ramp": "1.500",
            "fit s": "0.50",
            "ms": "25.000",
        }

    def test_the_page_has_intervals_and_true_minus_signs(self) -> None:
        standings = board(row("a", 1))

        skill = next(cell for _, cell in table_columns(standings, "page") if cell.heading == "Skill")

        assert (skill.text(standings.rows[0]), skill.interval(standings.rows[0])) == ("0.250", "[−0.25, 0.50]")

    def test_measured_costs_take_the_place_of_indicative_ones(self) -> None:
        plain, measured = board(row("a", 1)), board(row("a", 1, costs=MEASURED), row("b", 2))

        assert [cell.heading for _, cell in table_columns(plain, "page")][-2:] == [
            "Fit",
            "Predict a\N{NO-BREAK SPACE}window",
        ]
        costs = [(cell.heading, cell.text(measured.rows[0])) for _, cell in table_columns(measured, "page")][-5:]
        assert costs == [
            ("p50", "1.0 ms"),
            ("p99", "4.0 ms"),
            ("Forecasts / s", "2.50k"),
            ("One fit", "–"),
            ("Memory", "–"),
        ]
        assert {cell.text(measured.rows[1]) for column, cell in table_columns(measured, "page") if column.unit} == {"–"}

    def test_failed_results_are_counted_and_named(self) -> None:
        standings = board(row("a", 1, missing={"timed_out": 2, "not run": 1}, failed_windows=3))
        (shown,) = standings.rows

        column = by_name(standings)["failed_results"]

        assert column.value(shown) == 3
        assert column.tag_text(shown) == "2 timed out, 1 not run, 3 windows"
        assert [cell.heading for _, cell in table_columns(standings, "terminal")][-1] == "failed"
        assert "failed" not in [cell.heading for _, cell in table_columns(board(row("a", 1)), "terminal")]

    @pytest.mark.parametrize(
        ("changes", "ends"),
        [
            ({"missing": {"failed": 1}}, ["imputed; of a cell: the largest relative error of its own others"]),
            ({"failed_windows": 1}, ["imputed; of a window: the losses of the baseline"]),
            ({"missing": {"not run": 1}}, []),
            ({}, []),
        ],
    )
    def test_the_legend_tells_how_failed_results_are_scored(self, changes: dict[str, Any], ends: list[str]) -> None:
        standings = board(row("a", 1, **changes))

        lines = [line for line in legend(standings) if line.startswith("failed results")]
        ignored = [
            line for line in legend(replace(standings, completed_only=True)) if line.startswith("failed results")
        ]

        assert [line.split(" are ", 1)[1].startswith(end) for line, end in zip(lines, ends, strict=True)] == [
            True
        ] * len(ends)
        assert ignored == ["failed results are ignored"] * len(ends)

    def test_csv_has_the_columns_of_before(self) -> None:
        heading, values, _ = standings_csv(board(row("a", 1, missing={"failed": 1}), row("b", 2))).split("\n", 2)

        assert heading == (
            "forecaster,rank,tied_for_first,skill,skill_low,skill_high,win_rate,win_rate_low,win_rate_high,"
            "mean_rank,mean_rank_low,mean_rank_high,median_relative_error,median_relative_error_low,"
            "median_relative_error_high,relative_error,mcs_p_value,skill_std,MAE[ramp],MAE,fit_seconds,"
            "predict_seconds,window_seconds,seeds,completed,failed,failed_windows,pool,training_overlap,date_overlap,"
            "date_overlap_unknown,trained_until,selected_on"
        )
        assert values == "a,1,no,0.25,-0.25,0.5,1.0,,,1.0,,,0.7,,,0.75,,,1.5,1.5,0.5,0.25,0.025,1,1,1,0,,,,,,"

    def test_data_frames_have_every_statistic_of_csv(self) -> None:
        standings = board(row("a", 1, mcs_p_value=0.25, intervals={"mean_rank": (1.0, 2.5)}), row("b", 2))

        frame, in_csv = data_columns(standings, "frame"), data_columns(standings, "csv")

        statistics = list(in_csv)[list(in_csv).index("rank") : list(in_csv).index("skill_std") + 1]
        assert [name for name in frame if name in statistics] == statistics
        values = {name: frame[name].value(standings.rows[0]) for name in ("mcs_p_value", "mean_rank_high")}
        assert values == {"mcs_p_value": 0.25, "mean_rank_high": 2.5}

    def test_data_frames_have_training_data_and_costs_only_where_a_forecaster_has_a_value(self) -> None:
        usual = list(data_columns(board(row("a", 1)), "frame"))
        more = board(row("a", 1, costs=MEASURED, pool="local"), row("b", 2))

        assert usual == FRAME
        added = [name for name in data_columns(more, "frame") if name not in usual]
        assert added[:3] == ["pool", "machine", "latency_p50"]
        assert "selected_on" not in added

    def test_a_task_may_be_called_like_a_column(self) -> None:
        standings = dataclasses.replace(board(row("a", 1, scores={"memory": 2.0})), tasks=("memory",))

        assert list(data_columns(standings, "csv"))[18:20] == ["MAE[memory]", "MAE"]

    def test_a_row_without_a_rank_has_none_in_csv(self) -> None:
        assert standings_csv(board(row("a", 0))).splitlines()[1].startswith("a,,no,")

    def test_metrics_have_the_units_of_their_names(self) -> None:
        standings = board(row("a", 1, costs=dataclasses.replace(MEASURED, memory=2**21)))
        (shown,) = standings.rows

        metrics = data_columns(standings, "metric")

        values = {name: column.factor * column.number(shown) for name, column in metrics.items()}
        assert values["latency_p99_ms"] == pytest.approx(4.0)
        assert values["memory_mib"] == 2.0
        assert values["predict_ms_per_window"] == pytest.approx(25.0)
        assert values["MAE/ramp"] == 1.5
        assert math.isnan(values["energy"])

    def test_tags_are_texts(self) -> None:
        overlap = {"training_overlap": ("ramp", "hills"), "date_overlap": ("ramp",), "trained_until": "2024-06"}
        standings = board(row("a", 1, costs=MEASURED, reasons=("x", "y"), pool="zero-shot", **overlap))

        tags = {name: column.tag_text(standings.rows[0]) for name, column in data_columns(standings, "tag").items()}

        assert tags == {
            "tied_for_first": "",
            "interval": "−0.25…0.50",
            "failed_results": "",
            "reasons": "x\ny",
            "pool": "zero-shot",
            "overlap": "ramp, hills (dataset); ramp (date)",
            "training_overlap": "ramp, hills",
            "date_overlap": "ramp",
            "date_overlap_unknown": "",
            "trained_until": "2024-06",
            "selected_on": "",
            "measured": "on ramp: CPU, 2 threads, cpu, 2026-01-01",
        }


class TestRemarks:
    def test_forecasters_with_the_same_overlap_share_a_line(self) -> None:
        late = {"date_overlap": ("ramp",), "trained_until": "2024-06"}
        standings = board(
            row("base", 1),
            row("tiny", 2, **late),
            row("other", 3, training_overlap=("ramp",)),
            row("small", 4, **late),
            row("tuned", 5, **late, selected_on="test"),
            row("large", 6, **late),
        )

        assert remarks(standings) == [
            "tiny, small and large: their training data ends 2024-06, after the first forecasts of ramp (date)",
            "other: trained on the data of ramp (dataset)",
            "tuned: its training data ends 2024-06, after the first forecasts of ramp (date); "
            "selected on test windows of benchmark tasks",
        ]

    @pytest.mark.parametrize(
        ("missing", "windows", "heading"),
        [({"not run": 2}, 0, "pending"), ({"not run": 2}, 1, "failed"), ({"failed": 1}, 0, "failed")],
    )
    def test_cells_that_were_not_run_have_not_failed(self, missing: dict[str, int], windows: int, heading: str) -> None:
        standings = board(row("a", 1, missing=missing, failed_windows=windows))

        assert heading in {cell.heading for _, cell in table_columns(standings, "terminal")}

    def test_failures_are_listed_before_overlap(self) -> None:
        overlap = {"training_overlap": ("ramp",)}
        standings = board(row("a", 1, **overlap), row("b", 2, reasons=("ramp: failed",), **overlap))

        assert remarks(replace(standings, unavailable={"hills": "no data"})) == [
            "b on ramp: failed",
            "left out hills: no data",
            "a and b: trained on the data of ramp (dataset)",
        ]


class TestMarks:
    """Strict results, and forecasts that depend on the batch."""

    STANDINGS = board(
        row("a", 1, strict=True),
        row("b", 2, batch_differences={"ramp": 0.0313, "hills": 0.25}),
        row("c", 3, strict=True, batch_differences={"ramp": 0.5}, training_overlap=("ramp",)),
        row("d", 4),
    )

    @pytest.mark.parametrize("view", ["terminal", "markdown"])
    def test_names_are_marked(self, view: Any) -> None:
        cells = {cell.kind: cell for _, cell in table_columns(self.STANDINGS, view)}

        assert [cells["name"].text(row) for row in self.STANDINGS.rows] == ["a §", "b ‡", "c †‡§", "d"]

    def test_the_legend_explains_those_that_are_there(self) -> None:
        lines = "\n".join(legend(self.STANDINGS))

        assert "§ strict: forecast one point in time after the other" in lines
        assert "‡ forecasts depend on the other windows of the batch" in lines
        assert not {"§", "‡"} & set("".join(legend(board(row("d", 1)))))

    def test_a_line_says_by_how_much(self) -> None:
        assert remarks(self.STANDINGS)[-2:] == [
            "b: forecasts depend on the other windows of the batch, by up to a relative 0.25 on hills, 0.031 on ramp",
            "c: forecasts depend on the other windows of the batch, by up to a relative 0.5 on ramp",
        ]

    def test_csv_has_them_where_there_are_any(self) -> None:
        strict, batch = (
            [line.rsplit(",", 2)[place] for line in standings_csv(self.STANDINGS).splitlines()] for place in (1, 2)
        )

        assert strict == ["strict", "yes", "no", "yes", "no"]
        assert batch == ["batch_difference", "", "0.25", "0.5", ""]

    def test_data_frames_have_them_where_there_are_any(self) -> None:
        columns = data_columns(self.STANDINGS, "frame")

        assert columns["strict"].value(row("d", 1)) is False
        assert columns["batch_difference"].value(row("d", 1)) is None
        assert {"strict", "batch_difference"}.isdisjoint(data_columns(board(row("d", 1)), "frame"))

    def test_the_page_explains_them(self) -> None:
        text = page(self.STANDINGS)

        assert "depends on the batch, by up to 0.25" in text
        assert "<dt>§</dt><dd>strict: forecast one point in time after the other" in text
        assert "<dt>‡</dt>" in text
        assert "‡" not in page(board(row("d", 1)))

    def test_what_forecasters_cannot_do_is_marked_in_every_view(self) -> None:
        ignoring = row("a", 1, ignored_covariates={"ramp": ("price", "promotion"), "hills": ("price", "promotion")})
        standings = replace(board(ignoring, row("b", 2, degenerate_quantiles=("ramp",)), row("c", 3)), metric="WQL")

        for view in ("terminal", "markdown"):
            cells = {cell.kind: cell for _, cell in table_columns(standings, view)}
            assert [cells["name"].text(each) for each in standings.rows] == ["a ¶", "b °", "c"]
        lines = legend(standings)
        assert "¶ cannot use covariates that a task offers: see its line below" in lines
        assert "° gives point forecasts, which WQL scores as quantiles of no width" in lines
        assert remarks(standings) == ["a: cannot use covariates of ramp, hills: price, promotion"]
        first, second = standings_csv(standings).splitlines()[1:3]
        assert '"ramp: price, promotion; hills: price, promotion"' in first
        assert ",ramp" in second
        text = page(standings)
        assert text.count("cannot use covariates of a task") == 2  # a title, and a text for screen readers
        assert text.count("point forecasts, scored as quantiles") == 2
        assert "<dt>¶</dt>" in text

    def test_forecasts_that_equal_the_actuals_are_marked_in_every_view(self) -> None:
        standings = board(row("a", 1, exact_forecasts=("ramp", "hills")), row("b", 2))

        for view in ("terminal", "markdown"):
            cells = {cell.kind: cell for _, cell in table_columns(standings, view)}
            assert [cells["name"].text(each) for each in standings.rows] == ["a !", "b"]
        assert any(line.startswith("! all forecasts of a task equal the actuals exactly") for line in legend(standings))
        line = "a: all forecasts equal the actuals exactly on ramp, hills: check for leakage"
        assert line in remarks(standings)
        assert line in page(standings)
        assert '"ramp, hills"' in standings_csv(standings).splitlines()[1]
        assert "exact_forecasts" not in standings_csv(board(row("b", 1)))

    def test_standings_stored_before_have_none(self) -> None:
        fields = self.STANDINGS.to_json()
        for stored in fields["rows"]:
            del stored["strict"], stored["batch_differences"]

        loaded = Standings.from_json(fields)

        assert not any(row.strict or row.batch_differences for row in loaded.rows)


class TestLegend:
    def test_it_explains_the_columns_and_rows_of_its_table(self) -> None:
        tied = {"tied_for_first": True, "mcs_p_value": 0.2}
        significance = Significance("resamples", 5, 100, 0.95, ("a", "b"), (), (), (), (), {}, None)
        rows = (row("a", 1, skill=0.5, **tied), row("b", 2, skill=0.4, mcs_p_value=0.03), row("c", 3, **tied))
        standings = replace(board(*rows), significance=significance)

        whole = "\n".join(table_legend(standings, 200))
        for text in ("wins: ", "fit s: ", "ms: ", "95 %: ", "c (3=) is marked and b (2)"):
            assert text in whole
        chosen = "\n".join(table_legend(standings, 200, Shown(top=2, columns=("skill", "ms"))))
        assert "ms: " in chosen
        for text in ("wins: ", "fit s: ", "95 %: ", "is marked"):
            assert text not in chosen

    def test_ties_are_with_the_best(self) -> None:
        rows = (row("a", 1, tied_for_first=True, mcs_p_value=1.0), row("b", 2, tied_for_first=True, mcs_p_value=0.2))
        tied = board(*rows)
        alone = board(row("a", 1, mcs_p_value=1.0), row("b", 2, mcs_p_value=0.01))

        test = "(95 % model confidence set)"
        assert f"= not significantly worse than the best: p > 0.05 {test}" in legend(tied)
        assert f"p: a is significantly better than all others {test}" in legend(alone)

    def test_how_p_values_come_about_is_explained(self) -> None:
        standings = board(row("a", 1, mcs_p_value=1.0), row("b", 2, mcs_p_value=0.01))

        (line,) = (line for line in legend(standings) if line.startswith("p: the test"))

        assert line.endswith("do not differ significantly; p need not follow the rank, and pairs differ more easily")
        assert line in unescape(page(standings))
        failed = replace(standings, rows=(*standings.rows, row("c", 3, missing={"failed": 1})))
        assert f"{line}; forecasters with failed results are not tested" in legend(failed)

    def test_a_forecaster_without_any_result_has_no_statistics_in_any_view(self) -> None:
        """Its rank is that of imputed errors, which a line says."""
        nothing = {"completed": 0, "missing": {"failed": 1}, "scores": {}, "metrics": {}, "intervals": {}}
        empty = row("b", 2, **nothing, skill=-9.0, relative_error=9.125, median_relative_error=9.125)
        pair = ((math.nan, 0.5), (-1.0, math.nan))
        ranks = RankTest(1.0, 0.5, 20, 0.5, {"a": 1.25, "b": 1.75}, (("a", "b"),))
        tests = Significance("resamples", 20, 100, 0.95, ("a", "b"), pair, pair, pair, pair, {}, ranks)
        standings = replace(board(row("a", 1), empty), significance=tests)

        for view in ("csv", "frame"):
            columns = data_columns(standings, view)
            assert [columns[name].value(empty) for name in FRAME[2:15]] == [None] * 13
        table = standings_table(standings, 200)
        shown = {str(column.header): str(list(column.cells)[1]) for column in table.columns}
        assert [shown[heading] for heading in ("#", "skill", "95 %", "wins", "ramp")] == ["2", "–", "–", "–", "–"]
        text = unescape(page(standings))
        assert "9.12" not in text
        assert '"pairs":[[null,null],[null,null]]' in text
        assert '"means":[["a",1.25]]' in text
        line = "a forecaster without any result is ranked by imputed errors, and – takes the place of its statistics"
        assert line in text
        assert any(line in each for each in legend(standings))

    def test_a_tie_below_a_better_forecaster_without_one_is_explained_by_this_table(self) -> None:
        tied = {"tied_for_first": True, "mcs_p_value": 0.2}
        first, better = row("a", 1, skill=0.5, **tied), row("b", 2, skill=0.4, mcs_p_value=0.03)
        wild, base = row("c", 3, skill=0.1, **tied), row("base", 4, skill=0.0, **tied)

        (line,) = (line for line in legend(board(first, better, wild)) if "is marked" in line)

        assert line == (
            "c (3=) is marked and b (2), whose skill is higher, is not: the errors of c vary more, so that they are "
            "weaker evidence against it"
        )
        assert any(
            line.startswith("base (4=) is marked and b (2)") for line in legend(board(first, better, wild, base))
        )
        assert "base (4=) is marked and b (2)" in page(board(first, better, base))
        assert not any(
            "is marked" in line
            for line in legend(board(first, replace(wild, rank=2), replace(better, rank=3, skill=0.0)))
        )

    def test_logarithmic_boards_show_the_log_of_the_relative_error(self) -> None:
        near = [row("a", 1, skill=1 - 1e-9, relative_error=1e-9), row("b", 2, skill=1 - 2e-9, relative_error=2e-9)]
        standings = replace(board(*near), logarithmic=True)

        cells = {cell.heading: [cell.text(each) for each in near] for _, cell in table_columns(standings, "terminal")}

        assert cells["log10 rel."] == ["-9.00", "-8.70"]
        assert "skill" not in cells
        assert "log10 rel.: log10 of the geometric mean of errors relative to base" in legend(standings)[0]

    def test_a_forecaster_that_completed_nothing_has_no_numbers(self) -> None:
        standings = board(row("a", 1), row("b", 2, skill=0.0, win_rate=0.5, completed=0, missing={"timed_out": 2}))

        cells = {cell.heading: cell for _, cell in table_columns(standings, "terminal")}

        assert [cells[heading].text(standings.rows[1]) for heading in ("skill", "wins")] == ["–", "–"]

    def test_their_spread_over_seeds_is_that_of_the_log(self) -> None:
        rows = [row("a", 1, skill=1 - 1e-5, relative_error=1e-5, skill_std=1e-6), row("b", 2)]

        cells = {c.heading: c for _, c in table_columns(replace(board(*rows), logarithmic=True), "terminal")}

        assert [cells["± seeds"].text(each) for each in rows] == ["0.043", "–"]  # 0.1 / ln 10

    def test_skills_have_as_many_decimals_as_tell_rows_apart(self) -> None:
        near = [row("a", 1, skill=0.99949), row("b", 2, skill=0.99948)]

        cells = {cell.heading: cell for _, cell in table_columns(board(*near), "terminal")}

        assert [cells["skill"].text(each) for each in near] == ["0.99949", "0.99948"]

    def test_p_is_a_column_where_it_was_tested(self) -> None:
        tested = board(row("a", 1, mcs_p_value=1.0), row("b", 2, mcs_p_value=0.001))

        cells = {cell.heading: cell for _, cell in table_columns(tested, "terminal")}

        assert [cells["p"].text(each) for each in tested.rows] == ["1.00", "<0.01"]
        assert "p" not in {cell.heading for _, cell in table_columns(board(row("a", 1)), "terminal")}

    def test_the_reason_is_given_where_ties_were_not_tested(self) -> None:
        significance = Significance("resamples", 5, 100, 0.95, ("a", "b"), (), (), (), (), {}, None)
        few = replace(board(row("a", 1), row("b", 2)), significance=significance)
        failing = replace(few, rows=(row("a", 1), row("b", 2, completed=0, missing={"failed": 2})))

        needs = "ties not tested: needs at least 9 independent series or cutoffs, and the board has 5"
        assert needs in legend(few)
        in_blocks = replace(significance, method="resamples of 10 cutoffs, in blocks of up to 2")
        assert f"{needs}; cutoffs in a block are not independent" in legend(replace(few, significance=in_blocks))
        assert "ties not tested: fewer than two forecasters completed all cells" in legend(failing)
