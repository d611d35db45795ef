"""A cell in parts on several machines that share a home in a store, of which one is killed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from faulty_home import FaultyHome, kill
from machines import wait_for
from many_series import SERIES, assert_same_forecasts, forecasts, run_of, write_many
from servers import Server

from harness.results.remote.opening import open_store
from harness.results.stored_parts import cells_in_parts


@pytest.fixture
def place(tmp_path: Path, server: Server) -> Iterator[FaultyHome]:
    home = FaultyHome(tmp_path, server.variables())
    write_many(home)
    yield home
    home.kill_all()


def test_a_machine_goes_on_with_the_parts_that_another_one_has_stored(place: FaultyHome, bucket: str) -> None:
    board, store = str(place.folder / "many"), open_store(bucket)

    def start(machine: str, **variables: str) -> subprocess.Popen[str]:
        cache = str(place.folder / machine)
        return place.start("run", board, "--home", bucket, COMMAND=machine, HARNESS_CACHE_DIR=cache, **variables)

    def count(machine: str) -> int:
        return sum(by == machine for _, by in forecasts(place))

    first = start("a", STOPS_AFTER="40")
    wait_for(lambda: count("a") > 4)
    second = start("b", PAUSE="0")
    wait_for(lambda: count("a") >= 40 and count("b"))
    made = series_of(name.split("/")[2] for name in store.names("parts"))
    kill(first.pid, signal.SIGKILL)
    first.communicate()
    text, _ = second.communicate(timeout=200)

    assert second.returncode == 0, text
    assert "1 of 1 cell done" in text
    by_first, by_second = ({series for series, by in forecasts(place) if by == machine} for machine in ("a", "b"))
    assert len(by_first | by_second) == SERIES
    assert len(made) > 4
    assert not made & by_first & by_second
    (copy,) = (place.folder / "b" / "homes").iterdir()
    run = run_of(copy)
    assert [name for name in store.names() if name.startswith("cells")] == [f"cells/{run.key}/1"]
    assert not [name for name in store.names() if name.startswith(("parts", "locks"))]
    assert cells_in_parts(copy) == []
    code, text = place.run("run", board, "--no-parts", COMMAND="whole", PAUSE="0")
    assert code == 0, text
    assert_same_forecasts(run, run_of(place.home))


def series_of(parts: Iterable[str]) -> set[str]:
    """The series of parts, by the names of these."""
    borders = [tuple(map(int, name.split("-")[:2])) for name in parts if name != "plan"]
    return {str(i) for first, last in borders for i in range(first, last)}
