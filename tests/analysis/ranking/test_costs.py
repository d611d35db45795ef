"""Costs on a board: which are shown, how they are stored, and standings within a budget."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import harness
from harness import BadInput, Standings, StoredCell, StoredPlan, stored_standings
from harness.analysis.costs import with_costs
from harness.analysis.ranking.within_budget import apply_budget
from harness.efficiency.board_costs import board_costs
from harness.efficiency.machine import this_machine
from harness.efficiency.record import (
    Bench,
    Calibration,
    Conditions,
    Latency,
    Machine,
    Percentile,
    Server,
    Subject,
)
from harness.efficiency.store import stored_bench, write_bench
from harness.report.standings.costs import FIGURES
from harness.report.standings.csv_text import standings_csv
from harness.report.standings.markdown import readme
from harness.report.standings.rows import rank_text
from harness.report.standings.terminal import legend, remarks, standings_table
from harness.results.costs import BenchCosts
from harness.results.standings import Row

NAN = math.nan
COSTS = BenchCosts(
    *("m", "CPU", "2026-01-01", "ramp", 1, "cpu", 0.001, 0.002, 0.004, 0.003, 0.0045),
    throughput=2500.0,
    repetitions=5,
    intervals={"latency_p99": (0.003, 0.0045), "throughput": (2400.0, 2600.0)},
)


def with_p99(seconds: float, low: float | None, high: float | None) -> BenchCosts:
    intervals = {**COSTS.intervals, "latency_p99": (low, high)}
    return replace(COSTS, latency_p99=seconds, latency_p99_low=low, latency_p99_high=high, intervals=intervals)


def row(forecaster: str, rank: int, costs: BenchCosts | None = None, **changes: object) -> Row:
    skill = 0.5 - rank / 10
    made = Row(
        forecaster=forecaster,
        rank=rank,
        skill=skill,
        relative_error=1 - skill,
        win_rate=0.5,
        mean_rank=float(rank),
        median_relative_error=1 - skill,
        intervals={"skill": (skill - 0.1, skill + 0.1)},
        mcs_p_value=NAN,
        tied_for_first=False,
        seeds=1,
        skill_std=NAN,
        close_to_next=False,
        scores={"ramp": 1.0, "hills": 2.0},
        score_stds={},
        metrics={},
        fit_seconds=0.5,
        predict_seconds=0.25,
        windows=10,
        completed=2,
        missing={},
        failed_windows=0,
        costs=costs,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def board(*rows: Row, **changes: object) -> Standings:
    some = any(row.costs is not None for row in rows)
    notes = ("cost: measured by harness bench on ramp, CPU, 1 thread, 2026-01-01",) if some else ()
    made = Standings("toys", "Toys", "MAE", "base", ("ramp", "hills"), rows, cost_notes=notes)
    return replace(made, **changes)  # type: ignore[arg-type]


MEASURED = board(
    row("slow", 1, with_p99(0.02, 0.019, 0.021), tied_for_first=True),
    row("quick", 2, COSTS, tied_for_first=True),
    row("unknown", 3),
    row("base", 4, with_p99(0.009, 0.0085, None)),
    row("fast", 5, with_p99(0.0001, 0.00009, 0.00011)),
)


class TestStored:
    def test_costs_are_read_as_they_were_written(self, tmp_path: Path) -> None:
        MEASURED.save(tmp_path)

        found = stored_standings(tmp_path, "toys")

        assert found is not None
        assert [row.costs for row in found.rows] == [row.costs for row in MEASURED.rows]
        assert found.cost_notes == MEASURED.cost_notes
        assert found.measured

    def test_standings_of_an_older_version_are_computed_again(self, tmp_path: Path) -> None:
        MEASURED.save(tmp_path)
        path = tmp_path / "boards" / "toys" / "standings.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 2}))

        assert stored_standings(tmp_path, "toys") is None

    def test_published_ones_without_costs_can_be_read(self) -> None:
        told = MEASURED.to_json()
        del told["cost_notes"]
        for row in told["rows"]:
            del row["costs"]

        assert not Standings.from_json(told).measured

    def test_showing_them_loads_neither_numpy_nor_pandas(self, tmp_path: Path) -> None:
        MEASURED.save(tmp_path)
        script = (
            "import sys; from pathlib import Path; from harness.analysis.lookup import find_standings\n"
            "from harness.boards.workspace import Workspace\n"
            "from harness.report.standings.terminal import standings_table\n"
            "from harness.analysis.ranking.within_budget import apply_budget\n"
            f"found = find_standings('toys', Workspace(Path({str(tmp_path)!r})))\n"
            "standings_table(apply_budget(found, 'latency_p99 < 5ms')[0])\n"
            "assert not {'numpy', 'pandas'} & set(sys.modules), sorted(sys.modules)"
        )

        subprocess.run([sys.executable, "-c", script], check=True)


class TestOnlyWithin:
    def show(self, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
        MEASURED.save(home)
        command = [sys.executable, "-m", "harness", "--plugins", "none", "show", "toys", "--home", str(home), *options]
        return subprocess.run(command, capture_output=True, text=True)

    @pytest.mark.parametrize(
        ("name", "wrong"),
        [("slow", "slow is not within the budget 'latency_p99 < 5ms'"), ("fasst", "did you mean 'fast'?")],
    )
    def test_what_is_over_the_budget_differs_from_what_does_not_exist(
        self, tmp_path: Path, name: str, wrong: str
    ) -> None:
        said = self.show(tmp_path, "--within", "latency_p99 < 5ms", "--only", name)

        assert said.returncode == 2
        assert wrong in said.stderr

    def test_one_that_fits_is_shown_alone(self, tmp_path: Path) -> None:
        said = self.show(tmp_path, "--within", "latency_p99 < 5ms", "--only", "fast", "--csv")

        assert said.returncode == 0, said.stderr
        assert [line.split(",")[0] for line in said.stdout.splitlines()] == ["forecaster", "fast"]


class TestLatest:
    """Which figures a board shows."""

    PLAN = StoredPlan(
        "toys",
        "Toys",
        "",
        "MAE",
        "base",
        tuple(StoredCell(f"{name} {task}", name, task, "") for task in ("ramp", "hills") for name in ("quick", "base")),
    )

    def write(self, home: Path, key: str, cell: str, seconds: float, **changes: object) -> Bench:
        one = Percentile(seconds, seconds, seconds)
        machine = changes.pop("machine", this_machine())
        assert isinstance(machine, Machine)
        conditions = Conditions(1.0, 1, "auto")
        subject = Subject(cell.split()[0], "x", "toys", cell.split()[1], cell)
        latency = Latency(one, one, one, seconds, 500, 1, 0.0)
        bench = Bench(key, subject, machine, conditions, "2026-01-02T00:00:00", latency=latency)
        write_bench(home, replace(bench, **changes))  # type: ignore[arg-type]
        return bench

    def test_they_are_of_the_task_on_which_most_were_measured(self, tmp_path: Path) -> None:
        self.write(tmp_path, "a", "quick ramp", 0.001)
        self.write(tmp_path, "b", "quick hills", 0.002, measured="2030-01-01T00:00:00")
        self.write(tmp_path, "c", "base ramp", 0.003)
        self.write(tmp_path, "d", "gone ramp", 0.004)

        found = with_costs(board(row("quick", 1), row("base", 2), row("new", 3)), self.PLAN, tmp_path)

        assert [row.costs and row.costs.latency_p50 for row in found.rows] == [0.001, 0.003, None]
        assert "on ramp" in found.cost_notes[0]
        assert this_machine().processor in found.cost_notes[0]
        assert "1 thread, 2026-01-02" in found.cost_notes[0]
        assert "measurements on hills (1) are left out" in found.cost_notes[1]

    def test_of_tasks_with_as_many_they_are_those_of_the_slowest(self, tmp_path: Path) -> None:
        self.write(tmp_path, "a", "quick ramp", 0.004)
        self.write(tmp_path, "b", "quick hills", 0.002, measured="2030-01-01T00:00:00")

        found = board_costs(self.PLAN, tmp_path)

        assert found.by_forecaster["quick"].latency_p50 == 0.004
        assert "on ramp" in found.notes[0]

    def test_earlier_repetitions_at_another_speed_are_noted(self, tmp_path: Path) -> None:
        for run, loop in (("2026-01-01", 0.001), ("2026-01-02", 0.002)):
            moment = (Calibration("before", loop, loop, 10),)
            self.write(tmp_path, "a", "quick ramp", loop, measured=run, calibrations=moment)

        found = board_costs(self.PLAN, tmp_path)

        assert found.by_forecaster["quick"].latency_p50 == 0.002
        assert found.by_forecaster["quick"].repetitions == 1
        assert found.notes[1].startswith(
            "cost: earlier repetitions of quick are left out, since the machine was slower"
        )

    def test_they_combine_the_repetitions_of_all_runs(self, tmp_path: Path) -> None:
        for run, seconds in (("2026-01-01", 0.001), ("2026-01-02", 0.004)):
            self.write(tmp_path, "a", "quick ramp", seconds, measured=run)

        found = board_costs(self.PLAN, tmp_path)

        costs = found.by_forecaster["quick"]
        assert (costs.latency_p99, costs.repetitions) == (pytest.approx(0.002), 2)
        assert costs.ends("latency_p99") == (costs.latency_p99_low, costs.latency_p99_high)
        assert costs.latency_p99_low < 0.002 < costs.latency_p99_high
        assert "2026-01-02, 2 repetitions" in found.notes[0]

    def test_they_are_of_one_setting(self, tmp_path: Path) -> None:
        """As many threads as each forecaster asks for, or as many for all: what most were measured with."""
        four = Conditions(1.0, 4, "auto", own_threads=1)
        self.write(tmp_path, "a", "quick ramp", 0.001)
        self.write(tmp_path, "b", "base ramp", 0.003, conditions=replace(four, own_threads=4))
        self.write(tmp_path, "c", "quick ramp", 0.0005, conditions=four, measured="2026-01-01T00:00:00")

        own = board_costs(self.PLAN, tmp_path)
        self.write(tmp_path, "c", "quick ramp", 0.0005, conditions=four, measured="2030-01-01T00:00:00")
        for_all = board_costs(self.PLAN, tmp_path)

        assert {name: one.latency_p50 for name, one in own.by_forecaster.items()} == {"quick": 0.001, "base": 0.003}
        assert own.notes[1] == (
            "cost: measurements of quick (threads: 4, cpu) are left out, since their conditions differ"
        )
        assert {costs.threads for costs in for_all.by_forecaster.values()} == {4}
        assert for_all.by_forecaster["quick"].latency_p50 == pytest.approx(0.0005)
        assert "quick (threads: 1, cpu)" in for_all.notes[1]

    def test_a_failed_run_replaces_no_earlier_one(self, tmp_path: Path) -> None:
        """As on a GPU that is not there."""
        cuda = Conditions(1.0, 1, "cuda")
        self.write(tmp_path, "a", "quick ramp", 0.001)
        self.write(tmp_path, "b", "quick ramp", 1.0, conditions=cuda, latency=None, measured="2030-01-01T00:00:00")

        found = board_costs(self.PLAN, tmp_path)
        assert found.by_forecaster["quick"].latency_p50 == 0.001
        assert len(found.notes) == 1  # there is nothing that was left out

    def test_cpu_forecasters_are_comparable_whatever_device_was_requested(self, tmp_path: Path) -> None:
        cuda = Conditions(1.0, 1, "cuda", used_device="cpu")
        self.write(tmp_path, "a", "base ramp", 0.003)
        self.write(tmp_path, "b", "quick ramp", 0.001, conditions=cuda)

        assert set(board_costs(self.PLAN, tmp_path).by_forecaster) == {"base", "quick"}

    def test_rates_are_of_one_bound(self, tmp_path: Path) -> None:
        p99 = Percentile(0.001, 0.001, 0.001)
        self.write(tmp_path, "a", "quick ramp", 0.001, server=Server(0.02, 50.0, p99, 60.0))
        self.write(tmp_path, "b", "base ramp", 0.001, server=Server(0.02, 40.0, p99, 60.0))
        self.write(tmp_path, "c", "slow ramp", 0.001, server=Server(0.5, 90.0, p99, 95.0))
        plan = replace(self.PLAN, cells=(*self.PLAN.cells, StoredCell("slow ramp", "slow", "ramp", "")))

        found = board_costs(plan, tmp_path)

        rates = {name: one.server_rate for name, one in found.by_forecaster.items()}
        assert rates == {"quick": 50.0, "base": 40.0, "slow": None}
        assert "rates keep a p99 of 20 ms" in found.notes[0]

    def test_variation_of_the_machines_speed_is_noted(self, tmp_path: Path) -> None:
        moments = tuple(Calibration("then", median, 2 * median, 10) for median in (0.001, 0.0015))
        self.write(tmp_path, "a", "quick ramp", 0.001, calibrations=moments)

        assert "the machine's speed varied by up to 50%" in board_costs(self.PLAN, tmp_path).notes[0]

    def test_those_of_another_machine_are_not_shown(self, tmp_path: Path) -> None:
        self.write(tmp_path, "a", "quick ramp", 0.001, machine=Machine("other", "CPU", 2, 1, "Linux"))

        found = with_costs(MEASURED, self.PLAN, tmp_path)

        assert not found.measured
        assert found.cost_notes == ()

    def test_all_figures_behind_a_row_are_found(self, tmp_path: Path) -> None:
        bench = self.write(tmp_path, "a", "quick ramp", 0.001)

        costs = board_costs(self.PLAN, tmp_path).by_forecaster["quick"]

        found = stored_bench(tmp_path, costs)
        assert found is not None
        assert (found.key, found.subject, found.measured) == (bench.key, bench.subject, bench.measured)
        assert stored_bench(tmp_path, replace(costs, key="b")) is None


class TestWithin:
    def test_forecasters_that_fit_get_new_ranks_and_the_baseline_is_shown(self) -> None:
        found, nothing = apply_budget(MEASURED, "latency_p99 < 5ms, throughput > 1000/s")

        assert [(row.forecaster, rank_text(row)) for row in found.rows] == [
            ("quick", "1="),
            ("base", "–"),
            ("fast", "2"),
        ]
        assert [row.skill for row in found.rows] == [MEASURED.rows[i].skill for i in (1, 3, 4)]
        assert nothing == ""
        assert found.title == "Toys, within latency_p99 < 5ms, throughput > 1000/s"

    def test_the_notes_say_why_others_do_not_fit(self) -> None:
        found, _ = apply_budget(MEASURED, "latency_p99 < 5ms")

        assert found.notes == (
            "2 of 5 forecasters fit latency_p99 < 5ms",
            "latency_p99 [95 %]: quick 4 ms [3 ms, 4.5 ms], fast 100 µs [90 µs, 110 µs]",
            "left out slow: latency_p99 is 20 ms [19 ms, 21 ms], not < 5ms",
            "left out base: latency_p99 is 9 ms [8.5 ms, …], not < 5ms",
            "1 forecaster was not measured on this machine: `harness bench --board toys` measures all",
            "base is shown without a rank: skill is relative to it",
            "ties are with the first of the whole board, slow, which does not fit",
        )

    @pytest.mark.parametrize("quantity", ["latency_p99", "latency_p99_high"])
    def test_forecasters_that_are_too_noisy_have_no_rank_and_a_group_of_their_own(self, quantity: str) -> None:
        found, nothing = apply_budget(MEASURED, f"{quantity} < 20ms")

        assert [row.forecaster for row in found.rows if row.rank] == ["quick", "fast"]
        assert found.notes[0] == f"2 of 5 forecasters fit {quantity} < 20ms; 2 are too noisy to decide"
        assert found.notes[2:4] == (
            "too noisy to decide: slow (latency_p99 is 20 ms [19 ms, 21 ms]): "
            "it is too close to the limit for 100 repetitions to decide",
            "too noisy to decide: base (latency_p99 is 9 ms [8.5 ms, …]): "
            "too few calls in each repetition; give `harness bench` more --seconds",
        )
        assert nothing == ""

    def test_where_the_only_candidates_are_too_noisy_the_reason_says_so(self) -> None:
        _, nothing = apply_budget(replace(MEASURED, rows=MEASURED.rows[:3]), "latency_p99 < 4.2ms")

        assert nothing.splitlines() == [
            "No forecaster of toys fits latency_p99 < 4.2ms.",
            "too noisy to decide: quick (latency_p99 is 4 ms [3 ms, 4.5 ms]): "
            "about 87 repetitions in all would decide: run the same `harness bench` command 17 more times, "
            "which adds its repetitions to these 5",
            "left out slow: latency_p99 is 20 ms [19 ms, 21 ms], not < 4.2ms",
            "1 forecaster was not measured on this machine: `harness bench --board toys` measures all",
        ]

    def test_a_bound_that_was_not_met_is_the_reason(self) -> None:
        unmet = replace(COSTS, server_rate=None, server_bound=0.01)

        found, nothing = apply_budget(board(row("base", 1, unmet), row("other", 2, COSTS)), "server_rate > 5")

        assert "left out base: no rate keeps a p99 of 10 ms" in found.notes
        assert "left out other: server_rate was not measured" in found.notes
        assert nothing

    def test_where_all_fit_the_order_is_that_of_the_board(self) -> None:
        found, _ = apply_budget(replace(MEASURED, rows=MEASURED.rows[:2]), "latency_p99 < 1s")

        assert [row.rank for row in found.rows] == [1, 2]

    def test_forecasters_measured_on_a_busy_machine_have_a_group_of_their_own(self) -> None:
        busy = board(row("slow", 1, replace(with_p99(0.02, 0.019, 0.021), unrest=6.0)), row("quick", 2, COSTS))

        found, _ = apply_budget(busy, "latency_p99 < 5ms")

        assert found.notes[0] == "1 of 2 forecasters fit latency_p99 < 5ms; 1 was measured on a busy machine"
        assert found.notes[2] == (
            "measured on a busy machine: slow (latency_p99 is 20 ms [19 ms, 21 ms]; the machine's speed varied by up "
            "to 600%): measure again when it is idle, with `harness bench --fresh`"
        )

    def test_where_none_fits_the_reason_of_each_measured_one_is_listed(self) -> None:
        _, nothing = apply_budget(MEASURED, "latency_p99 < 50us")

        assert nothing.splitlines() == [
            "No forecaster of toys fits latency_p99 < 50us: the nearest is fast, whose latency_p99 is 100 µs.",
            "left out slow: latency_p99 is 20 ms [19 ms, 21 ms], not < 50us",
            "left out quick: latency_p99 is 4 ms [3 ms, 4.5 ms], not < 50us",
            "left out base: latency_p99 is 9 ms [8.5 ms, …], not < 50us",
            "left out fast: latency_p99 is 100 µs [90 µs, 110 µs], not < 50us",
            "1 forecaster was not measured on this machine: `harness bench --board toys` measures all",
        ]

    def test_the_nearest_misses_its_worst_limit_least(self) -> None:
        _, nothing = apply_budget(MEASURED, "latency_p99 < 3ms, throughput > 1e5/s")

        assert "the nearest is fast, whose throughput is 2500/s" in nothing

    def test_where_nothing_was_measured_it_says_how(self) -> None:
        _, nothing = apply_budget(board(row("base", 1)), "memory < 1GB")

        assert nothing == "No forecaster of toys was measured on this machine; run `harness bench --board toys` first."

    def test_quantities_that_were_never_measured_are_reported(self) -> None:
        assert "none has all of these measured" in apply_budget(MEASURED, "energy < 1J")[1]

    def test_a_text_that_is_no_budget_is_refused(self) -> None:
        with pytest.raises(BadInput, match="is given in"):
            apply_budget(MEASURED, "latency_p99 < 5")


class TestViews:
    def test_the_terminal_shows_them_in_the_place_of_indicative_ones(self) -> None:
        headings = [str(column.header) for column in standings_table(MEASURED).columns]

        assert headings[-3:] == ["p50 ms", "p99 ms", "1 fit s"]
        assert any(line.startswith("* too few repetitions") for line in legend(MEASURED))
        assert MEASURED.cost_notes[0] in remarks(MEASURED)

    def test_without_them_it_says_that_costs_are_indicative(self) -> None:
        plain = board(row("base", 1))

        assert [str(column.header) for column in standings_table(plain).columns][-2:] == ["fit s", "ms"]
        assert any("times are indicative" in line for line in legend(plain))

    def test_times_of_several_kinds_of_machines_are_not_compared(self) -> None:
        plain = replace(board(row("base", 1)), machines=("A, 2 cores", "B, 8 cores"))

        assert any("times are not comparable, as 2 kinds of machines ran the cells" in line for line in legend(plain))

    @pytest.mark.parametrize("missing", [{}, {"failed": 1}, {"failed": 1, "not run": 2}])
    @pytest.mark.parametrize("spread", [NAN, 0.01])
    @pytest.mark.parametrize("measured", [True, False])
    @pytest.mark.parametrize("name", ["a", "a-long-name-" * 5])
    @pytest.mark.parametrize("tasks", [("ramp", "hills"), ("sunspots", "co2", "elnino", "nile")])
    def test_it_fits_a_hundred_columns(
        self, missing: dict[str, int], spread: float, measured: bool, name: str, tasks: tuple[str, ...]
    ) -> None:
        costs = replace(COSTS, latency_p50=0.123, latency_p99=12.3, latency_p99_high=None, training_seconds=0.00123)
        wide = {
            "skill": -1.234,
            "intervals": {"skill": (-12.42, -11.15)},
            "close_to_next": True,
            "tied_for_first": True,
        }
        scores = dict.fromkeys(tasks, 12.345)
        rows = [
            replace(row(f"{name}{k}", k, costs if measured else None, scores=scores, tied_for_first=True), **wide)
            for k in range(1, 12)
        ]
        rows = [replace(row, missing=missing, skill_std=spread) for row in rows]
        table = standings_table(board(*rows, tasks=tasks))

        console = Console(width=100, record=True, file=None)
        with console.capture() as captured:
            console.print(table)
        _, _, heading, rule, *lines = captured.get().splitlines()

        assert max(map(len, lines)) <= 100
        assert "──" in rule  # headings stand on one line
        assert heading.split()[:2] == ["#", "forecaster"]
        assert sum("-1.234≈" in line and "-12.42…-11.15" in line for line in lines) == 11
        if measured:
            assert sum("12300*" in line and "0.00123" in line for line in lines) == 11
        if name == "a":
            assert (
                sum(f" a{k} " in line for k, line in enumerate((line for line in lines if "≈" in line), start=1)) == 11
            )

    def test_csv_has_all_figures(self) -> None:
        heading, first, _, third, *_ = standings_csv(MEASURED).splitlines()

        assert heading.split(",")[-4:] == ["server_rate", "server_bound", "unrest", "repetitions"]
        told = dict(zip(heading.split(","), first.split(","), strict=True))
        assert (told["latency_p99"], told["throughput"], told["machine"]) == ("0.02", "2500.0", "m")
        assert third.endswith(",,,,")
        assert first.endswith(",5")

    def test_from_python_they_are_the_columns_of_csv(self, tmp_path: Path) -> None:
        MEASURED.save(tmp_path)

        found = harness.standings("toys", home=tmp_path)

        heading, *lines = csv.reader(standings_csv(MEASURED).splitlines())
        assert list(found.columns)[-len(FIGURES) :] == heading[-len(FIGURES) :]
        found["repetitions"] = found["repetitions"].astype("Int64")  # a column with missing values has floats
        told = [
            ["" if pd.isna(figure) else str(figure) for figure in figures] for figures in found[[*FIGURES]].to_numpy()
        ]
        assert told == [line[-len(FIGURES) :] for line in lines]
        assert found["latency_p99"].tolist()[:2] == [0.02, 0.004]
        assert found.loc["unknown", [*FIGURES]].isna().all()
        assert found["energy"].dtype == float

    def test_data_frames_have_none_where_nothing_was_measured(self, tmp_path: Path) -> None:
        board(row("base", 1)).save(tmp_path)

        found = harness.standings("toys", home=str(tmp_path))

        assert set(FIGURES).isdisjoint(found.columns)

    def test_csv_without_them_is_as_before(self) -> None:
        assert "latency" not in standings_csv(board(row("base", 1)))

    def test_markdown_has_latency_throughput_and_memory(self) -> None:
        lines = readme(MEASURED, [], "toys").splitlines()

        (heading,) = (line for line in lines if line.startswith("| #"))
        assert heading.endswith("| fit s | predict s | p99 ms | /s | MB |")
        assert any(line.startswith("| 2= | quick") and "| 4.00 | 2.50k | – |" in line for line in lines)
        assert any("cost: measured by harness bench on ramp" in line for line in lines)
