"""Several repetitions as one record, and their files: history, speeds that differ, failures, earlier versions."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import t

from harness.data.storage import write_checked_json, write_json
from harness.efficiency.circumstances import Calibration, Conditions, Machine, Repetition, Subject
from harness.efficiency.combination import MAX_SPEED_RATIO, combine
from harness.efficiency.percentiles import histogram
from harness.efficiency.record import (
    Batch,
    Bench,
    Energy,
    Latency,
    Memory,
    Percentile,
    Server,
    Start,
    Throughput,
    Training,
    Trial,
)
from harness.efficiency.store import MAX_REPETITIONS, bench_path, stored_benches, write_bench
from harness.report.progress.efficiency import bench_legend, bench_remarks, bench_table

MACHINE = Machine("machine", "CPU", 2, 1, "Linux")
CALLS = 400


def repetition(seconds: float, run: str = "a", calls: int = CALLS, loop: float = 0.001, **changes: object) -> Bench:
    """A repetition in which all times are multiples of `seconds`."""
    p50, p90, p99 = (Percentile(seconds * factor, seconds, seconds * 9) for factor in (1, 2, 3))
    made = Bench(
        "key",
        Subject("title", "name", "board", "task", "cell"),
        MACHINE,
        Conditions(0.6, 1, "auto"),
        f"2026-01-01T00:00:00 {run}",
        start=Start(seconds, seconds, 4 * seconds, seconds, seconds),
        training=Training(seconds, 5, 60),
        memory=Memory(10, 20, int(1000 * seconds)),
        latency=Latency(p50, p90, p99, seconds, calls, 3, 0.0, histogram=histogram([seconds, 2 * seconds])),
        throughput=Throughput((Batch(1, seconds, 3, 1 / seconds, 2 / seconds), Batch(8, seconds, 3, 8 / seconds, 0.5))),
        energy=Energy(seconds),
        calibrations=(Calibration("before", loop, loop, 5),),
        provenance={"python": "3"},
        repetition=Repetition(run),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_runs_that_differ_by_more_than_their_repetitions_are_named() -> None:
    runs = [[1.0, 1.1, 1.2], [2.0, 2.2, 2.4]]
    apart = combine([repetition(seconds, str(run)) for run, times in enumerate(runs) for seconds in times])
    together = combine([repetition(seconds, str(run)) for run in range(2) for seconds in runs[0]])

    line = "the p99 of title differs by more between runs than within them: intervals include both"
    assert line in bench_remarks([apart])
    assert line not in bench_remarks([together])


class TestFigures:
    """Repetitions with times of 1, 2 and 4 s: geometric mean 2 s, standard deviation of the logarithm log 2."""

    COMBINED = combine([repetition(1.0), repetition(2.0), repetition(4.0)])
    FACTOR = 2 ** (t.ppf(0.975, 2) / 3**0.5)  # from the figure to an end of its interval

    @pytest.mark.parametrize(
        ("figure", "value", "expected"),
        [
            ("latency_p50", COMBINED.latency.p50.seconds, 2.0),
            ("latency_p90", COMBINED.latency.p90.seconds, 4.0),
            ("latency_p99", COMBINED.latency.p99.seconds, 6.0),
            ("start_seconds", COMBINED.start.seconds, 6.0),
            ("training_seconds", COMBINED.training.seconds, 2.0),
            ("training_samples_per_second", COMBINED.training.samples_per_second, 30.0),
            ("throughput", COMBINED.throughput.best.forecasts_per_second, 4.0),
            ("energy", COMBINED.energy.joules, 2.0),
        ],
    )
    def test_they_are_geometric_means_with_an_interval_between_repetitions(self, figure, value, expected) -> None:
        assert value == pytest.approx(expected)
        assert self.COMBINED.intervals[figure] == pytest.approx((expected / self.FACTOR, expected * self.FACTOR))

    def test_the_p99_has_the_same_interval(self) -> None:
        p99 = self.COMBINED.latency.p99

        assert (p99.low, p99.high) == self.COMBINED.intervals["latency_p99"]

    def test_counts_are_added_and_the_largest_memory_counts(self) -> None:
        combined = self.COMBINED

        assert (combined.latency.calls, combined.training.calls, combined.repetitions) == (3 * CALLS, 15, 3)
        assert sum(combined.latency.histogram.counts) == 6
        assert (combined.latency.histogram.low, combined.latency.histogram.high) == (1.0, 8.0)
        assert combined.memory.peak == 4000

    def test_a_fit_on_no_observations_has_no_rate(self) -> None:
        combined = combine([repetition(seconds, training=Training(seconds, 5, 0)) for seconds in (1.0, 2.0)])

        assert combined.training.samples_per_second is None
        assert "training_samples_per_second" not in combined.intervals

    def test_one_repetition_keeps_its_figures_and_has_no_interval(self) -> None:
        combined = combine([repetition(2.0)])

        assert combined.latency.p99 == Percentile(6.0)  # that of its calls covers no other process
        assert set(combined.intervals.values()) == {(None, None)}

    def test_a_combined_record_is_read_as_it_was_written(self) -> None:
        assert Bench.from_json(json.loads(json.dumps(self.COMBINED.to_json(), allow_nan=False))) == self.COMBINED


class TestFewCalls:
    def test_the_figure_is_close_to_the_slowest_call_and_has_no_upper_end(self) -> None:
        p99 = combine([repetition(seconds, calls=20) for seconds in (1.0, 2.0, 4.0)]).latency.p99

        assert p99.seconds == 12.0  # the slowest of 60
        assert p99.low < 6.0
        assert p99.high is None

    def test_of_more_than_a_hundred_calls_the_slowest_is_not_the_p99(self) -> None:
        p99 = combine([repetition(seconds, calls=50) for seconds in (1.0, 2.0, 4.0)]).latency.p99

        assert p99.seconds == 6.0  # nearest rank: the second of 150

    def test_percentiles_that_need_fewer_calls_have_an_interval(self) -> None:
        combined = combine([repetition(seconds, calls=20) for seconds in (1.0, 2.0)])

        assert combined.latency.p90.has_upper_bound
        assert combined.latency.p50.has_upper_bound

    def test_three_repetitions_with_enough_calls_decide_alone(self) -> None:
        p99 = combine([repetition(9.0, calls=20), *(repetition(1.0) for _ in range(3))]).latency.p99

        assert p99.seconds == pytest.approx(3.0)
        assert p99.has_upper_bound

    def test_two_of_several_do_not(self) -> None:
        p99 = combine([repetition(9.0, calls=20), repetition(1.0), repetition(1.0)]).latency.p99

        assert not p99.has_upper_bound


class TestRuns:
    def test_runs_at_another_speed_are_left_out(self) -> None:
        slow = [repetition(9.0, "a", loop=0.001 * 1.1 * MAX_SPEED_RATIO) for _ in range(3)]

        combined = combine([*slow, repetition(1.0, "b"), repetition(1.0, "b")])

        assert combined.latency.p50.seconds == pytest.approx(1.0)
        assert (combined.combination.repetitions, combined.combination.left_out) == (2, 3)

    def test_runs_at_the_same_speed_are_combined(self) -> None:
        earlier = [repetition(4.0, "a", loop=0.001 * 0.95 * MAX_SPEED_RATIO)]

        combined = combine([*earlier, repetition(1.0, "b")])

        assert combined.latency.p50.seconds == pytest.approx(2.0)
        assert (combined.combination.runs, combined.combination.left_out) == (2, 0)
        assert combined.combination.since.endswith("a")
        assert combined.measured.endswith("b")

    def test_repetitions_of_one_run_are_combined_however_the_speed_changed(self) -> None:
        assert combine([repetition(1.0, loop=0.001), repetition(1.0, loop=0.005)]).repetitions == 2

    def test_another_device_is_left_out(self) -> None:
        on_gpu = repetition(0.1, "a", conditions=Conditions(0.6, 1, "auto", used_device="cuda"))

        assert combine([on_gpu, repetition(1.0, "b")]).combination.left_out == 1

    def test_a_failure_in_some_repetitions_says_in_how_many(self) -> None:
        failed = repetition(1.0, failures={"offline, batch of 8": "RuntimeError: no luck"})

        assert combine([repetition(1.0), failed]).failures == {
            "offline, batch of 8": "in 1 of 2 repetitions, RuntimeError: no luck"
        }


class TestServer:
    @staticmethod
    def server(rate: float | None, calls: int = 500) -> Server:
        p99 = Percentile(0.004)
        trials = (Trial(rate or 20.0, calls, p99, rate is not None),)
        return Server(0.005, rate, p99, 100.0, trials, unmet=int(rate is None))

    def combined(self, *servers: Server) -> Bench:
        return combine([repetition(1.0, server=server) for server in servers])

    def test_the_rate_is_the_geometric_mean(self) -> None:
        combined = self.combined(self.server(100.0), self.server(400.0))

        assert combined.server.rate == pytest.approx(200.0)
        low, high = combined.intervals["server_rate"]
        assert low < 200 < high

    def test_a_rate_from_few_answers_has_no_interval(self) -> None:
        assert self.combined(self.server(10.0, 30), self.server(12.0, 30)).intervals["server_rate"] == (None, None)

    def test_a_bound_that_some_repetitions_did_not_meet_has_a_rate_without_interval(self) -> None:
        combined = self.combined(self.server(100.0), self.server(100.0), self.server(None))

        assert combined.server.rate == pytest.approx(100.0)
        assert (combined.server.unmet, combined.server.repetitions) == (1, 3)
        assert combined.intervals["server_rate"] == (None, None)

    @pytest.mark.parametrize(
        ("rates", "shown"), [((100.0, 400.0), "200"), ((100.0, 100.0, None), "100*"), ((100.0,), "100*")]
    )
    def test_the_table_marks_a_rate_without_interval_and_the_legend_explains_the_mark(self, rates, shown) -> None:
        combined = self.combined(*(self.server(rate) for rate in rates))

        row = [str(cell) for column in bench_table([combined], width=200).columns for cell in column.cells]
        assert shown in row
        assert any(line.startswith("* at a rate: ") for line in bench_legend([combined])) == shown.endswith("*")

    def test_a_bound_that_most_repetitions_did_not_meet_has_no_rate(self) -> None:
        assert self.combined(self.server(100.0), self.server(None), self.server(None)).server.rate is None


class TestFiles:
    def stored(self, home: Path) -> Bench:
        (found,) = stored_benches(home, MACHINE.id)
        return found

    def test_repetitions_are_added(self, tmp_path: Path) -> None:
        for run, seconds in (("a", 1.0), ("a", 2.0), ("b", 4.0)):
            assert write_bench(tmp_path, repetition(seconds, run)) == ""

        assert self.stored(tmp_path) == combine([repetition(1.0), repetition(2.0), repetition(4.0, "b")])

    def test_fresh_forgets_other_runs(self, tmp_path: Path) -> None:
        write_bench(tmp_path, repetition(1.0, "a"))
        for seconds in (2.0, 4.0):
            write_bench(tmp_path, repetition(seconds, "b"), fresh=True)

        assert self.stored(tmp_path).combination.repetitions == 2

    def test_a_failed_repetition_is_not_added_to_complete_ones(self, tmp_path: Path) -> None:
        failed = repetition(1.0, "b", latency=None, failures={"start": "no luck"})

        assert write_bench(tmp_path, failed) == ""  # better than nothing
        assert write_bench(tmp_path, repetition(1.0, "a")) == ""
        assert write_bench(tmp_path, failed) == repetition(1.0, "a").measured
        assert self.stored(tmp_path) == combine([repetition(1.0, "a")])

    def test_a_repetition_with_a_failed_scenario_counts_for_the_others(self, tmp_path: Path) -> None:
        failed = repetition(4.0, throughput=None, failures={"offline, batch of 8": "no luck"})
        for bench in (repetition(1.0), failed, repetition(2.0)):
            assert write_bench(tmp_path, bench) == ""

        found = self.stored(tmp_path)
        assert found.latency.p50.seconds == pytest.approx(2.0)
        assert found.failures == {"offline, batch of 8": "in 1 of 3 repetitions, no luck"}

    def test_repetitions_that_are_added_at_once_are_all_kept(self, tmp_path: Path) -> None:
        def add(run: str) -> None:
            for seconds in (1.0, 2.0, 4.0):
                write_bench(tmp_path, repetition(seconds, run))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, "abcd"))

        found = self.stored(tmp_path).combination
        assert (found.repetitions, found.runs) == (12, 4)

    def test_the_latest_repetitions_are_kept(self, tmp_path: Path) -> None:
        for number in range(MAX_REPETITIONS + 3):
            write_bench(tmp_path, repetition(1.0, str(number)))

        found = self.stored(tmp_path).combination
        assert (found.repetitions, found.since[-1]) == (MAX_REPETITIONS, "3")

    def test_files_are_small(self, tmp_path: Path) -> None:
        for _ in range(10):
            write_bench(tmp_path, repetition(1.0))

        assert bench_path(tmp_path, MACHINE.id, "key").stat().st_size < 40_000

    @pytest.mark.parametrize("schema", [1, 2])
    def test_a_file_of_an_earlier_version_is_one_repetition_of_the_history(self, tmp_path: Path, schema: int) -> None:
        path = bench_path(tmp_path, MACHINE.id, "key")
        path.parent.mkdir(parents=True)
        if schema == 1:  # without a checksum
            write_json(path, as_before(repetition(1.0), schema))
        else:
            write_checked_json(path, as_before(repetition(1.0), schema), schema)

        assert self.stored(tmp_path).latency.calls == CALLS
        write_bench(tmp_path, repetition(4.0, "b"))
        assert self.stored(tmp_path).latency.p50.seconds == pytest.approx(2.0)


def as_before(bench: Bench, schema: int) -> dict[str, object]:
    """A record as it was written in schema 1 and 2: calls were called repetitions."""
    table = json.loads(json.dumps(bench.to_json()).replace('"calls"', '"repetitions"'))
    for name in ("repetition", "combination", "intervals"):
        del table[name]
    return table | {"schema": schema}
