"""The replay of a recorded cell as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.report.text import visible

if TYPE_CHECKING:
    from harness.execution.replay import Replay
from harness.results.run_comparison import Difference


def replay_lines(replay: Replay) -> Iterator[str]:
    """The verdict, and what differs, as lines; each is fit for a terminal."""
    seed = "" if replay.seed is None else f", seed {replay.seed}"
    yield visible(f"{replay.forecaster} on {replay.task}{seed} ({replay.key}): {_verdict(replay)}")
    for difference in (replay.status, replay.reason, *replay.scores):
        if difference is not None:
            yield _line(difference)
    for change in replay.changes:
        yield visible(f"  note: {change}")
    if not replay.environment:
        yield "The environment is the recorded one."
        return
    yield "The environment differs from the recorded one:"
    for difference in replay.environment:
        yield _line(difference)


def _verdict(replay: Replay) -> str:
    if replay.verdict == "equal":
        return "equal to the record, bit by bit" if replay.difference is not None else "equal to the record"
    if replay.difference is None:
        return "different from the record"
    by = f"the forecasts differ by {replay.difference:.2g}"
    if not replay.difference:
        by = "the forecasts are equal and the scores are not"
    comparison = "within" if replay.verdict == "within tolerance" else "beyond"
    if replay.verdict == "different" and replay.difference <= replay.tolerance:
        return f"different from the record: {by}"
    return f"{replay.verdict}: {by} relative to their size, {comparison} the tolerance of {replay.tolerance:g}"


def _line(difference: Difference) -> str:
    return visible(f"  {difference.name}: {difference.recorded} → {difference.present}")
