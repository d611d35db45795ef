"""The devices of torch."""

from __future__ import annotations

import torch

DEVICES = ("auto", "cpu", "cuda", "mps")


def find_device(name: str) -> torch.device:
    """The device of that name; "auto" is a GPU where there is one. Raises ValueError if it is not available."""
    if name not in DEVICES:
        raise ValueError(f"device is one of {', '.join(DEVICES)}, not {name!r}")
    available = ["cpu"]
    if torch.cuda.is_available():
        available.append("cuda")
    if torch.backends.mps.is_available():
        available.append("mps")
    if name != "auto" and name not in available:
        raise ValueError(f"device {name!r} is not available; available are: {', '.join(available)}")
    return torch.device(available[1] if name == "auto" and len(available) > 1 else "cpu" if name == "auto" else name)


def widest_float(device: torch.device) -> torch.dtype:
    """The floating-point type of highest precision on a device."""
    return torch.float32 if device.type == "mps" else torch.float64
