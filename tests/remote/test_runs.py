"""Commands on several machines, each with a local copy of its own, that share a home in a store."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import CELLS, Machines
from faulty_home import kill
from machines import wait_for
from servers import SERVERS, CarelessServer, GoogleServer, Server

from harness import Journal

pytestmark = pytest.mark.long_file

AWAY = """
from harness.cli.main import main
from harness.results.remote import patience
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.store import StoreUnavailable


def push_pending(self):
    raise StoreUnavailable("the store is away", "look after it", may_pass=True)


RemoteHome.push_pending = push_pending
patience.PATIENCE = 0.1
main()
"""


@pytest.fixture(params=["file", *SERVERS])
def machines(request: pytest.FixtureRequest, tmp_path: Path, use: Callable[[str], Server]) -> Iterator[Machines]:
    if request.param == "file":
        made = Machines(tmp_path, f"file://{tmp_path}/store", {})
    else:
        server = use(request.param)
        made = Machines(tmp_path, server.new_folder(), server.variables())
    yield made
    made.faulty.kill_all()


@pytest.fixture
def folder_machines(tmp_path: Path) -> Iterator[Machines]:
    made = Machines(tmp_path, f"file://{tmp_path}/store", {})
    yield made
    made.faulty.kill_all()


@dataclass
class Undisturbed:
    """What the board has where one command runs it in a folder."""

    results: dict[str, tuple[object, ...]]
    standings: list[str]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    made = Machines(tmp_path_factory.mktemp("undisturbed"), "", {})
    try:
        code, text = made.faulty.run("run", "./board", "--jobs", "2")
        assert code == 0, text
        return Undisturbed(made.results(made.faulty.home), standings(text))
    finally:
        made.faulty.kill_all()


def standings(text: str) -> list[str]:
    """The rows of a table without times."""
    return [re.split(r"\s{2,}", line.strip())[1:3] for line in text.splitlines() if re.match(r"\s*\d+\s{2}", line)]  # type: ignore[misc]


def test_two_machines_divide_the_cells_and_have_the_results_of_one(
    machines: Machines, undisturbed: Undisturbed
) -> None:
    both = [machines.start(name, "run", "./board", "--jobs", "1") for name in ("a", "b")]
    ended = [machines.end(process) for process in both]

    assert [code for code, _ in ended] == [0, 0], ended
    assert len(undisturbed.results) == len(CELLS)
    homes = [machines.local_copy(name) for name in ("a", "b")]
    assert [machines.results(home) for home in homes] == [undisturbed.results] * 2
    assert machines.began(homes[0]) == machines.began(homes[1])
    assert [standings(text) for _, text in ended] == [undisturbed.standings] * 2
    done_here = [len(re.findall("mean|naive|ridge", text)) for _, text in ended]
    assert all(done_here)
    shown = machines.run("c", "show", "board", "--csv")
    assert shown == machines.run("a", "show", "board", "--csv")
    assert "10 of 10 cells done" in machines.run("c", "status")
    idle = machines.run("c", "run", "./board")
    assert f"Nothing to do: all 10 cells are in the journal of {machines.url}." in re.sub(r"\s+", " ", idle)


def test_a_killed_command_is_completed_by_another_machine(machines: Machines, undisturbed: Undisturbed) -> None:
    process = machines.start("a", "run", "./board", "--jobs", "2")
    copies = machines.faulty.folder / "a"
    wait_for(lambda: len([*copies.glob("homes/*/journal/cells/*/record.json")]) > 2)
    kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert machines.faulty.processes_after(20) == []

    text = machines.run("b", "run", "./board", "--jobs", "2")

    assert machines.results(machines.local_copy("b")) == undisturbed.results
    assert standings(text) == undisturbed.standings
    machines.run("a", "run", "./board")
    assert machines.results(machines.local_copy("a")) == undisturbed.results
    assert machines.began(machines.local_copy("a")) == machines.began(machines.local_copy("b"))


def test_a_cell_is_run_again_by_two_machines(folder_machines: Machines) -> None:
    machines = folder_machines
    machines.run("a", "run", "./board")
    machines.run("b", "show", "board")
    before = machines.began(machines.local_copy("b"))

    both = [machines.start(name, "run", "./board", "--jobs", "1", "--rerun") for name in ("a", "b")]
    assert [machines.end(process)[0] for process in both] == [0, 0]

    homes = [machines.local_copy(name) for name in ("a", "b")]
    assert machines.began(homes[0]) == machines.began(homes[1])
    assert all(machines.began(homes[0])[key] > began for key, began in before.items())
    assert len([*(machines.faulty.folder / "store" / "cells").glob("*/*")]) == len(CELLS)


def test_commands_that_read_accept_a_url(folder_machines: Machines) -> None:
    machines = folder_machines
    machines.run("a", "run", "./board")
    key = sorted(machines.results(machines.local_copy("a")))[0]

    assert key[:8] in machines.run("b", "runs", "board")
    assert "equal" in machines.run("b", "replay", key[:12])
    page = machines.faulty.folder / "page.html"
    machines.run("b", "show", "board", "--html", str(page))
    assert "ridge 3" in page.read_text(encoding="utf-8")
    assert "0 worse" not in machines.run("b", "compare", "board", f"board@{machines.url}")
    assert "error" not in machines.run("b", "list", "forecasters")


@pytest.mark.skipif(not CarelessServer.is_there(), reason="needs gcp-storage-emulator: tox -e stores")
def test_a_server_that_replaces_what_is_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = CarelessServer()
    for name, value in server.variables().items():
        monkeypatch.setenv(name, value)
    machines = Machines(tmp_path, server.new_folder(), server.variables())

    code, text = machines.end(machines.start("a", "run", "./board"))
    server.stop()

    assert code == 2
    assert "replaces an object that is there instead of refusing to" in re.sub(r"\s+", " ", text)
    machines.faulty.kill_all()


def test_a_result_that_differs_is_told(folder_machines: Machines) -> None:
    machines = folder_machines
    machines.run("a", "run", "./board", "--only", "mean 2")
    object_ = next((machines.faulty.folder / "store" / "cells").glob("*/1"))
    home = machines.local_copy("a")
    journal = Journal(home)
    key = object_.parent.name
    run = journal.read_with_results(key)
    assert run is not None
    from dataclasses import replace

    Journal(machines.faulty.home).write(replace(run, scores={**run.scores, "MAE": 123.0}))
    target = machines.faulty.folder / "b" / "homes" / home.name
    target.mkdir(parents=True)
    (target / "journal" / "cells").mkdir(parents=True)
    (machines.faulty.home / "journal" / "cells" / key).rename(target / "journal" / "cells" / key)

    text = machines.run("b", "show", "board")

    assert f"two machines ran cell {key} and have different results" in re.sub(r"\s+", " ", text)
    assert len([*(machines.faulty.folder / "store" / "conflicts").glob("*/*")]) == 1
    kept = Journal(target).read(key)
    assert kept is not None
    assert kept.scores == run.scores


@pytest.mark.skipif(GoogleServer.is_there(), reason="it is installed")
def test_a_store_without_its_library(folder_machines: Machines) -> None:
    process = folder_machines.start("a", "show", "board", "--home", "gs://bucket/run")

    code, text = folder_machines.end(process)

    assert code == 2
    assert "gs://bucket/run needs a library that is not installed; run `pip install 'forecast-harness[gcs]'`" in text


def test_a_store_that_goes_away_before_the_first_cell(folder_machines: Machines) -> None:
    (folder_machines.faulty.site / "away.py").write_text(AWAY)

    code, text = folder_machines.end(folder_machines.start("a", "run", "./board", module="away"))

    assert code == 2
    last = text.splitlines()[-1]
    assert re.fullmatch(
        r"error: the store is away since \d\d:\d\d; no cell was started; run the command again", last
    ), text
