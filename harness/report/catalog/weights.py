"""The listing of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.catalog.listings import listing

if TYPE_CHECKING:
    from harness.forecasters.weights.declared import Weights
    from harness.plugins.catalog import Catalog

COMMIT = 12  # digits of a commit that are shown


def weights_text(catalog: Catalog) -> str:
    """The weights of each forecaster that declares some: repository, commit, size, licence and state."""
    from harness.forecasters.weights.paths import weights_root

    rows = [
        (name, *_row(entry.spec.weights))
        for name, entry in catalog.forecasters.items()
        if entry.spec.weights is not None
    ]
    if not rows:
        return "no forecaster declares weights\n"
    headings = ("forecaster", "weights", "commit", "size", "licence", "state")
    return f"{listing('weights', headings, rows)}\n  folder: {weights_root()}\n"


def _row(weights: Weights) -> tuple[str, ...]:
    from harness.errors import DataUnavailable
    from harness.forecasters.limits import size_text
    from harness.forecasters.weights.store import read_lock, unverified_source, unverified_text, weights_problem

    try:
        lock = read_lock(weights)
    except DataUnavailable:
        return str(weights), "", "", weights.licence, "damaged"
    if lock is None:
        return str(weights), "", "", weights.licence, "not fetched"
    commit = lock.commit[:COMMIT] if lock.commit else ""
    source = unverified_source(weights, lock)
    state = "damaged" if weights_problem(weights) else unverified_text(source) if source else "fetched"
    return str(weights), commit, size_text(lock.size), weights.licence, state
