"""The executor of a Ray cluster: a real one of two nodes on this machine, each with one processor.

One of them also declares GPUs, which a stand-in of nvidia-smi lists, and custom resources.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from faulty_home import FaultyHome, kill, tables
from test_devices import make_nvidia_smi

from harness import Journal, Run, Status
from harness.boards.leaderboard import load_board
from harness.boards.planning import PlannedCell, plan_board
from harness.boards.workspace import Workspace
from harness.errors import BadInput, InfrastructureFault
from harness.execution.executors import ray_cluster, ray_connection
from harness.execution.executors.ray_cluster import RayCluster
from harness.execution.executors.ray_connection import ClusterWatch, use_token
from harness.execution.executors.ray_node import NodeRequest, run_on_node
from harness.execution.executors.table import executor_name
from harness.execution.options import CellOptions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by means of Linux")
FORECASTERS = {name: {"name": name} for name in ("naive", "drift", "theta", "ridge", "dense")}
SHAPES = ({"num_cpus": 1, "num_gpus": 2, "resources": {"licence": 1, "TPU": 1}}, {"num_cpus": 1})  # of nodes
PLUGIN = '''
import os
from dataclasses import dataclass

import numpy as np

from harness import Forecast, ForecasterSpec, Resources, hookimpl

NEEDS = {
    "cpu": Resources(),
    "auto": Resources(device="auto", device_share=0.5),
    "cuda": Resources(device="cuda"),
    "licensed": Resources(custom={"licence": 1}),
    "tpu": Resources(custom={"TPU": 1}),
    "unlicensed": Resources(custom={"licence": 2}, memory=10**8),
}


@dataclass
class Telling:
    """Tells of its process."""

    def fit(self, train):
        names = ("CUDA_VISIBLE_DEVICES", "TPU_VISIBLE_CHIPS", "RAY_RAYLET_PID")
        self.remarks_ = [" ".join(os.environ.get(name) or "none" for name in names)]

    def predict(self, contexts):
        return Forecast.point(np.zeros((len(contexts), contexts.horizon, len(contexts.targets))))


@hookimpl
def harness_forecasters():
    return [ForecasterSpec(name, Telling, resources=needs) for name, needs in NEEDS.items()]
'''

IMPATIENT = """
from harness.cli.main import main
from harness.execution.executors import ray_cluster, ray_connection

ray_cluster.WAIT = 0.5
ray_connection.LOOK, ray_connection.PATIENCE = 0.5, 1.0
main()
"""


@dataclass
class Nodes:
    """The nodes of a cluster."""

    cluster: Any
    workers: dict[int, Any]  # by the position of its shape

    def replace_lost(self) -> None:
        """Have two nodes again."""
        for position, shape in enumerate(SHAPES):
            node = self.workers.get(position)
            if node is not None and node.dead_processes():
                self.cluster.remove_node(node, allow_graceful=False)
                node = None
            self.workers[position] = node or self.cluster.add_node(**shape)
        self.cluster.wait_for_nodes(timeout=100)

    @property
    def raylets(self) -> list[int]:
        """The process of each node."""
        return [self.workers[position].all_processes["raylet"][0].process.pid for position in range(len(SHAPES))]


@contextmanager
def a_cluster(head: dict[str, object]) -> Iterator[Any]:
    """A cluster of which only the head node is started."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)  # short, since sockets are in it
        patch.setenv("RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S", "100")  # on a busy machine
        patch.setenv("PATH", make_nvidia_smi(Path(folder) / "bin"))
        (Path(folder) / "ray").mkdir()
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # files of the server of Ray Client
            cluster = Cluster(initialize_head=True, head_node_args={"include_dashboard": False, **head})
        yield cluster
        cluster.shutdown()
        for number, handler in handlers.items():
            signal.signal(number, handler)  # nodes set their own
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # files of nodes that were killed
            del cluster
            gc.collect()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    pytest.importorskip("ray")
    with a_cluster({"num_cpus": 0}) as cluster:
        made = Nodes(cluster, {})
        made.replace_lost()
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[FaultyHome]:
    made = FaultyHome(tmp_path)
    made.without_mirror()
    yield made
    made.kill_all()


