"""The file of a panel holds the values that are known, and none that is not."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Channel, Panel, Vintages
from harness.execution.workers import shown_panel
from harness.execution.workers.shown_panel import ShownPanel

CHANNELS = (
    Channel("y"),
    Channel("late", "past covariate", delay=2),
    Channel("known", "known covariate"),
    Channel("forecast", "known covariate", certain=False),
)


def panel_of(lengths: list[int]) -> Panel:
    """Every value differs from all others, so that each can be told."""
    values = iter(np.arange(1.0, 1.0 + 4 * sum(lengths)).reshape(-1, 1, 4))
    series = [np.concatenate([next(values) for _ in range(length)]) for length in lengths]
    issued = [np.arange(length + 1) for length in lengths]
    vintages = Vintages.of([(rows, -np.ones((len(rows), 2)) * rows[:, None]) for rows in issued])
    return Panel.of(series, channels=CHANNELS, vintages={"forecast": vintages})


def expected(panel: Panel, ends: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """The values that are known, one after the other."""
    known = np.full_like(panel.values, np.nan)
    for i, length in enumerate(panel.lengths):
        first = panel.offsets[i]
        for row in range(length):
            limits = (ends[i], ends[i] - 2, ahead[i], ends[i])
            for column, limit in enumerate(limits):
                if row < limit:
                    known[first + row, column] = panel.values[first + row, column]
    return known


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_file_has_what_is_known_after_every_call(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    hide = data.draw(st.booleans())
    panel = panel_of(lengths)
    most, most_ahead = np.zeros(len(lengths), int), np.zeros(len(lengths), int)
    with tempfile.TemporaryDirectory() as folder:
        shown = ShownPanel(panel, "evaluated", Path(folder), "panel")
        for _ in range(data.draw(st.integers(1, 4))):
            ends = np.array([data.draw(st.integers(0, length)) for length in lengths])
            steps = data.draw(st.integers(0, 3))
            ahead = np.where(ends > 0, np.minimum(ends + steps, lengths), 0)
            most, most_ahead = (ends, ahead) if hide else (np.maximum(most, ends), np.maximum(most_ahead, ahead))

            shown.show(ends, steps, hide=hide)

            found = np.fromfile(shown.path).reshape(panel.values.shape)
            assert np.array_equal(found, expected(panel, most, most_ahead), equal_nan=True)
            issued, series = (shown.known()[f"vintages/forecast/{part}"] for part in ("issued", "series"))
            assert sorted(zip(series, issued, strict=True)) == [
                (i, at) for i in range(len(most)) for at in range(most[i] + 1)
            ]


def test_it_is_written_in_blocks(tmp_path: Path) -> None:
    panel = panel_of([30, 7, 50])
    shown_panel.BLOCK, before = 9, shown_panel.BLOCK
    try:
        shown = ShownPanel(panel, "evaluated", tmp_path, "panel")
        shown.show(np.array([20, 7, 3]), 1, hide=False)
    finally:
        shown_panel.BLOCK = before

    found = np.fromfile(shown.path).reshape(panel.values.shape)
    assert np.array_equal(found, expected(panel, np.array([20, 7, 3]), np.array([21, 7, 4])), equal_nan=True)


def test_a_file_is_never_changed(tmp_path: Path) -> None:
    panel = panel_of([5, 9])
    shown = ShownPanel(panel, "evaluated", tmp_path, "panel")
    shown.show(np.array([3, 9]), 1, hide=True)
    mapped = np.memmap(shown.path, dtype="<f8", mode="c")
    before = np.array(mapped)

    shown.show(np.array([4, 4]), 1, hide=True)

    assert np.array_equal(mapped, before, equal_nan=True)
    assert shown.path.stat().st_mode & 0o777 == 0o444


def test_a_file_that_is_there_already_is_not_written_to(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    shown = ShownPanel(panel_of([5]), "evaluated", tmp_path, "panel")
    (tmp_path / "panel-0").symlink_to(victim)

    with pytest.raises(FileExistsError):
        shown.show(np.array([3]), 1, hide=True)

    assert victim.read_text() == "precious"


def test_showing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    shown = ShownPanel(panel_of([5]), "evaluated", tmp_path, "panel")

    assert shown.show(np.array([3]), 1, hide=False)
    assert not shown.show(np.array([3]), 1, hide=False)
    assert not shown.show(np.array([2]), 0, hide=False)
    assert shown.show(np.array([2]), 0, hide=True)
