"""Checks of forecasters in worker processes, so that none can hang, end or change the process that checks it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.boards.planned_spec import planned_spec
from harness.boards.planning import PlannedCell
from harness.boards.workspace import Workspace
from harness.errors import Failure, ForecasterError, attempt
from harness.evaluation.run import Cell
from harness.execution.options import CellOptions
from harness.execution.workers import sandbox
from harness.execution.workers.cell_workers import named, worker_forecaster, worker_process
from harness.execution.workers.process import WorkerProcess
from harness.execution.workers.scratch import scratch
from harness.execution.workers.template_server import TemplateServer
from harness.fields.reading import load
from harness.forecasters.limits import Limits
from harness.forecasters.remote import RemoteForecaster
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.check_results import CheckResult, check_result
from harness.plugins.checks.contracts import check
from harness.plugins.checks.makers import SEED, InProcessMaker, Maker
from harness.plugins.contract import Contract
from harness.plugins.provider import Provider, provider_of
from harness.plugins.registry import Registered
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task

SECONDS = 600.0  # of each check, by default
SANDBOX = "strict mode hides the files of the home and of HARNESS_DATA_DIR"


def check_in_workers(
    name: str, workspace: Workspace, limits: Limits | None = None, *, strict: bool = False
) -> Generator[CheckResult, None, None]:
    """The results of all checks of a forecaster, dataset or metric, each when it is known; raises UnknownName.

    Forecasters of installed plugins are in worker processes, one for each check, within these limits.
    """
    given = Limits() if limits is None else limits
    server = TemplateServer()
    try:
        results = check(
            name,
            workspace.catalog,
            workspace.home,
            lambda registered: _maker(registered, workspace.home, server, given),
            strict=strict,
        )
    except BaseException:
        server.close()
        raise
    return _until_closed(results, server, with_sandbox=strict and name in workspace.catalog.forecasters)


def _until_closed(
    results: Iterator[CheckResult], server: TemplateServer, *, with_sandbox: bool
) -> Generator[CheckResult, None, None]:
    """The results; at their end the server is closed, and with it all that it started."""
    try:
        yield from results
        if with_sandbox:
            yield _sandbox_result()
    finally:
        server.close()


def _sandbox_result() -> CheckResult:
    if sandbox.is_available():
        return CheckResult(SANDBOX, True, f"by {sandbox.NAME}")
    return CheckResult(
        SANDBOX, True, f"no: {sandbox.NAME} is not installed, or may not be used on this machine", skipped=True
    )


def _maker(registered: Registered[ForecasterSpec], home: Path, server: TemplateServer, limits: Limits) -> Maker:
    provider = provider_of(registered.plugin)
    if provider is None:  # a plugin that was given as an object, which only this process has
        return InProcessMaker(registered.spec)
    return WorkerMaker(registered, provider, home, server, limits)


class WorkerMaker:
    """Makes forecasters in worker processes, until one of them takes more than its time."""

    def __init__(
        self,
        registered: Registered[ForecasterSpec],
        provider: Provider,
        home: Path,
        server: TemplateServer,
        limits: Limits,
    ) -> None:
        spec = registered.spec
        self.planned = PlannedCell(
            "",
            spec.name,
            "check",
            Cell(Task("check", RollingOrigin(1)), spec.name, {}, SEED),
            "",
            spec.imports,
            spec.resources,
            spec=planned_spec(registered, {} if spec.weights is None else {spec.name: spec.weights}),
        )
        self.provider, self.home, self.server = provider, home.resolve(), server
        own = Limits(spec.resources.seconds, spec.resources.memory)
        self.limits = limits.over(own.over(Limits(SECONDS)))
        self.exhausted = ""

    def contract(self) -> Contract:
        """What its class tells."""
        with scratch() as folder:
            told = attempt(lambda: self._contract(folder))
        if isinstance(told, Failure):
            return Contract((CheckResult.of_failure("can be imported", told),), can_be_called=False)
        return told

    @contextmanager
    def new_forecaster(self, *, strict: bool = False) -> Iterator[RemoteForecaster]:
        """A new forecaster; with `strict` in a sandbox, where there is one."""
        options = CellOptions(strict, self.limits)
        with (
            self._noticing_time(),
            worker_forecaster(self.planned, self.provider, self.home, self._template(), options) as forecaster,
        ):
            yield forecaster
            self._notice(forecaster.process)

    def check(self, name: str, action: Callable[[], str]) -> CheckResult:
        """The result of a check, whose forecasters cannot end this process."""
        return check_result(name, action)

    def _contract(self, folder: Path) -> Contract:
        options = CellOptions(limits=self.limits)
        with (
            self._noticing_time(),
            worker_process(self.planned, self.home, self._template(), options, folder) as process,
        ):
            answer = process.request(
                {"op": "contract", **named(self.planned, self.provider)}, doing="importing and making the forecaster"
            )
            return load(Contract, answer.header["contract"])

    def _template(self) -> Path:
        return self.server.ensure(self.provider.environment)

    @contextmanager
    def _noticing_time(self) -> Iterator[None]:
        try:
            yield
        except ForecasterError as error:
            self._notice_error(error)
            raise

    def _notice(self, process: WorkerProcess) -> None:
        if process.failure is not None:
            self._notice_error(process.failure)

    def _notice_error(self, error: Exception) -> None:
        if isinstance(error, ForecasterError) and error.kind == "timed_out":
            self.exhausted = f"nothing more is checked after a check that took more than {self.limits.seconds:g} s"
