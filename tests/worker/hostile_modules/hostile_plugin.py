"""A plugin of careless and hostile forecasters, each by the name of what it does."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness import (
    Context,
    Contexts,
    FittedLocalForecaster,
    Forecast,
    ForecasterSpec,
    LocalForecaster,
    TrainingData,
    Unsupported,
    hookimpl,
)


class TwoArguments(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Endless(Exception):
    def __str__(self) -> str:
        while True:
            pass


class Base(BaseException):
    pass


class OutOfMemoryError(RuntimeError):
    pass


def raise_(error: BaseException) -> None:
    raise error


def abort() -> None:
    os.abort()


def ignore_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(1000)


SLEEPER = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
os.setsid()
if os.fork():
    os._exit(0)
if os.fork():
    time.sleep(1000)
os.setsid()
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(1000)
"""


def grandchildren() -> None:
    """Processes in sessions of their own, whose parents have ended."""
    for i in range(3):
        subprocess.Popen([sys.executable, "-c", SLEEPER, f"pids{i}"], close_fds=i > 0)
    while not all(Path(f"pids{i}").exists() and Path(f"pids{i}").read_text() for i in range(3)):
        time.sleep(0.02)


def share_an_array() -> None:
    """An array in a file of joblib, while the process is killed."""
    from joblib import Parallel, delayed

    Parallel(n_jobs=2)(delayed(kill_with)(os.getpid(), np.ones(1 << 20)) for _ in range(2))


def kill_with(pid: int, array: object) -> None:
    if isinstance(array, np.memmap):
        os.kill(pid, signal.SIGKILL)


def close_everything() -> None:
    os.closerange(0, 1 << 16)


def open_5000() -> None:
    Path("marker").touch()
    kept.extend(os.open("marker", os.O_RDONLY) for _ in range(5000))


kept: list[Any] = []


def allocate_small() -> None:
    """Allocate until not even a small object fits, and keep everything."""
    kept.append(None)
    while True:
        kept[0] = (kept[0], bytes(64))


def replace_connection() -> None:
    """Close the connection, and open a file that gets its number."""
    os.closerange(3, 1 << 16)
    kept.extend(open(f"stolen{i}", "w") for i in range(20))  # noqa: SIM115


def delete_folder() -> None:
    folder = Path.cwd()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def spoil() -> None:
    """Change everything that a next forecaster would notice."""
    np.mean = lambda *arguments, **options: 42.0  # type: ignore[assignment]
    np.seterr(all="raise")
    np.random.seed(7)  # noqa: NPY002
    random.seed(7)
    signal.signal(signal.SIGALRM, lambda *_: os._exit(9))
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    os.environ["SPOILT"] = "1"
    os.chdir("/")
    os.umask(0o777)
    sys.stdout.close()
    sys.path.insert(0, "/nowhere")
    Forecast.point = None  # type: ignore[method-assign, assignment]


