"""Why a forecaster of a board cannot be run now: its environment does not exist, or several provide it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.plugins.catalog import Catalog
from harness.plugins.forecaster_names import EnvironmentMissing, environment_in, is_missing, missing_environment
from harness.plugins.registry import AmbiguousName
from harness.results.journal import Journal
from harness.results.stored_plan import StoredPlan, stored_plan


def reason_left_out(forecaster: str, title: str, board: str, catalog: Catalog) -> str:
    """Why the row of a board that has this title is left out, and how to mend that; empty if it is not.

    Raises UnknownName for a forecaster that no plugin provides, wherever it is looked for.
    """
    try:
        catalog.forecasters[forecaster]
    except AmbiguousName as error:
        return str(error)
    except EnvironmentMissing as error:
        return _with_requirements(error.reason, forecaster, title, board, catalog)
    return ""


def _with_requirements(reason: str, forecaster: str, title: str, board: str, catalog: Catalog) -> str:
    """The same sentence, whose command has the requirements of the environment as the board was last run."""
    environment = environment_in(forecaster)
    plan = None if catalog.home is None else stored_plan(catalog.home, board)
    if catalog.home is None or plan is None or not is_missing(reason, environment):
        return reason
    for provenance in _provenances(plan, title, Journal(catalog.home)):
        if provenance.get("name") == environment:
            return missing_environment(environment, provenance["requirements"])
    before = plan.left_out.get(title, "")
    return before if is_missing(before, environment) else reason


def _provenances(plan: StoredPlan, title: str, journal: Journal) -> Iterator[dict[str, Any]]:
    """What the runs of a forecaster on a board state of their environment."""
    for cell in plan.by_forecaster.get(title, ()):
        run = journal.read(cell.key)
        if run is not None and isinstance(found := run.provenance.get("environment"), dict):
            yield found
