"""The global generators of random numbers of a process."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np


def reset_generators() -> None:
    """Seed the global generators alike in every worker; what a forecaster draws should depend on its own seed."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002


def reset_torch() -> None:
    """Seed torch's generators too, if it is loaded: those of a process that has loaded a model may have been used."""
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "manual_seed"):
        torch.manual_seed(0)
