"""The mirror and a server of MLflow that misbehaves: a real one over HTTP, with a real store, and faults before it."""

from __future__ import annotations

import io
import logging
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow_homes import LABELS, change_record, fill
from werkzeug.serving import make_server

from harness import Journal, stored_plans
from harness_mlflow.companion import Companion
from harness_mlflow.index import backlog
from harness_mlflow.mirror import Mirror
from harness_mlflow.orders import Orders
from harness_mlflow.place import Place

pytestmark = [
    pytest.mark.long_file,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the server
]

Fault = Callable[[str, int], str]  # of the path and the number of a request: what happens to it; empty: nothing


class FaultyServer:
    """A server of MLflow whose requests meet faults."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.fault: Fault = lambda path, number: ""
        self.released = threading.Event()  # ends every wait
        self.requests = 0
        self.address = ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.requests += 1
        kind = self.fault(environ["PATH_INFO"], self.requests)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if kind == "500":
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"the database is locked"]
        if kind == "garbage":
            start_response("200 OK", [("Content-Type", "text/html")])
            return [b"<html>\xff\x00 please log in"]
        if kind == "mute":
            self.released.wait(120)
        if kind == "slow":
            time.sleep(0.3)
        if kind == "dripping":
            start_response("200 OK", [("Content-Type", "application/json")])
            return self._drip()
        if kind == "lost":  # the connection drops before anything was done
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        if kind in ("unanswered", "late"):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            if kind == "late":
                time.sleep(1.5)
            return list(self.app(environ, lambda *args: None)) and []
        return list(self.app(environ, start_response))

    def _drip(self) -> Iterator[bytes]:
        while not self.released.wait(0.5):
            yield b" "


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database behind the server."""
    return tmp_path_factory.mktemp("server") / "mlflow.db"