def runs(home: Path) -> dict[str, Run]:
    """The runs in the journal of a home, with their arrays, by key."""
    journal = Journal(home)
    found = {key: journal.read_with_results(key) for key in list(journal.keys())}
    return {key: run for key, run in found.items() if run is not None}


def assert_equal_results(ours: dict[str, Run], others: dict[str, Run]) -> None:
    """The same cells, with the same scores and forecasts to the last bit."""
    assert ours.keys() == others.keys()
    for key, run in ours.items():
        other = others[key]
        assert (run.status, run.scores, run.window_failures) == (other.status, other.scores, other.window_failures)
        assert run.results is not None
        assert other.results is not None
        for name in ("mean", "median", "quantiles"):
            one, two = getattr(run.results.forecast, name), getattr(other.results.forecast, name)
            np.testing.assert_array_equal(one, two)


def waiting_worker(home: FaultyHome, command: subprocess.Popen[str]) -> int:
    """The process of the forecaster that waits, as soon as it does."""
    told, deadline = home.folder / "waiting", time.monotonic() + 200
    while not told.exists() and time.monotonic() < deadline and command.poll() is None:
        time.sleep(0.05)
    if not told.exists():
        command.kill()
        pytest.fail(f"no forecaster waits: {command.communicate()[0]}")
    return int(told.read_text().split()[0])


def test_results_on_two_nodes_are_those_of_this_machine(home: FaultyHome, nodes: Nodes, tmp_path: Path) -> None:
    home.write_board("board", tables(FORECASTERS))
    nodes.replace_lost()

    code, text = home.run("run", "./board", "--on", "ray", RAY_ADDRESS=nodes.cluster.address)

    assert code == 0, text
    assert home.run("run", "./board", "--home", str(tmp_path / "local"))[0] == 0
    assert len(runs(home.home)) == len(FORECASTERS)
    assert_equal_results(runs(home.home), runs(tmp_path / "local"))
    assert home.processes_after(20) == []


def test_the_cell_of_a_node_that_is_killed_runs_on_another_one(home: FaultyHome, nodes: Nodes, tmp_path: Path) -> None:
    entries = {"naive": {"name": "naive"}, "theta": {"name": "theta"}}
    home.write_board("board", tables({**entries, "waits": {"name": "hostile", "fault": "waits once"}}))
    nodes.replace_lost()
    command = home.start("run", "./board", "--on", "ray", RAY_ADDRESS=nodes.cluster.address)
    worker = waiting_worker(home, command)

    variables = Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
    raylet = int(dict(variable.split(b"=", 1) for variable in variables if b"=" in variable)[b"RAY_RAYLET_PID"])
    kill(raylet, signal.SIGKILL)
    text, _ = command.communicate(timeout=200)

    assert command.returncode == 0, text
    assert {run.status for run in runs(home.home).values()} == {Status.COMPLETED}
    assert "Traceback" not in text
    assert home.run("run", "./board", "--home", str(tmp_path / "local"))[0] == 0
    assert_equal_results(runs(home.home), runs(tmp_path / "local"))


def test_ctrl_c_ends_what_runs_on_the_nodes_and_what_waits_for_one(home: FaultyHome, nodes: Nodes) -> None:
    entries = {name: {"name": name} for name in ("naive", "unlicensed")}  # the second one before the last
    home.write_board("board", tables({**entries, "waits": {"name": "hostile", "fault": "waits once"}}))
    (home.folder / "board" / "harness_plugin.py").write_text(PLUGIN)
    nodes.replace_lost()
    command = home.start("run", "./board", "--on", "ray", RAY_ADDRESS=nodes.cluster.address)
    worker = waiting_worker(home, command)

    command.send_signal(signal.SIGINT)
    text, _ = command.communicate(timeout=100)

    assert command.returncode == 130, text
    assert "Traceback" not in text
    wanted = "1 of CPU and 100 MB of memory and 2 of licence"
    assert f"warning: cells wait for a node of the Ray cluster with {wanted}; none has that" in text
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{worker}").exists()
    assert {run.cell.forecaster for run in runs(home.home).values()} <= {"naive"}


