"""The machine that a measurement belongs to."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from functools import lru_cache
from pathlib import Path

from harness.efficiency.circumstances import Machine
from harness.results.provenance import machine

DRIVERS = Path("/proc/driver/nvidia/gpus")


@lru_cache
def this_machine() -> Machine:
    """This machine. Its id hashes processor, cores, memory, system and GPUs, not its host name."""
    import psutil

    processor, cores = str(machine()["processor"]), os.cpu_count() or 1
    memory = int(psutil.virtual_memory().total)
    system, gpus = f"{platform.system()} {platform.machine()}", gpu_names()
    gibibytes = round(memory / 2**30)
    parts = json.dumps([processor, cores, gibibytes, system, gpus])
    slug = re.sub(r"[^a-z0-9]+", "-", f"{processor} {cores} cores {gibibytes} gib".lower()).strip("-")
    identity = f"{slug}-{hashlib.sha256(parts.encode()).hexdigest()[:8]}"
    return Machine(identity, processor, cores, memory, platform.platform(), gpus)


def gpu_names() -> tuple[str, ...]:
    """The names of the GPUs, from their driver."""
    names = []
    for information in sorted(DRIVERS.glob("*/information")):
        lines = information.read_text(encoding="utf-8", errors="replace").splitlines()
        names += [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
    return tuple(names)
