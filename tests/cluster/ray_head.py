"""The head node of a Ray cluster with a server for Ray Client, as `ray start --head` starts it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def ray_head() -> Iterator[dict[str, str]]:
    """The environment variables of a command that uses the cluster, which lasts as long as the block: RAY_ADDRESS.

    The cluster wants a token, which is in RAY_AUTH_TOKEN.
    """
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # short, since sockets are in it
        token, (port, client_port) = secrets.token_hex(32), _free_ports()
        command = [
            *(str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=2"),
            *(f"--port={port}", f"--ray-client-server-port={client_port}", f"--temp-dir={folder}"),
            *("--include-dashboard=false", "--disable-usage-stats"),
        ]
        variables = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": token,
            "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "120",  # for a busy machine
        }
        with (Path(folder) / "head.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, env={**os.environ, **variables}, stdout=log, stderr=log)
        try:
            _wait_for(client_port, process)
            yield {"RAY_ADDRESS": f"ray://127.0.0.1:{client_port}", "RAY_AUTH_TOKEN": token}
        finally:
            process.terminate()
            process.wait(60)


def _free_ports() -> list[int]:
    """Two ports that nothing listens at, above those of Ray's workers."""
    with closing(socket.socket()) as one, closing(socket.socket()) as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in (one, two)]


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while True:
        assert process.poll() is None
        assert time.monotonic() < end
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.2)
