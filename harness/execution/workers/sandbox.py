"""A sandbox for workers in strict mode: bubblewrap, which hides the home, the data folder and the network from them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from harness.errors import InfrastructureFault
from harness.execution import process_usage
from harness.execution.workers.captured_output import CapturedOutput
from harness.execution.workers.ends import CLOSED, Ended
from harness.execution.workers.process import END, WorkerProcess
from harness.forecasters.devices import VISIBLE
from harness.forecasters.limits import Limits
from harness.plugins.environments.environment import Environment
from harness.worker.processes import has_ended

NAME = "bubblewrap"
PROGRAM = "bwrap"
TRIAL = 10.0  # seconds that a trial of the sandbox may take
SHARED = ("/tmp", "/var/tmp", "/run")  # folders with files and sockets of other processes


@lru_cache(maxsize=1)
def is_available() -> bool:
    """Whether bubblewrap is installed and may be used."""
    if shutil.which(PROGRAM) is None:
        return False
    command = [PROGRAM, *_arguments([], None), "true"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, timeout=TRIAL, check=False).returncode == 0
    return False


class SandboxedProcess(WorkerProcess):
    """A worker of its own interpreter in a sandbox, that of an environment if one is given.

    It sees the modules that it may import, its scratch folder and what is `readable`, such as weights, and may write to
    `work` in its scratch folder alone.
    """

    def __init__(
        self,
        folder: Path,
        home: Path,
        modules: Iterable[str],
        variables: Mapping[str, str],
        limits: Limits,
        environment: Environment | None = None,
        readable: Sequence[Path] = (),
    ) -> None:
        secret = _secret_folders(home)
        shown = _importable(secret, modules) if environment is None else environment.folders
        shown = [*shown, *(path.resolve() for path in readable)]
        mounts = [*_mounts([*secret, *_shared_folders(folder)], shown), *_gpu_files(variables)]
        interpreter = sys.executable if environment is None else str(environment.interpreter)
        messages, worker_messages = socket.socketpair()
        self._output = CapturedOutput()
        with worker_messages, self._output.writing() as output:
            try:
                self._sandbox = subprocess.Popen(
                    [PROGRAM, *_arguments(mounts, folder), interpreter, *_worker_arguments(limits)],
                    stdin=worker_messages.fileno(),
                    stdout=worker_messages.fileno(),
                    stderr=output,
                    env=dict(variables),
                    start_new_session=True,
                )
            except OSError as error:
                messages.close()
                raise InfrastructureFault(f"the sandbox cannot be started: {error.strerror}") from error
        self._own: set[int] = set()  # processes that are in every sandbox
        self._left = 0
        super().__init__(messages, messages, limits)

    def wait_until_ready(self) -> None:
        """Wait for the first message, and measure how long messages take."""
        self.receive_hello()
        *around, self._process = process_usage.process_tree(self._sandbox.pid)  # its last descendant is the worker
        self._own = {*around, self._process}
        self.usage.begin(self._process, self._sandbox.pid, frozenset(around))
        self.measure_latency()

    def finish(self) -> Ended:
        """End the worker, and all processes that it left behind."""
        if self.ended is None and self._own:
            present = {process for process in process_usage.process_tree(self._sandbox.pid) if not has_ended(process)}
            self._left = len(present - self._own - self.usage.copies)
        return super().finish()

    def kill(self) -> Ended:
        """Kill the sandbox, and with it all processes in it."""
        if self.ended is None:
            with contextlib.suppress(OSError):
                os.killpg(self._sandbox.pid, signal.SIGKILL)
            self._sandbox.wait()
            self.ended = Ended(-signal.SIGKILL, "killed", self._output.last(), self._left)
        return self.ended

    def _await_end(self) -> Ended:
        try:
            code = self._sandbox.wait(END)
        except subprocess.TimeoutExpired:
            return replace(self.kill(), reason=CLOSED)
        # as a shell tells a signal
        return Ended(128 - code if code > 128 else code, output=self._output.last(), left=self._left)

    def _look_at_processes(self) -> None:
        super()._look_at_processes()
        if self.limits.output is not None and self._output.size > self.limits.output:
            self.end_for_output()


def _worker_arguments(limits: Limits) -> list[str]:
    """The arguments of Python for a worker that limits itself before it loads anything of a plugin."""
    told = {"--memory": limits.memory, "--files": limits.files}
    options = [part for name, value in told.items() if value is not None for part in (name, str(value))]
    return ["-P", "-m", "harness.worker", *options]


def _secret_folders(home: Path) -> list[Path]:
    """The folders with results and data."""
    data = os.environ.get("HARNESS_DATA_DIR")
    return [folder for folder in (home.resolve(), *([Path(data).resolve()] if data else [])) if folder.is_dir()]


def _shared_folders(folder: Path) -> list[Path]:
    """The folders in which other processes have files and sockets, such as the server of workers and other cells."""
    paths = {Path(path).resolve() for path in (*SHARED, tempfile.gettempdir(), folder.parent)}
    return [path for path in paths if path.is_dir() and path != Path("/")]


def _mounts(hidden: Sequence[Path], shown: Sequence[Path]) -> list[str]:
    """The arguments that hide folders and show others; of folders in each other the inner one counts."""
    options = {path: ["--ro-bind", str(path), str(path)] for path in shown}
    options |= {path: ["--tmpfs", str(path)] for path in hidden}
    inner_last = sorted(options, key=lambda path: len(path.parts))
    return [argument for path in inner_last for argument in options[path]]


def _gpu_files(variables: Mapping[str, str], folder: Path = Path("/dev")) -> list[str]:
    """The arguments that show the devices of GPUs to a worker that has one."""
    paths = map(str, sorted(folder.glob("nvidia*"))) if variables.get(VISIBLE) else ()
    return [argument for path in paths for argument in ("--dev-bind", path, path)]


def _arguments(mounts: Sequence[str], folder: Path | None) -> list[str]:
    """The arguments of bubblewrap: the file system to read, with these mounts, and the folder of a worker."""
    arguments = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *mounts]
    if folder is not None:
        work = str(folder / "work")
        arguments += ["--ro-bind", str(folder), str(folder), "--bind", work, work, "--chdir", work]
    return [*arguments, "--unshare-pid", "--unshare-ipc", "--unshare-net", "--die-with-parent", "--"]


def _importable(secret: Sequence[Path], modules: Iterable[str]) -> list[Path]:
    """The folders of modules that a worker needs, of which some may be in a hidden folder."""
    named = [*sys.path, *os.environ.get("PYTHONPATH", "").split(os.pathsep), sys.prefix, sys.base_prefix]
    paths = {Path(path).resolve() for path in (*named, *_places(("harness", *modules))) if path}
    with contextlib.suppress(OSError):  # of a folder that was deleted
        present = Path.cwd()
        if any(folder == present or folder in present.parents for folder in secret):
            paths.discard(present)  # Python may look for modules there
    return sorted(path for path in paths if path.exists() and path != Path("/"))


def _places(modules: Iterable[str]) -> list[str]:
    """Where modules are that Python does not find by its path, such as those of an editable installation."""
    places: list[str] = []
    for name in {module.partition(".")[0] for module in modules}:
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(name)
            if spec is not None:
                places += spec.submodule_search_locations or [spec.origin or ""]
    return places