def state() -> dict[str, Any]:
    """What `spoil` changes."""
    return {
        "mean": float(np.mean([1.0, 2.0])),
        "errors": dict(np.geterr()),
        "drawn": [random.random(), float(np.random.random())],  # noqa: NPY002
        "alarm": str(signal.getsignal(signal.SIGALRM)),
        "timer": signal.getitimer(signal.ITIMER_REAL)[0],
        "term": str(signal.getsignal(signal.SIGTERM)),
        "blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
        "spoilt": os.environ.get("SPOILT"),
        "folder": Path.cwd().name.rstrip("0123456789"),
        "umask": os.umask(0o022),
        "path": sys.path,
        "descriptors": sorted(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else [],
        "interrupt": str(signal.getsignal(signal.SIGINT)),
        "input": sys.stdin.read(),
        "modules": [name for name in ("torch", "mlflow", "pytest", "sklearn", "statsmodels") if name in sys.modules],
    }


FAULTS: Mapping[str, Callable[[], Any]] = {
    "": lambda: None,
    "prints": lambda: print("hello from the forecaster"),  # noqa: T201
    "writes to 1": lambda: os.write(1, b"raw bytes \xff\n"),
    "floods": lambda: [os.write(1, b"x" * 99 + b"\n") for _ in range(10**6)],
    "sys.exit(0)": lambda: sys.exit(0),
    "os._exit(0)": lambda: os._exit(0),
    "os._exit(3)": lambda: os._exit(3),
    "SystemExit": lambda: raise_(SystemExit("bye")),
    "KeyboardInterrupt": lambda: raise_(KeyboardInterrupt()),
    "BaseException": lambda: raise_(Base("base")),
    "two arguments": lambda: raise_(TwoArguments("one", "two")),
    "unspeakable": lambda: raise_(Unspeakable()),
    "endless text": lambda: raise_(Endless()),
    "long text": lambda: raise_(ValueError("x" * 10**7)),
    "surrogate": lambda: raise_(ValueError("\ud800 \x1b[31m")),
    "unsupported": lambda: raise_(Unsupported("no covariates")),
    "segfault": lambda: ctypes.string_at(0),
    "abort": abort,
    "MemoryError": lambda: raise_(MemoryError()),
    "allocates": lambda: np.ones(1 << 40),
    "allocates slowly": lambda: [kept.append(np.ones(1 << 20)) for _ in range(1 << 16)],
    "allocates small": allocate_small,
    "OutOfMemoryError": lambda: raise_(OutOfMemoryError("CUDA")),
    "torch's": lambda: raise_(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")),
    "ENOMEM": lambda: raise_(OSError(12, "Cannot allocate memory")),
    "recursion": lambda: FAULTS["recursion"](),
    "sleeps": lambda: time.sleep(1000),
    "ignores SIGTERM": ignore_sigterm,
    "grandchildren": grandchildren,
    "shares an array": share_an_array,
    "closes everything": close_everything,
    "opens 5000": open_5000,
    "replaces connection": replace_connection,
    "deletes folder": delete_folder,
    "spoils": spoil,
    "kills its parent": lambda: (grandchildren(), os.kill(os.getppid(), signal.SIGKILL), time.sleep(1000)),
    "kills its group": lambda: os.killpg(0, signal.SIGKILL),
    "leaves a thread": lambda: __import__("threading").Thread(target=time.sleep, args=(1000,), daemon=True).start(),
}


@dataclass
class Hostile(LocalForecaster):
    """Does what `fault` names in `predict`; forecasts the last value."""

    fault: str = ""
    in_fit: bool = False

    def __post_init__(self) -> None:
        self.curves_ = {"loss": [1.0, float("nan"), float("inf")]}
        if self.fault == "warns when made":
            warnings.warn("made", stacklevel=2)

    @property
    def remarks_(self) -> list[str]:
        import json

        return [json.dumps(state())] if self.fault == "state" else ["a remark"]

    def fit(self, train: TrainingData) -> None:
        if self.in_fit:
            FAULTS[self.fault]()

    def predict(self, contexts: Contexts) -> Forecast:
        if self.fault != "state" and not self.in_fit:
            FAULTS[self.fault]()
        return super().predict(contexts)

    def predict_series(self, context: Context) -> np.ndarray:
        return np.full((context.horizon, 1), context.target[-1, 0])


@dataclass
class Fitted(FittedLocalForecaster):
    """Fits the number of rows of the training data, and knows the largest value that it has seen since."""

    seen: float = 0.0

    def fit_series(self, context: Context) -> int:
        return len(context.values)

    def predict_windows(self, state: int, contexts: Contexts) -> Forecast:
        self.seen = max(self.seen, float(np.nanmax(contexts.last_targets(1))))
        if len(contexts) == 3:
            raise ValueError("no three windows")
        values = np.array([float(state), self.seen, float(np.random.random())])  # noqa: NPY002
        return Forecast.point(np.tile(values[None, :, None], (len(contexts), 1, 1)))


class Small(np.ndarray):
    def sum(self, *arguments: Any, **options: Any) -> Any:
        return 0.0


class Complete(Forecast):
    def finite(self) -> np.ndarray:
        return np.ones(len(self.mean), dtype=bool)


@dataclass
class Unlike(LocalForecaster):
    """Returns what looks like a forecast."""

    kind: str = "subclass"

    def predict(self, contexts: Contexts) -> Any:
        mean = np.full((len(contexts), contexts.horizon, 1), np.nan)
        if self.kind == "subclass":
            forecast = Complete(mean, (0.1, 0.9), np.zeros((*mean.shape, 2)))
            vars(forecast)["mean"] = mean.view(Small)
            return forecast
        if self.kind == "text":
            forecast = Forecast.point(mean)
            vars(forecast)["mean"] = "much"
            return forecast
        return mean

    def predict_series(self, context: Context) -> np.ndarray:
        raise NotImplementedError


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    return [
        ForecasterSpec("hostile", Hostile, draws=False),
        ForecasterSpec("fitted", Fitted, draws=False),
        ForecasterSpec("unlike", Unlike, draws=False),
    ]
