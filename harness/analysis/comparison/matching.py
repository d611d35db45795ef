"""Which forecasters of A and B belong together, and whether A and B are the same results."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from harness.analysis.comparison.sources import Source
from harness.analysis.ranking.scores import ForecasterTask
from harness.boards.selection import CHANGED
from harness.results.board_results import JournalResults
from harness.results.publication.published_results import PublishedResults

SHOWN_DIGITS = 8  # of a key


def changed_titles(first: Source, second: Source) -> dict[str, str]:
    """By its name in A, the name in B of each forecaster that `harness run --set` changed.

    Empty unless one of the boards holds the results of `--set` of the other one.
    """
    names = first.results.plan.name, second.results.plan.name
    if names[1] == names[0] + CHANGED:
        return _changed_titles(_titles(first), _titles(second))
    if names[0] == names[1] + CHANGED:
        return {changed: title for title, changed in _changed_titles(_titles(second), _titles(first)).items()}
    return {}


def _changed_titles(originals: Collection[str], changed: Collection[str]) -> dict[str, str]:
    """By name: the name with hyperparameters, such as 'ridge (lags=5)' of 'ridge'; none where two would match."""
    found: dict[str, list[str]] = {}
    for title in changed:
        stems = [name for name in originals if name not in changed and title.startswith(f"{name} (")]
        if stems and title not in originals:
            found.setdefault(max(stems, key=len), []).append(title)
    return {name: titles[0] for name, titles in found.items() if len(titles) == 1}


def _titles(source: Source) -> Collection[str]:
    return dict.fromkeys(forecaster for forecaster, _ in source.cells)


def with_counterparts(forecasters: Collection[str], first: Source, second: Source) -> set[str]:
    """These forecasters, with those of the other board that belong to them."""
    pairs = changed_titles(first, second).items()
    return {*forecasters, *(name for pair in pairs if not set(pair).isdisjoint(forecasters) for name in pair)}


def are_same_results(first: Source, second: Source) -> bool:
    """Whether A and B are the same cells in the same place."""
    places = _place(first), _place(second)
    return (
        None not in places and len({place.resolve() for place in places if place}) == 1 and first.cells == second.cells
    )


def example_keys(first: Source, second: Source) -> tuple[str, ...]:
    """Two runs of one task, as KEY@PLACE, of forecasters that only A and only B have; empty where there are none."""
    titles = changed_titles(first, second)
    taken = {(titles.get(forecaster, forecaster), task) for forecaster, task in first.cells}
    only_first = [key for key in first.cells if (titles.get(key[0], key[0]), key[1]) not in second.cells]
    only_second = {task: (forecaster, task) for forecaster, task in second.cells if (forecaster, task) not in taken}
    for key in only_first:
        if key[1] in only_second:
            return _run_name(first, key), _run_name(second, only_second[key[1]])
    return ()


def _run_name(source: Source, key: ForecasterTask) -> str:
    return f"{source.cells[key][0].key[:SHOWN_DIGITS]}@{_place(source)}"


def _place(source: Source) -> Path | None:
    """The home or the folder of published results that a source is in."""
    results = source.results
    if isinstance(results, JournalResults):
        return results.journal.home
    return results.folder if isinstance(results, PublishedResults) else None
