"""Every request has its answer, and a forecast is what the forecaster would return in this process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from worker_client import DAYS, HORIZON, LONG, Template, Worker, alive, environment, wait_until

import harness
from harness.worker.messages import PROTOCOL, Connection

FIRST = DAYS - 50  # the first cutoff


@pytest.fixture
def worker(template: Template) -> Worker:
    return template.start()


def test_a_worker_greets(worker: Worker) -> None:
    greeting = worker.receive().header
    first = worker.first_line()

    assert greeting["hello"] == PROTOCOL
    assert greeting["harness"] == harness.__version__
    assert greeting["python"].startswith("3.")
    assert greeting["pid"] == first["pid"] != first["guardian"]


def test_what_the_constructor_warns_of_is_told(worker: Worker) -> None:
    assert worker.make(fault="warns when made") == {
        "ok": True,
        "warnings": ["UserWarning: made"],
        "loads": False,
        "per_series": False,
    }


def test_an_unknown_hyperparameter_is_bad_input(worker: Worker) -> None:
    made = worker.make(nonsense=1)

    assert made["error"]["kind"] == "bad_input"
    assert made["error"]["type"] == "BadParameter"
    assert "nonsense" in made["error"]["message"]


def test_a_forecast_arrives(worker: Worker) -> None:
    worker.make()
    worker.give_data()

    fitted, forecast = worker.ask("fit"), worker.ask("predict")

    assert fitted.header["ok"]
    assert fitted.header["warnings"] == []
    assert worker.done == 2
    assert forecast.header["median"] == "mean"
    assert forecast.header["origins"]["mean"] == ["own"]
    assert forecast.header["cpu_seconds"] >= 0
    expected = np.repeat(np.arange(FIRST, FIRST + 4.0)[:, None, None] - 1, HORIZON, axis=1)
    assert np.array_equal(forecast.arrays["mean"], expected)
    assert list(forecast.arrays) == ["mean"]


def test_a_forecaster_of_single_series_is_fitted_and_failures_name_their_windows(worker: Worker) -> None:
    assert worker.make("fitted")["ok"]
    worker.give_data(windows=3)
    worker.ask("fit")
    assert worker.ask("fit_contexts").header["ok"]

    forecast = worker.ask("predict")

    windows, errors = zip(*forecast.header["failures"], strict=True)
    assert windows == (0, 1, 2)
    assert {(error["kind"], error["message"]) for error in errors} == {("failed", "ValueError: no three windows")}
    assert "predict_windows" in errors[0]["traceback"]
    assert np.isnan(forecast.arrays["mean"]).all()


def test_warnings_are_told(worker: Worker) -> None:
    worker.make("fitted")
    worker.give_data(np.full(DAYS, np.nan), windows=2)
    worker.ask("fit")

    forecast = worker.ask("predict")

    assert forecast.header["warnings"] == ["RuntimeWarning: All-NaN slice encountered"]


def test_a_description_is_valid_json(worker: Worker) -> None:
    worker.make()

    described = worker.ask("describe").header

    assert described["curves"] == {"loss": [1.0, None, "inf"]}
    assert described["remarks"] == ["a remark"]
    assert described["parameters"] is None
    assert described["peak_memory"] > 1 << 20


def test_a_replaced_panel_is_seen(worker: Worker) -> None:
    worker.make()
    worker.give_data()
    worker.give_data(np.arange(float(DAYS)) * 2)

    forecast = worker.ask("predict")

    assert forecast.arrays["mean"][0, 0, 0] == (FIRST - 1) * 2


@pytest.mark.parametrize(("kind", "said"), [("array", "not ndarray"), ("text", "must be an array of floats")])
def test_what_is_no_forecast_is_invalid(worker: Worker, kind: str, said: str) -> None:
    worker.make("unlike", kind=kind)
    worker.give_data()

    error = worker.ask("predict").header["error"]

    assert error["kind"] == "invalid"
    assert said in error["message"]


def test_subclasses_of_forecasts_and_arrays_are_rebuilt(worker: Worker) -> None:
    worker.make("unlike", kind="subclass")
    worker.give_data()

    forecast = worker.ask("predict")

    assert np.isnan(forecast.arrays["mean"]).all()
    assert forecast.header["median"] == "own"
    assert forecast.header["levels"] == [0.1, 0.9]
    assert {name: array.shape for name, array in forecast.arrays.items()} == {
        "mean": (4, HORIZON, 1),
        "median": (4, HORIZON, 1),
        "quantiles": (4, HORIZON, 1, 2),
    }


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"op": "dance"}, "no operation 'dance'"),
        ({"op": ["x"]}, "no operation"),
        ({}, "no operation None"),
        ({"op": "fit"}, "'make' must come first"),
        ({"op": "contexts", "panel": "q"}, "'panel' must come first"),
    ],
)
def test_a_request_that_is_none_is_refused_and_others_answered(
    worker: Worker, header: dict[str, object], said: str
) -> None:
    worker.receive()

    worker.connection.send(header)

    error = worker.receive().header["error"]
    assert error["kind"] == "protocol"
    assert said in error["message"]
    assert worker.ask("ping").header == {"ok": True}


def test_a_worker_ends_when_it_is_told_to(worker: Worker) -> None:
    worker.receive()

    assert worker.ask("end").header == {"ok": True}

    last = worker.last_line()
    assert (last["exit"], last["reason"], last["left"]) == (0, "", 0)


class TestCopies:
    @pytest.fixture
    def fitted(self, template: Template) -> Worker:
        worker = template.start()
        worker.make("fitted")
        worker.give_data()
        worker.ask("fit")
        worker.ask("fit_contexts")
        return worker

    @pytest.fixture
    def listener(self, tmp_path: Path) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(tmp_path / "copy"))
            listening.listen()
            listening.settimeout(LONG)
            yield listening

    def accepted(self, listener: socket.socket, worker: Worker) -> Worker:
        worker.copies.append(Worker(listener.accept()[0], worker.control, worker.folder))
        return worker.copies[-1]

    def test_a_copy_is_fitted_and_learns_nothing_later(self, fitted: Worker, listener: socket.socket) -> None:
        answer = fitted.ask("fork", path=listener.getsockname()).header
        fitted.give_data(np.arange(float(DAYS)) * 1000)
        original = fitted.ask("predict").arrays["mean"][0, :, 0]

        copy = self.accepted(listener, fitted)
        greeting = copy.receive().header
        copied = copy.ask("predict").arrays["mean"][0, :, 0]

        assert greeting["pid"] == answer["pid"] != fitted.first_line()["pid"]
        assert original[0] == copied[0] == FIRST  # rows that it was fitted to
        assert (original[1], copied[1]) == ((FIRST + 2) * 1000, FIRST + 2)
        assert original[2] == copied[2]  # drawn from the same state
        copy.ask("end")
        wait_until(lambda: not alive(answer["pid"]))
        assert fitted.ask("ping").header == {"ok": True}
        assert fitted.ask("fork", path=listener.getsockname()).header["pid"]

    def test_a_copy_ends_with_its_connection_and_with_the_worker(self, fitted: Worker, listener: socket.socket) -> None:
        first = fitted.ask("fork", path=listener.getsockname()).header["pid"]
        self.accepted(listener, fitted).messages.close()
        wait_until(lambda: not alive(first))
        second = fitted.ask("fork", path=listener.getsockname()).header["pid"]

        fitted.ask("end")

        assert fitted.last_line()["left"] == 1
        assert not alive(second)

    def test_a_copy_that_cannot_connect_is_none(self, fitted: Worker, tmp_path: Path) -> None:
        answer = fitted.ask("fork", path=str(tmp_path / "nowhere")).header

        assert answer["pid"] is None
        assert "did not connect" in answer["reason"]
        assert fitted.ask("ping").header == {"ok": True}

    def test_a_worker_with_threads_is_not_copied(self, template: Template, listener: socket.socket) -> None:
        worker = template.start()
        worker.make(fault="leaves a thread")
        worker.give_data()
        worker.ask("predict")

        answer = worker.ask("fork", path=listener.getsockname()).header

        assert answer == {"ok": True, "pid": None, "reason": "it has 2 threads"}


def test_a_worker_serves_over_standard_input_and_output(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "harness.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=tmp_path,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    connection = Connection(process.stdout.fileno(), process.stdin.fileno())

    assert connection.receive().header["hello"] == PROTOCOL
    plugin = {"name": "x", "value": "hostile_plugin", "distribution": "x"}
    fields = {"forecaster": "hostile", "parameters": {"fault": "prints", "in_fit": True}, "seed": None}
    connection.send({"op": "make", "plugin": plugin, "imports": [], "threads": 1, **fields})
    assert connection.receive().header["ok"]
    process.stdin.close()

    assert process.wait(LONG) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stdout.close()
    process.stderr.close()


def test_the_folder_that_it_is_started_in_changes_nothing(tmp_path: Path) -> None:
    for name in ("random.py", "json.py", "pandas.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong module')")
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("raise SystemExit('the wrong package')")

    with Template(tmp_path) as template:
        worker = template.start()
        for path in tmp_path.glob("*.py"):
            (worker.folder / path.name).write_text(path.read_text())
        made = worker.make(fault="state")
        worker.give_data()

        assert made["ok"]
        assert worker.ask("predict").header["ok"]
        assert json.loads(worker.ask("describe").header["remarks"][0])["modules"] == []
