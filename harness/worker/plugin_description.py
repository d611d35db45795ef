"""What the plugins of this interpreter provide, as JSON values, for a parent that imports none of them."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import replace
from typing import Any

from harness.errors import Failure, attempt
from harness.fields.dumping import dump
from harness.fields.libraries import missing_packages
from harness.forecasters.described import FactoryDescription
from harness.forecasters.hyperparameters import hyperparameters_of
from harness.forecasters.spec import ForecasterSpec
from harness.forecasters.spec_fields import dump_spec
from harness.plugins.catalog import Catalog, load_catalog
from harness.plugins.discovery import Plugin
from harness.plugins.provider import provider_of
from harness.plugins.registry import Registered
from harness.plugins.result_versions import code_version, version_parts
from harness.worker.facts import facts_of


def print_description() -> None:
    """Print the description on standard output, of which what plugins print is kept away."""
    output = os.dup(1)
    os.dup2(2, 1)
    text = json.dumps(describe_plugins())
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


def describe_plugins() -> dict[str, Any]:
    """The plugins that provide forecasters whose libraries are installed, these forecasters, and problems.

    A plugin has its name, distribution, version, entry point, files and their state, and `included` where it comes with
    harness. A forecaster has the fields of its spec, and those of `FactoryDescription`.
    """
    catalog = load_catalog(environments=False)
    by_plugin: dict[str, list[dict[str, Any]]] = {}
    problems = []
    for name, registered in catalog.forecasters.items():
        if missing := missing_packages(registered.spec.imports):
            if not registered.plugin.included:
                needs = f"its forecaster {name!r} needs {', '.join(missing)}, which is not installed"
                problems.append(f"plugin {registered.plugin}: {needs}")
            continue
        by_plugin.setdefault(registered.plugin.name, []).append(_forecaster(name, registered, catalog))
    problems += [problem for problem in catalog.problems if not _is_of_included(problem, catalog)]
    plugins = [_plugin(catalog.plugins[name], forecasters) for name, forecasters in by_plugin.items()]
    return {"python": platform.python_version(), "plugins": plugins, "problems": problems}


def _plugin(plugin: Plugin, forecasters: list[dict[str, Any]]) -> dict[str, Any]:
    provider = provider_of(plugin)
    assert provider is not None
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "module": plugin.module,
        "entry_point": plugin.entry_point,
        "value": plugin.value,
        "file": plugin.file,
        "included": plugin.included,
        "files": list(provider.files),
        "state": provider.state,
        "forecasters": forecasters,
    }


def _forecaster(name: str, registered: Registered[ForecasterSpec], catalog: Catalog) -> dict[str, Any]:
    spec, facts = registered.spec, facts_of(registered.spec)
    factory = attempt(spec.load)
    is_imported = not isinstance(factory, Failure)
    description = FactoryDescription(
        tuple(hyperparameters_of(spec)) if is_imported else None,
        facts.takes_seed,
        facts.pool,
        code_version(name, catalog.forecasters),
        version_parts(name, catalog.forecasters),
    )
    imported = spec if isinstance(factory, Failure) else replace(spec, factory=factory)  # for the docstring
    return {"spec": dump_spec(imported), "factory": dump(description)}


def _is_of_included(problem: str, catalog: Catalog) -> bool:
    """Whether a problem is one of a plugin that comes with harness, such as that its library is not installed."""
    return any(plugin.included and problem.startswith(f"plugin {plugin}") for plugin in catalog.plugins.values())
