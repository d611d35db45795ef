"""The card of a forecaster as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from harness.report.text import visible

if TYPE_CHECKING:
    from harness.forecasters.card import TrainedOn
    from harness.forecasters.spec import ForecasterSpec
    from harness.plugins.catalog import Catalog

NOT_STATED = "not stated"
WIDTH = 100  # characters of a line


def card_text(name: str, catalog: Catalog) -> str:
    """The card of a forecaster of the catalog, one field to a line; raises UnknownName."""
    entry = catalog.forecasters[name]
    rows = [("provided by", str(entry.plugin)), *_rows(entry.spec)]
    width = max(len(label) for label, _ in rows)
    lines = [f"CARD OF {visible(name)}"]
    for label, value in rows:
        folded = textwrap.wrap(visible(value or NOT_STATED), WIDTH - width - 4, break_on_hyphens=False)
        lines += [f"  {label if i == 0 else '':{width}}  {line}" for i, line in enumerate(folded)]
    return "\n".join([*lines, ""])


def _rows(spec: ForecasterSpec) -> Iterator[tuple[str, str]]:
    """The fields of a card by their names in words; empty where one is not stated."""
    from harness.boards.pools import pool
    from harness.forecasters.card import Card, TrainedOn

    card = Card() if spec.card is None else spec.card
    yield "description", spec.summary
    yield "pool", pool(spec)
    for name in ("checkpoint", "revision", "licence"):
        yield name, getattr(card, name) or ""
    yield "parameters", _number(card.parameters)
    yield "trained on", _joined(map(_dataset, (*card.datasets, *map(TrainedOn, spec.trained_on))))
    yield "trained until", card.trained_until or ""
    yield "selected on", card.selected_on or ""
    yield "components", _joined(card.components)
    yield "quantile levels", _joined(map(str, card.quantile_levels))
    yield "horizon", _at_most(card.horizon)
    yield "context", _at_most(card.context)
    yield "covariates", _joined(card.covariates)
    yield "device", card.device or ""
    yield "dtype", card.dtype or ""


def _dataset(dataset: TrainedOn) -> str:
    also = f" (also {_joined(dataset.aliases)})" if dataset.aliases else ""
    return f"{dataset.name}{also}" + (f" until {dataset.until}" if dataset.until else "")


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _at_most(count: int | None) -> str:
    return "" if count is None else f"at most {count:,}"
