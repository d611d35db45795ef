"""Pretrained models: loaded in a template, so that the workers of all cells of a forecaster share one in memory."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError
from harness.forecasters.forecaster import Forecaster
from harness.forecasters.spec import ForecasterSpec
from harness.worker.copying import threads_of_this_process
from harness.worker.generators import reset_generators, reset_torch
from harness.worker.making import make_forecaster, ready_spec
from harness.worker.memory_limit import limited_data, present_data

PATIENCE = 2.0  # seconds that threads of a loaded model have to end
FIELDS = ("plugin", "forecaster", "parameters", "not_finite", "imports", "threads")  # that a model depends on

_loaded: set[str] = set()  # the forecasters whose models this process has loaded


class CannotBeShared(HarnessError):
    """A process with this model cannot be forked."""


def model_text(model: object) -> str:
    """The forecaster of a model as JSON, which distinguishes templates; empty where there is none."""
    return json.dumps(model, sort_keys=True) if model else ""


def model_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a request to make a forecaster says of its model, which does not depend on the seed."""
    return {"seed": None, **{name: request[name] for name in FIELDS if name in request}}


def shared_model_bytes(model: str, most: int | None) -> int:
    """Load the model of a forecaster in a template; returns the bytes of writable memory that it takes, at most `most`.

    Raises what its plugin raises, and CannotBeShared where the process cannot be forked afterwards.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a process that has used a GPU cannot be forked
    request = json.loads(model)
    before = present_data() or 0
    with limited_data(most):
        spec = ready_spec(request)
        forecaster = make_forecaster(spec, request)
        if not spec.load_model(forecaster):
            raise CannotBeShared("it has no method load_model")
    end = time.monotonic() + PATIENCE
    while threads_of_this_process() > 1:
        if time.monotonic() > end:
            raise CannotBeShared(f"its model has {threads_of_this_process()} threads")
        time.sleep(0.01)
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        raise CannotBeShared("its model is on a GPU")
    _loaded.add(model)
    return max((present_data() or 0) - before, 0)


def load_model(spec: ForecasterSpec, forecaster: Forecaster, request: Mapping[str, Any]) -> bool:
    """Load the model of a reusable forecaster, which is there already if its template or an earlier cell loaded it.

    Returns whether this process had to load it.
    """
    text = model_text(model_request(request))
    is_loaded = text in _loaded
    spec.load_model(forecaster)
    _loaded.add(text)
    reset_generators()  # which the loading may have used, here or elsewhere
    reset_torch()
    return not is_loaded
