"""The provenance of a run: versions, machine, threads, and BLAS libraries."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from harness.errors import attempt
from harness.evaluation.run import EVALUATION_VERSION
from harness.fields.types import Json
from harness.forecasters.weights.declared import Weights
from harness.forecasters.weights.store import WeightsLock, read_lock, unverified_source, unverified_text
from harness.plugins.environments.environment import Environment
from harness.plugins.result_versions import Forecasters, forecaster_version, installed_version
from harness.plugins.weights_versions import weights_of
from harness.results.rescoring import METRICS
from harness.worker.environment import python_environment

UNVERIFIED = "unverified"  # of weights in a provenance: the folder that they were taken from


def provenance(
    name: str,
    forecasters: Forecasters,
    threads: int,
    metrics: Mapping[str, str] | None = None,
    parameters: Mapping[str, Json] | None = None,
) -> dict[str, Any]:
    """What is needed to trust and to repeat a run of a forecaster in this process, as JSON values.

    `metrics` are the versions of plugins' metrics, `parameters` the hyperparameters.
    """
    spec, plugin = forecasters[name].spec, forecasters[name].plugin
    version = forecaster_version(name, forecasters, parameters)
    described = {"name": plugin.name, "distribution": plugin.distribution, "version": version}
    weights = weights_of(name, forecasters, parameters).values()
    return provenance_of(described, spec.revision, spec.depends, threads, metrics, weights=weights)


def provenance_of(
    plugin: Mapping[str, str],
    revision: str,
    depends: Sequence[str],
    threads: int,
    metrics: Mapping[str, str] | None = None,
    process: Mapping[str, Any] | None = None,
    environment: Environment | None = None,
    weights: Iterable[Weights] = (),
) -> dict[str, Any]:
    """The same of a run in any process.

    `plugin` is the name, the distribution and the result version of the forecaster's plugin; `depends` are the
    distributions that its spec names; `metrics` are the versions of plugins' metrics; `process` is what the
    forecaster's process told of its Python and its libraries, by default this one; `environment` is the one that the
    plugin is in; `weights` are those of its spec and of its components.
    """
    found = python_environment() if process is None else process
    version_of = _version if environment is None else environment.version_of
    return {
        "harness": _version("forecast-harness"),
        "evaluation": EVALUATION_VERSION,
        "plugin": dict(plugin),
        **({"revision": revision} if revision else {}),
        **({METRICS: dict(metrics)} if metrics else {}),
        **({"weights": found_weights} if (found_weights := _fetched(weights)) else {}),
        "python": found["python"],
        **({} if environment is None else {"environment": environment.to_provenance()}),
        "libraries": {name: version_of(name) for name in dict.fromkeys([*found["libraries"], *depends])},
        "machine": machine(),
        "threads": threads,
        "blas": found["blas"],
    }


def _fetched(weights: Iterable[Weights]) -> list[dict[str, Any]]:
    """The repository, commit and hashes of weights that are fetched, and the folder of those that nothing verifies."""
    locks = [(each, attempt(partial(read_lock, each))) for each in weights]
    return [
        {
            "repository": lock.repository,
            "revision": lock.revision,
            "commit": lock.commit,
            "sha256": {name: file.sha256 for name, file in lock.files.items()},
            **({UNVERIFIED: os.path.basename(source)} if (source := unverified_source(each, lock)) else {}),
        }
        for each, lock in locks
        if isinstance(lock, WeightsLock)
    ]


def weights_notes(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    """The notes of a run on weights that may be others than the published ones."""
    return tuple(
        f"weights {each['repository']}: {unverified_text(each[UNVERIFIED])}"
        for each in provenance.get("weights", ())
        if UNVERIFIED in each
    )


@lru_cache(maxsize=256)  # the metadata of a distribution takes milliseconds to read
def _version(distribution: str) -> str:
    return installed_version(distribution)


@lru_cache
def machine() -> dict[str, Any]:
    """This machine: its name, system, processor and cores."""
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def machine_kind(provenance: Mapping[str, Any]) -> str:
    """The kind of machine that a run was made on, without its name, which is private; empty if it is not known."""
    found = provenance.get("machine", {})
    return f"{found['processor']}, {found['cores']} cores" if found.get("processor") else ""


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
