"""Whatever a forecaster does is told apart, ends with its process, and reaches no other worker."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from worker_client import Template, Worker, alive, wait_until

LINUX = os.path.exists("/proc/self/task")


def started(template: Template, fault: str, in_fit: bool = False, **limits: int) -> Worker:
    worker = template.start(**limits)
    assert worker.make(fault=fault, in_fit=in_fit)["ok"]
    worker.give_data()
    return worker


def state(template: Template) -> dict[str, Any]:
    """What a forecaster finds in a new worker, where a careless one may have left traces."""
    worker = started(template, "state")
    found = worker.ask("describe").header["remarks"]
    worker.ask("end")
    return dict(json.loads(found[0]))


@pytest.mark.parametrize(
    ("fault", "kind", "kind_of_error", "message"),
    [
        ("sys.exit(0)", "failed", "SystemExit", "SystemExit: 0"),
        ("SystemExit", "failed", "SystemExit", "SystemExit: bye"),
        ("KeyboardInterrupt", "failed", "KeyboardInterrupt", "KeyboardInterrupt"),
        ("BaseException", "failed", "Base", "Base: base"),
        ("two arguments", "failed", "TwoArguments", "TwoArguments: one and two"),
        ("unspeakable", "failed", "Unspeakable", "Unspeakable"),
        ("endless text", "failed", "Endless", "Endless"),
        ("surrogate", "failed", "ValueError", "ValueError: \ud800 \x1b[31m"),
        ("unsupported", "unsupported", "Unsupported", "no covariates"),
        ("MemoryError", "out_of_memory", "MemoryError", "MemoryError"),
        ("OutOfMemoryError", "out_of_memory", "OutOfMemoryError", "OutOfMemoryError: CUDA"),
        ("torch's", "out_of_memory", "RuntimeError", None),
        ("ENOMEM", "out_of_memory", "OSError", None),
        ("recursion", "failed", "RecursionError", None),
    ],
)
@pytest.mark.parametrize("op", ["fit", "predict"])
def test_an_exception_is_answered(
    template: Template, op: str, fault: str, kind: str, kind_of_error: str, message: str | None
) -> None:
    worker = started(template, fault, in_fit=op == "fit")

    error = worker.ask(op).header["error"]

    assert worker.done == 1
    assert (error["kind"], error["type"]) == (kind, kind_of_error)
    assert message in (None, error["message"])
    assert worker.ask("ping").header == {"ok": True}
    worker.ask("end")
    assert worker.last_line()["exit"] == 0


def test_long_texts_are_cut(template: Template) -> None:
    error = started(template, "long text").ask("predict").header["error"]

    assert len(error["message"]) == len(error["traceback"]) == 1 << 16


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("os._exit(0)", 0),
        ("os._exit(3)", 3),
        ("segfault", -signal.SIGSEGV),
        ("abort", -signal.SIGABRT),
        ("kills its group", -signal.SIGKILL),
        ("closes everything", 71),
        ("replaces connection", 71),
    ],
)
def test_an_end_without_an_answer_has_its_code(template: Template, fault: str, code: int) -> None:
    worker = started(template, fault)

    with pytest.raises(EOFError):
        worker.ask("predict")

    last = worker.last_line()
    assert (last["exit"], last["reason"]) == (code, "")
    if fault in ("segfault", "abort"):
        assert "hostile_plugin.py" in last["output"]  # where it was
    assert not any(path.stat().st_size for path in worker.folder.glob("stolen*"))


@pytest.mark.parametrize("fault", ["allocates", "allocates slowly", "allocates small"])
def test_memory_beyond_the_limit_is_not_given(template: Template, fault: str) -> None:
    worker = started(template, fault, memory=300 << 20)

    error = worker.ask("predict").header["error"]

    assert error["kind"] == "out_of_memory"
    assert error["type"].endswith("MemoryError")


def test_what_a_worker_reserves_is_not_counted(template: Template) -> None:
    worker = template.start(memory=1)

    assert worker.receive().header["hello"]
    assert worker.ask("ping").header == {"ok": True}

    assert started(template, "allocates", memory=8 << 20).ask("predict").header["error"]["kind"] == "out_of_memory"


def test_a_mapped_panel_is_not_counted(template: Template) -> None:
    import numpy as np

    worker = template.start(memory=20 << 20)
    worker.make()
    for _ in range(3):
        worker.give_data(np.zeros(10 << 20))  # 80 MiB

    assert worker.ask("predict").header["ok"]


def test_arrays_that_joblib_shares_are_in_the_folder_of_a_killed_worker(template: Template) -> None:
    worker = started(template, "shares an array")

    with pytest.raises(EOFError):
        worker.ask("predict")

    pid = worker.first_line()["pid"]
    assert worker.last_line()["exit"] == -signal.SIGKILL
    assert list(worker.folder.glob(f"joblib_memmapping_folder_{pid}_*"))
    assert not list(Path("/dev/shm").glob(f"joblib_memmapping_folder_{pid}_*"))


def test_files_beyond_the_limit_are_not_opened(template: Template) -> None:
    error = started(template, "opens 5000").ask("predict").header["error"]

    assert error["message"].startswith("OSError: [Errno 24]")


def test_texts_are_kept_away_from_messages(template: Template) -> None:
    worker = started(template, "prints")
    assert worker.ask("predict").header["ok"]
    worker.ask("end")

    last = worker.last_line()

    assert last["output"] == "hello from the forecaster\n"


def test_raw_bytes_are_output_too(template: Template) -> None:
    worker = started(template, "writes to 1")
    worker.ask("predict")
    worker.ask("end")

    assert worker.last_line()["output"] == "raw bytes \ufffd\n"


def test_output_beyond_the_limit_ends_the_worker(template: Template) -> None:
    worker = started(template, "floods", output=200_000)

    with pytest.raises(EOFError):
        worker.ask("predict")

    last = worker.last_line()
    assert (last["reason"], last["exit"]) == ("output", -signal.SIGKILL)
    assert len(last["output"]) == 1 << 16


@pytest.mark.parametrize("fault", ["sleeps", "ignores SIGTERM"])
@pytest.mark.parametrize("how", ["command", "closed"])
def test_a_worker_is_killed_during_a_call(template: Template, fault: str, how: str) -> None:
    worker = started(template, fault)
    pid = worker.first_line()["pid"]
    worker.connection.send({"op": "predict"})

    if how == "command":
        worker.command(b"kill\n")
        last = worker.last_line()
        assert (last["reason"], last["exit"]) == ("killed", -signal.SIGKILL)
    else:
        worker.close()
    wait_until(lambda: not alive(pid))


@pytest.mark.skipif(not LINUX, reason="orphans cannot be found")
class TestDescendants:
    def pids(self, folder: Path) -> list[int]:
        return [int(line) for path in folder.glob("pids*") for line in path.read_text().split()]

    def test_none_outlives_the_worker(self, template: Template) -> None:
        worker = started(template, "grandchildren")
        assert worker.ask("predict").header["ok"]
        pids = self.pids(worker.folder)
        assert len(pids) == 3
        assert all(map(alive, pids))

        worker.ask("end")
        last = worker.last_line()

        assert not any(map(alive, pids))
        assert last["left"] >= 6  # of each the one that sleeps, and its parent
        assert last["exit"] == 0

    def test_none_outlives_a_worker_that_is_killed(self, template: Template) -> None:
        worker = started(template, "grandchildren")
        worker.ask("predict")
        pids = self.pids(worker.folder)

        os.kill(worker.first_line()["pid"], signal.SIGKILL)

        assert worker.last_line()["exit"] == -signal.SIGKILL
        assert not any(map(alive, pids))

    def test_none_outlives_a_guardian_that_is_killed(self, template: Template) -> None:
        worker = started(template, "kills its parent")

        with pytest.raises(EOFError):
            worker.ask("predict")

        pids = [worker.first_line()["pid"], *self.pids(worker.folder)]
        assert len(pids) == 4
        wait_until(lambda: not any(map(alive, pids)))
        assert template.start().make()["ok"]


def test_nothing_reaches_the_next_worker(template: Template) -> None:
    before = state(template)
    worker = started(template, "spoils")
    worker.ask("predict")
    worker.messages.close()

    assert state(template) == before
    assert before["errors"] == {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
    assert before["folder"] == "worker"
    assert before["blocked"] == []
    assert before["input"] == ""
    assert before["modules"] == []
    assert before["term"] == str(int(signal.SIG_DFL))
    assert before["interrupt"] == str(int(signal.SIG_IGN))
    if LINUX:  # besides the three standard ones the connection, the panel, and that which lists them
        assert len(before["descriptors"]) == 6


def test_a_deleted_folder_stops_neither_the_worker_nor_the_next(template: Template) -> None:
    worker = started(template, "deletes folder")

    assert worker.ask("predict").header["ok"]
    worker.ask("end")
    assert worker.last_line()["exit"] == 0
    assert template.start().make()["ok"]
