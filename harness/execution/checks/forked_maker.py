"""ForkedMaker: makes a forecaster that only this process has, such as a class of a test, in a copy of this process."""

from __future__ import annotations

import faulthandler
import json
import os
import select
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, NoReturn

from harness.errors import Failure, attempt
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.forecasters.forecaster import Forecaster
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.check_results import CheckResult, check_result
from harness.plugins.checks.makers import InProcessMaker
from harness.plugins.contract import Contract, contract_of

PART = 1 << 16  # bytes
MOST_CALLS = 10  # lines of a crash that are quoted
LOOK = 0.2  # seconds between two looks at a process
FAILURE = "failure"  # the only key of what a copy tells whose action raised


class ForkedMaker:
    """Runs each check in a copy of this process, which it may end or change.

    The copy has the classes that this process has; a check may take so many seconds.
    """

    def __init__(self, spec: ForecasterSpec, seconds: float) -> None:
        self.spec, self.seconds = spec, seconds
        self.exhausted = ""

    def contract(self) -> Contract:
        """What its class tells."""
        told = self._answer(lambda: dump(contract_of(self.spec)))
        if isinstance(told, str):
            return Contract((CheckResult("can be imported", False, told),), can_be_called=False)
        return load(Contract, told)

    @contextmanager
    def new_forecaster(self, *, strict: bool = False) -> Iterator[Forecaster]:
        """A new forecaster in this process, which is the copy."""
        with InProcessMaker(self.spec).new_forecaster(strict=strict) as forecaster:
            yield forecaster

    def check(self, name: str, action: Callable[[], str]) -> CheckResult:
        """The result of a check in a copy of this process; one that ends it has failed."""
        told = self._answer(lambda: dump(check_result(name, action)))
        return CheckResult(name, False, told) if isinstance(told, str) else load(CheckResult, told)

    def _answer(self, action: Callable[[], Any]) -> dict[str, Any] | str:
        """What an action returns in a copy of this process, as JSON values; as text why there is nothing."""
        with tempfile.TemporaryFile() as crash:
            return self._answer_or_end(action, crash)

    def _answer_or_end(self, action: Callable[[], Any], crash: IO[bytes]) -> dict[str, Any] | str:
        """The same; where the copy crashes, Python writes the calls that led there to a file."""
        reading, writing = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a copy of a process with threads
            process = os.fork()
        if not process:
            os.close(reading)
            _tell(action, writing, crash)
        os.close(writing)
        try:
            content = _received(reading, process, time.monotonic() + self.seconds)
        finally:
            os.close(reading)
            status = _ended(process)
        if content is None:
            self.exhausted = f"nothing more is checked after a check that took more than {self.seconds:g} s"
            return f"timed_out: it took more than {self.seconds:g} s"
        with suppress(ValueError):
            told = json.loads(content)
            if isinstance(told, dict):
                return str(told[FAILURE]) if told.keys() == {FAILURE} else told
        crash.seek(0)
        calls = crash.read().decode(errors="replace").partition("\n\nExtension modules")[0].splitlines()[:MOST_CALLS]
        return "\n".join([f"crashed: its process {_end(status)} during this check", *calls])


def _tell(action: Callable[[], Any], writing: int, crash: IO[bytes]) -> NoReturn:
    """Write what an action returns, and end this process, whatever happens."""
    try:
        os.setpgid(0, 0)
        faulthandler.enable(crash, all_threads=False)
        told = attempt(lambda: json.dumps(action()))
        content = json.dumps({FAILURE: str(told)}) if isinstance(told, Failure) else told
        with open(writing, "wb") as file:
            file.write(content.encode() + b"\n")
    finally:
        os._exit(0)


def _received(reading: int, process: int, deadline: float) -> bytes | None:
    """The line that a process writes, or what it wrote of it before it ended; None if that takes too long."""
    content = b""
    while time.monotonic() < deadline:
        has_ended = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        while select.select([reading], [], [], 0.0 if has_ended else LOOK)[0]:
            part = os.read(reading, PART)
            content += part
            if not part or part.endswith(b"\n"):
                return content
        if has_ended:  # a process that it started may still have the pipe open
            return content
    return None


def _ended(process: int) -> int:
    """How a process ended, which is killed with all that it started."""
    for kill in (os.killpg, os.kill):
        with suppress(OSError):
            kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


def _end(status: int) -> str:
    """How a process ended, as the end of a sentence."""
    if os.WIFSIGNALED(status):
        return f"was ended by the signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with exit code {os.waitstatus_to_exitcode(status)}"
