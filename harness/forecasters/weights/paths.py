"""Where the weights of pretrained models are."""

from __future__ import annotations

import os
from pathlib import Path

from harness.forecasters.weights.declared import Weights

VARIABLE = "HARNESS_WEIGHTS_DIR"


def weights_root() -> Path:
    """The folder of all weights: HARNESS_WEIGHTS_DIR, or `harness/weights` in the cache folder of the user."""
    if given := os.environ.get(VARIABLE):
        return Path(given).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache).absolute() if cache else Path.home() / ".cache") / "harness" / "weights"


def repository_folder(weights: Weights) -> Path:
    """The folder of a repository, with its locks."""
    return weights_root() / weights.repository.replace("/", "--")


def lock_path(weights: Weights) -> Path:
    """The lock of the revision that a forecaster declares."""
    return repository_folder(weights) / f"{weights.revision.replace('/', '--')}.json"
