"""Checks of the contract of a forecaster, which is made where its maker says: in this process, or in others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import cached_property, partial

import numpy as np

from harness.data.panel import Panel
from harness.evaluation.audit.examination import REPEATS
from harness.evaluation.audit.leakage import audit
from harness.evaluation.audit.rules import Rules, Scored
from harness.evaluation.forecast_comparison import by_more_than, relative_difference
from harness.evaluation.notes import unsupported_notes
from harness.evaluation.run import Run
from harness.evaluation.threads import thread_limit
from harness.forecasters.forecast import Forecast
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.check_results import CheckResult, check_result, not_checked
from harness.plugins.checks.capabilities import CAPABILITIES, CATEGORICAL, Tried, as_stated, installed_as_stated
from harness.plugins.checks.makers import SEED, Maker
from harness.plugins.checks.strict import compared_with_batches
from harness.plugins.checks.tasks import categorical_tasks, check_tasks, with_other_values
from harness.plugins.checks.trials import Trials
from harness.plugins.contract import CHECKS, Contract
from harness.tasks.folds import backtest
from harness.tasks.task import Task

INSTALLED = "its distributions are installed"
SAME_SEED = "the same seed gives the same forecasts"
STATE = "predict does not change its state"
AUDIT = "the leakage audit passes (forecasts do not change when the future, or other windows of the batch, do)"
LAST = (SAME_SEED, STATE, AUDIT)  # on one of the tasks that it forecasts
IN_STRICT_MODE = " in strict mode as otherwise"  # the end of the name of a check

Action = Callable[[Task, Panel], str]


def forecaster_results(spec: ForecasterSpec, maker: Maker, *, strict: bool = False) -> Iterator[CheckResult]:
    """The contract of a forecaster: small tasks of every kind, reproducibility, and the full leakage audit.

    With `strict`, the tasks also in strict mode, compared with those forecasts. Numerical libraries use as many threads
    as its cells do.
    """
    for result in ForecasterChecks(spec, maker, strict=strict).results():
        yield result
        if maker.exhausted:
            yield CheckResult("is checked to the end", False, maker.exhausted)
            return


class ForecasterChecks:
    """The checks of a forecaster, each of which can be run alone; its result is kept."""

    def __init__(self, spec: ForecasterSpec, maker: Maker, *, strict: bool = False) -> None:
        self.spec, self.maker = spec, maker
        self._trials = Trials(spec, maker)
        tasks = [*check_tasks(), *(categorical_tasks() if spec.categorical else ())]
        self.tasks = {f"forecasts {description}": (task, panel) for description, task, panel in tasks}
        self._strict = {f"{name}{IN_STRICT_MODE}": name for name in self.tasks} if strict else {}
        self._results: dict[str, CheckResult] = {}
        self._runs: dict[str, Run] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the checks, in their order."""
        installed = (INSTALLED,) if self.spec.depends else ()
        in_strict = {task: name for name, task in self._strict.items()}
        of_tasks = [name for task in self.tasks for name in (task, in_strict.get(task)) if name]
        return (*installed, *CHECKS, *of_tasks, *CAPABILITIES, *LAST)

    @cached_property
    def contract(self) -> Contract:
        """What the class of the forecaster tells."""
        with thread_limit(self.spec.resources.threads):
            return self.maker.contract()

    def results(self) -> Iterator[CheckResult]:
        """The results of all checks that apply, each when its check has ended."""
        if self.spec.depends:
            yield self.result(INSTALLED)
        yield from self.contract.results
        if not self.contract.can_be_called:
            return
        in_strict = {task: name for name, task in self._strict.items()}
        for name in self.tasks:
            yield self.result(name)
            if self._is_supported(name) and name in in_strict:
                yield self.result(in_strict[name])
        supported = any(map(self._is_supported, self.tasks))
        yield from map(self.result, (*CAPABILITIES, *LAST) if supported else (CATEGORICAL,))

    def result(self, name: str) -> CheckResult:
        """The result of a check, which is run if it was not; skipped where an earlier failure leaves nothing to run."""
        if name not in self._results:
            with thread_limit(self.spec.resources.threads):
                self._results[name] = self._result(name)
        return self._results[name]

    def action(self, name: str) -> Action | None:
        """The check of that name on any task and its data; None where it is none of a task."""
        actions: dict[str, Action] = {SAME_SEED: self._repeats, STATE: self._is_unchanged, AUDIT: self._passes_audit}
        return self._forecasts if name in self.tasks else actions.get(name)

    def made_by(self, maker: Maker) -> ForecasterChecks:
        """The same checks of forecasters that another maker makes, without their results."""
        others = copy(self)
        others.maker, others._trials, others._results, others._runs = maker, Trials(self.spec, maker), {}, {}
        return others

    def task_of(self, name: str) -> tuple[Task, Panel]:
        """The task of a check that has one, and its data."""
        return self.tasks[name] if name in self.tasks else self._supported_task()

    def _result(self, name: str) -> CheckResult:
        if self.maker.exhausted:
            return not_checked(name, self.maker.exhausted)
        if name == INSTALLED:
            return check_result(name, lambda: installed_as_stated(self.spec))
        if name in CHECKS or not self.contract.can_be_called:
            return self._contract_result(name)
        if name in self.tasks:
            return self.maker.check(name, partial(self._keep_run, name))
        if name in self._strict:
            of = self._strict[name]
            if not self._is_supported(of):
                return not_checked(name, f"{of!r} does not pass")
            return check_result(name, lambda: self._is_same_in_strict_mode(*self.tasks[of], self._runs[of]))
        if name != CATEGORICAL and not any(map(self._is_supported, self._by_levels)):
            return not_checked(name, "there is no task that it forecasts")
        if name in CAPABILITIES:
            return self._capability_result(name)
        action, (task, panel) = self.action(name), self._supported_task()
        assert action is not None
        return self.maker.check(name, partial(action, task, panel))

    def _capability_result(self, name: str) -> CheckResult:
        """The result of a check of what the spec states, which needs the results of all tasks before it is made."""
        supported = list(filter(self._is_supported, self.tasks))
        if self.maker.exhausted:
            return not_checked(name, self.maker.exhausted)
        return self.maker.check(name, lambda: as_stated(name, self._trials, self._task_forecasts(supported)))

    def _contract_result(self, name: str) -> CheckResult:
        """The result of a check of the class; another failure stands for the first one that was not made."""
        for result in self.contract.results:
            if result.name == name:
                return result
        failed = next(result for result in self.contract.results if not result.passed)
        if name == CHECKS[0]:
            return CheckResult(name, False, failed.detail)
        return not_checked(name, f"{failed.name!r} does not pass")

    def _is_supported(self, name: str) -> bool:
        result = self.result(name)
        return result.passed and not result.skipped

    @property
    def _by_levels(self) -> list[str]:
        """The checks of tasks, those with most quantile levels first."""
        return sorted(self.tasks, key=lambda name: -len(self.tasks[name][0].quantile_levels))

    def _supported_task(self) -> tuple[Task, Panel]:
        """A task that it forecasts, if possible with quantile levels, and its data."""
        return self.tasks[next(filter(self._is_supported, self._by_levels))]

    def _keep_run(self, name: str) -> str:
        """Evaluate it on the task of a check, and keep the run."""
        self._runs[name] = self._trials.run(*self.tasks[name])
        return _score_text(self._runs[name])

    def _task_forecasts(self, supported: Sequence[str]) -> list[Tried]:
        """The tasks of these checks, their data, and the forecasts."""
        tried = []
        for name in supported:
            task, panel = self.tasks[name]
            run = self._runs.get(name) or self._trials.run(task, panel)  # another process may have kept it
            if run.results is not None:
                tried.append((task, panel, run.results.forecast))
        return tried

    def _forecasts(self, task: Task, panel: Panel) -> str:
        """Evaluate it without an audit."""
        return _score_text(self._trials.run(task, panel))

    def _is_same_in_strict_mode(self, task: Task, panel: Panel, run: Run) -> str:
        strict = self._trials.run(task, panel, strict=True)
        return compared_with_batches(self.spec, strict, run, self.contract.takes_seed)

    def _repeats(self, task: Task, panel: Panel) -> str:
        """Fit and predict twice, made as a cell makes it, so that both runs are on the device of its cells."""
        forecasts = [self._trials.forecast_of(task, panel) for _ in range(2)]
        if change := self._beyond(*forecasts):
            raise AssertionError(f"two runs with seed {SEED} differ{change}")
        return self._within()

    def _is_unchanged(self, task: Task, panel: Panel) -> str:
        """Predict twice, predict windows with other values, and predict the first ones again."""
        other = next(backtest(task, with_other_values(panel)).folds())
        not_tested = "not tested: forecasts already change when the same call is repeated"
        with self.maker.new_forecaster() as forecaster:
            windows = self._trials.fit(forecaster, task, panel)
            first = self._trials.forecast(forecaster, windows)
            if change := self._beyond(first, self._trials.forecast(forecaster, windows)):
                raise AssertionError(f"{not_tested}{change}")
            self._trials.forecast(forecaster, other.windows)
            again = self._trials.forecast(forecaster, windows)
            if change := self._beyond(first, again):
                for _ in range(REPEATS):  # calls that differ only sometimes
                    if repeated := self._beyond(again, self._trials.forecast(forecaster, windows)):
                        raise AssertionError(f"{not_tested}{repeated}")
                raise AssertionError(f"forecasts change after other windows were forecast{change}")
        return self._within()

    def _passes_audit(self, task: Task, panel: Panel) -> str:
        windows = backtest(task, panel).windows
        rules = Rules(self._trials.calls, self.spec.tolerance, self.contract.takes_seed)
        with self.maker.new_forecaster() as forecaster:
            self._trials.fit(forecaster, task, panel)
            forecast = self._trials.forecast(forecaster, windows)
            result = audit(forecaster, Scored(windows, forecast), rules, np.random.default_rng(0), len(windows))
        if result.finding is not None:
            raise AssertionError(f"{result.finding.status}: {result.finding.reason}")
        notes = [found.reason for found in (result.in_batches, result.repeated) if found is not None]
        return "; ".join([f"{len(windows)} windows", *notes])

    def _within(self) -> str:
        return f"within {self.spec.tolerance:g}" if self.spec.tolerance else ""

    def _beyond(self, first: Forecast, second: Forecast) -> str:
        """The end of a sentence on two forecasts that differ by more than the tolerance; empty if they do not."""
        difference = relative_difference(first, second)
        return by_more_than(self.spec.tolerance, difference) if difference > self.spec.tolerance else ""


def _score_text(run: Run) -> str:
    """The first score of a run, and what it does not support."""
    scores = [f"{name} {value:.3g}" for name, value in list(run.scores.items())[:1]]
    return "; ".join([*scores, *unsupported_notes(run.unsupported)])
