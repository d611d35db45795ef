"""The arguments of `harness run` that make a selection."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.boards.selection import Selection


def selection_arguments(selection: Selection) -> tuple[str, ...]:
    """The boards and options that `harness run` takes for the cells of a selection."""
    return tuple(_arguments(selection))


def _arguments(selection: Selection) -> Iterator[str]:
    yield from selection.boards or ("--all",)
    for name in selection.only:
        yield from ("--only", name)
    for name in selection.tasks:
        yield from ("--task", name)
    for pool in selection.pools:
        yield from ("--pool", pool)
    for forecaster, settings in selection.settings.items():
        for key, value in settings.items():
            yield from ("--set", f"{forecaster}.{key}={json.dumps(value)}")
    for option, number in (("--seeds", selection.seeds), ("--timeout", selection.timeout)):
        if number is not None:
            yield from (option, str(number))
    if selection.memory is not None:
        yield from ("--memory", f"{selection.memory}B")
    if selection.strict:
        yield "--strict"
