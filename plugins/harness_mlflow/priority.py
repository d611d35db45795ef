"""The priority of threads: low while cells run, so as not to slow them down."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
from pathlib import Path

HAND_OVER = 3.0  # seconds in which a thread must get a quarter of a processor


def lower_priority() -> None:
    """Lower the priority: of this thread on Linux, of the process elsewhere."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(19 if sys.platform == "linux" else 10)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def starves(thread: threading.Thread) -> bool:
    """Wait for a thread for a while; whether it got hardly any processor time."""
    before = _processor_seconds(thread)
    thread.join(HAND_OVER)
    return thread.is_alive() and _processor_seconds(thread) - before < HAND_OVER / 4


def _processor_seconds(thread: threading.Thread) -> float:
    """The processor time that a thread has used, by Linux; infinite elsewhere, and after its end."""
    try:
        spent = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text(encoding="ascii")
    except OSError:
        return math.inf
    return int(spent.split()[0]) / 1e9
