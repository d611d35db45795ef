"""The companion: starts the mirror's process for a command, and waits for its end."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness import LaterVersion
from harness_mlflow.orders import FINISH
from harness_mlflow.place import Place
from harness_mlflow.progress import Reported, forget_reported

if TYPE_CHECKING:
    from harness_mlflow.index import Backlog

SILENCE = 2.0  # seconds to wait without a word
INTERVAL = 10.0  # seconds between lines on the progress
LONGEST = 1800.0  # seconds to wait in all
END = 3.0  # seconds in which a mirror that is no longer waited for may end its current run


@cache
def companion_of(home: Path) -> Companion:
    """The companion of a home in this process."""
    return Companion(home)


class Companion:
    """Starts a mirror once and waits for its end; its failures become messages, never exceptions."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._tried = False
        self._process: subprocess.Popen[bytes] | None = None
        self._problem = ""

    def start(self) -> None:
        """Start the mirror, unless this was tried before."""
        if self._tried:
            return
        self._tried = True
        self._problem = ""
        place = Place(self.home)
        command = [sys.executable, "-P", "-m", "harness_mlflow.mirror", "--home", str(self.home), "--follow"]
        command += ["--parent", str(os.getpid())]
        if threading.current_thread() is threading.main_thread():
            command.append("--tied")
        try:
            place.folder.mkdir(parents=True, exist_ok=True)
            forget_reported(place)
            with place.log.open("ab") as log:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=log, stderr=log, process_group=0
                )
            atexit.register(self.end)
        except OSError as error:
            self._problem = f"its mirror cannot be started ({error})"

    def finish(self, say: Callable[[str], None] | None = None) -> list[str]:
        """Let the mirror send the rest; returns messages for the user. What is waited for for long, `say` tells."""
        place = Place(self.home)
        try:
            return self._finish(place, say or _say_nothing)
        except KeyboardInterrupt:
            return [f"MLflow ({place.label}): interrupted. The journal is complete; the next command sends the rest."]
        except LaterVersion as error:
            return [f"MLflow ({place.label}): {error}"]
        except OSError as error:
            return [f"MLflow ({place.label}): {error}. The journal is complete; the next command sends the rest."]
        finally:
            self.end()

    def _finish(self, place: Place, say: Callable[[str], None]) -> list[str]:
        from harness_mlflow.index import backlog

        waiting = backlog(place)
        if not waiting.boards:
            return []
        notes: list[str] = []
        for _ in range(2):  # once more if the mirror replaced the store when it was done
            if not waiting.work and self._process is None:
                break
            self.start()
            self._await(place, say, waiting)
            self.end()
            waiting = backlog(place)
            self._tried = False
            new = [f"MLflow: {note}" for note in Reported.of(place).notes]
            notes += new
            if not new or not waiting or self._problem:
                break
        if not waiting:
            return [*notes, f"MLflow: `harness ui` shows the boards (store: {place.label})"]
        problem = self._problem or Reported.of(place).problem or f"the mirror ended early; see {place.log}"
        told = f"MLflow ({place.label}): {problem}; {waiting.in_words}."
        return [*notes, f"{told} The journal is complete; the next command sends the rest."]

    def _await(self, place: Place, say: Callable[[str], None], waiting: Backlog) -> None:
        """Wait until the mirror has ended, or makes no progress."""
        from harness_mlflow.index import backlog

        process = self._process
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.write(FINISH)
            process.stdin.flush()
        begin = since = time.monotonic()
        tell, reported, sentence = begin + SILENCE, Reported(), waiting.announcement
        while process.poll() is None:
            now = time.monotonic()
            if now > tell:
                say(f"MLflow: {sentence or backlog(place).progress(waiting)}")
                tell, sentence = time.monotonic() + INTERVAL, ""
            if (present := Reported.of(place)) != reported:
                reported, since = present, now
            if now - since > reported.patience:
                self._problem = f"no progress for {reported.patience:.0f} seconds"
                return
            if now - begin > LONGEST:
                self._problem = f"not everything was sent within {LONGEST / 60:.0f} minutes"
                return
            time.sleep(0.05)

    def end(self) -> None:
        """End the mirror, which may finish its current run; one that does not is killed, and the next cleans up."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        atexit.unregister(self.end)
        try:
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END)
        finally:
            process.kill()
            process.wait()


def _say_nothing(sentence: str) -> None:
    pass
