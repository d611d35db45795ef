"""The machines of a run: what they did, how fast they are, and the time left; with clocks that differ by a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from harness import Status
from harness.execution.activity import REPETITION, Activity, LastCell, RunningCell, StillPending
from harness.execution.machine_status import RECENT, machine_statuses, run_seconds_left
from harness.results.index import Outcome

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUNNING = RunningCell("aa", "theta", "nile", "2026-03-01T12:00:00+00:00", 5.0)


def at(seconds: float, days: int = 0) -> str:
    """A time by a clock that is some days ahead."""
    return (NOON + timedelta(days=days, seconds=seconds)).isoformat(timespec="milliseconds")


def outcomes(machine: str, *seconds: float, days: int = 0, status: Status = Status.COMPLETED) -> list[Outcome]:
    return [Outcome(status, False, machine, at(each, days)) for each in seconds]


def command(host: str, seconds: float, *machines: LastCell, running: int = 0, **changes: object) -> Activity:
    activity = Activity(1, host, "", at(0), ("slow",), 100, seconds, running=(RUNNING,) * running, machines=machines)
    return replace(activity, **changes)  # type: ignore[arg-type]


def test_each_machine_is_timed_by_its_own_clock() -> None:
    done = [*outcomes("a", 30, 60, 90, 120), *outcomes("b", 60, 120, days=1)]
    commands = [
        command("a", 120.0, LastCell("a", at(120), 0.0), running=2),
        command("b", 240.0, LastCell("b", at(120, days=1), 120.0), running=1),
    ]

    a, b = machine_statuses(done, commands)

    assert (a.machine, a.done, a.running, a.last_finished) == ("a", 4, 2, at(120))
    assert a.rate == pytest.approx(4 / 120)
    assert (b.machine, b.done, b.running, b.last_finished) == ("b", 2, 1, at(120, days=1))
    assert b.rate == pytest.approx(2 / 240)


def test_only_the_cells_of_the_last_ten_minutes_make_the_rate() -> None:
    hour = 3600.0
    done = outcomes("a", *range(0, 3000, 10), 3300, 3600)

    (a,) = machine_statuses(done, [command("a", 2 * hour, LastCell("a", at(hour), 150.0))])

    assert a.rate == pytest.approx(2 / RECENT)


def test_cells_of_an_earlier_command_do_not_make_the_rate() -> None:
    (a,) = machine_statuses(outcomes("a", 0, 1, 2, 100), [command("a", 10.0, LastCell("a", at(100), 4.0))])

    assert a.rate == pytest.approx(1 / 10)


def test_cells_that_finished_at_the_same_moment_count_each() -> None:
    (a,) = machine_statuses(outcomes("a", 5, 5, 5), [command("a", 10.0, LastCell("a", at(5), 0.0))])

    assert a.rate == pytest.approx(3 / 10)


def test_a_machine_that_has_ended_has_no_rate_and_failures_are_counted() -> None:
    done = [*outcomes("a", 1, 2), *outcomes("a", 3, status=Status.CRASHED)]

    (a,) = machine_statuses(done, [])

    assert (a.done, a.failed, a.running, a.rate) == (3, 1, 0, None)


def test_a_machine_without_a_finished_cell_is_there_while_it_runs() -> None:
    (a,) = machine_statuses([], [command("a", 10.0, running=1)])

    assert (a.done, a.running, a.rate, a.last_finished) == (0, 1, None, "")


def test_nodes_of_a_cluster_have_rates_and_the_machine_of_the_command_is_none_of_them() -> None:
    last = LastCell("n1", at(10), 0.0), LastCell("n2", at(20, days=1), 10.0)
    ray = command("head", 40.0, *last, running=3, executor="ray://head:10001")

    found = machine_statuses([*outcomes("n1", 5, 10), *outcomes("n2", 20, days=1)], [ray])

    assert [machine.machine for machine in found] == ["n1", "n2"]
    assert [machine.running for machine in found] == [None, None]
    assert [machine.rate for machine in found] == pytest.approx([2 / 40, 1 / 40])


def test_records_without_machine_or_time_are_counted() -> None:
    (unknown,) = machine_statuses([Outcome(Status.COMPLETED), Outcome(Status.FAILED, finished="soon")], [])

    assert (unknown.machine, unknown.done, unknown.failed, unknown.last_finished) == ("", 2, 1, "")


def test_measurements_are_no_cells() -> None:
    assert machine_statuses([], [command("a", 10.0, running=1, unit=REPETITION)]) == ()


class TestTimeLeft:
    """Two machines that do a cell in 10 seconds together."""

    last = LastCell("a", at(20), 0.0), LastCell("b", at(20), 0.0)
    machines = machine_statuses(
        [*outcomes("a", 20), *outcomes("b", 20)], [command("a", 20.0, last[0]), command("b", 20.0, last[1])]
    )

    def test_machines_that_divide_the_same_cells(self) -> None:
        commands = [command("a", 20.0, cells=30, done=2, running=1), command("b", 20.0, cells=29, done=0)]

        assert run_seconds_left(commands, {"slow": set(map(str, range(50)))}, self.machines) == pytest.approx(290)
        assert run_seconds_left(commands, {"slow": set(map(str, range(7)))}, self.machines) == pytest.approx(70)

    def test_cells_of_shards_are_different_ones(self) -> None:
        commands = [
            command("a", 20.0, cells=30, done=10, running=1, shard="1/2"),
            command("b", 20.0, cells=30, done=20, shard="2/2"),
        ]

        assert run_seconds_left(commands, {}, self.machines) == pytest.approx(300)

    def test_cells_of_commands_that_were_asked_for_others_add_up(self) -> None:
        commands = [
            command("a", 20.0, cells=30, done=10, running=1, asked_for="a"),
            command("b", 20.0, cells=30, done=20, asked_for="b"),
        ]

        assert run_seconds_left(commands, {"slow": set(map(str, range(40)))}, self.machines) == pytest.approx(300)

    def test_cells_that_two_commands_were_asked_for_count_once(self) -> None:
        commands = [
            command("a", 20.0, cells=30, done=0, running=1, asked_for="all"),
            command("b", 20.0, cells=10, done=0, asked_for="some of them"),
        ]

        assert run_seconds_left(commands, {"slow": set(map(str, range(30)))}, self.machines) == pytest.approx(300)

    def test_machines_that_were_asked_for_the_same_cells_divide_them(self) -> None:
        commands = [command(host, 20.0, cells=30, done=0, running=1, asked_for="a") for host in "ab"]

        assert run_seconds_left(commands, {"slow": set(map(str, range(50)))}, self.machines) == pytest.approx(300)

    def test_cells_that_cannot_be_run_are_not_waited_for(self) -> None:
        pending = (StillPending("aa", "a", "t", "disk full"),) * 4

        assert (
            run_seconds_left([command("a", 20.0, running=1, cells=5, still_pending=pending)], {}, self.machines) == 10
        )

    def test_while_no_machine_runs_a_cell_it_is_not_known(self) -> None:
        waiting = command("a", 20.0, cells=30, done=29)

        assert waiting.seconds_left is None
        assert run_seconds_left([waiting], {"slow": {"aa"}}, self.machines) is None
        assert run_seconds_left([replace(waiting, running=(RUNNING,))], {"slow": {"aa"}}, self.machines) is not None

    def test_without_a_rate_or_a_command_it_is_not_known(self) -> None:
        assert run_seconds_left([command("a", 20.0, running=1)], {}, ()) is None
        assert run_seconds_left([], {"slow": {"aa"}}, self.machines) is None


def test_cells_that_are_expected_to_be_quick_take_less_of_the_time_left() -> None:
    done = outcomes("a", *range(0, 100, 10))
    slow_first = command("a", 100.0, LastCell("a", at(90), 10.0), running=1, done=10, work=100.0, work_done=90.0)
    (a,) = machine_statuses(done, [slow_first])

    plain = run_seconds_left([replace(slow_first, work=0.0, work_done=0.0)], {}, [a])
    weighted = run_seconds_left([slow_first], {}, [a])

    assert plain == pytest.approx(90 / (10 / 100))
    assert weighted == pytest.approx(plain / 81)  # each of 90 cells is expected to take 1/81 of one of the first ten
    assert slow_first.seconds_left == pytest.approx(100.0 / 9)
