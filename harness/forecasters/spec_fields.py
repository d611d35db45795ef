"""A ForecasterSpec as JSON values, without its factory, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.forecasters.described import DescribedFactory
from harness.forecasters.resources import Resources
from harness.forecasters.spec import ForecasterSpec

NAMES = tuple(field.name for field in dataclasses.fields(ForecasterSpec) if field.name != "factory")


def dump_spec(spec: ForecasterSpec) -> dict[str, Any]:
    """All fields of a spec but the factory; the description is its summary, which may be that of an imported class."""
    table = {name: _json(getattr(spec, name)) for name in NAMES}
    return {**table, "description": spec.summary}


def load_spec(fields: Mapping[str, Any], factory: DescribedFactory) -> ForecasterSpec:
    """The spec that `dump_spec` returned, with this factory; raises BadInput for what does not fit."""
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items() if name in NAMES
    }
    if isinstance(resources := known.get("resources"), Mapping):
        known["resources"] = load(Resources, resources)
    if isinstance(card := known.get("card"), Mapping):
        from harness.forecasters.card import Card

        known["card"] = load(Card, card)
    if isinstance(weights := known.get("weights"), Mapping):
        from harness.forecasters.weights.declared import Weights

        known["weights"] = load(Weights, weights)
    return ForecasterSpec(**known, factory=factory)


def _json(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dump(value)
    return list(value) if isinstance(value, tuple) else value
