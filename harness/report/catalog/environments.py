"""Listings of environments."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from harness.errors import HarnessError
from harness.plugins.environments.environment import Environment
from harness.report.catalog.listings import listing


def environments_text(environments: Iterable[Environment | HarnessError], unfinished: Iterable[str] = ()) -> str:
    """All environments, their requirements, Python and size; a damaged one is listed with its problem.

    `unfinished` are the names of those that are being made, or whose making was killed.
    """
    rows = [_row(each) for each in environments]
    rows += [(name, "", "", "", "", f"not finished; `harness env remove {name}`") for name in unfinished]
    if not rows:
        return "no environments; `harness env create NAME REQUIREMENT...` makes one\n"
    return listing("environments", ("name", "requirements", "Python", "distributions", "size", "state"), rows)


def size_of(environment: Environment) -> int:
    """The bytes of its files."""
    return sum(
        os.lstat(os.path.join(folder, file)).st_size
        for folder, _, files in os.walk(Path(environment.folder))
        for file in files
    )


def _row(environment: Environment | HarnessError) -> tuple[str, ...]:
    if isinstance(environment, HarnessError):
        return ("", str(environment), "", "", "", "damaged")
    return (
        environment.name,
        " ".join(environment.requirements),
        environment.python,
        str(len(environment.locked)),
        f"{size_of(environment) / 1e6:,.0f} MB",
        environment.problem or "usable",
    )
