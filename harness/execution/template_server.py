"""TemplateServer: the process from which workers are forked, so that each is new and none imports libraries again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import InfrastructureFault
from harness.evaluation.threads import THREAD_VARIABLES
from harness.execution.scratch import claim_scratch, make_scratch, remove_abandoned, remove_scratch

ANSWERS = 60.0  # seconds that a server has to start, on a busy machine
PAUSE = 0.02


class TemplateServer:
    """A server of workers for this interpreter, started again if it dies, with the path of its socket."""

    def __init__(self) -> None:
        remove_abandoned()
        self.folder = make_scratch()  # supervisors make those of workers in it
        self._claim: int | None = claim_scratch(self.folder)
        self.path = self.folder / "template"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def ensure(self) -> Path:
        """The path of the server's socket; the server is started if it does not run."""
        with self._lock:
            if self._claim is None:
                raise InfrastructureFault("the run was stopped")
            if self._process is None or self._process.poll() is not None:
                self.path.unlink(missing_ok=True)
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "harness.worker", "--template", str(self.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    env=worker_environment({**os.environ, "TMPDIR": str(self.folder)}, 1),
                    cwd=self.folder,
                    start_new_session=True,  # Ctrl-C is handled by the parent alone
                )
        return self.path

    def close(self) -> None:
        """End the server and all that it started."""
        with self._lock:
            if self._process is not None:
                assert self._process.stdin is not None
                with contextlib.suppress(OSError):
                    self._process.stdin.close()  # at its end the server ends all that it started
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(2)
                with contextlib.suppress(OSError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                self._process = None
            remove_scratch(self.folder)
            if self._claim is not None:
                os.close(self._claim)
                self._claim = None


def worker_environment(present: Mapping[str, str], threads: int) -> dict[str, str]:
    """The environment of a worker: this one, with a fixed hash seed, no display, and so many threads."""
    return {
        **present,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "PYTHONHASHSEED": "0",
        "PYTHONSAFEPATH": "1",  # no module of the present folder hides one of the same name
        "MPLBACKEND": "Agg",
    }


def request_worker(path: Path, request: Mapping[str, Any]) -> tuple[socket.socket, socket.socket]:
    """The sockets of a new worker, for messages and for its control; raises InfrastructureFault without a server."""
    messages, worker_messages = socket.socketpair()
    control, worker_control = socket.socketpair()
    try:
        with _connected(path) as connection, worker_messages, worker_control:
            line = json.dumps(request).encode() + b"\n"
            sent = socket.send_fds(connection, [line], [worker_messages.fileno(), worker_control.fileno()])
            if sent < len(line):  # else the server may have closed the connection already
                connection.sendall(line[sent:])
    except OSError as error:
        messages.close()
        control.close()
        raise InfrastructureFault(f"no worker process can be started: {error.strerror or error}") from error
    return messages, control


def forget_imports(path: Path, imports: Sequence[str]) -> None:
    """Have the server end the process that has these modules imported, because it hangs."""
    with contextlib.suppress(OSError), _connected(path) as connection:
        connection.sendall(json.dumps({"op": "forget", "imports": list(imports)}).encode() + b"\n")


def _connected(path: Path) -> socket.socket:
    """A connection to the server, which may just be starting."""
    deadline = time.monotonic() + ANSWERS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
            return connection
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
