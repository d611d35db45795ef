"""The card of a forecaster as plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from harness.forecasters.hyperparameters import hyperparameters_of
from harness.plugins.installation import install_command, is_fetch_command
from harness.report.catalog.capabilities import capability_rows
from harness.report.text import labelled_lines, visible

if TYPE_CHECKING:
    from harness.forecasters.card import TrainedOn
    from harness.forecasters.spec import ForecasterSpec
    from harness.forecasters.weights.declared import Weights
    from harness.plugins.catalog import Catalog

NOT_STATED = "not stated"
WIDTH = 100  # characters of a line


def card_text(name: str, catalog: Catalog) -> str:
    """The card of a forecaster of the catalog, what its spec states, and its hyperparameters; raises UnknownName.

    What it inherits from components is followed by their names. Fields that are not stated are shown as such for
    forecasters that have a card or were pretrained; they do not concern others.
    """
    entry = catalog.forecasters[name]
    spec, specs = entry.spec, catalog.forecasters.specs
    command = install_command(entry)
    concerned = spec.card is not None or _pool(spec) in ("zero-shot", "system")
    stated = [(label, value) for label, value in (*_card_rows(name, specs), *_spec_rows(spec)) if value or concerned]
    rows = [
        ("provided by", str(entry.plugin)),
        *([(_lacking(command), f"run {command}")] if command else []),
        ("description", spec.summary),
        ("pool", _pool(spec)),
        *capability_rows(spec),
        *stated,
    ]
    rows = [(label, value or NOT_STATED) for label, value in rows]
    lines = [f"CARD OF {name}", *labelled_lines(rows, WIDTH)]
    if known := hyperparameters_of(spec):
        texts = [(each.name, " · ".join(filter(None, (each.default, each.meaning)))) for each in known]
        lines += ["", "hyperparameters and their defaults", *labelled_lines(texts, WIDTH)]
    return "\n".join([*map(visible, lines), ""])


def _pool(spec: ForecasterSpec) -> str:
    """The pool of a forecaster; empty for one that is not installed and does not state it."""
    from harness.boards.pools import known_pool, pool

    return (known_pool(spec) or "") if spec.install_command else pool(spec)


def _lacking(command: str) -> str:
    return "weights not fetched" if is_fetch_command(command) else "not installed"


def _card_rows(forecaster: str, specs: Mapping[str, ForecasterSpec]) -> Iterator[tuple[str, str]]:
    """The fields of a card by their names in words; empty where one is not stated."""
    from harness.forecasters.card import Card

    spec = specs[forecaster]
    card = Card() if spec.card is None else spec.card
    for name in ("checkpoint", "revision", "licence"):
        yield name, getattr(card, name) or ""
    yield "parameters", _number(card.parameters)
    yield "trained on", _with_inherited(forecaster, specs, _datasets)
    yield "trained until", _with_inherited(forecaster, specs, lambda each: _of_card(each, "trained_until"))
    yield "selected on", _with_inherited(forecaster, specs, lambda each: _of_card(each, "selected_on"))
    yield "components", _joined(card.components)
    yield "quantile levels", _joined(map(str, card.quantile_levels))
    yield "horizon", _at_most(card.horizon)
    yield "context", _at_most(card.context)
    yield "device", card.device or ""
    yield "dtype", card.dtype or ""


def _spec_rows(spec: ForecasterSpec) -> Iterator[tuple[str, str]]:
    """The arguments of a spec that its results depend on; empty where one is not stated."""
    from harness.plugins.result_versions import depended_versions

    yield "depends", _joined(f"{name} {version}" for name, version in depended_versions(spec).items())
    yield "revision of the spec", spec.revision
    if spec.weights is not None:
        yield "weights", f"{spec.weights}: {_joined(spec.weights.files)}"
        yield from _unverified_row(spec.weights)
    yield "tolerance", f"{spec.tolerance:g}"


def _unverified_row(weights: Weights) -> Iterator[tuple[str, str]]:
    """What the card says of weights that may be others than the published ones, which it describes."""
    from harness.errors import attempt
    from harness.forecasters.weights.store import WeightsLock, read_lock, unverified_source, unverified_text

    lock = attempt(lambda: read_lock(weights))
    if isinstance(lock, WeightsLock) and (source := unverified_source(weights, lock)):
        yield "weights in use", unverified_text(source)


def _with_inherited(
    forecaster: str, specs: Mapping[str, ForecasterSpec], texts_of: Callable[[ForecasterSpec], Iterable[str]]
) -> str:
    """What a forecaster states, and what its components do, followed by their names."""
    from harness.forecasters.pretraining import with_components

    sources: dict[str, list[str]] = {}
    for name in with_components(forecaster, specs):
        for text in texts_of(specs[name]) if name in specs else ():
            sources.setdefault(text, []).append(name)
    return _joined(
        text if forecaster in names else f"{text} (from {_joined(names)})" for text, names in sources.items()
    )


def _datasets(spec: ForecasterSpec) -> Iterator[str]:
    """The datasets that a forecaster was trained on, as its card and its spec state them."""
    from harness.forecasters.card import TrainedOn

    stated = () if spec.card is None else spec.card.datasets
    yield from map(_dataset, (*stated, *map(TrainedOn, spec.trained_on)))


def _of_card(spec: ForecasterSpec, field: str) -> tuple[str, ...]:
    """A field of the card; none where it is not stated."""
    value = None if spec.card is None else getattr(spec.card, field)
    return () if value is None else (value,)


def _dataset(dataset: TrainedOn) -> str:
    also = f" (also {_joined(dataset.aliases)})" if dataset.aliases else ""
    return f"{dataset.name}{also}" + (f" until {dataset.until}" if dataset.until else "")


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _at_most(count: int | None) -> str:
    return "" if count is None else f"at most {count:,}"