IS_ALONE = os.environ.get("HARNESS_TEST_WAYS") == "1"  # servers of Ray Client of several clusters disturb each other


@pytest.mark.parametrize(
    "as_client", [pytest.param(True, marks=pytest.mark.skipif(not IS_ALONE, reason="it is run by tox -e ways")), False]
)
def test_a_cluster_that_ends_during_a_run_leaves_its_cells_pending(home: FaultyHome, *, as_client: bool) -> None:
    pytest.importorskip("ray")
    entries = {"waits": {"name": "hostile", "fault": "waits once"}, "drift": {"name": "drift"}}
    home.write_board("board", tables({"naive": {"name": "naive"}, **entries}))
    (home.site / "impatient.py").write_text(IMPATIENT)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with a_cluster({"num_cpus": 1, "ray_client_server_port": port}) as cluster:
        place = f"ray://127.0.0.1:{port}" if as_client else cluster.address
        where = ("--on", place) if as_client else ("--on", "ray")
        variables = {"RAY_CLIENT_RECONNECT_GRACE_PERIOD": "1"} if as_client else {"RAY_ADDRESS": place}
        command = home.start("run", "./board", *where, module="impatient", **variables)
        waiting_worker(home, command)
    text, _ = command.communicate(timeout=100)

    assert command.returncode == 2, text
    done = {run.cell.forecaster for run in runs(home.home).values()}
    told = [line for line in text.splitlines() if re.search("cluster|Ray|ray|gRPC|RPC|Error|still pending:", line)]
    pending = f"{3 - len(done)} cells are pending" if len(done) < 2 else "1 cell is pending"
    assert done <= {"naive", "drift"}
    assert told[-1].startswith(f"error: the Ray cluster at {place} cannot be reached since "), text
    assert told[-1].endswith(f"; {pending}; run the command again"), text
    assert all(re.search(r"warning: the Ray cluster at .*; waiting for it", line) for line in told[:-1]), text
    assert home.processes_after(20) == []


def test_cells_run_where_there_is_what_they_need(home: FaultyHome, nodes: Nodes) -> None:
    names = ("cpu", "auto", "cuda", "licensed", "tpu")
    home.write_board("board", tables({"naive": {"name": "naive"}, **{name: {"name": name} for name in names}}))
    (home.folder / "board" / "harness_plugin.py").write_text(PLUGIN)
    nodes.replace_lost()

    code, text = home.run("run", "./board", "--on", "ray", RAY_ADDRESS=nodes.cluster.address)

    assert code == 0, text
    first, second = nodes.raylets
    told = {run.cell.forecaster: run.notes[-1] for run in runs(home.home).values() if run.notes}
    assert told.pop("cpu") in (f"none none {first}", f"none none {second}")
    assert told["cuda"] in (f"0 none {first}", f"1 none {first}")
    assert told["auto"] in (f"0 none {first}", f"1 none {first}")
    assert told["licensed"] == f"none none {first}"
    assert told["tpu"] == f"none 0 {first}"
    (auto,) = (run for run in runs(home.home).values() if run.cell.forecaster == "auto")
    assert auto.provenance["device"]["name"] in ("NVIDIA H200", "NVIDIA A10")


def test_gpus_of_nodes_cannot_be_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--devices 0,1: Ray assigns the GPUs of its nodes"):
        RayCluster(tmp_path, [], options=CellOptions(devices="0,1"))


def test_an_address_without_a_cluster_is_refused(home: FaultyHome) -> None:
    pytest.importorskip("ray")
    home.write_board("board", tables({"naive": {"name": "naive"}}))

    code, text = home.run("run", "./board", "--on", "ray", RAY_ADDRESS="127.0.0.1:1")

    assert code == 2
    assert "there is no Ray cluster at 127.0.0.1:1" in re.sub(r"\s+", " ", text)
    assert "Traceback" not in text


@pytest.mark.parametrize("where", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "file", "none"])
def test_the_token_of_a_cluster_is_sent_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    if where == "file":
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text("token")
    elif where != "none":
        monkeypatch.setenv(where, "token")

    use_token()

    assert os.environ.get("RAY_AUTH_MODE") == (None if where == "none" else "token")


