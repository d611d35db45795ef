"""Another process that takes and releases locks as it is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from harness.execution.locks.local import CellLocks
from harness.execution.locks.remote import RemoteLocks
from harness.results.remote.opening import open_store
from harness.results.remote.remote_home import RemoteHome

home, *url = sys.argv[1:]
locks = RemoteLocks(RemoteHome(Path(home), open_store(*url))) if url else CellLocks(Path(home))
for line in sys.stdin:
    verb, _, key = line.strip().partition(" ")
    print({"take": locks.take, "release": locks.release}[verb](key), flush=True)
"""


class Holder:
    """A process with the locks of a home in a folder, or with a URL of one in a store."""

    def __init__(self, home: Path, *url: str) -> None:
        command = [sys.executable, "-c", HOLDER, str(home), *url]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(line, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
