"""The module that the server of worker processes imports once, before it forks them: see `LocalProcesses`."""

from __future__ import annotations

import os
from functools import partial
from importlib import import_module

from harness.attempt import attempt
from harness.execution.local import PRELOAD

for name in ("harness.execution.worker", *os.environ.get(PRELOAD, "").split()):
    attempt(partial(import_module, name))  # a failed import fails again in its cell, where it is reported
