"""A run that finds damage only when it computes the standings says so, and the next one mends it."""

from __future__ import annotations

from typing import Any


def test_a_damaged_array_makes_its_cell_pending(slow_board: Any) -> None:
    slow_board.set_seconds(0)
    slow_board("run", "slow", "--jobs", "0")
    terms = next(slow_board.home.glob("journal/cells/*/*-terms.npy"))
    content = terms.read_bytes()
    terms.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    found = slow_board("run", "slow", "--jobs", "0")
    mended = slow_board("run", "slow", "--jobs", "0")
    idle = slow_board("run", "slow", "--jobs", "0")

    assert found.returncode == 2
    assert "files of 1 cell are damaged; the same command" in " ".join(found.stdout.split())
    assert "Nothing to do" not in found.stdout
    assert mended.returncode == 0
    assert "Nothing to do: all 2 cells" in " ".join(idle.stdout.split())
