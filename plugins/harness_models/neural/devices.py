"""Where a network runs."""

from __future__ import annotations

import torch

DEVICES = ("auto", "cpu", "cuda", "mps")


def device_of(name: str) -> torch.device:
    """The device of that name; "auto" is a GPU where there is one. Raises ValueError if it is not there."""
    if name not in DEVICES:
        raise ValueError(f"device is one of {', '.join(DEVICES)}, not {name!r}")
    here = ["cpu"]
    if torch.cuda.is_available():
        here.append("cuda")
    if torch.backends.mps.is_available():
        here.append("mps")
    if name != "auto" and name not in here:
        raise ValueError(f"device {name!r} is not on this machine; here are: {', '.join(here)}")
    return torch.device(here[1] if name == "auto" and len(here) > 1 else "cpu" if name == "auto" else name)


def widest(device: torch.device) -> torch.dtype:
    """The floats of most digits that a device computes with."""
    return torch.float32 if device.type == "mps" else torch.float64
