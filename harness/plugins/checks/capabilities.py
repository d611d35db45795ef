"""Checks of what the spec of a forecaster states: what it depends on, and its capabilities, by its forecasts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from harness.data.panel import Panel
from harness.errors import Failure, Unsupported, attempt
from harness.evaluation.forecast_comparison import relative_difference
from harness.forecasters.covariate_kinds import COVARIATE_KINDS, CovariateKind
from harness.forecasters.forecast import Forecast
from harness.forecasters.spec import SEVERAL_TARGETS, ForecasterSpec
from harness.plugins.checks.tasks import categorical_tasks, with_other_values
from harness.plugins.checks.trials import Trials
from harness.plugins.result_versions import NOT_INSTALLED, depended_versions
from harness.tasks.task import Task

QUANTILES = "gives quantiles as its spec states"
COVARIATES = "uses covariates as its spec states"
TARGETS = "forecasts several targets as its spec states"
SEASON = "needs a season as its spec states"
CATEGORICAL = "forecasts categorical targets as its spec states"
CAPABILITIES = (QUANTILES, COVARIATES, TARGETS, SEASON, CATEGORICAL)

Tried = tuple[Task, Panel, Forecast]  # a task, its data, and a forecast of it


def as_stated(name: str, trials: Trials, tried: Sequence[Tried]) -> str:
    """Whether the forecaster is as its spec states, by the check of this name.

    Returns what was found; raises AssertionError if it is not as stated, or Unsupported if it is on no task of a kind.
    """
    if name == QUANTILES:
        return quantiles_as_stated(trials.spec, tried)
    if name == COVARIATES:
        return covariates_as_stated(trials, tried)
    if name == CATEGORICAL:
        return categorical_as_stated(trials)
    return targets_as_stated(trials, tried) if name == TARGETS else season_as_stated(trials, tried)


def installed_as_stated(spec: ForecasterSpec) -> str:
    """The versions of the distributions in `depends` of the spec; raises AssertionError if one is not installed."""
    versions = depended_versions(spec)
    missing = [name for name, version in versions.items() if version == NOT_INSTALLED]
    if missing:
        which = "which is not installed; install it or correct its name"
        if len(missing) > 1:
            which = "which are not installed; install them or correct their names"
        raise AssertionError(f"depends of the spec names {', '.join(missing)}, {which}")
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def quantiles_as_stated(spec: ForecasterSpec, tried: Sequence[Tried]) -> str:
    """Whether forecasts agree with the `quantiles` of the spec; raises AssertionError if not, or Unsupported."""
    forecasts = [forecast for task, _, forecast in tried if task.quantile_levels]
    if not forecasts:
        raise Unsupported("there is no task with quantile levels that it forecasts")
    return [_quantiles(spec, forecast) for forecast in forecasts][-1]


def covariates_as_stated(trials: Trials, tried: Sequence[Tried]) -> str:
    """Whether forecasts agree with the `covariates` of the spec; raises AssertionError if not, or Unsupported."""
    for task, panel, forecast in tried:
        if panel.static:
            return _covariates(trials.spec, partial(trials.forecast_of, task), panel, forecast)
    raise Unsupported("there is no task with covariates that it forecasts")


def targets_as_stated(trials: Trials, tried: Sequence[Tried]) -> str:
    """Whether forecasts of one target depend on the history of others; raises AssertionError or Unsupported.

    The histories are changed after the fit: a global model that learned from all targets forecasts each by itself.
    """
    for task, panel, _ in tried:
        if len(panel.targets) > 1:
            first, second = trials.forecasts_of(task, panel, with_other_targets(panel))
            return _targets(trials.spec, relative_difference(_first_target(first), _first_target(second)))
    raise Unsupported("there is no task with several targets that it forecasts")


def season_as_stated(trials: Trials, tried: Sequence[Tried]) -> str:
    """Whether it refuses a task for lack of a season, which it forecasts with one; raises AssertionError if not."""
    task, panel, _ = tried[0]
    try:
        trials.run(task, replace(panel, season_length=1))
    except Unsupported as error:
        reason = str(error).removeprefix("every window: ")
        if trials.spec.needs_season:
            return f"needed: {reason}"
        raise AssertionError(
            f"it refuses a task for lack of a season ({reason}); set needs_season=True in its spec"
        ) from None
    if trials.spec.needs_season:
        raise AssertionError(
            "it forecasts a task without a season; raise harness.Unsupported('needs a season') there, or leave "
            "needs_season out of its spec"
        )
    return "not needed"


def categorical_as_stated(trials: Trials) -> str:
    """Whether it forecasts categorical targets if the spec states so, and only then; raises AssertionError if not."""
    task, panel = next(categorical_tasks())[1:]
    outcome = attempt(partial(trials.run, task, panel))
    if trials.spec.categorical and isinstance(outcome, Failure):
        raise AssertionError(f"its spec states categorical=True, and it does not forecast classes: {outcome}")
    if not trials.spec.categorical and not isinstance(outcome, Failure):
        raise AssertionError("it forecasts categorical targets; set categorical=True in its spec")
    return "yes" if trials.spec.categorical else "no"


def _targets(spec: ForecasterSpec, difference: float) -> str:
    """How it forecasts several targets, by the difference; raises AssertionError if the spec states one by one."""
    depends = difference > spec.tolerance
    if depends and spec.multivariate is False:
        raise AssertionError(
            "its forecasts of one target change with the history of another; set multivariate=True in its spec"
        )
    if spec.multivariate and not depends:
        return "not changed here by the history of other targets"
    found = SEVERAL_TARGETS[depends]
    return found if spec.multivariate is not None else f"{found}; state it as multivariate={depends}"


def _first_target(forecast: Forecast) -> Forecast:
    """The forecast of the first target, all of whose arrays have targets on their third axis."""
    return forecast.mapped(lambda array: array[:, :, :1])


def _quantiles(spec: ForecasterSpec, forecast: Forecast) -> str:
    """Whether it gives quantiles; raises AssertionError if the spec states the opposite."""
    gives = not forecast.origins.point and forecast.quantiles is not None
    if spec.quantiles is not None and spec.quantiles is not gives:
        raise AssertionError(f"it {'gives' if gives else 'does not give'} quantiles; set quantiles={gives} in its spec")
    return "yes" if gives else "no: its point forecasts are scored as quantiles"


def _covariates(
    spec: ForecasterSpec, forecasting: Callable[[Panel], Forecast], panel: Panel, forecast: Forecast
) -> str:
    """Which kinds of covariates change its forecasts; raises AssertionError for one that its spec does not state."""

    def changes(*kinds: CovariateKind) -> bool:
        return relative_difference(forecast, forecasting(with_other_covariates(panel, kinds))) > spec.tolerance

    used = [kind for kind in COVARIATE_KINDS if changes(kind)] if changes(*COVARIATE_KINDS) else []
    found, stated = ", ".join(used) or "none", spec.usable_covariates
    if stated is None:
        return f"changed by: {found}; state it as covariates=({' '.join(f'{kind!r},' for kind in used)})"
    if undeclared := [kind for kind in used if kind not in stated]:
        raise AssertionError(
            f"its forecasts change with {' and '.join(map(repr, undeclared))}: add it to its covariates"
        )
    unused = [kind for kind in stated if kind not in used]
    return f"changed by: {found}" + (f"; not changed here by: {', '.join(unused)}" if unused else "")


def with_other_covariates(panel: Panel, kinds: Collection[CovariateKind]) -> Panel:
    """A panel in which the covariates of some kinds have other values, and everything else is the same."""
    if "static" in kinds:
        panel = replace(panel, static={name: len(values) * (values[0],) for name, values in panel.static.items()})
    values, rng = panel.values.copy(), np.random.default_rng(0)
    vintages = dict(panel.vintages)
    for column, channel in enumerate(panel.channels):
        if channel.role in kinds:
            values[:, column] += rng.normal(0, 1 + np.nanstd(values[:, column]), len(values))
            if channel.name in vintages:
                found = vintages[channel.name]
                vintages[channel.name] = replace(found, values=found.values + rng.normal(size=found.values.shape))
    return replace(panel, values=values, vintages=vintages)


def with_other_targets(panel: Panel) -> Panel:
    """A panel in which all targets but the first have other values, and everything else is the same."""
    values, rng = panel.values.copy(), np.random.default_rng(0)
    others = with_other_values(panel).values
    for column in panel.targets[1:]:
        if panel.channels[column].categories:
            values[:, column] = others[:, column]
        else:
            values[:, column] += rng.normal(0, 1 + np.nanstd(values[:, column]), len(values))
    return panel.with_values(values)
