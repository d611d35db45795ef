"""The connection to a Ray cluster, and whether the cluster can still be reached."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.data.damage import warn
from harness.errors import BadInput
from harness.execution.devices import VARIABLE
from harness.execution.executors.cpu_count import usable_cpus
from harness.execution.executors.executor import ClusterUnavailable
from harness.fields.libraries import install_command

if TYPE_CHECKING:
    from types import ModuleType

CONNECTS = 10.0  # seconds that a connection to a cluster may take
LOOK = 5.0  # seconds between looks at the cluster
PATIENCE = 30.0  # seconds without an answer, until a cluster is given up; Ray Client connects again as long
SETTINGS = {  # of the cluster that is started here, and of the connection to another one
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # nodes have their environments already
    "RAY_memory_monitor_refresh_ms": "0",  # the supervisor limits memory
    "RAY_task_oom_retries": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # else a call after the end of a connection starts a cluster of its own
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": f"{PATIENCE:.0f}",
    "GRPC_VERBOSITY": "NONE",
}
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}


class ClusterWatch:
    """Whether a cluster can be reached: something listens at its address. Threads share what they know of it."""

    def __init__(self, place: str, target: str) -> None:
        """`place` names the cluster to the user; `target` is a host and a port, or empty if they are not known."""
        host, _, port = target.rpartition(":")
        self._where = (host.strip("[]"), int(port)) if host and port.isdecimal() else None  # brackets are of IPv6
        self._place, self._looked = place, time.monotonic()
        self._since, self._clock, self._problem = 0.0, "", ""  # of an outage
        self._lost: ClusterUnavailable | None = None
        self._lock = threading.Lock()

    @property
    def awaited(self) -> str:
        """What is waited for, as part of a sentence; empty while the cluster answers, or after it was given up."""
        return f"the Ray cluster at {self._place} since {self._clock}" if self._problem and self._lost is None else ""

    @property
    def is_away(self) -> bool:
        """Whether the cluster did not answer at the last look."""
        return bool(self._problem) or self._lost is not None

    def look(self) -> bool:
        """Whether the cluster answers, or did so a moment ago; raises ClusterUnavailable once it is given up."""
        with self._lock:
            now = time.monotonic()
            if self._lost is None and now - self._looked > LOOK:
                self._look(now)
                self._looked = time.monotonic()
            if self._lost is not None:
                raise self._lost
            return not self._problem

    def wait(self, closed: threading.Event) -> None:
        """Wait while the cluster does not answer, unless `closed` is set; raises ClusterUnavailable as `look` does."""
        while not self.look() and not closed.wait(LOOK / 10):
            pass

    def lose(self, reason: str) -> ClusterUnavailable:
        """Give the cluster up, since Ray lost its connection for this reason; returns the error of all threads."""
        with self._lock:
            if self._lost is None:
                self._lost = ClusterUnavailable(self._problem or self._sentence(reason))
            return self._lost

    def _look(self, now: float) -> None:
        if self._where is None:
            return
        try:
            socket.create_connection(self._where, CONNECTS).close()
        except OSError as error:
            if not self._problem:
                self._since, self._problem = now, self._sentence(error.strerror or str(error))
                warn(f"{self._problem}; waiting for it, at most {PATIENCE:g} seconds")
            if now - self._since >= PATIENCE:
                self._lost = ClusterUnavailable(self._problem)
        else:
            if self._problem:
                self._problem = ""
                warn(f"the Ray cluster at {self._place} answers again since {time.strftime('%H:%M:%S')}")

    def _sentence(self, reason: str) -> str:
        self._clock = time.strftime("%H:%M")
        return f"the Ray cluster at {self._place} cannot be reached since {self._clock} ({reason})"


def connected(address: str | None) -> tuple[ModuleType, ClusterWatch]:
    """Ray, connected to a cluster, and the watch of that.

    Raises BadInput if Ray is not installed, or there is no cluster at the address.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if command := install_command(["ray"], "forecast-harness[ray]"):
        raise BadInput(f"--on ray needs Ray, which is not installed; run `{command}`")
    place = address or os.environ.get("RAY_ADDRESS")
    if place:
        use_token()
    import ray

    environment = {"env_vars": {name: value for name, value in os.environ.items() if _is_passed(name)}}
    with _own_signals(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what goes wrong is in the error
        try:
            if place:
                _check_answers(place)
                ray.init(address=place, runtime_env=environment, **QUIET)
            else:
                ray.init(num_cpus=usable_cpus(), include_dashboard=False, runtime_env=environment, **QUIET)
        except Exception as error:  # of Ray, of gRPC, or of the operating system
            what = f"there is no Ray cluster at {place}" if place else "no Ray cluster can be started"
            token = ", name its token by RAY_AUTH_TOKEN if it wants one" if place else ""
            raise BadInput(f"{what}: {first_line(error)}; correct the address{token}, or run without --on") from error
    _silence()
    known = place.partition("://")[2] if place and "://" in place else ray.get_runtime_context().gcs_address
    return cast("ModuleType", ray), ClusterWatch(place or "this machine", known)


def _silence() -> None:
    """Have Ray say nothing more: what it says of a lost connection, in many lines, is in our error."""
    warnings.filterwarnings("ignore", module=r"ray\.")
    for name in ["ray", *logging.root.manager.loggerDict]:
        if name.partition(".")[0] == "ray":
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _is_passed(variable: str) -> bool:
    """Whether a variable of the environment is passed to processes on nodes, where Ray chooses the GPUs."""
    return variable == "PYTHONPATH" or (variable.startswith("HARNESS_") and variable != VARIABLE)


def _check_answers(address: str) -> None:
    """Raise OSError if nothing answers at an address with a port as Ray does, by gRPC: Ray would wait for minutes."""
    target = address.partition("://")[2] if "://" in address else address
    host, _, port = target.rpartition(":")
    if not (host and port.isdecimal()):
        return
    socket.create_connection((host.strip("[]"), int(port)), CONNECTS).close()  # brackets are of IPv6
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        return
    import grpc  # which the client of Ray needs

    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            grpc.channel_ready_future(channel).result(CONNECTS)
        except grpc.FutureTimeoutError:
            raise TimeoutError(f"what listens there does not answer as Ray does, for {CONNECTS:g} seconds") from None


def use_token() -> None:
    """Have Ray send the token of a cluster, if there is one; Ray Client does so only if a variable says it."""
    given = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if given or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


@contextmanager
def _own_signals() -> Iterator[None]:
    """A block after which signals have the handlers that they had before; Ray sets its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def first_line(error: BaseException) -> str:
    """The first line of an error, with the second one where the first one announces it; of one of gRPC its status."""
    if status := re.search(r"StatusCode\.(\w+)", str(error)):
        return f"the connection ended: {status[1]}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
