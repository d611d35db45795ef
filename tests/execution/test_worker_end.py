"""The end of a worker as a reason, and of its copies."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

from harness.execution.workers.copies import CopiedProcess
from harness.execution.workers.ends import Ended, reason_of
from harness.execution.workers.process import WorkerProcess
from harness.forecasters.limits import Limits
from harness.worker.processes import has_ended

CRASH = "\n".join(
    [
        "Fatal Python error: Segmentation fault",
        "",
        "Current thread 0x1 (most recent call first):",
        *(f'  File "library.py", line {i} in deep' for i in range(50)),
        "Extension modules: " + ", ".join(["numpy"] * 2000),
    ]
)


def reason(ended: Ended) -> str:
    return str(reason_of(ended, "in predict", Limits(), 0))


def test_the_last_twenty_lines_of_output_are_quoted() -> None:
    found = reason(Ended(3, output="\n".join(map(str, range(100)))))

    assert found.startswith("its process ended with exit code 3 without an answer, while in predict")
    assert found.endswith("; its last output:\n" + "\n".join(map(str, range(80, 100))))


def test_of_a_crash_the_innermost_calls_are_quoted() -> None:
    found = reason(Ended(-signal.SIGSEGV, output=f"started\n{CRASH}"))

    assert found.startswith("its process crashed by SIGSEGV, while in predict; its last output:\nstarted\nFatal Python")
    assert "line 0 in deep" in found
    assert "Extension modules" not in found
    assert len(found) < 1000


def test_a_copy_that_was_killed_has_ended() -> None:
    """Its connection is closed before: a worker whose copy still ended would not be kept for the next cell."""

    class Original(WorkerProcess):
        def processes(self) -> set[int]:
            return {copied.pid}

    ends = socket.socketpair()
    original = Original(*ends, Limits())
    code = "memory = bytearray(400 << 20); print(flush=True); input()"  # which takes long to be released
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as copied:
        assert copied.stdout is not None
        copied.stdout.readline()
        mine, closed = socket.socketpair()
        closed.close()

        CopiedProcess(mine, copied.pid, original, Limits()).kill()

        assert has_ended(copied.pid)
    for each in (*ends, mine):
        each.close()
