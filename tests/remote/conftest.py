"""Stores of each kind: a folder, fsspec's in memory, and those of servers on the loopback.

The tests import `commands` and `machines`, which are beside them, and `faulty_home` of the tests of execution.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.results.remote.opening import open_store
from harness.results.remote.store import Store

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "execution")]

from commands import Machines  # noqa: E402
from machines import Machine, MakeMachine  # noqa: E402
from servers import KINDS, SERVERS, Server  # noqa: E402

Use = Callable[[str], Server]


@pytest.fixture(scope="session")
def started() -> Iterator[dict[str, Server]]:
    """The servers by kind, each started by the first test that needs it."""
    servers: dict[str, Server] = {}
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture
def use(started: dict[str, Server], monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """A server of a kind, with the environment that commands need to use it."""

    def server(kind: str) -> Server:
        found = started.get(kind) or started.setdefault(kind, KINDS[kind]())
        for name, value in found.variables().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        return found

    yield server
    for name, kind in (("s3fs", "S3FileSystem"), ("adlfs", "AzureBlobFileSystem")):
        if files := getattr(sys.modules.get(name), kind, None):
            files.clear_instance_cache()  # stores are opened with the environment of the present test


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, use: Use) -> Server:
    """A server of each kind."""
    return use(request.param)


@pytest.fixture
def bucket(server: Server) -> str:
    """The URL of an empty folder in a bucket of the server."""
    return server.new_folder()


@pytest.fixture(params=["file", "memory", *SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: Path, use: Use) -> str:
    """The URL of an empty store of each kind."""
    if request.param == "file":
        return f"file://{tmp_path}/store"
    if request.param == "memory":
        pytest.importorskip("fsspec")
        return f"memory://{uuid.uuid4().hex}/run"
    return use(request.param).new_folder()


@pytest.fixture
def store(url: str) -> Store:
    return open_store(url)


@pytest.fixture
def machine(tmp_path: Path, url: str) -> MakeMachine:
    return lambda name: Machine(tmp_path / name, open_store(url))


@pytest.fixture
def machines(tmp_path: Path, bucket: str, server: Server) -> Iterator[Machines]:
    """Machines on which commands run, with a store of each kind of server."""
    made = Machines(tmp_path, bucket, server.variables())
    yield made
    made.faulty.kill_all()


@pytest.fixture
def folder_machine(tmp_path: Path) -> MakeMachine:
    """Machines that share a folder: where the kind of store does not matter."""
    return lambda name: Machine(tmp_path / name, open_store(f"file://{tmp_path}/store"))
