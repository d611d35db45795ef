"""PostgreSQL as MLflow's store: a real server, where one and a driver for it are installed."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from mlflow import MlflowClient
from mlflow_homes import LABELS, change_record, fill

from harness import Journal
from harness_mlflow import server
from harness_mlflow.companion import Companion
from harness_mlflow.index import backlog
from harness_mlflow.place import Place

pwd = pytest.importorskip("pwd")  # of POSIX
DRIVERS = [name for name in ("psycopg2", "psycopg", "pg8000") if importlib.util.find_spec(name)]
PROGRAMS = shutil.which("initdb") and shutil.which("postgres")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the drivers
    pytest.mark.skipif(not PROGRAMS or not DRIVERS, reason="needs PostgreSQL, and a driver for it"),
]


@dataclass
class Postgres:
    """A server of PostgreSQL that can be stopped and started."""

    folder: Path
    port: int
    password: str
    user: str | None  # that runs it: PostgreSQL refuses root
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"postgresql+{DRIVERS[0]}://me:{quote(self.password, safe='')}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        command = ["postgres", "-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, user=self.user, stdout=quiet, stderr=quiet, cwd=self.folder)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(3)  # SIGQUIT: at once
        self.process.wait()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = ("postgres" if "postgres" in names else "nobody") if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="harness-pg-", dir="/tmp"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = f"{secrets.token_hex(8)}/%41:ü"
    (folder / "password").write_text(password)
    (folder / "password").chmod(0o644)
    command = ["initdb", "-D", str(folder / "data"), "-U", "me", "-A", "scram-sha-256", "-E", "UTF8"]
    command.append(f"--pwfile={folder / 'password'}")
    subprocess.run(command, check=True, user=user, stdout=subprocess.DEVNULL, cwd=folder)
    made = Postgres(folder, port, password, user)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_board_is_mirrored_and_no_password_is_told(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres.address)
    home = tmp_path / "home"
    fill(home, "hills")
    secret, told, lines = postgres.password, [], []

    told += Companion(home).finish(told.append)
    with server.serve(Place(home), None):
        lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    postgres.stop()
    change_record(home, next(Journal(home).keys()))
    away = Companion(home).finish(told.append)
    postgres.start()
    back = Companion(home).finish(told.append)

    assert "the next command sends the rest" in away[0]
    assert "`harness ui` shows the boards" in back[0]
    logs = [
        path.read_text(errors="replace") for path in (home / "mlflow").glob("*") if path.suffix in (".log", ".json")
    ]
    for text in [*told, *away, *back, *lines, *logs]:
        assert secret not in text
        assert quote(secret, safe="") not in text
    runs = MlflowClient(postgres.address).search_runs(
        [found.experiment_id for found in MlflowClient(postgres.address).search_experiments()]
    )
    keys = Counter(run.data.tags["harness.key"] for run in runs if "harness.key" in run.data.tags)
    assert keys == Counter(Journal(home).keys())
    assert len(runs) == len(keys) + len(LABELS) + 1
    assert not backlog(Place(home)).work
