"""Replay: a recorded cell is run again, and what it gives is compared with its record. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from harness.boards.fingerprints import load_unchanged
from harness.boards.planning import PlannedCell, plan_cell
from harness.boards.workspace import Workspace
from harness.data.home_folders import home_name
from harness.data.panel_store import is_stored, store_panel
from harness.errors import BadInput
from harness.evaluation.forecast_comparison import relative_difference
from harness.evaluation.run import EVALUATION_VERSION, Run
from harness.execution.cells.evaluation import evaluate_cell
from harness.execution.options import CellOptions
from harness.execution.workers.template_server import TemplateServer
from harness.plugins.catalog import Catalog
from harness.plugins.forecaster_names import create_command
from harness.plugins.installation import check_installed
from harness.plugins.installed import installed_catalog
from harness.results.run_comparison import (
    TOLERANCE,
    Difference,
    Verdict,
    compare_results,
    environment_differences,
    score_differences,
)


@dataclass(frozen=True)
class Replay:
    """How a cell that was run again compares with its record."""

    key: str
    forecaster: str
    task: str
    seed: int | None
    verdict: Verdict
    tolerance: float
    difference: float | None  # largest relative difference of the forecasts; None where one of both has none
    status: Difference | None  # None: the same
    reason: Difference | None  # of a failure
    scores: tuple[Difference, ...]
    changes: tuple[str, ...]  # sentences on what the key of the cell depends on
    environment: tuple[Difference, ...]


def replay(key: str, fingerprint: str, workspace: Workspace, title: str = "") -> Replay:
    """Run a recorded cell again, on the present data with the present forecaster, and compare.

    `fingerprint` is that of the data of the record. Raises BadInput where there is no record that can be read.
    """
    recorded = workspace.journal.read_with_results(key)
    if recorded is None:
        raise BadInput(f"the record of run {key} in {home_name(workspace.home)} cannot be read; run its board again")
    forecaster = _present_name(recorded, workspace.catalog)
    check_installed(forecaster, workspace.catalog.forecasters)
    planned = plan_cell(replace(recorded.cell, forecaster=forecaster), title or recorded.cell.forecaster, workspace)
    tolerance = max(TOLERANCE, workspace.catalog.forecasters[forecaster].spec.tolerance)
    present = _evaluated(planned, recorded, workspace.home)
    compared = compare_runs(recorded, present, tolerance)
    return replace(compared, changes=tuple(_changes(recorded, fingerprint, planned)))


def compare_runs(recorded: Run, present: Run, tolerance: float) -> Replay:
    """What differs between two runs of a cell."""
    difference = None
    if recorded.results is not None and present.results is not None:
        difference = relative_difference(recorded.results.forecast, present.results.forecast)
    scores = tuple(score_differences(recorded.scores, present.scores))
    same_status = recorded.status is present.status
    return Replay(
        recorded.key,
        recorded.cell.forecaster,
        recorded.cell.task.label,
        recorded.cell.seed,
        compare_results(recorded, present, difference, tolerance),
        tolerance,
        difference,
        None if same_status else Difference("status", recorded.status.value, present.status.value),
        None if recorded.reason == present.reason else Difference("reason", recorded.reason, present.reason),
        scores,
        (),
        tuple(environment_differences(recorded.provenance, present.provenance)),
    )


def _present_name(recorded: Run, catalog: Catalog) -> str:
    """The name of the forecaster of a record now: in an environment with the hash that it had, whatever its name.

    Where there is none, the recorded name; raises BadInput if that is the name of no forecaster, or of several.
    """
    name, environment = recorded.cell.forecaster, recorded.provenance.get("environment")
    if not isinstance(environment, Mapping):
        return name
    if found := catalog.forecasters.in_environment(name, str(environment.get("hash"))):
        return found
    if name in catalog.forecasters:
        return name
    command = create_command(str(environment.get("name")), environment.get("requirements", ()))
    raise BadInput(f"there is no environment as that in which {name!r} was run; make it again by `{command}`")


def _evaluated(planned: PlannedCell, recorded: Run, home: Path) -> Run:
    """The run of a cell with its forecasts, which is not written, in a worker as it was recorded."""
    seed = None if recorded.audit is None else recorded.audit.seed
    options = CellOptions(strict=recorded.strict, audit_seed=seed)
    if planned.spec.provider is None:
        return evaluate_cell(planned, home, options=options)
    if not is_stored(home, planned.fingerprint):
        dataset = installed_catalog().datasets[planned.cell.task.dataset]
        store_panel(load_unchanged(dataset, planned.fingerprint, home), home)
    with closing(TemplateServer()) as server:
        return evaluate_cell(planned, home, server.ensure(planned.spec.provider.environment), options)


def _changes(recorded: Run, fingerprint: str, planned: PlannedCell) -> Iterator[str]:
    """Sentences on what changed since the cell was run, so that it is another cell now."""
    version = str(recorded.provenance.get("plugin", {}).get("version", ""))
    if version != planned.version:
        yield (
            f"the code, spec or libraries of forecaster {recorded.cell.forecaster!r} changed: its result version is "
            f"{planned.version} and was {version or 'not recorded'}; the present one was run"
        )
    if fingerprint != planned.fingerprint:
        was = fingerprint[:16] or "not known"
        yield (
            f"the data of {recorded.cell.task.dataset!r} changed: their fingerprint is {planned.fingerprint[:16]} and "
            f"was {was}; the present data were used"
        )
    evaluation = recorded.provenance.get("evaluation")
    if evaluation != EVALUATION_VERSION:
        yield f"the evaluation changed: its version is {EVALUATION_VERSION} and was {evaluation}"
