"""What a forecaster was trained on before it is run, by its card and those of its components."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.forecasters.card import Card, SelectedOn, TrainedOn, end_of_date

if TYPE_CHECKING:
    from harness.forecasters.spec import ForecasterSpec


@dataclass(frozen=True)
class Pretraining:
    """The training data of a pretrained forecaster and of its components, and what they were selected on."""

    datasets: tuple[TrainedOn, ...] = ()
    until: str | None = None  # the latest date that is stated; None if none is
    dated: bool = False  # whether there is no training data after `until`; if that is None, none at all
    selected_on: SelectedOn | None = None  # "test" if any component was


def pretraining(name: str, specs: Mapping[str, ForecasterSpec]) -> Pretraining | None:
    """The pretraining of a forecaster; None if neither it nor a component was pretrained or states a selection.

    `specs` are those of the catalog by name; the training data of a component that is not among them is unknown.
    """
    reached = with_components(name, specs)
    found = [_own_pretraining(specs[each]) if each in specs else Pretraining() for each in reached]
    parts = [part for part in found if part is not None]
    if not parts:
        return None
    selections = {part.selected_on for part in parts} - {None}
    return Pretraining(
        tuple(dict.fromkeys(dataset for part in parts for dataset in part.datasets)),
        max((part.until for part in parts if part.until is not None), key=end_of_date, default=None),
        all(part.dated for part in parts),
        next((kind for kind in ("test", "validation", "nothing") if kind in selections), None),
    )


def component_problems(specs: Mapping[str, ForecasterSpec]) -> dict[str, str]:
    """By forecaster: what is wrong with the components that its card names, as a sentence."""
    problems = {}
    for name, spec in specs.items():
        unknown = [component for component in _components(spec) if component not in specs]
        if unknown:
            named = ", ".join(map(repr, unknown))
            problems[name] = (
                f"the card of forecaster {name!r} names the components {named}, which no plugin provides; "
                "correct their names, or install their plugins, since its training overlap is incomplete without them"
            )
        elif cycle := _cycle(name, specs):
            problems[name] = (
                f"the card of forecaster {name!r} makes it a component of itself ({' → '.join(cycle)}); "
                "remove one of these components"
            )
    return problems


def _components(spec: ForecasterSpec) -> tuple[str, ...]:
    return () if spec.card is None else spec.card.components


def with_components(name: str, specs: Mapping[str, ForecasterSpec]) -> Set[str]:
    """A forecaster and all its components, theirs included, in the order of the cards."""
    reached, pending = {name: None}, [name]
    while pending:
        reached_last = pending.pop()
        for component in _components(specs[reached_last]) if reached_last in specs else ():
            if component not in reached:
                reached[component] = None
                pending.append(component)
    return reached.keys()


def _cycle(name: str, specs: Mapping[str, ForecasterSpec]) -> tuple[str, ...]:
    """The shortest way from a forecaster through its components back to itself; empty if there is none."""
    ways: list[tuple[str, ...]] = [(name,)]
    reached: set[str] = set()
    for way in ways:
        for component in _components(specs[way[-1]]):
            if component == name:
                return (*way, name)
            if component in specs and component not in reached:
                reached.add(component)
                ways.append((*way, component))
    return ()


def _own_pretraining(spec: ForecasterSpec) -> Pretraining | None:
    """What the spec and its card state of its own training data and selection; None where that is nothing."""
    card = Card() if spec.card is None else spec.card
    if not (spec.trained_on or card.is_pretrained or spec.pool == "zero-shot"):
        return Pretraining(dated=True, selected_on=card.selected_on) if card.selected_on else None
    datasets = (*card.datasets, *map(TrainedOn, spec.trained_on))
    dates = [date for date in (card.trained_until, *(dataset.until for dataset in datasets)) if date is not None]
    return Pretraining(
        datasets,
        max(dates, key=end_of_date, default=None),
        card.trained_until is not None or (bool(datasets) and all(dataset.until for dataset in datasets)),
        card.selected_on,
    )
