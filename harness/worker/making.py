"""The forecaster of a request: its plugin is imported, and no other one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pluggy

from harness.errors import UnknownName, attempt
from harness.evaluation.threads import THREAD_VARIABLES
from harness.fields.dumping import dump
from harness.forecasters.forecaster import Forecaster
from harness.forecasters.spec import ForecasterSpec
from harness.plugins import hookspecs
from harness.plugins.discovery import GROUP
from harness.plugins.plugin_file import import_plugin_file
from harness.worker.facts import facts_of
from harness.worker.preload import numerical_libraries


def ready_spec(request: Mapping[str, Any]) -> ForecasterSpec:
    """The spec of a forecaster, whose libraries are imported, and use so many threads as the request says."""
    threads = request["threads"]
    spec = _imported_spec(request)
    spec.import_libraries()
    numerical_libraries().limit(limits=threads)
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "set_num_threads"):  # it has a count of its own beside OpenMP's
        torch.set_num_threads(threads)
    return spec


def make_forecaster(spec: ForecasterSpec, request: Mapping[str, Any]) -> Forecaster:
    """The forecaster with the hyperparameters of the request."""
    not_finite = {name: float(text) for name, text in request.get("not_finite", {}).items()}
    return spec.make({**request["parameters"], **not_finite}, request["seed"])


def contract(request: Mapping[str, Any]) -> dict[str, Any]:
    """The contract of a forecaster as JSON values."""
    from harness.plugins.contract import contract_of

    fields: dict[str, Any] = dump(contract_of(_imported_spec(request)))
    return fields


def facts(request: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the import of forecasters of a plugin tells of them, by name; null where one cannot be imported."""
    specs = _specs(_plugin(request["plugin"]))
    found = {name: facts_of(specs[name]) for name in request["forecasters"] if name in specs}
    return {name: {"takes_seed": known.takes_seed, "pool": known.pool} for name, known in found.items()}


def _imported_spec(request: Mapping[str, Any]) -> ForecasterSpec:
    """The spec of a forecaster, whose libraries are imported as they are in its cells."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(request["threads"])))  # for libraries that are loaded later
    if file := request["plugin"].get("file"):
        attempt(partial(import_plugin_file, Path(file)))  # first, since `imports` may name its neighbours
    for name in request["imports"]:
        attempt(partial(import_module, name))  # a failed import fails again where it is used
    return _spec(request["forecaster"], _plugin(request["plugin"]))


def _plugin(told: Mapping[str, str]) -> object:
    """The module or object with the hooks of a plugin, imported now."""
    if file := told.get("file"):
        return import_plugin_file(Path(file))
    return EntryPoint(told["name"], told["value"], GROUP).load()


def _spec(name: str, plugin: object) -> ForecasterSpec:
    """The forecaster of that name among those that a plugin provides."""
    specs = _specs(plugin)
    if name not in specs:
        raise UnknownName("forecaster", name, specs)
    return specs[name]


def _specs(plugin: object) -> dict[str, ForecasterSpec]:
    """The forecasters that a plugin provides, by name."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    listed: Iterable[Any] = (spec for specs in manager.hook.harness_forecasters() for spec in specs)
    return {spec.name: spec for spec in listed if isinstance(spec, ForecasterSpec)}
