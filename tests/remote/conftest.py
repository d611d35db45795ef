"""Stores of each kind: a folder, fsspec's in memory, and S3 as a server on the loopback answers it.

The tests import `machines`, which is beside them, and `faulty_home` of the tests of execution.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.results.remote.opening import open_store
from harness.results.remote.store import Store

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "execution")]

from machines import Machine, MakeMachine  # noqa: E402
from s3_server import S3Server, needs_s3  # noqa: E402


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    server = S3Server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _present_variables() -> Iterator[None]:
    """Stores are opened with the environment of the present test."""
    yield
    if "s3fs" in sys.modules:
        sys.modules["s3fs"].S3FileSystem.clear_instance_cache()


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty folder of a bucket."""
    for name, value in s3_server.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    import s3fs

    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem(skip_instance_cache=True).call_s3("create_bucket", Bucket=bucket)
    return f"s3://{bucket}/run"


@pytest.fixture(params=["file", "memory", pytest.param("s3", marks=needs_s3)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of each kind."""
    if request.param == "file":
        return f"file://{tmp_path}/store"
    if request.param == "memory":
        pytest.importorskip("fsspec")
        return f"memory://{uuid.uuid4().hex}/run"
    found: str = request.getfixturevalue("s3")
    return found


@pytest.fixture
def store(url: str) -> Store:
    return open_store(url)


@pytest.fixture
def machine(tmp_path: Path, url: str) -> MakeMachine:
    return lambda name: Machine(tmp_path / name, open_store(url))


@pytest.fixture
def folder_machine(tmp_path: Path) -> MakeMachine:
    """Machines that share a folder: where the kind of store does not matter."""
    return lambda name: Machine(tmp_path / name, open_store(f"file://{tmp_path}/store"))
