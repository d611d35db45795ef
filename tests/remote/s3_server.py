"""S3 as moto's server answers it on the loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec

import pytest

HAS_S3 = all(find_spec(name) for name in ("s3fs", "moto", "flask", "flask_cors"))
needs_s3 = pytest.mark.skipif(not HAS_S3, reason="needs s3fs and moto, of the extra `test`")


@dataclass
class S3Server:
    """moto's server in a process of its own."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def variables(self) -> dict[str, str]:
        """The environment of commands that use it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @classmethod
    def start(cls, port: int = 0) -> S3Server:
        """A server that answers."""
        if not port:
            with socket.socket() as found:
                found.bind(("127.0.0.1", 0))
                port = found.getsockname()[1]
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return cls(port, process)
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)

    def stop(self) -> None:
        """End it, and lose what is in it."""
        self.process.kill()
        self.process.wait()
