"""The boards that come with harness: a folder each, with its `leaderboard.toml`."""

from __future__ import annotations

from pathlib import Path

from harness import hookimpl


@hookimpl
def harness_leaderboards() -> list[Path]:
    """Every board file in this package."""
    return sorted(Path(__file__).parent.glob("*/leaderboard.toml"))
