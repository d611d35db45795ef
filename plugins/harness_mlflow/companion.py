"""The companion: starts the mirror's process for a command, and waits for its end."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness_mlflow.place import Place

if TYPE_CHECKING:
    from harness_mlflow.index import Backlog

FINISH = b"finish\n"  # sent to the mirror when all cells are finished
PATIENCE = 120.0  # seconds to wait without progress
SILENCE = 2.0  # seconds to wait without a word


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
        try:
            place.folder.mkdir(parents=True, exist_ok=True)
            (place.folder / "mirror.json").unlink(missing_ok=True)
            with place.log.open("ab") as log:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=log, stderr=log, process_group=0
                )
        except OSError as error:
            self._problem = f"its mirror cannot be started ({error})"

    def finish(self, say: Callable[[str], None] | None = None) -> list[str]:
        """Let the mirror send the rest; returns messages for the user. What is waited for for long, `say` tells."""
        from harness_mlflow.index import backlog

        place = Place(self.home)
        waiting = backlog(place)
        if not waiting.boards:
            return []
        notes: list[str] = []
        for _ in range(2):  # once more if the mirror replaced the store when it was done
            if not waiting and self._process is None:
                break
            self.start()
            self._await(place, say or _say_nothing, waiting)
            waiting = backlog(place)
            self._tried, self._process = False, None
            new = [f"MLflow: {note}" for note in notes_of(place)]
            notes += new
            if not new or not waiting or self._problem:
                break
        if not waiting:
            return [*notes, f"MLflow: `harness ui` shows the boards (store: {place.label})"]
        problem = self._problem or problem_of(place) or f"the mirror ended early; see {place.log}"
        told = f"MLflow ({place.label}): {problem}; {waiting.in_words}."
        return [*notes, f"{told} The journal is complete; the next command sends the rest."]

    def _await(self, place: Place, say: Callable[[str], None], waiting: Backlog) -> None:
        """Wait until the mirror has ended, or makes no progress."""
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            with contextlib.suppress(OSError):
                process.stdin.write(FINISH)
                process.stdin.flush()
            last, since = 0, time.monotonic()
            tell = since + SILENCE
            while process.poll() is None:
                if time.monotonic() > tell:
                    tell = math.inf
                    say(f"MLflow: {waiting.sending}; Ctrl-C leaves the rest to the next command")
                progress = _modification_time(place.folder / "mirror.json")
                if progress != last:
                    last, since = progress, time.monotonic()
                if time.monotonic() - since > PATIENCE:
                    self._problem = f"no progress for {PATIENCE:.0f} seconds"
                    return
                time.sleep(0.05)
        except KeyboardInterrupt:
            self._problem = "interrupted"
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()  # a mirror that still runs ends after its current cell


def problem_of(place: Place) -> str:
    """The problem that the last mirror reported; empty if there was none."""
    return str(_report(place).get("problem", ""))


def notes_of(place: Place) -> list[str]:
    """What the last mirror did with the home's own store, as sentences."""
    notes = _report(place).get("notes", [])
    return list(map(str, notes)) if isinstance(notes, list) else []


def _report(place: Place) -> dict[str, object]:
    try:
        report = json.loads((place.folder / "mirror.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def _say_nothing(sentence: str) -> None:
    pass


def _modification_time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
