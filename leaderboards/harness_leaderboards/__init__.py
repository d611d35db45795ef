"""The first-party boards: each is a folder with a `leaderboard.toml`."""

from __future__ import annotations

from pathlib import Path

from harness import hookimpl


@hookimpl
def harness_leaderboards() -> list[Path]:
    """The board files of this package."""
    return sorted(Path(__file__).parent.glob("*/leaderboard.toml"))
