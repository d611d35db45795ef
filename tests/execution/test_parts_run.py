"""`harness run` with cells in parts: it is killed and goes on, and two commands share a cell."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_home import FaultyHome, kill
from many_series import SERIES, assert_same_forecasts, forecasts, run_of, write_many

from harness.results.stored_parts import StoredParts, cells_in_parts


@pytest.fixture
def place(tmp_path: Path) -> Iterator[FaultyHome]:
    home = FaultyHome(tmp_path)
    write_many(home)
    yield home
    home.kill_all()


def test_one_that_was_killed_goes_on_with_the_parts_that_are_left(place: FaultyHome) -> None:
    board = str(place.folder / "many")
    command = place.start("run", board, "--jobs", "2", COMMAND="first")
    deadline = time.monotonic() + 120
    while len(list(place.home.glob("journal/parts/*/*/record.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    kill(command.pid, signal.SIGKILL)
    command.communicate()
    assert place.processes_after(30) == []
    (key,) = cells_in_parts(place.home)
    stored = StoredParts(place.home, key)
    plan = stored.plan()
    assert plan is not None
    done = {f"s{i}" for part in plan.parts if stored.end(part) for i in range(part.first, part.last)}

    code, text = place.run("run", board, "--jobs", "2", COMMAND="second")

    assert code == 0, text
    assert "1 of 1 cell done" in text
    names = {series for series, _ in forecasts(place)}
    again = {series for series, by in forecasts(place) if by == "second"}
    assert len(names) == SERIES
    assert len(done) >= SERIES // 40 * 4
    assert len(again) == SERIES - len(done)
    assert cells_in_parts(place.home) == []
    assert list(place.home.glob("journal/locks/*")) == []
    run = run_of(place.home)
    assert run.costs.parts == len(plan.parts)
    whole = place.folder / "other"
    code, text = place.run("run", board, "--no-parts", "--home", str(whole), COMMAND="whole")
    assert code == 0, text
    assert run_of(whole).costs.parts == 1
    assert_same_forecasts(run, run_of(whole))


def test_two_commands_share_the_parts_of_a_cell(place: FaultyHome) -> None:
    board = str(place.folder / "many")
    first = place.start("run", board, "--jobs", "1", COMMAND="first")
    second = place.start("run", board, "--jobs", "1", COMMAND="second")

    texts = [each.communicate(timeout=300)[0] for each in (first, second)]

    assert [each.returncode for each in (first, second)] == [0, 0], texts
    shares = [{series for series, by in forecasts(place) if by == command} for command in ("first", "second")]
    assert len(shares[0] | shares[1]) == SERIES
    assert not shares[0] & shares[1]
    assert min(map(len, shares)) > 10
    assert run_of(place.home).costs.parts > 4
    assert cells_in_parts(place.home) == []
