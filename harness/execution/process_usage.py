"""What another process uses: CPU time, memory, threads. Its children count where a function says so."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
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
    kilobytes = _status(process).get("VmHWM", "").removesuffix("kB").strip()
    return int(kilobytes) * 1024 if kilobytes.isdigit() else None


def memory_of_tree(process: int) -> int:
    """The resident set sizes of a process and its descendants in bytes; shared pages count several times."""
    return sum(map(_resident, process_tree(process)))


def own_memory_of_tree(process: int, given: int = 0) -> int:
    """The same without pages of files, and with the shares of pages that several processes have, in some milliseconds.

    Shared memory and files that are only in memory (tmpfs) count, except for `given` bytes of them.
    """
    own = [_own(member) for member in process_tree(process)]
    return sum(private for private, _ in own) + max(sum(shared for _, shared in own) - given, 0)


def tasks_of_tree(process: int) -> int:
    """The number of threads of a process and its descendants."""
    return sum(int(_status(member).get("Threads", "1")) for member in process_tree(process))


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


def _own(process: int) -> tuple[int, int]:
    """The private memory of a process, and its share of shared memory."""
    kilobytes: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
            kilobytes[line.partition(":")[0]] = int(line.split()[1])
    if "Pss_Anon" not in kilobytes:  # an older kernel
        return (kilobytes["Pss"] * 1024 if "Pss" in kilobytes else _resident(process)), 0
    return (kilobytes["Pss_Anon"] + kilobytes.get("SwapPss", 0)) * 1024, kilobytes.get("Pss_Shmem", 0) * 1024


def _status(process: int) -> dict[str, str]:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    return {}
