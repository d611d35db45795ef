"""harness: a plugin-based benchmark harness and leaderboard for time-series forecasting models.

The public interface, in the order of the flow. `import harness` itself loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import board_page, evaluate, slices, standings
    from harness.arrays import Floats, Ints
    from harness.campaign import StoredCell, StoredPlan, stored_plans
    from harness.efficiency.costs import BenchCosts
    from harness.efficiency.figures import Bench
    from harness.efficiency.store import stored_bench
    from harness.errors import (
        BadData,
        BadInput,
        BadParameter,
        DataUnavailable,
        HarnessError,
        InvalidForecast,
        Unsupported,
    )
    from harness.forecast import Forecast
    from harness.forecaster import FittedLocalForecaster, Forecaster, LocalForecaster
    from harness.generation import OneStepModel, free_run
    from harness.hookspecs import hookimpl
    from harness.journal import Journal
    from harness.leaderboard import Leaderboard
    from harness.metrics import Metric
    from harness.outcomes import Actuals, Outcomes
    from harness.panel import Channel, Panel
    from harness.protocols import Generation, RollingOrigin, SeriesSplit, TimeSplit
    from harness.ranking import Standings, stored_standings
    from harness.run import Results, Run, Status
    from harness.specs import DataFile, DatasetSpec, ForecasterSpec, Resources
    from harness.task import Task
    from harness.training import TrainingData
    from harness.windows import Context, Contexts

_PLACES = {
    "hookimpl": "hookspecs",
    "DatasetSpec": "specs",
    "DataFile": "specs",
    "Panel": "panel",
    "Channel": "panel",
    "Floats": "arrays",
    "Ints": "arrays",
    "TimeSplit": "protocols",
    "SeriesSplit": "protocols",
    "RollingOrigin": "protocols",
    "Generation": "protocols",
    "Task": "task",
    "TrainingData": "training",
    "Contexts": "windows",
    "Context": "windows",
    "ForecasterSpec": "specs",
    "Resources": "specs",
    "Forecaster": "forecaster",
    "LocalForecaster": "forecaster",
    "FittedLocalForecaster": "forecaster",
    "OneStepModel": "generation",
    "free_run": "generation",
    "Forecast": "forecast",
    "evaluate": "api",
    "Run": "run",
    "Status": "run",
    "Actuals": "outcomes",
    "Outcomes": "outcomes",
    "Metric": "metrics",
    "standings": "api",
    "slices": "api",
    "board_page": "api",
    "Journal": "journal",
    "Results": "run",
    "StoredPlan": "campaign",
    "StoredCell": "campaign",
    "stored_plans": "campaign",
    "Leaderboard": "leaderboard",
    "Standings": "ranking",
    "stored_standings": "ranking",
    "Bench": "efficiency.figures",
    "BenchCosts": "efficiency.costs",
    "stored_bench": "efficiency.store",
    "HarnessError": "errors",
    "BadInput": "errors",
    "BadData": "errors",
    "BadParameter": "errors",
    "DataUnavailable": "errors",
    "InvalidForecast": "errors",
    "Unsupported": "errors",
}

__all__ = [
    "hookimpl",
    "DatasetSpec",
    "DataFile",
    "Panel",
    "Channel",
    "Floats",
    "Ints",
    "TimeSplit",
    "SeriesSplit",
    "RollingOrigin",
    "Generation",
    "Task",
    "TrainingData",
    "Contexts",
    "Context",
    "ForecasterSpec",
    "Resources",
    "Forecaster",
    "LocalForecaster",
    "FittedLocalForecaster",
    "OneStepModel",
    "free_run",
    "Forecast",
    "evaluate",
    "Run",
    "Status",
    "Actuals",
    "Outcomes",
    "Metric",
    "standings",
    "slices",
    "board_page",
    "Journal",
    "Results",
    "StoredPlan",
    "StoredCell",
    "stored_plans",
    "Leaderboard",
    "Standings",
    "stored_standings",
    "Bench",
    "BenchCosts",
    "stored_bench",
    "HarnessError",
    "BadInput",
    "BadData",
    "BadParameter",
    "DataUnavailable",
    "InvalidForecast",
    "Unsupported",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("forecast-harness")
    if name not in _PLACES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    value = getattr(import_module(f"harness.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
