"""The environment of a forecaster: the Python version, the libraries that its process has loaded, and BLAS."""

from __future__ import annotations

import platform
import sys
from typing import Any

LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "torch")
MODULES = {"scikit-learn": "sklearn"}


def python_environment() -> dict[str, Any]:
    """The environment of this process, as JSON values."""
    return {
        "python": platform.python_version(),
        "libraries": [library for library in LIBRARIES if MODULES.get(library, library) in sys.modules],
        "blas": _blas(),
    }


def _blas() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    wanted = ("internal_api", "version", "architecture", "num_threads", "threading_layer")
    return [{name: library[name] for name in wanted if name in library} for library in threadpool_info()]
