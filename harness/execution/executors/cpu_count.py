"""The number of CPUs that this process may use, of which a machine may have more."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

from harness.efficiency.environment import usable_cores

CGROUPS = Path("/sys/fs/cgroup")


def usable_cpus(cgroups: Path = CGROUPS) -> int:
    """Those of its affinity, which a job of Slurm has; at most the limit of its container, rounded up."""
    return min([usable_cores(), *_limits(cgroups)])


def _limits(cgroups: Path) -> Iterator[int]:
    """The limits of cgroups, version 2 and 1, as a container sees its own: CPU time for each period of time."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (cgroups / "cpu.max").read_text().split()
        yield max(1, math.ceil(int(quota) / int(period)))  # ValueError for "max": no limit
    with contextlib.suppress(OSError, ValueError):
        quota, period = ((cgroups / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        if int(quota) > 0:
            yield max(1, math.ceil(int(quota) / int(period)))
