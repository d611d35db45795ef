"""The other end of workers and templates: what a supervisor does, as far as tests need it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil

from harness.worker.messages import Connection, Message

PLUGIN = Path(__file__).parent / "hostile_modules"
CHILD_PLUGIN = Path(__file__).parent / "child_modules"
PLUGINS = {"hostile": "hostile_plugin", "fitted": "hostile_plugin", "unlike": "hostile_plugin"}  # by forecaster
PLUGINS |= {"phase-mean": "child_plugin", "future-times": "child_plugin"}
LONG = 90.0  # seconds; a test that waits longer hangs
DAYS = 200  # of the panel
HORIZON = 3


def wait_until(condition: Callable[[], object], seconds: float = LONG) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def environment(**changes: str) -> dict[str, str]:
    """The environment of a worker that finds the test plugins."""
    path = os.pathsep.join(map(str, (PLUGIN, CHILD_PLUGIN)))
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", **changes}


class Template:
    """A template server in a folder."""

    def __init__(
        self,
        folder: Path,
        import_seconds: float = 60,
        command: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.path = folder, folder / "template"
        options = ["--template", str(self.path), "--import-seconds", str(import_seconds)]
        self.process = subprocess.Popen(
            [*command, sys.executable, "-P", "-m", "harness.worker", *options],
            stdin=subprocess.PIPE,
            env=environment() if env is None else env,
            cwd=folder,
        )
        self.started = 0
        self.workers: list[Worker] = []

    def connection(self) -> socket.socket:
        """A connection to the server, as soon as it listens."""
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(LONG)
        wait_until(lambda: connected.connect_ex(str(self.path)) == 0)
        return connected

    def request(self, header: Mapping[str, Any], descriptors: Sequence[int] = ()) -> bytes:
        """Send a request; returns what was answered."""
        with self.connection() as connected:
            socket.send_fds(connected, [json.dumps(header).encode() + b"\n"], list(descriptors))
            return connected.recv(100)

    def start(self, imports: Sequence[str] = (), env: Mapping[str, str] | None = None, **limits: int) -> Worker:
        """A new worker; its greeting is not awaited."""
        self.started += 1
        folder = self.folder / f"worker{self.started}"
        folder.mkdir()
        messages, control = socket.socketpair(), socket.socketpair()
        header = {
            "op": "start",
            "imports": list(imports),
            "environment": environment() if env is None else dict(env),
            "folder": str(folder),
            "limits": {"memory": None, "files": 4096, "output": 1 << 20, **limits},
        }
        with messages[1], control[1]:
            self.request(header, [messages[1].fileno(), control[1].fileno()])
        worker = Worker(messages[0], control[0], folder)
        self.workers.append(worker)
        return worker

    def processes(self) -> list[psutil.Process]:
        """All processes that descend from the server."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        everything = self.processes()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(LONG)
        for worker in self.workers:
            worker.close()
        assert not psutil.wait_procs(everything, LONG)[1], "processes outlived the template"


class Worker:
    """A worker as its supervisor sees it."""

    def __init__(self, messages: socket.socket, control: socket.socket, folder: Path) -> None:
        self.messages, self.control, self.folder = messages, control, folder
        self.end = time.monotonic() + LONG
        self.connection = Connection(messages.fileno(), messages.fileno(), self._check_time)
        self.control.settimeout(LONG)
        self._lines = self.control.makefile("rb")
        self.done = self.panels = 0
        self.copies: list[Worker] = []

    def _check_time(self) -> None:
        if time.monotonic() > self.end:
            raise TimeoutError

    def receive(self) -> Message:
        """The next message; those that a call is done are counted."""
        while True:
            message = self.connection.receive()
            if message.header != {"done": True}:
                return message
            self.done += 1

    def ask(self, op: str, arrays: Mapping[str, Any] | None = None, **fields: Any) -> Message:
        """A request and its answer."""
        self.connection.send({"op": op, **fields}, arrays)
        return self.receive()

    def make(self, forecaster: str = "hostile", imports: Sequence[str] = (), **parameters: Any) -> dict[str, Any]:
        """Greet, and make a forecaster of the test plugin, or of the first-party ones."""
        self.receive()
        plugin = {"name": "x", "value": PLUGINS.get(forecaster, "harness_models"), "distribution": "x"}
        fields = {"parameters": parameters, "seed": None, "imports": list(imports), "threads": 1}
        return dict(self.ask("make", plugin=plugin, forecaster=forecaster, **fields).header)

    def give_data(
        self,
        values: Any = None,
        windows: int = 4,
        *,
        start: str = "2024-01-01",
        freq: str = "D",
        levels: Sequence[float] = (),
    ) -> None:
        """Send a panel of one series, training data that ends 50 steps before its end, and contexts from there on."""
        values = np.arange(float(DAYS)) if values is None else values
        self.panels += 1
        path = self.folder / f"values{self.panels}"  # a file that is mapped must not change
        values.astype("<f8").tofile(path)
        offsets, start = np.array([0, len(values)]), np.array([start], "M8[ns]")
        panel = {
            "path": str(path),
            "shape": [len(values), 1],
            "ids": ["a"],
            "freq": freq,
            "season_length": 7,
            "channels": [{"name": "value"}],
            "static": {},
            "complete": bool(np.isfinite(values).all()),
            "vintages": [],
        }
        task = {"panel": "p", "horizon": HORIZON, "gap": 0, "quantile_levels": list(levels), "season_length": 7}
        task["missing"] = "native"
        begins, cutoffs = np.array([0]), np.arange(len(values) - 50, len(values) - 50 + windows)
        for answer in (
            self.ask("panel", {"offsets": offsets, "start": start}, panel="p", **panel),
            self.ask("train", {"begins": begins, "ends": cutoffs[:1]}, has_validation=False, **task),
            self.ask("contexts", {"series": np.zeros_like(cutoffs), "cutoffs": cutoffs}, max_context=None, **task),
        ):
            assert answer.header == {"ok": True}

    def command(self, line: bytes) -> None:
        """Tell the guardian something."""
        with contextlib.suppress(OSError):
            self.control.sendall(line)

    def first_line(self) -> dict[str, Any]:
        """The guardian's line on the start."""
        return dict(json.loads(self._lines.readline()))

    def last_line(self) -> dict[str, Any]:
        """What became of the worker; all that it started has ended then."""
        *_, last = self._lines.read().splitlines()
        return dict(json.loads(last))

    def close(self) -> None:
        """Close the connections."""
        for connection in (self._lines, self.messages, self.control, *self.copies):
            connection.close()


def alive(pid: int) -> bool:
    """Whether a process exists that has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(pid: int) -> None:
    """Kill a process at once."""
    os.kill(pid, signal.SIGKILL)
