"""The start of a worker: what is asked for, and how a forked process becomes one that knows nothing of its template."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from harness.errors import HarnessError
from harness.evaluation.memory import reset_peak
from harness.worker.generators import reset_generators
from harness.worker.memory_limit import limit_data
from harness.worker.messages import Connection
from harness.worker.models import model_text
from harness.worker.processes import allow_inspection, close_others, end_with_parent
from harness.worker.requests import NOT_STARTED
from harness.worker.serve import serve

IGNORED = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)  # the last two as in every Python process


class BadStart(HarnessError):
    """A request for a worker that is not one of the protocol."""


@dataclass(frozen=True)
class Start:
    """A worker as a supervisor asks for it."""

    imports: tuple[str, ...]  # modules that it needs
    model: str  # the forecaster whose model it needs loaded, as a request to make it, in JSON; empty: none
    environment: Mapping[str, str]  # all of it
    folder: str  # its working directory, and the one of its temporary files
    memory: int | None = None  # bytes of data beyond those of its template
    files: int | None = None  # open at once
    output: int | None = None  # bytes


def read_start(request: Mapping[str, Any]) -> Start:
    """The request of a supervisor; raises BadStart."""
    try:
        limits = request.get("limits") or {}
        start = Start(
            imports=tuple(request.get("imports") or ()),
            model=model_text(request.get("model")),
            environment=dict(request["environment"]),
            folder=request["folder"],
            **{name: limits.get(name) for name in ("memory", "files", "output")},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadStart(f"the request for a worker needs environment and folder: {error}") from error
    texts = [*start.imports, *start.environment.keys(), *start.environment.values(), start.folder]
    numbers = (start.memory, start.files, start.output)
    if not all(isinstance(text, str) for text in texts) or not all(
        number is None or (type(number) is int and number >= 0) for number in numbers
    ):
        raise BadStart("imports, environment and folder of a worker must be texts, its limits whole numbers")
    return start


def run_worker(
    start: Start, messages: int, output: int, guardian: int, kept: frozenset[int], loaded: int = 0
) -> NoReturn:
    """Serve the supervisor at the other end of `messages` in this process, which was forked by the guardian.

    `kept` are the descriptors that its libraries opened when they were imported, and `loaded` the bytes of the model
    that its template has loaded, which count as its own.
    """
    try:
        end_with_parent(guardian)
        allow_inspection()  # its supervisor looks at its memory
        _use_as_output(output)
        os.setpgid(0, 0)
        os.set_blocking(messages, True)
        close_others(kept | {messages})
        _reset_signals()
        _set_environment(start)
        _set_limits(None if start.memory is None else max(start.memory - loaded, 0), start.files)
        reset_generators()
        faulthandler.disable()  # it may be enabled already, with handlers that were just reset
        faulthandler.enable(2)  # the last output of a crash says where it was
        sys.argv[1:] = []
        gc.enable()
        reset_peak()
    except BaseException:
        os.write(2, f"the worker could not be started\n{traceback.format_exc()}".encode(errors="backslashreplace"))
        os._exit(NOT_STARTED)
    serve(Connection(messages, messages))


def run_on_standard_streams(memory: int | None = None, files: int | None = None) -> NoReturn:
    """Serve over the standard input and output of this process, of which a forecaster's own texts are kept away."""
    reading, writing = os.dup(0), os.dup(1)
    _use_as_output(2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _set_limits(memory, files)
    faulthandler.enable(2)  # the last output of a crash says where it was
    reset_generators()
    serve(Connection(reading, writing))


def _use_as_output(descriptor: int) -> None:
    """Let standard output and error be this descriptor, and nothing be read from standard input."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for number in (1, 2):
        if number != descriptor:
            os.dup2(descriptor, number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = (
        open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        for number in (1, 2)
    )
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)


def _reset_signals() -> None:
    """The handlers and the mask of a new process, except that Ctrl-C is the supervisor's."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):  # those that cannot be changed
            signal.signal(number, signal.SIG_IGN if number in IGNORED else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _set_environment(start: Start) -> None:
    os.environ.clear()
    os.environ.update(start.environment)
    os.environ["TMPDIR"] = start.folder
    os.environ["JOBLIB_TEMP_FOLDER"] = start.folder  # else arrays stay in /dev/shm where a process is killed
    tempfile.tempdir = None
    time.tzset()
    os.chdir(start.folder)


def _set_limits(memory: int | None, files: int | None) -> None:
    """The limits that the system enforces; the kernel, if it must, kills this process before its supervisor."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if files is not None:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = files if most == resource.RLIM_INFINITY else min(files, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if memory is not None:
        limit_data(memory)
