"""The first-party boards, each a folder with a `leaderboard.toml`, and collections of them."""

from __future__ import annotations

from pathlib import Path

from harness import hookimpl


@hookimpl
def harness_leaderboards() -> list[Path]:
    """The files of the boards and collections of this package."""
    folder = Path(__file__).parent
    return sorted([*folder.glob("*/leaderboard.toml"), *folder.glob("*/collection.toml")])
