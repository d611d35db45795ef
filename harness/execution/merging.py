"""The homes that a merge is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.data.home_folders import home_name, store_url
from harness.errors import BadInput
from harness.execution.activity import activities


def is_home(folder: Path) -> bool:
    """Whether a folder is a home."""
    return (folder / "journal" / "cells").is_dir()


def check_homes(homes: Sequence[Path]) -> tuple[list[Path], Path]:
    """The homes whose runs are merged, and the one that they are merged into, the last one; raises BadInput."""
    *given, into = homes
    if not given:
        raise BadInput("name the homes to merge and then the home to merge them into: harness merge A B INTO")
    sources = [home for home in dict.fromkeys(given) if home.resolve() != into.resolve()]
    if not sources:
        raise BadInput(f"{home_name(into)} is to be merged into itself; name another home first: harness merge A INTO")
    for home in sources:
        if not is_home(home):
            lacking = "it has no folder `journal`" if store_url(home) is None else "no results are stored there"
            raise BadInput(f"{home_name(home)} is no home: {lacking}; name what --home names for `harness run`")
    for activity in activities(into):
        if activity.is_silent:  # its process or its machine seems to be gone
            continue
        raise BadInput(
            f"process {activity.process} on {activity.host} runs cells in {home_name(into)}; merge when it has ended"
        )
    return sources, into
