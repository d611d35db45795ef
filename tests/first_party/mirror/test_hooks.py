"""The mirror during a command: it follows, gives way, finishes, and says what it does."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from mlflow_boards import keys_of, runs_of

import harness_mlflow
from harness import Journal
from harness_mlflow import companion as companion_module
from harness_mlflow import mirror as mirror_module
from harness_mlflow import priority
from harness_mlflow.companion import Companion
from harness_mlflow.index import backlog
from harness_mlflow.mirror import Mirror
from harness_mlflow.orders import Orders
from harness_mlflow.place import Place

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector

MIRROR = [sys.executable, "-P", "-m", "harness_mlflow.mirror", "--home"]


class TestHooks:
    def test_importing_the_plugin_loads_nothing_heavy(self) -> None:
        program = (
            "import sys, click, harness_mlflow; harness_mlflow.harness_commands(click.Group()); "
            "print(sorted({'mlflow', 'numpy', 'pandas', 'matplotlib', 'psutil'} & set(sys.modules)))"
        )

        printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

        assert printed.strip() == "[]"

    def test_an_empty_home_has_nothing_to_say(self, tmp_path: Path) -> None:
        assert harness_mlflow.harness_finished(tmp_path) == []

    @pytest.mark.slow
    def test_a_mirror_follows_the_run_and_finishes_with_it(self, home: Path) -> None:
        before = time.monotonic()
        harness_mlflow.harness_run_finished(home)
        harness_mlflow.harness_run_finished(home)
        assert time.monotonic() - before < 1

        (sentence,) = harness_mlflow.harness_finished(home)

        assert sentence == f"MLflow: `harness ui` shows the boards (store: {home / 'mlflow' / 'mlflow.db'})"
        assert keys_of(home) == sorted(Journal(home).keys())
        before = time.monotonic()
        assert harness_mlflow.harness_finished(home) == [sentence]
        assert time.monotonic() - before < 1

    def test_it_can_be_switched_off(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HARNESS_MLFLOW", "off")

        harness_mlflow.harness_run_finished(home)
        (sentence,) = harness_mlflow.harness_finished(home)

        assert sentence.startswith("MLflow: nothing is sent, as HARNESS_MLFLOW is off")
        assert backlog(Place(home)).cells == 6

    @pytest.mark.slow
    def test_a_command_that_waits_tells_how_many_runs_were_sent(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(companion_module, "SILENCE", 0.0)
        monkeypatch.setattr(companion_module, "INTERVAL", 0.1)
        told: list[str] = []

        Companion(home).finish(told.append)

        assert told[0].startswith("MLflow: sending 6 runs; all results are stored already, and Ctrl-C leaves the rest")
        found = [re.match(r"MLflow: (\d) of 6 runs sent(; the standings are sent)?$", line) for line in told[1:]]
        sent = [int(line[1]) for line in found if line is not None]
        assert sent == sorted(sent)
        assert len(sent) == len(told) - 1 > 0

    @pytest.mark.slow
    def test_a_store_that_is_away_is_told_and_caught_up_with(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{closed_port()}")

        (sentence,) = Companion(home).finish()

        assert "it does not answer; 6 runs wait" in sentence
        assert "The journal is complete; the next command sends the rest." in sentence
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
        assert "`harness ui`" in Companion(home).finish()[0]
        assert keys_of(home) == sorted(Journal(home).keys())

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the whole process gives way")
    def test_it_gives_way_until_it_is_told_to_finish(self, home: Path) -> None:
        process = subprocess.Popen([*MIRROR, str(home), "--follow"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            threads: list[int] = []
            while len(threads) < 3 and process.poll() is None:  # the main one, the listening one, the one that works
                time.sleep(0.01)
                threads = sorted(map(int, os.listdir(f"/proc/{process.pid}/task")))

            def policies() -> list[int]:
                return [os.sched_getscheduler(thread) for thread in threads[:3]]

            while os.SCHED_IDLE not in policies():
                time.sleep(0.01)
            assert policies()[0] == os.SCHED_OTHER
            assert os.getpriority(os.PRIO_PROCESS, threads[0]) == os.getpriority(os.PRIO_PROCESS, os.getpid())
        finally:
            assert process.stdin is not None
            process.stdin.write(b"finish\n")
            process.stdin.flush()
            process.wait()
            process.stdin.close()

        assert process.returncode == 0
        assert keys_of(home) == sorted(Journal(home).keys())

    def test_a_mirror_that_gets_no_processor_starts_again(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        orders, again, waits = Orders(), [], threading.Event()
        made = Mirror(Place(home), orders)
        monkeypatch.setattr(priority, "HAND_OVER", 0.05)
        monkeypatch.setattr(mirror_module, "lower_priority", lambda: None)
        monkeypatch.setattr(mirror_module, "_replace_process", lambda place: (again.append(place), waits.set()))
        monkeypatch.setattr(
            made, "send_cells", lambda plans: (orders.finish.set(), orders.changed.set(), waits.wait(9))
        )
        monkeypatch.setattr(made, "send_all", lambda: None)

        made.follow()

        assert set(again) == ({made.place} if sys.platform == "linux" else set())

    @pytest.mark.slow
    def test_without_a_word_the_mirror_ends_after_the_run_at_hand(self, home: Path) -> None:
        process = subprocess.Popen([*MIRROR, str(home), "--follow"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while not list((home / "mlflow" / "artifacts").glob("*/*/artifacts/record.json")):
            time.sleep(0.002)
        if sys.platform != "win32":
            process.send_signal(signal.SIGINT)

        process.communicate()

        assert process.returncode == 0
        statuses = [run.info.status for run in runs_of(home, "hills · cells").values()]
        assert "RUNNING" not in statuses
        assert len(statuses) < 6


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
