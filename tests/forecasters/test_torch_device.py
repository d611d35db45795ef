"""`harness.torch_device`: what "auto" means in a process."""

from __future__ import annotations

import pytest

import harness


@pytest.mark.parametrize(("sees_gpu", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_the_gpu_that_the_process_sees(monkeypatch: pytest.MonkeyPatch, sees_gpu: bool, device: str) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: sees_gpu)

    assert harness.torch_device() == harness.torch_device("auto") == device


def test_other_names_stay() -> None:
    assert [harness.torch_device(name) for name in ("cpu", "cuda", "mps")] == ["cpu", "cuda", "mps"]