@pytest.fixture(scope="module")
def faulty(store: Path) -> Iterator[FaultyServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")  # the app sets it, and nothing else would undo that
        patch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{store}")
        patch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", "mlflow-artifacts:/")
        patch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", (store.parent / "artifacts").as_uri())
        patch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
        patch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
        from mlflow.server import app

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        made = FaultyServer(app)
        server = make_server("127.0.0.1", 0, made, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        made.address = f"http://127.0.0.1:{server.port}"
        MlflowClient(made.address).search_experiments()
        patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "4")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # as in the mirror's own process
        yield made
        made.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a board, and nothing in MLflow."""
    home = tmp_path_factory.mktemp("filled") / "home"
    fill(home, "hills")
    return home


@pytest.fixture
def home(faulty: FaultyServer, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of that home, and a server without faults."""
    home = tmp_path / "home"
    shutil.copytree(filled, home, copy_function=shutil.copy2)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", faulty.address)
    faulty.released.clear()
    faulty.requests = 0
    faulty.fault = lambda path, number: ""
    yield home
    faulty.released.set()
    assert faulty.requests


def runs_of(home: Path, store: Path) -> list[Any]:
    """The home's runs in the store."""
    client = MlflowClient(f"sqlite:///{store}")
    numbers = [found.experiment_id for found in client.search_experiments()]
    query = f"tags.`harness.home` = '{Place(home).identity()}'"
    return list(client.search_runs(numbers, query))


def assert_complete(home: Path, store: Path) -> None:
    """Everything of a home is in the store, once and whole."""
    runs = runs_of(home, store)
    keys = Counter(run.data.tags["harness.key"] for run in runs if "harness.key" in run.data.tags)
    rows = Counter(run.data.tags["forecaster"] for run in runs if "harness.cells_experiment_id" in run.data.tags)
    assert keys == Counter(Journal(home).keys())
    assert rows == Counter(LABELS)
    assert len(runs) == len(keys) + len(rows) + 1  # the page
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert not backlog(Place(home)).work


def finish(home: Path) -> str:
    """What a command says at its end."""
    return "\n".join(Companion(home).finish())


def send(home: Path) -> str:
    """One session of the mirror in this process; returns its problem."""
    orders = Orders()
    orders.finish.set()
    mirror = Mirror(Place(home), orders)
    mirror.follow()
    return mirror.progress.problem


def kind_by_path(kind: str, path: str, times: int = 1) -> Fault:
    """A fault of the first requests to a path."""
    left = [times]

    def fault(requested: str, number: int) -> str:
        if not requested.endswith(path) or not left[0]:
            return ""
        left[0] -= 1
        return kind

    return fault


REQUESTS = ("runs/create", "runs/log-batch", "runs/log-inputs", "runs/update", "experiments/create", "runs/search")


class TestLostConnections:
    @pytest.mark.parametrize("kind", ["lost", "unanswered", "late"])
    @pytest.mark.parametrize("path", REQUESTS)
    def test_they_leave_nothing_doubled_or_unfinished(
        self, faulty: FaultyServer, home: Path, store: Path, path: str, kind: str
    ) -> None:
        faulty.fault = kind_by_path(kind, path, times=2)

        send(home)
        time.sleep(2 if kind == "late" else 0)
        faulty.fault = lambda path, number: ""
        send(home)

        assert_complete(home, store)

    def test_every_third_connection_is_lost(self, faulty: FaultyServer, home: Path, store: Path) -> None:
        faulty.fault = lambda path, number: ("", "unanswered", "")[number % 3]
        for _ in range(3):
            send(home)

        faulty.fault = lambda path, number: ""
        send(home)

        assert_complete(home, store)

    def test_other_runs_stay(self, faulty: FaultyServer, home: Path, store: Path) -> None:
        send(home)
        client = MlflowClient(f"sqlite:///{store}")
        experiment = client.get_experiment_by_name("hills · cells").experiment_id
        key = next(Journal(home).keys())
        others = [client.create_run(experiment, tags=tags) for tags in ({}, {"harness.key": key, "harness.home": "0"})]
        faulty.fault = kind_by_path("unanswered", "runs/create")
        change_record(home, key)

        send(home)
        send(home)

        assert {client.get_run(other.info.run_id).info.lifecycle_stage for other in others} == {"active"}
        assert_complete(home, store)


class TestUnsoundServers:
    @pytest.mark.parametrize("fault", ["mute ", "mute log-batch", "500 log-batch", "garbage "])
    def test_they_are_told_within_a_minute_and_caught_up_with(
        self, faulty: FaultyServer, home: Path, store: Path, fault: str
    ) -> None:
        kind, path = fault.split(" ")
        faulty.fault = lambda requested, number: kind if requested.endswith(path) else ""
        begin = time.monotonic()

        told = finish(home)

        assert time.monotonic() - begin < 90
        assert "The journal is complete; the next command sends the rest." in told
        assert told.count("\n") == 0
        faulty.fault = lambda path, number: ""
        faulty.released.set()
        time.sleep(0.5)
        assert "`harness ui` shows the boards" in finish(home)
        finish(home)
        assert_complete(home, store)

    def test_one_that_never_ends_its_answer_is_left(
        self, faulty: FaultyServer, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        faulty.fault = lambda path, number: "dripping"
        begin = time.monotonic()

        told = finish(home)

        assert "no progress for 45 seconds" in told
        assert time.monotonic() - begin < 200

    def test_a_slow_one_is_waited_for(self, faulty: FaultyServer, home: Path, store: Path) -> None:
        faulty.fault = lambda path, number: "slow"

        assert send(home) == ""

        assert_complete(home, store)

    def test_one_that_restarts_in_the_middle_gets_the_rest(self, faulty: FaultyServer, home: Path, store: Path) -> None:
        faulty.fault = lambda path, number: "500" if 15 < number < 25 else ""
        for _ in range(12):  # each may meet one fault
            send(home)

        assert_complete(home, store)


class TestDeletions:
    def test_a_board_that_was_deleted_there_comes_back(self, home: Path, store: Path) -> None:
        send(home)
        client = MlflowClient(f"sqlite:///{store}")
        for name in ("hills", "hills · cells"):
            client.delete_experiment(client.get_experiment_by_name(name).experiment_id)

        change_record(home, stored_plans(home)[0].cells[0].key)
        send(home)
        send(home)

        assert_complete(home, store)
