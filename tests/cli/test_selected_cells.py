"""`harness status` and `harness show` after runs of some cells of a board."""

from __future__ import annotations

import csv
import io
import json
import shutil
from typing import Any


def test_cells_that_no_command_has_selected_are_not_pending(slow_board: Any) -> None:
    slow_board.set_seconds(0, 0, 0)
    slow_board("run", "slow", "--only", "slow 1,slow 2", "--jobs", "1")

    text = slow_board("status", "slow").stdout
    (board,) = json.loads(slow_board("status", "--json").stdout)["boards"]
    shown = " ".join(slow_board("show", "slow").stdout.split())
    listed = slow_board("show", "slow", "--csv").stderr
    runs = slow_board("runs", "slow", "--csv").stdout
    of_forecaster = slow_board("show", "slow", "--forecaster", "slow 3").stdout

    assert ("Board slow: 3 of 3 selected cells done (--only slow 1,slow 2); the board has 4 cells.") in text
    assert "  Forecaster  done  failed  pending  not selected" in text
    assert text.splitlines()[-1].split() == ["slow", "3", "0", "0", "0", "1"]
    assert (board["cells"], board["done"], board["pending"], board["not_selected"]) == (4, 3, 0, 1)
    note = "none of 3 selected cells are pending; 1 of 4 cells of the board was not selected by any command"
    assert note in shown
    assert note in listed
    rows = {row["forecaster"]: row["status"] for row in csv.DictReader(io.StringIO(runs))}
    assert (rows.pop("slow 3"), {*rows.values()}) == ("not selected", {"completed"})
    assert "not selected" in of_forecaster

    slow_board("run", "slow", "--jobs", "1")

    assert "Board slow: 4 of 4 cells done." in slow_board("status").stdout
    assert "selected" not in slow_board("show", "slow").stdout


def test_tasks_are_selected(slow_board: Any) -> None:
    slow_board.set_seconds(0, 0, 0)
    file = slow_board.folder / "slow" / "leaderboard.toml"
    task = '[[tasks]]\ndataset = "elnino"\nprotocol = { kind = "rolling-origin", horizon = 2, windows = 2 }\n'
    file.write_text(f"{file.read_text(encoding='utf-8')}{task}", encoding="utf-8")

    ran = slow_board("run", "slow", "--task", "elnino", "--only", "slow 1", "--jobs", "1")
    refused = slow_board("run", "slow", "--task", "elnin")

    assert ran.returncode == 0, ran.stderr
    assert (
        "2 of 2 selected cells done (--only slow 1 --task elnino); the board has 8 cells."
        in slow_board("status").stdout
    )
    assert refused.returncode == 2
    assert refused.stderr == "error: no task on these boards called 'elnin'; did you mean 'elnino'?\n"


def test_what_several_commands_selected_is_joined(slow_board: Any) -> None:
    slow_board.set_seconds(0, 0, 0)
    slow_board("run", "slow", "--only", "slow 1", "--jobs", "1")
    slow_board("run", "slow", "--only", "slow 2", "--jobs", "1")

    text = slow_board("status").stdout

    assert "3 of 3 selected cells done (--only slow 1; --only slow 2); the board has 4 cells." in text


def test_a_home_of_an_earlier_version_has_all_cells_selected(slow_board: Any) -> None:
    slow_board.set_seconds(0, 0, 0)
    slow_board("run", "slow", "--only", "slow 1", "--jobs", "1")
    shutil.rmtree(slow_board.home / "boards" / "slow" / "selections")

    slow_board("run", "slow", "--only", "slow 2", "--jobs", "1")

    assert "Board slow: 3 of 4 cells done." in slow_board("status").stdout
