"""TemplateServer: the process from which workers are forked, so that each is new and none imports libraries again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from harness.errors import InfrastructureFault
from harness.evaluation.threads import THREAD_VARIABLES
from harness.execution.workers.scratch import claim_scratch, make_scratch, remove_abandoned, remove_scratch
from harness.forecasters.weights.store import weights_variables
from harness.plugins.environments.child import child_variables, does_not_start, last_line, prepare
from harness.plugins.environments.environment import Environment

ANSWERS = 60.0  # seconds that a server has to start, on a busy machine
PAUSE = 0.02


class TemplateServer:
    """A server of workers for each interpreter that is asked for, started again if it dies."""

    def __init__(self) -> None:
        remove_abandoned()
        self.folder = make_scratch()  # supervisors make those of workers in it
        self._claim: int | None = claim_scratch(self.folder)
        self._servers: dict[str, _Server] = {}  # by the folder of the environment; "": this interpreter
        self._lock = threading.Lock()

    def ensure(self, environment: Environment | None = None) -> Path:
        """The path of the socket of the server for an environment, or for this interpreter, which runs then.

        Raises InfrastructureFault for an environment, or a process, that does not start.
        """
        key = "" if environment is None else environment.folder
        with self._lock:
            if self._claim is None:
                raise InfrastructureFault("the run was stopped")
            if key not in self._servers:
                self._servers[key] = _Server(self.folder / f"template{len(self._servers) or ''}", environment)
            self._servers[key].ensure()
            return self._servers[key].path

    def close(self) -> None:
        """End the server and all that it started."""
        with self._lock:
            for server in self._servers.values():
                server.close()
            remove_scratch(self.folder)
            if self._claim is not None:
                os.close(self._claim)
                self._claim = None


class _Server:
    """The server for one interpreter, and the path of its socket."""

    def __init__(self, path: Path, environment: Environment | None) -> None:
        self.path, self.environment = path, environment
        self._process: subprocess.Popen[bytes] | None = None

    def ensure(self) -> None:
        """Start it if it does not run."""
        if self._process is not None and self._process.poll() is None:
            return
        self.path.unlink(missing_ok=True)
        if self.environment is None:
            try:
                self._process = self._started(sys.executable, os.environ, None)
            except OSError as error:
                raise InfrastructureFault(f"no worker process can be started: {error.strerror or error}") from error
            return
        prepare(self.environment)
        with tempfile.TemporaryFile(dir=self.path.parent) as output:
            variables = child_variables(self.environment, os.environ)
            try:
                self._process = self._started(str(self.environment.interpreter), variables, output)
            except OSError as error:
                raise does_not_start(self.environment, str(error.strerror)) from error
            self._wait(self._process, self.environment, output)

    def close(self) -> None:
        """End it and all that it started."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # at its end the server ends all that it started
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _started(
        self, interpreter: str, variables: Mapping[str, str], errors: IO[bytes] | None
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [interpreter, "-P", "-m", "harness.worker", "--template", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=worker_environment({**variables, "TMPDIR": str(self.path.parent)}, 1),
            cwd=self.path.parent,
            start_new_session=True,  # Ctrl-C is handled by the parent alone
        )

    def _wait(self, process: subprocess.Popen[bytes], environment: Environment, output: IO[bytes]) -> None:
        """Wait until the server of an environment listens; raises InfrastructureFault if it ends before."""
        deadline = time.monotonic() + ANSWERS
        while not self.path.exists() and time.monotonic() < deadline:
            if process.poll() is not None:
                output.seek(0)
                ended = last_line(output.read()) or f"it ended with exit code {process.returncode}"
                raise does_not_start(environment, ended)
            time.sleep(PAUSE)


def worker_environment(present: Mapping[str, str], threads: int) -> dict[str, str]:
    """The environment of a worker: this one, with a fixed hash seed, no display, no hub, and so many threads."""
    return {
        **present,
        **weights_variables(present),
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "PYTHONHASHSEED": "0",
        "PYTHONSAFEPATH": "1",  # no module of the present folder hides one of the same name
        "MPLBACKEND": "Agg",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asking for a GPU does not keep a process from being forked
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


def forget_imports(path: Path, request: Mapping[str, Any]) -> None:
    """Have the server end the processes that have the modules and the model of a worker loaded, because one hangs."""
    with contextlib.suppress(OSError), _connected(path) as connection:
        connection.sendall(json.dumps({**request, "op": "forget"}).encode() + b"\n")


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
