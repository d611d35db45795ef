"""harness: a plugin-based benchmark harness and leaderboard for time-series forecasting models.

This is the public interface, in the order of an evaluation. Names are imported when they are used, so that
`import harness` itself loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api.comparison import Comparison, compare
    from harness.api.functions import board_page, check_data, evaluate, home_page, slices, standings
    from harness.api.to_sktime import to_sktime
    from harness.arrays import Floats, Ints
    from harness.boards.leaderboard import Leaderboard
    from harness.boards.workspace import open_home
    from harness.data.damage import set_aside
    from harness.data.dataset import DataFile, DatasetSpec
    from harness.data.panel import Channel, Panel, Vintages
    from harness.data.storage import read_checked_json, write_checked_json
    from harness.data.tables.findings import Finding
    from harness.data.tables.options import TableOptions
    from harness.efficiency.record import Bench
    from harness.efficiency.store import stored_bench
    from harness.errors import (
        BadData,
        BadInput,
        BadParameter,
        DamagedFile,
        DataUnavailable,
        Failure,
        HarnessError,
        InvalidForecast,
        LaterVersion,
        Unsupported,
    )
    from harness.evaluation.metrics import Metric
    from harness.evaluation.outcomes import Actuals, Outcomes
    from harness.evaluation.run import Results, Run, Status
    from harness.execution.checks.contract_tests import check_forecaster, parametrize_with_checks
    from harness.fields.libraries import install_command
    from harness.fields.signatures import given_hyperparameters, hyperparameter_fields
    from harness.forecasters.by_time import forecast_by_time
    from harness.forecasters.card import Card, TrainedOn
    from harness.forecasters.forecast import Forecast
    from harness.forecasters.forecaster import FittedLocalForecaster, Forecaster, LocalForecaster, PartialFailure
    from harness.forecasters.generation import NextClassModel, OneStepModel, free_run, sample_continuations
    from harness.forecasters.layer import Layer
    from harness.forecasters.quiet import quiet
    from harness.forecasters.remarks import CountedRemark
    from harness.forecasters.resources import Resources
    from harness.forecasters.spec import ForecasterSpec
    from harness.forecasters.tokens import GeneratedTokens, TokenGenerator, generate_tokens, token_positions
    from harness.forecasters.torch_device import torch_device
    from harness.forecasters.weights.declared import Weights
    from harness.forecasters.weights.store import weights_folder
    from harness.forecasters.window_arrays import WindowArrays, automatic_lookback, training_windows, window_arrays
    from harness.plugins.formats import ReportContext, ReportFormat
    from harness.plugins.hookspecs import hookimpl
    from harness.report.page.past import Histories
    from harness.report.standings.column import Column
    from harness.report.standings.columns import standings_columns
    from harness.results.claims import Claim, write_claims
    from harness.results.costs import BenchCosts
    from harness.results.journal import Journal
    from harness.results.standings import Row, Standings, standings_path, stored_standings
    from harness.results.stored_plan import StoredCell, StoredPlan, stored_plans
    from harness.tasks.protocols import Cutoffs, Generation, Protocol, RollingOrigin
    from harness.tasks.splits import HeldOut, SeriesSplit, TimeSplit
    from harness.tasks.task import Task
    from harness.tasks.training import TrainingData
    from harness.tasks.windows import Context, Contexts

_PLACES = {
    "hookimpl": "plugins.hookspecs",
    "DatasetSpec": "data.dataset",
    "DataFile": "data.dataset",
    "Panel": "data.panel",
    "Channel": "data.panel",
    "Vintages": "data.panel",
    "Floats": "arrays",
    "Ints": "arrays",
    "TimeSplit": "tasks.splits",
    "SeriesSplit": "tasks.splits",
    "RollingOrigin": "tasks.protocols",
    "Generation": "tasks.protocols",
    "Protocol": "tasks.protocols",
    "Cutoffs": "tasks.protocols",
    "HeldOut": "tasks.splits",
    "Task": "tasks.task",
    "TrainingData": "tasks.training",
    "Contexts": "tasks.windows",
    "Context": "tasks.windows",
    "ForecasterSpec": "forecasters.spec",
    "Resources": "forecasters.resources",
    "Card": "forecasters.card",
    "TrainedOn": "forecasters.card",
    "Weights": "forecasters.weights.declared",
    "weights_folder": "forecasters.weights.store",
    "Forecaster": "forecasters.forecaster",
    "LocalForecaster": "forecasters.forecaster",
    "FittedLocalForecaster": "forecasters.forecaster",
    "Layer": "forecasters.layer",
    "CountedRemark": "forecasters.remarks",
    "hyperparameter_fields": "fields.signatures",
    "given_hyperparameters": "fields.signatures",
    "WindowArrays": "forecasters.window_arrays",
    "automatic_lookback": "forecasters.window_arrays",
    "quiet": "forecasters.quiet",
    "torch_device": "forecasters.torch_device",
    "training_windows": "forecasters.window_arrays",
    "window_arrays": "forecasters.window_arrays",
    "OneStepModel": "forecasters.generation",
    "free_run": "forecasters.generation",
    "NextClassModel": "forecasters.generation",
    "sample_continuations": "forecasters.generation",
    "TokenGenerator": "forecasters.tokens",
    "GeneratedTokens": "forecasters.tokens",
    "generate_tokens": "forecasters.tokens",
    "token_positions": "forecasters.tokens",
    "Forecast": "forecasters.forecast",
    "forecast_by_time": "forecasters.by_time",
    "evaluate": "api.functions",
    "to_sktime": "api.to_sktime",
    "compare": "api.comparison",
    "Comparison": "api.comparison",
    "check_data": "api.functions",
    "Finding": "data.tables.findings",
    "TableOptions": "data.tables.options",
    "check_forecaster": "execution.checks.contract_tests",
    "parametrize_with_checks": "execution.checks.contract_tests",
    "Run": "evaluation.run",
    "Status": "evaluation.run",
    "Actuals": "evaluation.outcomes",
    "Outcomes": "evaluation.outcomes",
    "Metric": "evaluation.metrics",
    "standings": "api.functions",
    "slices": "api.functions",
    "board_page": "api.functions",
    "home_page": "api.functions",
    "Journal": "results.journal",
    "Results": "evaluation.run",
    "StoredPlan": "results.stored_plan",
    "StoredCell": "results.stored_plan",
    "stored_plans": "results.stored_plan",
    "open_home": "boards.workspace",
    "Leaderboard": "boards.leaderboard",
    "Standings": "results.standings",
    "Row": "results.standings",
    "standings_path": "results.standings",
    "stored_standings": "results.standings",
    "Claim": "results.claims",
    "write_claims": "results.claims",
    "standings_columns": "report.standings.columns",
    "Column": "report.standings.column",
    "Histories": "report.page.past",
    "ReportFormat": "plugins.formats",
    "ReportContext": "plugins.formats",
    "Bench": "efficiency.record",
    "BenchCosts": "results.costs",
    "stored_bench": "efficiency.store",
    "read_checked_json": "data.storage",
    "write_checked_json": "data.storage",
    "set_aside": "data.damage",
    "install_command": "fields.libraries",
    "HarnessError": "errors",
    "BadInput": "errors",
    "BadData": "errors",
    "BadParameter": "errors",
    "DataUnavailable": "errors",
    "DamagedFile": "errors",
    "LaterVersion": "errors",
    "InvalidForecast": "errors",
    "PartialFailure": "forecasters.forecaster",
    "Failure": "errors",
    "Unsupported": "errors",
}

__all__ = [
    "hookimpl",
    "DatasetSpec",
    "DataFile",
    "Panel",
    "Channel",
    "Vintages",
    "Floats",
    "Ints",
    "TimeSplit",
    "SeriesSplit",
    "RollingOrigin",
    "Generation",
    "Protocol",
    "Cutoffs",
    "HeldOut",
    "Task",
    "TrainingData",
    "Contexts",
    "Context",
    "ForecasterSpec",
    "Resources",
    "Card",
    "TrainedOn",
    "Weights",
    "weights_folder",
    "Forecaster",
    "LocalForecaster",
    "FittedLocalForecaster",
    "Layer",
    "CountedRemark",
    "hyperparameter_fields",
    "forecast_by_time",
    "given_hyperparameters",
    "WindowArrays",
    "automatic_lookback",
    "quiet",
    "torch_device",
    "training_windows",
    "window_arrays",
    "OneStepModel",
    "free_run",
    "NextClassModel",
    "sample_continuations",
    "TokenGenerator",
    "GeneratedTokens",
    "generate_tokens",
    "token_positions",
    "Forecast",
    "evaluate",
    "to_sktime",
    "compare",
    "Comparison",
    "check_data",
    "Finding",
    "TableOptions",
    "check_forecaster",
    "parametrize_with_checks",
    "Run",
    "Status",
    "Actuals",
    "Outcomes",
    "Metric",
    "standings",
    "slices",
    "board_page",
    "home_page",
    "Journal",
    "Results",
    "StoredPlan",
    "StoredCell",
    "stored_plans",
    "open_home",
    "Leaderboard",
    "Standings",
    "Row",
    "standings_path",
    "stored_standings",
    "Claim",
    "write_claims",
    "standings_columns",
    "Column",
    "Histories",
    "ReportFormat",
    "ReportContext",
    "Bench",
    "BenchCosts",
    "stored_bench",
    "read_checked_json",
    "write_checked_json",
    "set_aside",
    "install_command",
    "HarnessError",
    "BadInput",
    "BadData",
    "BadParameter",
    "DataUnavailable",
    "DamagedFile",
    "LaterVersion",
    "InvalidForecast",
    "PartialFailure",
    "Failure",
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
