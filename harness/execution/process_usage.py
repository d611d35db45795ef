"""What another process uses: CPU time, memory, threads. Its children count where a function says so."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.worker.processes import descendants

PROC = sys.platform.startswith("linux")
PAGE = os.sysconf("SC_PAGE_SIZE")
CPU_CLOCK = 2  # of the scheduler, in the number of the clock of another process (clock_getcpuclockid, Linux)


def cpu_seconds(process: int) -> float | None:
    """The CPU time of a process; None if it is gone."""
    if PROC:
        with contextlib.suppress(OSError):
            return time.clock_gettime((~process << 3) | CPU_CLOCK)
    import psutil

    with contextlib.suppress(psutil.Error):
        times = psutil.Process(process).cpu_times()
        return float(times.user + times.system)
    return None


def identity(process: int) -> str:
    """What tells a living process from another one that has its number later or elsewhere; empty if it is gone.

    It does not depend on the clock: on Linux it is the namespace of the number, this start of the machine, and when
    the process was started since.
    """
    if PROC:
        with contextlib.suppress(OSError, IndexError):
            namespace = os.readlink(f"/proc/{process}/ns/pid")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
            state, *others = fields.split()
            return "" if state in "ZX" else f"{namespace} {boot} {others[18]}"
        return ""
    import psutil

    with contextlib.suppress(psutil.Error):
        return str(psutil.Process(process).create_time())
    return ""


def has_ended(process: int, known: str) -> bool:
    """Whether the process that had this `identity` has ended.

    On Linux it is False where the number is of another namespace or start of a machine, or the identity is unknown:
    such a process may live. Elsewhere the caller makes sure that it is a process of this machine.
    """
    if PROC and known.split()[:2] != identity(os.getpid()).split()[:2]:
        return False  # another machine, or a container with numbers of its own
    return identity(process) != known


def peak_memory(process: int) -> int | None:
    """The peak of its resident set size in bytes; None where it cannot be read."""
    return _bytes(_status(process), "VmHWM") or None


def anonymous_memory(process: int) -> int:
    """The bytes of a process that are of no file, resident or swapped; what it shares with others counts in full.

    So it does not change with other processes. Where the system does not tell, it is the resident set size.
    """
    return _anonymous(process, _status(process))


def most_memory_of(worker: int, started: Iterable[int], present: int) -> int:
    """A bound of `memory_of` that takes less time to compute."""
    known = {process: _status(process) for process in (worker, *started)}
    own = max(_anonymous(worker, known[worker]) - present, 0)
    others = sum(_anonymous(process, status) for process, status in known.items() if process != worker)
    return own + others + sum(_bytes(status, "RssShmem") for status in known.values())


def memory_of(worker: int, started: Iterable[int], present: int = 0, given: int = 0) -> int:
    """The bytes of a worker beyond those that were present, and of the processes that it started, in milliseconds.

    Pages of files do not count. Of a started process counts what it has alone, or what it has more than its parent if
    that is larger: what it shares with the worker counts once. Shared memory and files that are only in memory (tmpfs)
    count, except for `given` bytes of them.
    """
    status = {process: _status(process) for process in (worker, *started)}
    anonymous = {process: _anonymous(process, known) for process, known in status.items()}
    rollups = {process: _rollup(process) for process in status}
    own = max(anonymous[worker] - present, 0)
    for process in status.keys() - {worker}:
        parent = int(status[process].get("PPid", "0"))
        more = anonymous[process] - anonymous.get(parent, anonymous[worker])
        own += max(_private(rollups[process], anonymous[process]), more)
    return own + max(sum(_bytes(rollup, "Pss_Shmem") for rollup in rollups.values()) - given, 0)


def threads(processes: Iterable[int]) -> int:
    """The number of threads of processes."""
    return sum(int(_status(process).get("Threads", "1")) for process in processes)


def process_tree(process: int) -> list[int]:
    """A process and its descendants."""
    return [process, *descendants(process)]


def kills_for_memory() -> int:
    """How many processes the kernel has killed for memory; 0 where that is not known.

    Of this process's control group where it has one that counts, else of the whole machine.
    """
    for path in (*_control_group(), Path("/proc/vmstat")):
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text(encoding="ascii").splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    return 0


def _control_group() -> Iterator[Path]:
    """The files that may count the kills in this process's control group, of both versions of control groups."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            number, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                yield Path(f"/sys/fs/cgroup/memory{path}") / "memory.oom_control"
            elif number == "0":
                yield Path(f"/sys/fs/cgroup{path}") / "memory.events"


def _resident(process: int) -> int:
    if PROC:
        with contextlib.suppress(OSError, IndexError, ValueError):
            return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * PAGE
        return 0
    import psutil

    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(process).memory_info().rss)
    return 0


def _anonymous(process: int, status: Mapping[str, str]) -> int:
    return _bytes(status, "RssAnon") + _bytes(status, "VmSwap") if "RssAnon" in status else _resident(process)


def _private(rollup: Mapping[str, str], anonymous: int) -> int:
    """The bytes that a process shares with no other one, without shared memory."""
    if not rollup:
        return anonymous
    return max(_bytes(rollup, "Private_Dirty") - _bytes(rollup, "Pss_Shmem"), 0) + _bytes(rollup, "SwapPss")


def _rollup(process: int) -> dict[str, str]:
    """The sums over the mappings of a process, by name; empty where the system does not tell them."""
    return _fields(Path(f"/proc/{process}/smaps_rollup"))


def _status(process: int) -> dict[str, str]:
    return _fields(Path(f"/proc/{process}/status"))


def _fields(path: Path) -> dict[str, str]:
    with contextlib.suppress(OSError):
        text = path.read_text(encoding="utf-8", errors="replace")
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    return {}


def _bytes(fields: Mapping[str, str], name: str) -> int:
    kilobytes = fields.get(name, "").removesuffix("kB").strip()
    return int(kilobytes) * 1024 if kilobytes.isdigit() else 0
