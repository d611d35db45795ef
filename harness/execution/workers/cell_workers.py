"""Workers for cells: started, and gone again, with their scratch folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

from harness.boards.planning import PlannedCell
from harness.errors import ForecasterError
from harness.evaluation.run import Cell
from harness.execution.devices import placed_device
from harness.execution.options import CellOptions
from harness.execution.workers.copies import CopyableForecaster
from harness.execution.workers.ends import NotPrepared
from harness.execution.workers.forecaster import WorkerForecaster
from harness.execution.workers.kept_worker import KeptWorker, WorkerKeeper, reuse_key
from harness.execution.workers.process import WorkerProcess
from harness.execution.workers.sandbox import SandboxedProcess, is_available
from harness.execution.workers.scratch import scratch
from harness.execution.workers.strict_forecaster import StrictForecaster
from harness.execution.workers.template_server import forget_imports, request_worker, worker_environment
from harness.fields.dumping import dump
from harness.forecasters.devices import VISIBLE
from harness.forecasters.limits import DEFAULTS, Limits
from harness.forecasters.weights.paths import weights_root
from harness.plugins.environments.child import child_variables
from harness.plugins.plugin_file import use_folder
from harness.plugins.provider import Provider
from harness.worker.models import model_request


@contextmanager
def worker_forecaster(
    planned: PlannedCell,
    provider: Provider,
    home: Path,
    template: Path,
    options: CellOptions,
    keeper: WorkerKeeper | None = None,
) -> Iterator[WorkerForecaster]:
    """The forecaster of a cell in a worker process, which is gone with all that it started when the block ends.

    With a keeper, a worker whose `is_kept` was set stays for the next cell of the forecaster.
    """
    key, request = "" if options.strict else reuse_key(planned), make_request(planned, provider)
    kept = None if keeper is None else keeper.take(key)
    reused = None if kept is None else _reused(kept, request, planned)
    with ExitStack() if kept is None or reused is None else kept.opened as opened:

        def start() -> tuple[WorkerProcess, Path]:
            folder = opened.enter_context(scratch(template.parent))
            return opened.enter_context(worker_process(planned, home, template, options, folder)), folder

        if reused is None:
            missing = planned.spec.missing
            forecaster: WorkerForecaster = (
                StrictForecaster(start, missing=missing)
                if options.strict
                else CopyableForecaster(*start(), missing=missing)
            )
            forecaster.make(request)
        else:
            forecaster = reused
        yield forecaster
        if key and keeper is not None and forecaster.is_kept:
            keeper.keep(KeptWorker(key, forecaster.process, forecaster.folder, opened.pop_all()))


def _reused(kept: KeptWorker, request: Mapping[str, Any], planned: PlannedCell) -> WorkerForecaster | None:
    """The forecaster of a cell in a worker that served another one; None if it fails there, and the worker is ended."""
    forecaster = CopyableForecaster(kept.process, kept.folder, missing=planned.spec.missing)
    forecaster.is_reused = True
    try:
        forecaster.make(request)
    except Exception:  # what an earlier cell left may be the reason: a new worker tells
        kept.opened.close()
        return None
    return forecaster


@contextmanager
def worker_process(
    planned: PlannedCell, home: Path, template: Path, options: CellOptions, folder: Path
) -> Iterator[WorkerProcess]:
    """A worker for the forecaster of a cell, which is not made yet."""
    process = _start(planned, home, template, options, cell_limits(planned, options), folder)
    try:
        yield process
    finally:
        process.close()


def named(planned: PlannedCell, provider: Provider) -> dict[str, Any]:
    """What a request to a worker says of the forecaster of a cell."""
    return {
        "plugin": provider.to_request(),
        "forecaster": provider.name_there(planned.cell.forecaster),
        "imports": list(planned.imports),
        "threads": planned.resources.threads,
    }


def _weights(planned: PlannedCell) -> list[Path]:
    """The folders and files with weights that the forecaster of a cell reads."""
    given = [Path(str(planned.cell.parameters[name])) for name in planned.cell.contents]
    return [path for path in (*given, *([weights_root()] if planned.spec.weights else [])) if path.exists()]


def make_request(planned: PlannedCell, provider: Provider) -> dict[str, Any]:
    """What a request to make the forecaster of a cell says of it."""
    return {**named(planned, provider), **_parameters(planned.cell)}


def _parameters(cell: Cell) -> dict[str, Any]:
    """The hyperparameters and the seed in a request; numbers that JSON does not have are texts of their own."""
    parameters = dump(cell)["parameters"]
    numbers = {name for name, value in cell.parameters.items() if isinstance(value, float) and not isfinite(value)}
    return {
        "parameters": {name: value for name, value in parameters.items() if name not in numbers},
        "not_finite": {name: parameters[name] for name in numbers},
        "seed": cell.seed,
    }


def cell_limits(planned: PlannedCell, options: CellOptions) -> Limits:
    """The limits of a cell: those of the command, else its board's, else its forecaster's, else the defaults."""
    resources = planned.resources
    own = Limits(resources.seconds, resources.memory)
    return options.limits.over(planned.limits.over(own.over(DEFAULTS)))


def _start(
    planned: PlannedCell, home: Path, template: Path, options: CellOptions, limits: Limits, folder: Path
) -> WorkerProcess:
    """A worker that is ready; raises ForecasterError if its imports take longer than the limit."""
    work = folder / "work"
    work.mkdir()
    threads, provider = planned.resources.threads, planned.spec.provider
    device = placed_device(planned.resources) if planned.device is None else planned.device
    environment = None if provider is None else provider.environment
    variables = dict(os.environ) if environment is None else child_variables(environment, os.environ)
    request: dict[str, Any] = {
        "op": "start",
        "imports": list(planned.imports),
        "environment": worker_environment({**variables, "TMPDIR": str(work), VISIBLE: device.visible}, threads),
        "folder": str(work),
        "limits": {"memory": limits.memory, "files": limits.files, "output": limits.output},
    }
    if planned.spec.reusable and provider is not None and not device.is_gpu:
        request["model"] = model_request(make_request(planned, provider))
    if options.strict and is_available():
        if provider is not None and provider.file:
            use_folder(Path(provider.file))  # a sandbox shows the folders in which this process finds modules
        modules = (*planned.imports, *([provider.value.partition(":")[0]] if provider else []))
        process: WorkerProcess = SandboxedProcess(
            folder, home, modules, request["environment"], limits, environment, _weights(planned)
        )
    else:
        process = WorkerProcess(*request_worker(template, request), limits)
    process.doing = f"importing {', '.join(planned.imports)}" if planned.imports else "starting"
    try:
        process.wait_until_ready()
    except BaseException as error:
        if isinstance(error, ForecasterError | NotPrepared):  # its libraries may be the reason
            forget_imports(template, request)
        process.close()
        raise
    return process
