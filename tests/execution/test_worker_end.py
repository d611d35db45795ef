"""The end of a worker as a reason."""

from __future__ import annotations

import signal

from harness.execution.workers.ends import Ended, reason_of
from harness.forecasters.limits import Limits

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
