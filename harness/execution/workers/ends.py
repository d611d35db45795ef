"""How workers end, and whose fault it is where they end without an answer."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from harness.errors import ForecasterError, HarnessError, InfrastructureFault, ProcessKilled
from harness.execution.process_usage import kills_for_memory
from harness.forecasters.limits import Limits, size_text
from harness.worker.requests import REFUSED

TAIL = 20  # lines of output that a failure quotes
MOST_TAIL = 4000  # characters of them
MOST_CALLS = 10  # lines of a crash
OUTSIDE = {-number for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)}
CLOSED = "closed"  # the reason of a worker that was killed since it ran on without its connection
OUT_OF_MEMORY = (
    "bad_alloc",
    "memory allocation",
    "cannot allocate memory",
    "can't allocate memory",
    "out of memory",
)


@dataclass(frozen=True)
class Ended:
    """How a worker ended, as its guardian tells it; None for its exit code if there is no guardian to tell it."""

    exit: int | None  # or the negative number of the signal that ended it
    reason: str = ""  # why the guardian killed it
    output: str = ""  # the last of it
    left: int = 0  # processes that it left behind, and that were killed

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the run on the end of its worker."""
        if not self.left:
            return ()
        processes = "a process" if self.left == 1 else f"{self.left} processes"
        return (f"it left {processes} running, which ended with the cell",)

    @property
    def quoted(self) -> str:
        """The last lines of output, to be added to a sentence; empty if there is none."""
        return f"; its last output:\n{self.tail}" if self.tail else ""

    @property
    def tail(self) -> str:
        """The last lines of output."""
        return "\n".join(_last_lines(self.output))[-MOST_TAIL:]


def _last_lines(output: str) -> list[str]:
    """The last lines of an output; of the calls that Python lists in a crash the innermost ones, which come first."""
    lines = [line for line in output.splitlines() if line.strip() and not line.startswith("Extension modules: ")]
    crashes = [i for i, line in enumerate(lines) if line.startswith("Fatal Python error: ")]
    return lines[: crashes[-1] + MOST_CALLS if crashes else None][-TAIL:]


class NotPrepared(InfrastructureFault):
    """The process of a worker could not be prepared."""


def reason_of(ended: Ended, doing: str, limits: Limits, kills: int, *, is_prepared: bool = True) -> HarnessError:
    """Why a worker ended without an answer: ForecasterError, or InfrastructureFault if others may have killed it.

    `doing` is what it did; `kills` is how many processes the kernel had killed for memory before it started. What is
    not prepared has run nothing of a forecaster.
    """
    during = f"while {doing}"
    if ended.reason == REFUSED:
        return InfrastructureFault("no worker process can be started" + (f": {ended.output}" if ended.output else ""))
    if ended.exit is None:
        return ProcessKilled(f"its process and the one that watches it are gone, {during}")
    if ended.reason == "output":
        return ForecasterError(f"{much_output(doing, limits)}{ended.quoted}", "failed")
    if ended.reason == CLOSED:
        return ForecasterError(f"its process closed its connection and ran on, {during}{ended.quoted}", "crashed")
    if ended.reason:
        return InfrastructureFault(f"its process was killed since the server of workers ended, {during}")
    if not is_prepared and ended.exit >= 0:
        reason = ended.tail.rpartition("\n")[2] or f"one ended with exit code {ended.exit}"
        return NotPrepared(f"no worker process can be started: {reason}")
    is_out_of_memory = any(text in ended.quoted.lower() for text in OUT_OF_MEMORY)
    if ended.exit >= 0 and is_out_of_memory:
        text = f"memory could not be allocated (exit code {ended.exit}), {during}{ended.quoted}"
        return ForecasterError(text, "out_of_memory")
    if ended.exit >= 0:
        text = f"its process ended with exit code {ended.exit} without an answer, {during}{ended.quoted}"
        return ForecasterError(text, "crashed")
    name = signal.Signals(-ended.exit).name if -ended.exit in set(signal.Signals) else f"signal {-ended.exit}"
    if ended.exit == -signal.SIGKILL and kills_for_memory() > kills:
        return ForecasterError(f"the kernel killed its process for lack of memory, {during}", "out_of_memory")
    if ended.exit not in OUTSIDE and is_out_of_memory:
        return ForecasterError(f"memory could not be allocated ({name}), {during}{ended.quoted}", "out_of_memory")
    if ended.exit in OUTSIDE:
        return ProcessKilled(f"its process was killed by {name}, {during}")
    return ForecasterError(f"its process crashed by {name}, {during}{ended.quoted}", "crashed")


def much_output(doing: str, limits: Limits) -> str:
    """That a worker printed too much, as a sentence."""
    return f"it printed more than {size_text(limits.output or 0)}, while {doing}"