def test_an_explicit_choice_about_tokens_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "token")

    use_token()

    assert os.environ["RAY_AUTH_MODE"] == "disabled"


@pytest.mark.parametrize("as_client", [True, False])
def test_an_address_of_another_server_is_refused(
    home: FaultyHome, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, *, as_client: bool
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr(ray_connection, "CONNECTS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:  # which accepts connections and says nothing
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if not as_client:
            monkeypatch.setenv("RAY_ADDRESS", address)
        place = f"ray://{address}" if as_client else address

        with pytest.raises(BadInput) as raised:
            RayCluster(home.home, [], address=place if as_client else None)

    assert str(raised.value) == (
        f"there is no Ray cluster at {place}: what listens there does not answer as Ray does, for 0.5 seconds; correct "
        "the address, name its token by RAY_AUTH_TOKEN if it wants one, or run without --on"
    )
    assert not recwarn.list


def planned_cells(folder: Path) -> Sequence[PlannedCell]:
    """The one cell of a board, with the home `home` in a folder."""
    (folder / "board.toml").write_text(
        'title = "One"\nmetric = "MAE"\nbaseline = "naive"\n[[tasks]]\ndataset = "nile"\n'
        'protocol = { kind = "rolling-origin", horizon = 3, windows = 2 }\n[[forecasters]]\nname = "naive"\n'
    )
    workspace = Workspace(folder / "home")
    return plan_board("board", load_board(str(folder / "board.toml"), workspace.catalog), workspace).cells


def test_a_node_without_the_home_says_so(tmp_path: Path) -> None:
    (planned,) = planned_cells(tmp_path)

    result = run_on_node(NodeRequest(tmp_path / "elsewhere", CellOptions(), "", planned))

    assert isinstance(result, InfrastructureFault)
    assert f"does not have the data in {tmp_path / 'elsewhere'}: use a home folder on a file system" in str(result)


def test_unknown_places_are_refused() -> None:
    for place, address in (("rya", "HOST:PORT"), ("local://host", "HOST:PORT"), ("10.0.0.1:6379", "10.0.0.1:6379")):
        with pytest.raises(BadInput) as raised:
            executor_name(None, place)
        assert str(raised.value) == (
            f"--on takes ray or ray://HOST:PORT, not {place!r}; for a cluster without Ray Client, set "
            f"RAY_ADDRESS={address} and write --on ray"
        )
    with pytest.raises(BadInput, match="--jobs 0 runs the cells in this process, and --on ray elsewhere"):
        executor_name(0, "ray")
    assert executor_name(4, "ray://host:10001") == "ray://host:10001"


class LazyRay:
    """Ray, with one task that runs until it is cancelled, which is ignored the first time, as of a task that starts."""

    class exceptions:  # noqa: N801
        RayError = RuntimeError
        GetTimeoutError = TimeoutError

    def __init__(self) -> None:
        self.started, self.ended, self.requests = threading.Event(), threading.Event(), 0

    def remote(self, **_: object) -> Any:
        return lambda function: SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda request: "task"))

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 1.0, "memory": 2.0**40}}]

    def is_initialized(self) -> bool:
        return True

    def get(self, task: str, timeout: float) -> None:
        self.started.set()
        self.ended.wait(20)
        raise RuntimeError(f"{task} was cancelled")

    def cancel(self, task: str, *, force: bool) -> None:
        self.requests += 1
        if self.requests > 1:
            self.ended.set()

    def shutdown(self) -> None: ...


def test_a_task_is_cancelled_until_it_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = LazyRay()
    monkeypatch.setattr(ray_cluster, "connected", lambda address: (ray, ClusterWatch("here", "")))
    monkeypatch.setattr(ray_cluster, "CANCEL", 0.01)
    (planned,) = planned_cells(tmp_path)
    cluster = RayCluster(tmp_path / "home", [planned])
    future = cluster.submit(planned)
    ray.started.wait()

    cluster.close()

    assert ray.requests == 2
    assert "task was cancelled" in str(future.exception())
