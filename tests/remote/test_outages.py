"""Commands whose store cannot be reached: at their start, for a short time, or for good."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import CELLS, Machines
from gate import Gate
from machines import wait_for
from servers import Server, servers

pytestmark = pytest.mark.parametrize("server", servers("s3"), indirect=True)
IMPATIENT = """
from harness.cli.main import main
from harness.results.remote import patience

patience.PATIENCE = 1.0
main()
"""


@pytest.fixture
def gate(server: Server) -> Iterator[Gate]:
    opened = Gate(server.port)
    yield opened
    opened.shut()


@pytest.fixture
def machines(tmp_path: Path, bucket: str, server: Server, gate: Gate) -> Iterator[Machines]:
    made = Machines(tmp_path, bucket, server.variables(gate.port))
    (made.faulty.site / "impatient.py").write_text(IMPATIENT)
    yield made
    made.faulty.kill_all()


def shut_during_run(process: subprocess.Popen[str], machines: Machines, gate: Gate) -> None:
    """Shut the gate when some cells are done."""
    copies = machines.faulty.folder / "a"
    wait_for(lambda: len([*copies.glob("homes/*/journal/cells/*/record.json")]) > 2 or process.poll() is not None)
    gate.shut()


def test_a_run_ends_when_its_store_is_given_up_and_nothing_is_lost(machines: Machines, gate: Gate) -> None:
    process = machines.start("a", "run", "./board", "--jobs", "2", module="impatient")
    shut_during_run(process, machines, gate)

    code, text = machines.end(process)

    assert code == 2, text
    home = machines.local_copy("a")
    before = machines.began(home)
    assert len(before) < len(CELLS)  # the other ones were not started
    address = f"http://127.0.0.1:{gate.port}"
    told = [line for line in text.splitlines() if "store" in line]
    assert len(told) == 2, text
    assert re.fullmatch(rf"warning: the store {machines.url} cannot be reached \(.*\) since ..:..; waiting .*", told[0])
    last = re.fullmatch(
        rf"error: the store {machines.url} cannot be reached \(.*{address}.*\) since ..:..; (\d+) cells? (is|are) kept "
        rf"in {home} and will be stored by the next command with this home; (\d+) cells are pending; run the command "
        "again",
        text.splitlines()[-1],
    )
    assert last is not None, text
    assert int(last[3]) == len(CELLS) - len(before)
    assert "still pending:" not in text, text  # no paragraph for each cell

    gate.open()
    machines.run("a", "run", "./board", "--jobs", "1")
    machines.run("b", "show", "board")
    after = machines.began(machines.local_copy("b"))
    assert len(after) == len(CELLS)
    assert before.items() <= after.items()


def test_a_short_outage_is_survived(machines: Machines, gate: Gate) -> None:
    process = machines.start("a", "run", "./board", "--jobs", "1")
    shut_during_run(process, machines, gate)
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "waiting for it, at most 2 minutes" in line:
            break

    gate.open()

    code, text = machines.end(process)
    assert code == 0, (lines, text)
    assert f"the store {machines.url} answers again since" in text
    machines.run("b", "show", "board")
    assert len(machines.began(machines.local_copy("b"))) == len(CELLS)


def test_commands_that_only_read_use_the_local_copy(machines: Machines, gate: Gate) -> None:
    some = "run", "./board", "--only", "mean 2,mean 3", "--jobs", "1"
    machines.run("a", *some, "--shard", "1/2")
    shown = machines.run("a", "show", "board")
    machines.run("b", *some)
    gate.shut()
    page = machines.faulty.folder / "status.html"
    watching = machines.start("a", "status", "--html", str(page), "--every", "1")
    commands = {
        "show": ["a", "show", "board"],
        "status": ["a", "status"],
        "compare": ["a", "compare", "board", "board"],
        "none": ["c", "show", "board"],
        "run": ["a", "run", "./board"],
    }

    processes = {name: machines.start(*command) for name, command in commands.items()}
    ended = {name: machines.end(process) for name, process in processes.items()}
    waited = re.compile(r"warning: another command on this machine reads the store into .*\n")  # at the same time
    ended = {name: (code, waited.sub("", text)) for name, (code, text) in ended.items()}

    fault = rf"the store {machines.url} cannot be reached \(cannot connect to http://127.0.0.1:{gate.port}\)"
    copy = r"using the copy on this machine, last brought up to date \d+ (second|minute)s ago \(.* UTC\)"
    for name in ("show", "status", "compare"):
        code, text = ended[name]
        assert code == 0, text
        assert re.fullmatch(f"warning: {fault}; {copy}", text.splitlines()[0]), text
    assert ended["show"][1].splitlines()[1:] == shown.splitlines()
    for name, rest in {"none": ", and this machine has no copy of that home", "run": ""}.items():
        code, text = ended[name]
        assert code == 2
        assert re.fullmatch(f"error: {fault}{rest}; check its name, the credentials and the connection, .*\n", text), (
            text
        )
    wait_for(lambda: page.exists() or watching.poll() is not None)
    assert watching.poll() is None
    gate.open()
    code, text = machines.end(watching)  # once it sees that all cells are done
    assert code == 0, text
    assert "3 of 3 selected cells done" in page.read_text(encoding="utf-8")
