"""The server of `harness ui` on the loopback interface, until Ctrl-C."""

from __future__ import annotations

import contextlib
import difflib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import BadInput, HarnessError
from harness_mlflow.companion import companion_of
from harness_mlflow.database import prepare
from harness_mlflow.index import read_boards
from harness_mlflow.pages import Served, board_address
from harness_mlflow.place import Place
from harness_mlflow.problems import check_tables, problem_sentence, tables_problem

HOST = "127.0.0.1"
PORTS = range(5000, 5100)  # tried in turn unless one is given
START = 120.0  # seconds that the server may take to answer
END = 5.0  # seconds that it may take to end
# settings of MLflow's server that would move its pages, or open it to other machines
FOREIGN = (
    "MLFLOW_STATIC_PREFIX",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE",
    "MLFLOW_SERVER_ALLOWED_HOSTS",
    "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
    "MLFLOW_ENABLE_REMOTE_ASSISTANT",
)


def show(
    home: Path, board: str | None, port: int | None, *, name: str, browser: bool, say: Callable[[str], None]
) -> None:
    """Mirror what is not mirrored yet, and serve the home's store until Ctrl-C; `name` is what the user calls the home.

    Raises BadInput where nothing was run with the home, or the port is taken.
    """
    place = Place(home)
    boards = [known.plan.name for known in read_boards(home)]
    if not boards:
        raise BadInput(f"nothing was run with the home {name} yet; `harness run BOARD` fills it")
    if board is not None and board not in boards:
        near = difflib.get_close_matches(board, boards, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(boards)}"
        raise BadInput(f"no board called {board!r} was run with the home {name}; {hint}")
    free_port(port)  # raises before anything is sent
    for sentence in companion_of(home).finish(say):
        if "`harness ui`" not in sentence:
            say(sentence)
    say(f"The server starts, within {START:.0f} seconds at most")
    _end_by_signals()
    with contextlib.suppress(KeyboardInterrupt), serve(place, port) as address:
        _open(f"{address}/{'' if board is None else board_address(board)}", browser, say)
        say("Ctrl-C ends it.")
        while True:
            time.sleep(3600)


class _PortTaken(Exception):
    """Another process has taken the port since it was found free."""


@contextlib.contextmanager
def serve(place: Place, port: int | None) -> Iterator[str]:
    """The server of our pages and MLflow's, two processes, at the address that is yielded; it ends with the block.

    Where another server holds the store, it has our pages alone, in one process. Without a port, it is the first free
    one. Raises BadInput if the given one is taken.
    """
    if place.own:
        prepare(place)
    elif not place.on_server:
        _check(place)
    process, address = _start(place, port)
    try:
        yield address
    finally:
        _end(process)


def _start(place: Place, port: int | None) -> tuple[subprocess.Popen[bytes], str]:
    """The server and its address, once it answers."""
    while True:
        chosen = free_port(port)
        with (place.folder / "server.log").open("ab") as log:
            begin = log.tell()
            process = subprocess.Popen(
                _command(place, chosen),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=place.folder,
                env=_environment(place),
                start_new_session=True,
            )
        try:
            _await(process, chosen, Path(log.name), begin)
            return process, f"http://{HOST}:{chosen}"
        except _PortTaken:
            _end(process)  # and the next round finds another port, or that the given one is taken
        except BaseException:
            _end(process)
            raise


def free_port(asked: int | None) -> int:
    """The given port, or the first free one; raises BadInput if it is taken."""
    for port in PORTS if asked is None else [asked]:
        if _is_free(port):
            return port
    taken = f"port {asked}" if asked is not None else f"every port from {PORTS.start} to {PORTS.stop - 1}"
    raise BadInput(f"{taken} of {HOST} is taken; name another by --port")


def _end_by_signals() -> None:
    """Let every signal that ends this process end the server too; a second signal must not interrupt that."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def end(number: int, frame: object) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, end)


def _command(place: Place, port: int) -> list[str]:
    where = ["--workers", "1", "--host", HOST, "--port", str(port)]
    if place.on_server:
        application = "harness_mlflow.app:without_mlflow"
        return [sys.executable, "-P", "-m", "uvicorn", *where, "--factory", "--log-level", "warning", application]
    return [sys.executable, "-P", "-m", "mlflow", "server", *where, "--app-name", "harness"]


def _environment(place: Place) -> dict[str, str]:
    """The server's environment: this process's, without settings of a server elsewhere, with those of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return {**kept, **_settings(place)}


def _settings(place: Place) -> dict[str, str]:
    """The server's environment variables; the address may hold a password, which a command line would show."""
    if place.on_server:
        return Served(place.home, place.store, f"{place.store.rstrip('/')}/").variables
    return {
        **Served(place.home, place.store, "/mlflow").variables,
        "MLFLOW_BACKEND_STORE_URI": place.uri,
        "MLFLOW_ARTIFACTS_DESTINATION": place.artifacts.as_uri(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _await(process: subprocess.Popen[bytes], port: int, log: Path, begin: int) -> None:
    """Wait until the server answers; raises HarnessError where it ends, with the reason that its log gives.

    Raises _PortTaken where it ends because another process, perhaps another home's server, listens at its port.
    """
    until = time.monotonic() + START
    while time.monotonic() < until:
        if process.poll() is not None:
            if "address already in use" in _text(log, begin).lower():
                raise _PortTaken
            raise HarnessError(f"MLflow's server ended at once: {_reason(log, begin)}; {log} has the details")
        if _answers(f"http://{HOST}:{port}") and _listens(process, port):
            return
        time.sleep(0.2)
    raise HarnessError(f"MLflow's server did not answer within {START:.0f} seconds; {log} may say why")


def _check(place: Place) -> None:
    """Raise HarnessError where the installed MLflow cannot use the database of MLFLOW_TRACKING_URI unaltered."""
    try:
        check_tables(place.uri)
    except HarnessError as error:
        raise HarnessError(f"MLflow ({place.label}): {error}") from error
    except Exception as error:  # what the library of the database raises
        why = problem_sentence(str(error), type(error).__name__)
        raise HarnessError(f"MLflow ({place.label}) cannot be reached: {why}") from error


def _reason(log: Path, begin: int) -> str:
    """Why the server ended, by what it wrote to its log from a position on."""
    text = _text(log, begin)
    if (known := tables_problem(text)) is not None:
        return f"the store cannot be used, {known}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or "Exception" in line]
    return problem_sentence((errors or lines or ["it did not say why"])[-1], "MLflow")


def _text(log: Path, begin: int) -> str:
    """What the log says from a position on."""
    with log.open("rb") as file:
        file.seek(begin)
        return file.read().decode("utf-8", "replace")


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:  # the connection is refused until the server listens
        return False


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether a process or one of its children listens at a port, and not another server."""
    import psutil

    try:
        root = psutil.Process(process.pid)
        connections = [each for member in (root, *root.children(recursive=True)) for each in member.net_connections()]
    except psutil.AccessDenied:  # the system does not tell
        return True
    except psutil.NoSuchProcess:  # it ends
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server with all its children."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        family = [*root.children(recursive=True), root]
        for process_ in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process_.terminate()
        for process_ in psutil.wait_procs(family, timeout=END)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process_.kill()
    process.wait()


def _open(address: str, browser: bool, say: Callable[[str], None]) -> None:
    say(f"Leaderboards: {address}")
    if browser:
        import webbrowser

        webbrowser.open(address)
