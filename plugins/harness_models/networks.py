"""What networks of other packages need beside `harness.training_windows`: seeds, devices, scaling, a loss, a summary.

`WindowScaler` scales each window by its own mean and deviation, `Scaler` each channel by the training data, and
`Standardised` tables of covariates. `pinball` is the loss of quantiles. `summarise` makes
the `model_summary` of a forecaster. The networks of this package use the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from harness_models.neural.covariates import Standardised
from harness_models.neural.devices import find_device
from harness_models.neural.heads import pinball
from harness_models.neural.scaling import Scaler, WindowScale, WindowScaler
from harness_models.neural.summary import summarise

__all__ = [
    "Scaler",
    "Standardised",
    "WindowScale",
    "WindowScaler",
    "find_device",
    "pinball",
    "summarise",
    "torch_session",
]


@contextmanager
def torch_session(seed: int, device: str = "cpu", threads: int = 1) -> Iterator[torch.device]:
    """A block in which torch draws from this seed, on this device, with so many threads; all is as before after it.

    Gives the device, "auto" for a GPU where there is one; raises ValueError if it is not available. Give the number of
    threads that `Resources` of the spec requests.

        with torch_session(self.seed, self.device) as device:
            network = nn.Linear(24, 12).to(device)
    """
    found, before = find_device(device), torch.get_num_threads()
    gpus = [torch.cuda.current_device()] if found.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield found
        finally:
            torch.set_num_threads(before)
