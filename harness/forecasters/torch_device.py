"""The device that PyTorch uses."""

from __future__ import annotations


def torch_device(name: str = "auto") -> str:
    """The name of a device for PyTorch, and for the accelerator of Lightning.

    "auto" is "cuda" where this process sees a GPU, and else "cpu"; other names are returned as they are.

        self.network_.to(harness.torch_device(self.device))
    """
    if name != "auto":
        return name
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
