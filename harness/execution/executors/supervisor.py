"""Supervisor: a process that runs one cell after the other, each with its forecaster in a worker of its own.

It loads no plugin but those of metrics and protocols, holds the panels, and writes the journal. It ends when its parent
does.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.errors import HarnessError, InfrastructureFault, unexpected
from harness.evaluation.parts import PartEnd, Split
from harness.evaluation.run import Run
from harness.evaluation.threads import THREAD_VARIABLES
from harness.execution.executors.executor import Outcome
from harness.execution.options import CellOptions
from harness.worker.processes import forbid_inspection


class Supervisor:
    """A supervisor process, as its parent sees it. What passes between them is trusted, and so may be pickled.

    Raises InfrastructureFault if no process can be started.
    """

    def __init__(self, home: Path, options: CellOptions, plugins: str) -> None:
        own, other = _connection_pair()
        with other:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "harness.execution.executors.supervisor", str(other.fileno())],
                    pass_fds=[other.fileno()],
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), "HARNESS_PLUGINS": plugins},
                    start_new_session=True,  # Ctrl-C is handled by the parent alone
                )
            except OSError as error:
                own.close()
                raise InfrastructureFault(f"no supervisor process can be started: {error.strerror}") from error
        self.kept = ""  # the cells that the worker can serve which it keeps; see `reuse_key`
        self._connection = own
        self._connection.send((home, options))

    def run(self, planned: PlannedCell, template: Path, killed: str = "") -> Outcome:
        """The record of a cell, which is in the journal; raises InfrastructureFault if the supervisor dies.

        `killed` is how the process of its forecaster was killed in each try before the last one; see `run_cell`.
        """
        result = self._answer((planned, template, killed))
        if isinstance(result, HarnessError):
            raise result
        assert isinstance(result, Run | Split | PartEnd)
        return result

    def end_kept_worker(self) -> None:
        """End the worker that it keeps."""
        if self.kept:
            with contextlib.suppress(InfrastructureFault):
                self._answer(None)

    def _answer(self, message: tuple[PlannedCell, Path, str] | None) -> object:
        try:
            self._connection.send(message)
            result, self.kept = self._connection.recv()
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            self.kept = ""
            self.kill()
            code = self._process.returncode
            raise InfrastructureFault(f"its supervisor process ended with exit code {code}") from error
        return result

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill the process, also while another thread waits for its answer; the guardian of its worker ends that."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kill the process, of which no thread waits for an answer."""
        self.kill()
        self._connection.close()


def main(descriptor: int) -> None:
    """Run the cells that the parent sends, until it closes the connection."""
    from harness.execution.cells.evaluation import run_cell
    from harness.execution.workers.kept_worker import WorkerKeeper

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forbid_inspection()  # by workers, since this process holds the actuals
    connection = Connection(descriptor)
    threading.Thread(target=_end_with_parent, args=(descriptor,), daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        home, options = connection.recv()
        keeper = WorkerKeeper()
        while True:
            message = connection.recv()
            if message is None:
                keeper.close()
                connection.send((None, ""))
                continue
            planned, template, killed = message
            result = _result(partial(run_cell, planned, home, template, options, killed, keeper))
            connection.send((result, keeper.key))


def _result(action: Callable[[], Outcome]) -> Outcome | HarnessError:
    """The run, or why there is none; any other exception than ours is of the machine or of harness itself."""
    try:
        return action()
    except HarnessError as error:
        return error
    except OSError as error:
        return InfrastructureFault(f"its result cannot be written: {error}")
    except Exception as error:
        return unexpected(error)


def _end_with_parent(descriptor: int) -> None:
    """End this process when the other end of the connection is closed, also while a cell is running."""
    closed = select.poll()
    closed.register(descriptor, 0)  # only that it is closed is told
    while not closed.poll():
        pass
    os._exit(1)


def _connection_pair() -> tuple[Connection, Connection]:
    from multiprocessing import Pipe

    return Pipe()


if __name__ == "__main__":
    main(int(sys.argv[1]))
