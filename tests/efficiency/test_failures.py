"""Forecasters that raise, die, hang or tire: each fails alone, and its row says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.efficiency.combination import combine
from harness.efficiency.record import Bench, Percentile, Server, Training, Trial
from harness.efficiency.request import BenchRequest, jobs
from harness.efficiency.runner import BenchFinished, measure
from harness.evaluation.model_size import ModelSize
from harness.plugins.catalog import load_catalog
from harness.report.progress.efficiency import bench_remarks, bench_table


@pytest.fixture(scope="module")
def failed(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bench]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(toys))
        patch.setenv("PYTHONPATH", str(toys))
        catalog, found = load_catalog(), dict[str, Bench]()
        for names, timeout in ((("hangs",), 4.0), (("raises", "dies", "tires", "flat"), 60.0)):
            asked = BenchRequest(home, names, str(toys / "toy-board"), seconds=0.5)
            for event in measure(jobs(asked, catalog), timeout=timeout):
                if isinstance(event, BenchFinished):
                    found[event.bench.subject.title] = combine([event.bench])
        return found


def test_one_that_raises_says_so(failed) -> None:
    assert failed["raises"].failure == "start: RuntimeError: no luck"


def test_one_that_dies_says_of_what(failed) -> None:
    assert failed["dies"].failures["start"].startswith("the process was killed by SIGKILL")


def test_one_that_hangs_is_ended(failed) -> None:
    assert failed["hangs"].failures == {"start": "did not end within 4 s"}


def test_one_that_fails_in_the_middle_keeps_what_was_measured(failed) -> None:
    bench = failed["tires"]

    assert bench.failures == {
        "offline, batch of 512": "RuntimeError: too many",
        "offline, batch of 4096": "RuntimeError: too many",
    }
    assert bench.latency is not None
    assert [batch.size for batch in bench.throughput.batches] == [1, 8, 64]


def test_the_others_go_on(failed) -> None:
    assert failed["flat"].failures == {}
    assert failed["flat"].latency is not None
    assert failed["flat"].server is None  # no bound was given


def test_the_table_shows_all_within_a_hundred_columns(failed) -> None:
    console = Console(width=100, record=True, highlight=False)

    console.print(bench_table([*failed.values()]))
    lines = console.export_text().splitlines()

    assert all(len(line.rstrip()) <= 100 for line in lines)
    assert any("raises" in line and "start" in line for line in lines)
    told = bench_remarks([*failed.values()])
    assert "raises failed, start: RuntimeError: no luck" in told
    assert "tires failed, offline, batch of 512, offline, batch of 4096: RuntimeError: too many" in told


def test_columns_for_which_there_is_no_room_are_left_to_csv(failed) -> None:
    p99 = Percentile(0.0000777, 0.0000702, 0.0000818)
    wide = replace(
        failed["flat"],
        subject=replace(failed["flat"].subject, title="a-forecaster-with-a-long-name"),
        latency=replace(failed["flat"].latency, p50=p99, p99=p99),
        training=Training(0.00275, 3, 10),
        size=ModelSize(12_345_678, 1),
        server=Server(0.02, 1360.0, Percentile(0.01, 0.009), 1.0),
    )
    console = Console(width=100, record=True, highlight=False)

    console.print(bench_table([wide]))
    text = console.export_text()

    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "0.0777 [0.0702, 0.0818]" in text
    assert "1.36k*" in text
    assert "param." not in text


def test_long_names_that_begin_alike_are_shown_in_full(failed) -> None:
    names = ("statsforecast:SeasonalNaive", "statsforecast:SeasonalWindowAverage")
    subject = failed["flat"].subject
    console = Console(width=100, record=True, highlight=False)

    console.print(bench_table([replace(failed["flat"], subject=replace(subject, title=name)) for name in names]))

    column = "".join(line[:23].strip() for line in console.export_text().splitlines())
    assert all(name in column for name in names)


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_number_is_cut_whatever_the_width(failed, width) -> None:
    p99 = Percentile(0.0000777, 0.0000702, 0.0000818)
    bench = replace(
        failed["flat"], latency=replace(failed["flat"].latency, p50=p99, p99=p99), training=Training(0.00275, 3, 10)
    )
    console = Console(width=width, record=True, highlight=False)

    console.print(bench_table([bench], width))
    lines = console.export_text().splitlines()

    assert all(len(line.rstrip()) <= width for line in lines)
    assert not any("…" in line for line in lines)
    assert any("0.0777 [0.0702, 0.0818]" in line for line in lines)


class TestUnmetBound:
    """Each p99 in the text says what it is of: the single stream, a short trial or a longer one."""

    def remark(self, failed: dict[str, Bench], server: Server) -> str:
        (text,) = (line for line in bench_remarks([replace(failed["flat"], server=server)]) if "5.00 ms" in line)
        return text

    def test_by_the_single_stream(self, failed) -> None:
        server = Server(0.005, None, Percentile(0.0062), 100.0, unmet=2, repetitions=2)

        assert self.remark(failed, server) == (
            "flat cannot meet 5.00 ms: its p99 in the single stream, without queueing, is 6.20 ms"
        )

    def test_by_longer_trials_only(self, failed) -> None:
        """The p99 of the short trial is below the bound, and none of the longer ones is."""
        trials = (
            Trial(150.0, 100, Percentile(0.00394), kept=True, confirms=False),
            Trial(150.0, 400, Percentile(0.0081), kept=False),
            Trial(60.0, 400, Percentile(0.0056), kept=False),
        )
        server = Server(0.005, None, Percentile(0.0056), 160.0, trials, unmet=1, repetitions=1)

        assert self.remark(failed, server) == (
            "flat kept the p99 of its response times within 5.00 ms at no rate in 1 of 1 repetition; "
            "at 60.0/s, it was 5.60 ms; "
            "short trials kept it, at up to 150/s, but not longer ones"
        )

    def test_in_some_repetitions(self, failed) -> None:
        trials = (Trial(60.0, 400, Percentile(0.0056), kept=False), Trial(90.0, 400, Percentile(0.004), kept=True))
        server = Server(0.005, 90.0, Percentile(0.004), 160.0, trials, unmet=1, repetitions=3)

        assert self.remark(failed, server) == (
            "flat kept the p99 of its response times within 5.00 ms at no rate in 1 of 3 repetitions; "
            "at 60.0/s, it was 5.60 ms"
        )


def test_it_exits_with_1_where_nobody_could_be_measured(shell) -> None:
    said = shell(
        "bench", "raises", "--board", "toy-board", "--seconds", "0.05", "--repetitions", "1", "--home", "nobody", code=1
    )

    assert "raises failed, start: RuntimeError: no luck" in said.flat
