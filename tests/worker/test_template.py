"""The template server always answers, and all that it started ends with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from worker_client import LONG, Template, alive, environment, kill, wait_until

LINUX = os.path.exists("/proc/self/task")
FORK_FAILS = """
import os, sys

forked, fork = 0, os.fork

def limited_fork():
    global forked
    if forked == int(os.environ["FORKS"]):
        raise BlockingIOError(11, "Resource temporarily unavailable")
    pid = fork()
    forked += not pid
    return pid

if "--template" in sys.orig_argv:
    os.fork = limited_fork
"""  # after so many forks, one in the other
needs_linux = pytest.mark.skipif(not LINUX, reason="processes are not told that their parent ended")


def test_it_says_nothing_where_the_command_has_removed_its_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "harness.worker", "--template", str(tmp_path / "removed" / "socket")]
    ended = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "")


def test_it_answers(template: Template) -> None:
    assert template.request({"op": "ping"}) == b"pong\n"


def test_requests_that_are_none_are_ignored(template: Template) -> None:
    first, second = socket.socketpair()
    with first, second:
        for request in (
            {},
            {"op": 3},
            {"op": "start"},
            {"op": "start", "environment": {}, "folder": "/tmp"},
            {"op": "forget", "imports": ["no"]},
            [],
        ):
            assert template.request(request) == b""  # type: ignore[arg-type]
        with_descriptors = {"op": "start", "environment": {"A": 1}, "folder": "/tmp"}
        assert template.request(with_descriptors, [first.fileno(), second.fileno()]) == b""
        for data in (b"no json\n", b"[" * 100_000 + b"\n", b"without an end", b""):
            with template.connection() as connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(10) == b""

    assert template.start().make()["ok"]


def test_a_client_that_says_nothing_stops_nobody(template: Template) -> None:
    with template.connection():
        assert template.start().make()["ok"]


def test_it_has_one_thread_and_nothing_heavy(template: Template) -> None:
    template.request({"op": "ping"})

    assert psutil.Process(template.process.pid).num_threads() == 1


def test_workers_of_the_same_imports_share_a_subtemplate(own_template: Template) -> None:
    pids = set()
    for _ in range(2):
        worker = own_template.start(["sound_import"])
        assert worker.make(imports=["sound_import"])["ok"]
        pids.add(psutil.Process(worker.first_line()["guardian"]).ppid())

    (subtemplate,) = pids
    assert psutil.Process(subtemplate).ppid() == own_template.process.pid


@pytest.mark.parametrize("module", ["hanging_import", "exiting_import", "crashing_import", "raising_import", "nowhere"])
def test_an_import_that_fails_concerns_its_own_workers(own_template: Template, module: str) -> None:
    failing = own_template.start([module])
    sound = own_template.start()

    assert sound.make()["ok"]  # at once
    assert failing.make()["ok"]
    assert own_template.start([module]).make()["ok"]


def test_an_import_that_hangs_in_the_worker_can_be_ended(own_template: Template) -> None:
    worker = own_template.start(["hanging_import"])
    worker.receive()
    worker.connection.send({"op": "make", "imports": ["hanging_import"], "threads": 1})

    worker.command(b"kill\n")

    assert worker.last_line()["reason"] == "killed"


def test_an_import_is_not_waited_for_when_it_is_forgotten(tmp_path: Path) -> None:
    with Template(tmp_path, import_seconds=1000) as template:
        first = template.start(["hanging_import"])

        template.request({"op": "forget", "imports": ["hanging_import"]})

        assert first.make()["ok"]
        assert template.start(["hanging_import"]).make()["ok"]


@needs_linux
def test_a_fork_that_hangs_concerns_its_own_workers(own_template: Template) -> None:
    for _ in range(2):
        hanging = own_template.start(["hanging_fork"])
        assert own_template.start().make()["ok"]
        wait_until(lambda: len(own_template.processes()) >= 3)

        own_template.request({"op": "forget", "imports": ["hanging_fork"]})

        with pytest.raises(EOFError):
            hanging.receive()

    assert own_template.start(["hanging_fork"]).make()["ok"]  # without a sub-template


@pytest.mark.parametrize("imports", [[], ["sound_import"]])
@pytest.mark.parametrize("forks", [0, 1, 2])
def test_a_client_is_told_that_there_are_too_many_processes(tmp_path: Path, imports: list[str], forks: int) -> None:
    (tmp_path / "sitecustomize.py").write_text(FORK_FAILS)
    path = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
    with Template(tmp_path, env=environment(PYTHONPATH=path, FORKS=str(forks))) as template:
        worker = template.start(imports)
        if forks == 2 and not imports:
            assert worker.make()["ok"]
            return

        with pytest.raises(EOFError):
            worker.receive()

        reason = "Resource temporarily unavailable"
        assert worker.last_line() == {"exit": 70, "reason": "not started", "output": reason, "left": 0}
        assert template.request({"op": "ping"}) == b"pong\n"


@needs_linux
class TestDeaths:
    def test_workers_survive_their_subtemplate(self, own_template: Template) -> None:
        worker = own_template.start(["sound_import"])
        assert worker.make()["ok"]
        subtemplate = psutil.Process(worker.first_line()["guardian"]).ppid()

        kill(subtemplate)
        wait_until(lambda: not alive(subtemplate))

        assert own_template.start(["sound_import"]).make()["ok"]
        assert worker.ask("ping").header == {"ok": True}
        worker.ask("end")
        assert worker.last_line()["exit"] == 0

    def test_no_worker_is_taken_for_what_another_one_left(self, own_template: Template) -> None:
        for _ in range(2):
            workers = [own_template.start(imports) for imports in ([], ["sound_import"]) * 6]
            assert all(worker.make()["ok"] for worker in workers)
            kill(psutil.Process(workers[1].first_line()["guardian"]).ppid())
            kill(workers[0].first_line()["guardian"])
            wait_until(lambda: len(own_template.processes()) == 2 * 11, 20)

            for worker in workers[1:]:
                assert worker.ask("ping").header == {"ok": True}
                worker.ask("end")
                assert worker.last_line()["exit"] == 0

    def test_nothing_survives_a_guardian(self, own_template: Template) -> None:
        worker = own_template.start()
        worker.make(fault="grandchildren")
        worker.give_data()
        worker.ask("predict")
        first = worker.first_line()

        kill(first["guardian"])

        wait_until(lambda: not own_template.processes())
        wait_until(lambda: not alive(first["pid"]))

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, "its input ends"])
    def test_nothing_survives_the_server(self, own_template: Template, how: object) -> None:
        for imports in ([], ["sound_import"]):
            worker = own_template.start(imports)
            worker.make(fault="grandchildren")
            worker.give_data()
            worker.ask("predict")
        own_template.start(["hanging_import"])
        wait_until(lambda: len(own_template.processes()) >= 4 + 2 + 6)
        everything = own_template.processes()

        if isinstance(how, signal.Signals):
            own_template.process.send_signal(how)
        else:
            assert own_template.process.stdin is not None
            own_template.process.stdin.close()

        own_template.process.wait(LONG)
        wait_until(lambda: not any(alive(process.pid) for process in everything))

    def test_nothing_survives_the_parent_of_the_server(self, tmp_path: Path) -> None:
        path = tmp_path / "template"
        script = (
            "import subprocess, sys, time\n"
            "command = [sys.executable, '-P', '-m', 'harness.worker', '--template', sys.argv[1]]\n"
            "print(subprocess.Popen(command, stdin=subprocess.PIPE).pid, flush=True)\n"
            "time.sleep(1000)"
        )
        parent = psutil.Popen([sys.executable, "-c", script, str(path)], stdout=-1)
        server = int(parent.stdout.readline())
        wait_until(path.exists)
        assert alive(server)

        parent.kill()
        parent.wait(LONG)

        wait_until(lambda: not alive(server))
        parent.stdout.close()

    def test_a_signal_to_the_group_of_the_supervisor_reaches_no_worker(self, own_template: Template) -> None:
        worker = own_template.start()
        worker.receive()
        first = worker.first_line()

        groups = {os.getpgid(pid) for pid in (own_template.process.pid, first["guardian"], first["pid"])}

        assert len(groups) == 3


def test_many_workers_start_at_once(template: Template) -> None:
    workers = [template.start() for _ in range(20)]

    assert all(worker.make()["ok"] for worker in workers)
    assert len({json.dumps(worker.first_line()) for worker in workers}) == 20
