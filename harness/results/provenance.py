"""The provenance of a run: versions, machine, threads, and BLAS libraries."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.evaluation.run import EVALUATION_VERSION
from harness.plugins.result_versions import Forecasters, forecaster_version, installed_version, installed_versions
from harness.results.rescoring import METRICS

LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "torch")
MODULES = {"scikit-learn": "sklearn"}


def provenance(
    name: str, forecasters: Forecasters, threads: int, metrics: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What is needed to trust and to repeat a run of a forecaster in this process, as JSON values.

    `metrics` are the versions of plugins' metrics.
    """
    spec, plugin = forecasters[name].spec, forecasters[name].plugin
    version = forecaster_version(name, forecasters)
    loaded = [library for library in LIBRARIES if MODULES.get(library, library) in sys.modules]
    return {
        "harness": installed_version("forecast-harness"),
        "evaluation": EVALUATION_VERSION,
        "plugin": {"name": plugin.name, "distribution": plugin.distribution, "version": version},
        **({"revision": spec.revision} if spec.revision else {}),
        **({METRICS: dict(metrics)} if metrics else {}),
        "python": platform.python_version(),
        "libraries": installed_versions(dict.fromkeys([*loaded, *spec.depends])),
        "machine": machine(),
        "threads": threads,
        "blas": _blas(),
    }


@lru_cache
def machine() -> dict[str, Any]:
    """This machine: its name, system, processor and cores."""
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _blas() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    wanted = ("internal_api", "version", "architecture", "num_threads", "threading_layer")
    return [{name: library[name] for name in wanted if name in library} for library in threadpool_info()]
