"""Every forecaster has the same results in a worker process as in this one, to the last bit."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import Panel, Run, Task
from harness.boards.planning import PlannedCell, planned_spec
from harness.data.panel_store import store_panel
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Cell, Status
from harness.execution.cells.evaluation import evaluate_cell
from harness.execution.options import CellOptions
from harness.execution.workers.template_server import TemplateServer
from harness.fields.types import Json
from harness.plugins.catalog import load_catalog
from harness.plugins.checks.tasks import categorical_tasks, check_tasks
from harness.plugins.result_versions import forecaster_version

pytestmark = pytest.mark.long_file

CATALOG = load_catalog()
NAMES = tuple(name for name, entry in CATALOG.forecasters.items() if entry.plugin.included and ":" not in name)
TASKS = {description: (task, panel) for description, task, panel in (*check_tasks(), *categorical_tasks())}
OF_CLASSES = tuple(description for description, _, _ in categorical_tasks())
OF_NUMBERS = tuple(description for description, _, _ in check_tasks())
SHORT = ("with delayed, forecast and static covariates", "held-out series by free-running generation")  # for slow ones
SLOW = (
    "auto-arima",
    "cnn",
    "ets",
    "median-ensemble",
    "mstl",
    "dense-iid",
    "free-cnn",
    "free-dense",
    "free-gru",
    "free-lstm",
    "free-rnn",
)
SLOW += ("free-seq2seq", "free-seq2seq-autoregressive", "gru", "lstm", "rnn", "seq2seq", "seq2seq-autoregressive")
EVERY = 3  # of the tasks, for the others, each beginning with another one


QUICK = tuple(name for name in NAMES if name not in SLOW and not CATALOG.forecasters[name].spec.categorical)


def tasks_of(name: str) -> tuple[str, ...]:
    """The tasks on which a forecaster is tried; all tasks are tried with several forecasters."""
    if CATALOG.forecasters[name].spec.categorical:
        return OF_CLASSES
    return OF_NUMBERS[QUICK.index(name) % EVERY :: EVERY] if name in QUICK else SHORT


CASES = [(name, description) for name in NAMES for description in tasks_of(name)]


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    server = TemplateServer()
    yield server.ensure()
    server.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def planned(name: str, task: Task, panel: Panel, home: Path) -> PlannedCell:
    entry = CATALOG.forecasters[name]
    store_panel(panel, home)
    quick: dict[str, Json] = {"epochs": 2} if "epochs" in entry.spec.load().__dataclass_fields__ else {}
    cell = Cell(task, name, quick, 0 if entry.spec.takes_seed() else None)
    key = cell.key(panel.fingerprint(), forecaster_version(name, CATALOG.forecasters))
    imports, resources = entry.spec.imports, entry.spec.resources
    return PlannedCell(
        key, name, task.label, cell, panel.fingerprint(), imports, resources, spec=planned_spec(entry, {})
    )


def evaluated_here(planned: PlannedCell, panel: Panel, options: CellOptions) -> Run:
    """The run with the forecaster in this process, warnings as notes."""
    spec = CATALOG.forecasters[planned.cell.forecaster].spec
    spec.import_libraries()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        run = evaluate(
            spec.make(planned.cell.parameters, planned.cell.seed),
            planned.cell.task,
            panel,
            cell=planned.cell,
            missing=spec.missing,
            tolerance=spec.tolerance,
            batches=spec.batches,
            metrics=[entry.spec for entry in CATALOG.metrics.values()],
            threads=spec.resources.threads,
            audit_seed=options.audit_seed,
        )
    notes = (f"warning: {warning.category.__name__}: {warning.message}" for warning in warned)
    return replace(run, notes=(*run.notes, *notes))


def assert_same(first: Run, second: Run) -> None:
    assert first.status is second.status, (first.reason, second.reason, second.traceback)
    assert first.reason == second.reason
    assert [(each.window, each.status, each.reason) for each in first.window_failures] == [
        (each.window, each.status, each.reason) for each in second.window_failures
    ]
    assert repr(dict(first.scores)) == repr(dict(second.scores))
    assert first.hyperparameters == second.hyperparameters
    assert repr(first.curves) == repr(second.curves)
    assert first.costs.parameters == second.costs.parameters
    if first.results is None or second.results is None:
        assert first.results is second.results
        return
    here, there = first.results.forecast, second.results.forecast
    assert here.quantile_levels == there.quantile_levels
    assert here.origins == there.origins
    for name in ("mean", "median", "quantiles", "probabilities"):
        array, same = getattr(here, name), getattr(there, name)
        assert np.array_equal(array, same, equal_nan=True) if array is not None else same is None


@pytest.mark.parametrize(("name", "description"), CASES)
def test_results_are_the_same_to_the_last_bit(name: str, description: str, home: Path, template: Path) -> None:
    cell = planned(name, *TASKS[description], home)
    options = CellOptions(audit_seed=1)

    here = evaluated_here(cell, TASKS[description][1], options)
    there = evaluate_cell(cell, home, template, options)

    assert_same(here, there)
    assert {*there.notes} <= {*here.notes} | {note for note in there.notes if note.startswith("the audit took")}


def test_a_forecaster_of_numbers_is_not_run_on_classes(home: Path, template: Path) -> None:
    run = evaluate_cell(planned("naive", *TASKS[OF_CLASSES[0]], home), home, template)

    assert run.status is Status.UNSUPPORTED
    assert (
        run.reason == "the targets are categorical, and its spec does not state categorical=True: it forecasts numbers"
    )
