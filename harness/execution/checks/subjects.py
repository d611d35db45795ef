"""Subjects: what is checked by tests, its checks by name, and why one of them fails."""

from __future__ import annotations

import atexit
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

from harness.data.dataset import DatasetSpec
from harness.data.panel import Panel
from harness.errors import BadInput, Failure, UnknownName, attempt
from harness.evaluation.metrics import Metric
from harness.evaluation.threads import thread_limit
from harness.execution.checks.checking import SECONDS, WorkerMaker
from harness.execution.checks.forked_maker import ForkedMaker
from harness.execution.workers.template_server import TemplateServer
from harness.fields.errors import short_repr
from harness.fields.references import import_object
from harness.forecasters.limits import Limits
from harness.forecasters.spec import ForecasterSpec, underlying_class
from harness.plugins.check_results import CheckResult, not_checked
from harness.plugins.checks.contracts import DATASET_CHECKS, SOUND_COVARIATES, check_dataset
from harness.plugins.checks.forecasters import SAME_SEED, ForecasterChecks
from harness.plugins.checks.hints import hint
from harness.plugins.checks.makers import Maker
from harness.plugins.checks.metrics import check_metric, metric_check_names
from harness.plugins.checks.smallest_example import MOST_TRIES, example_code, smallest_example
from harness.plugins.installation import check_data_installed, check_installed
from harness.plugins.installed import installed_catalog
from harness.plugins.provider import provider_of
from harness.plugins.registry import Registered
from harness.tasks.task import Task

MOST_SECONDS, ALL_SECONDS = 4.0, 10.0  # of the search for the smallest example: for a check, for all of a process
CUT_SHORT = (
    "The search for the smallest one was cut short: it may take "
    f"{MOST_SECONDS:.0f} seconds and {MOST_TRIES} tries for a test, and {ALL_SECONDS:.0f} seconds in all."
)
LEAST_SECONDS = 0.1  # of one example

Makers = Callable[[float | None], Maker]  # by the seconds that a check may take; None: those of the forecaster


class Subject(Protocol):
    """A forecaster, dataset or metric that is checked."""

    name: str
    names: tuple[str, ...]  # of its checks

    def result(self, name: str) -> CheckResult:
        """The result of a check, which is made when it is first asked for."""
        ...

    def explanation(self, failed: CheckResult) -> str:
        """Why a check failed, and how to fix that."""
        ...


@dataclass(frozen=True)
class Code:
    """How Python code makes a forecaster: by an expression, after the lines in `imports`."""

    expression: str
    imports: str = ""
    where: str = ""  # what the expression names that cannot be imported, as the end of a sentence


@dataclass
class SearchTime:
    """The seconds that all searches for smallest examples of this process may still take."""

    left: float = ALL_SECONDS


class ForecasterSubject:
    """A forecaster, and how Python code makes it."""

    def __init__(self, spec: ForecasterSpec, makers: Makers, code: Code, *, strict: bool) -> None:
        self.name, self.code, self.makers = spec.name, code, makers
        self.checks = ForecasterChecks(spec, makers(None), strict=strict)
        self.names = self.checks.names

    def result(self, name: str) -> CheckResult:
        """The result of a check."""
        return self.checks.result(name)

    def explanation(self, failed: CheckResult) -> str:
        """The reason, the smallest example that fails, and how to fix it."""
        parts = [f"{self.name} fails the check {failed.name!r}:\n\n{failed.detail}"]
        if self.checks.action(failed.name) is not None and not self.checks.maker.exhausted:
            parts.append(self._example(failed))
        return "\n\n".join([*parts, f"How to fix it: {hint(failed.name, failed.detail)}"])

    def _example(self, failed: CheckResult) -> str:
        spec = self.checks.spec
        with thread_limit(spec.resources.threads):
            example = self.checks.task_of(failed.name)
            begin, search = time.monotonic(), _search_time()
            seconds = min(search.left, MOST_SECONDS)

            def check(task: Task, panel: Panel) -> CheckResult:
                # of its own maker, so that a smaller example that hangs ends the search alone, and in its time
                maker = self.makers(max(begin + seconds - time.monotonic(), LEAST_SECONDS))
                action = self.checks.made_by(maker).action(failed.name)
                assert action is not None
                return maker.check(failed.name, partial(action, task, panel))

            found = smallest_example(example, failed, check, seconds)
        search.left = max(search.left - (time.monotonic() - begin), 0.0)
        task, panel = found.task, found.panel
        what = "The smallest example that fails" if found.is_smallest else "An example that fails"
        limit = "" if found.is_smallest else f"\n\n{CUT_SHORT}"
        code = example_code(task, panel, self.code.expression, spec.missing, twice=failed.name == SAME_SEED)
        if code is None:
            lengths = ", ".join(map(str, panel.lengths))
            channels = ", ".join(f"{channel.name} ({channel.role})" for channel in panel.channels)
            text = f"series of {lengths} observations, with the channels {channels}; {task.protocol}"
            return f"{what} has {text}{limit}"
        lines = "\n".join(f"    {line}".rstrip() for line in f"{self.code.imports}{code}".splitlines())
        return f"{what}{self.code.where}:\n\n{lines}{limit}"


class SequenceSubject:
    """A dataset or a metric, whose checks are made one after the other."""

    def __init__(self, name: str, names: tuple[str, ...], results: Iterator[CheckResult]) -> None:
        self.name, self.names = name, names
        self._coming = results
        self._results: dict[str, CheckResult] = {}

    def result(self, name: str) -> CheckResult:
        """The result of a check."""
        while name not in self._results:
            result = next(self._coming, None)
            if result is None:
                return self._of_the_rest(name)
            self._results[result.name] = result
        return self._results[name]

    def explanation(self, failed: CheckResult) -> str:
        """The reason."""
        return f"{self.name} fails the check {failed.name!r}:\n\n{failed.detail}"

    def _of_the_rest(self, name: str) -> CheckResult:
        """The result of a check that was not made as such: the first failure that has no test of its own."""
        others = [result for result in self._results.values() if result.name not in self.names]
        failed = [result for result in others if not result.passed]
        if failed:
            return CheckResult(name, False, f"{failed[0].name}: {failed[0].detail}")
        if name == SOUND_COVARIATES and "loads the same data again" in self._results:
            return CheckResult(name, True, "; ".join(f"{result.name}: {result.detail}" for result in others))
        return not_checked(name, "an earlier check does not pass")


def subject_of(given: Any, *, strict: bool = False) -> Subject:
    """A forecaster, dataset or metric by its name, class, spec or import string; raises UnknownName or BadInput."""
    if isinstance(given, str) and ":" in given and given not in installed_catalog().forecasters:
        found: object = import_object(given)
        return subject_of(ForecasterSpec(given.rpartition(":")[2], given) if callable(found) else found, strict=strict)
    if isinstance(given, str):
        return _installed(given, strict)
    if isinstance(given, ForecasterSpec):
        return ForecasterSubject(given, partial(_forked_maker, given), _code(given), strict=False)
    if isinstance(given, DatasetSpec):
        return SequenceSubject(given.name, (*DATASET_CHECKS, SOUND_COVARIATES), check_dataset(given, _home()))
    if isinstance(given, Metric):
        return SequenceSubject(given.name, metric_check_names(given), check_metric(given))
    if callable(given):
        factory = underlying_class(given)
        return subject_of(ForecasterSpec(getattr(factory, "__name__", "forecaster"), given))
    raise BadInput(f"a forecaster is checked by its name, class or spec, not {short_repr(given)}")


def check_imported(path: str) -> Generator[CheckResult, None, None]:
    """The results of all checks of what "package.module:Class" names, each when it is known.

    That is a forecaster's class or spec, a DatasetSpec or a Metric. Raises BadInput if it cannot be imported.
    """
    subject = attempt(partial(subject_of, path))
    if isinstance(subject, Failure):
        raise BadInput(f"cannot check {path}: {subject}; write package.module:Class") from subject.error
    return (subject.result(name) for name in subject.names)


def _installed(name: str, strict: bool) -> Subject:
    """A forecaster, dataset or metric of the catalog; raises UnknownName or DuplicateName."""
    catalog = installed_catalog()
    for registry in (catalog.forecasters, catalog.datasets, catalog.metrics):
        if name in registry.duplicates:
            raise registry.duplicates[name]
    if name in catalog.datasets:
        check_data_installed(catalog.datasets[name].spec)
        return subject_of(catalog.datasets[name].spec)
    if name in catalog.metrics:
        return subject_of(catalog.metrics[name].spec)
    if name not in catalog.forecasters:
        known = [*catalog.forecasters, *catalog.datasets, *catalog.metrics]
        raise UnknownName("forecaster, dataset or metric", name, known)
    check_installed(name, catalog.forecasters)
    registered = catalog.forecasters[name]
    return ForecasterSubject(registered.spec, partial(_maker, registered), Code(repr(name)), strict=strict)


def _forked_maker(spec: ForecasterSpec, seconds: float | None) -> Maker:
    return ForkedMaker(spec, SECONDS if seconds is None else seconds)


def _maker(registered: Registered[ForecasterSpec], seconds: float | None) -> Maker:
    provider = provider_of(registered.plugin)
    if provider is None:
        return _forked_maker(registered.spec, seconds)
    return WorkerMaker(registered, provider, _home(), _server(), Limits(seconds))


def _code(spec: ForecasterSpec) -> Code:
    """How Python code makes a forecaster, whose class is imported if it can be."""
    factory: Any = spec.factory
    if isinstance(factory, str):
        module, _, name = factory.partition(":")
    else:
        factory = underlying_class(factory)
        module, name = getattr(factory, "__module__", ""), getattr(factory, "__name__", spec.name)
        if "." in getattr(factory, "__qualname__", ""):  # in a function or another class
            return Code(f"{name}()", where=f", where {name} is the class of your test")
    return Code(f"{name}()", f"from {module} import {name}\n" if module else "")


@lru_cache(maxsize=1)
def _search_time() -> SearchTime:
    """That of this process, such as a session of pytest."""
    return SearchTime()


@lru_cache(maxsize=1)
def _home() -> Path:
    """A folder for this process, without results."""
    folder = tempfile.TemporaryDirectory(prefix="harness-checks-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return Path(folder.name)


@lru_cache(maxsize=1)
def _server() -> TemplateServer:
    """The server of the workers of this process."""
    server = TemplateServer()
    atexit.register(_close, server)
    return server


def _close(server: TemplateServer) -> None:
    with suppress(OSError):
        server.close()
