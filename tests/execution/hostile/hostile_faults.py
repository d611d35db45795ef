"""What forecasters do to the process, the machine and the evaluation around them, by the name of the fault."""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import gc
import itertools
import json
import math
import mmap
import os
import random
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness import Contexts, Forecast

KEPT: list[Any] = []  # so that it is not freed
SLEEPER = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
os.setsid()
if os.fork():
    os._exit(0)
os.setsid()
print("asleep", flush=True)
time.sleep(1000)
"""


def patch_numpy(contexts: Contexts) -> None:
    for name in ("mean", "sum", "abs", "square", "isnan", "isfinite", "quantile", "sqrt", "median", "nanmean"):
        setattr(np, name, lambda *arguments, **options: 0.0)


def patch_harness(contexts: Contexts) -> None:
    import harness.evaluation.metrics as metrics
    from harness.results.journal import Journal

    for name in dir(metrics):
        if callable(getattr(metrics, name)) and not name.startswith("_"):
            setattr(metrics, name, lambda *arguments, **options: 0.0)
    Journal.write = lambda *arguments, **options: None  # type: ignore[method-assign]
    for name, module in list(sys.modules.items()):
        if name.startswith(("harness.evaluation", "harness.execution")):
            for attribute, value in list(vars(module).items()):
                if callable(value) and not isinstance(value, type) and not attribute.startswith("__"):
                    setattr(module, attribute, lambda *arguments, **options: None)


def patch_json(contexts: Contexts) -> None:
    json.dumps = lambda *arguments, **options: "[]"
    json.loads = lambda *arguments, **options: []


def patch_time(contexts: Contexts) -> None:
    for name in ("time", "monotonic", "perf_counter", "process_time"):
        setattr(time, name, lambda: 0.0)


def patch_random(contexts: Contexts) -> None:
    random.random = lambda: 0.5  # type: ignore[method-assign]
    np.random.default_rng = lambda *arguments: None  # type: ignore[assignment]


def patch_builtins(contexts: Contexts) -> None:
    for name in ("isinstance", "len", "open", "sorted", "type", "float"):
        setattr(builtins, name, lambda *arguments, **options: False)


def write_to_arrays(contexts: Contexts) -> None:
    for each in contexts:
        for array in (each.target, each.values, contexts.source.values):
            _overwrite(array)


def _overwrite(array: Any) -> None:
    with contextlib.suppress(ValueError):
        array.flags.writeable = True
        array[...] = 7.0
    with contextlib.suppress(ValueError):
        array *= 3.0
    base = array.base
    while isinstance(base, np.ndarray):
        with contextlib.suppress(ValueError):
            base.flags.writeable = True
            base[...] = 9.0
        base = base.base


def write_through_pointer(contexts: Contexts) -> None:
    values = contexts.source.values
    ctypes.memset(values.ctypes.data, 0, values.nbytes)


def write_by_torch(contexts: Contexts) -> None:
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for array in (next(iter(contexts)).target, contexts.source.values):
            tensor = torch.from_numpy(array)
            tensor -= 5.0


def torch_defaults(contexts: Contexts) -> None:
    import torch

    torch.set_default_dtype(torch.float16)
    torch.set_num_threads(7)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(1)


def raise_by_numpy(contexts: Contexts) -> None:
    np.seterr(all="raise")
    np.seterrcall(lambda *arguments: os._exit(9))


def alarms(contexts: Contexts) -> None:
    signal.signal(signal.SIGALRM, lambda *arguments: os._exit(9))
    signal.setitimer(signal.ITIMER_REAL, 60.0, 0.001)


def handlers(contexts: Contexts) -> None:
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def close_output(contexts: Contexts) -> None:
    sys.stdout.close()
    sys.stderr.close()
    for number in (1, 2):
        with contextlib.suppress(OSError):
            os.close(number)


def close_all(contexts: Contexts) -> None:
    os.closerange(0, 1 << 16)


def delete_folder(contexts: Contexts) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(Path.cwd())


def delete_scratch(contexts: Contexts) -> None:
    """The whole scratch folder, with the file of its data."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(Path.cwd().parent)


def close_folders(contexts: Contexts) -> None:
    """Folders that cannot be listed or deleted, and a link to a foreign file."""
    if KEPT:
        return
    KEPT.append(Path.cwd())
    Path("a/b/c").mkdir(parents=True)
    Path("a/b/c/file").touch()
    Path("a/b/link").symlink_to("/etc")
    for path in ("a/b/c", "a/b", "a", ".", ".."):
        os.chmod(path, 0)


def truncate_data(contexts: Contexts) -> None:
    """The files of its folder, in which that of its data was."""
    for path in Path.cwd().parent.iterdir():
        if path.is_file():
            os.truncate(path, 0)


def overwrite_data(contexts: Contexts) -> None:
    for path in Path.cwd().parent.iterdir():
        if path.is_file():
            path.write_bytes(b"\xff" * path.stat().st_size)


def pipes_as_data(contexts: Contexts) -> None:
    """Pipes in place of the files that will show it its data: opening one to write to it would wait for ever."""
    with contextlib.suppress(FileExistsError):  # in a later call
        for number in range(1000):
            for name in ("panel", "copy"):
                os.mkfifo(f"../{name}-{number // 100}-{number % 100}")


def environment(contexts: Contexts) -> None:
    os.environ.clear()
    os.environ.update({"OMP_NUM_THREADS": "9", "PYTHONPATH": "/nowhere", "HARNESS_HOME": "/nowhere", "TMPDIR": "/"})
    os.umask(0o777)
    os.nice(5)


def limits(contexts: Contexts) -> None:
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_STACK, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))


def many_files(contexts: Contexts) -> None:
    Path("file").touch()
    KEPT.extend(os.open("file", os.O_RDONLY) for _ in range(5000))


def many_threads(contexts: Contexts) -> None:
    threading.stack_size(64 << 10)
    for _ in range(1100):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    time.sleep(1000)


def spinning_thread(contexts: Contexts) -> None:
    def spin() -> None:
        while True:
            pass

    threading.Thread(target=spin).start()


def fork_tree(contexts: Contexts) -> None:
    """64 processes that sleep."""
    if KEPT:
        return
    KEPT.append("forked")
    begin = os.getpid()
    for _ in range(6):
        os.fork()
    if os.getpid() != begin:
        while True:
            time.sleep(1000)


def replace_by_fork(contexts: Contexts) -> None:
    """Go on in a child, as a daemon does."""
    if os.fork():
        os._exit(0)
    os.setsid()


def sleepers(contexts: Contexts) -> None:
    """Processes in sessions of their own, whose parents have ended, and which ignore SIGTERM."""
    for _ in range(0 if KEPT else 2):
        process = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, close_fds=False)
        assert process.stdout is not None
        process.stdout.readline()
        KEPT.append(process)


def loky_pool(contexts: Contexts) -> None:
    from joblib import Parallel, delayed

    KEPT.append(Parallel(n_jobs=2)(delayed(math.sqrt)(i) for i in range(4)))


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


class Holding(Exception):
    def __init__(self) -> None:
        super().__init__("cannot be pickled")
        self.held = lambda: threading.Lock()


def raised(error: BaseException) -> Callable[[Contexts], None]:
    def raise_it(contexts: Contexts) -> None:
        raise error

    return raise_it


def bus_error(contexts: Contexts) -> None:
    with open("mapped", "wb+") as file:
        file.truncate(1 << 16)
        mapped = mmap.mmap(file.fileno(), 1 << 16)
        file.truncate(0)
    mapped[5000]


def stack_overflow(contexts: Contexts) -> None:
    sys.setrecursionlimit(1 << 30)
    nested: list[Any] = []
    for _ in range(10**6):
        nested = [nested]
    repr(nested)


def abort_without_memory(contexts: Contexts) -> None:
    """What a library in C++ does when it gets no memory."""
    malloc = ctypes.CDLL(None).malloc
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    assert malloc(1 << 48) is None
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n")
    os.abort()


def torch_allocation(contexts: Contexts) -> None:
    import torch

    torch.empty(1 << 47)


def leak(contexts: Contexts) -> None:
    while True:
        KEPT.append(np.ones(1 << 18))
        time.sleep(0.001)


def leak_in_child(contexts: Contexts) -> None:
    if not os.fork():
        resource.setrlimit(resource.RLIMIT_DATA, (resource.getrlimit(resource.RLIMIT_DATA)[1],) * 2)
        for _ in range(450):
            KEPT.append(np.ones(1 << 17))
            time.sleep(0.001)
        time.sleep(1000)
    time.sleep(1000)


def flood(contexts: Contexts) -> None:
    part = b"0123456789abcde\n" * (1 << 16)
    for _ in range(1024):
        os.write(1, part)


def loop(contexts: Contexts) -> None:
    while True:
        pass


def ignore_sigterm(contexts: Contexts) -> None:
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    time.sleep(1000)


def stop_itself(contexts: Contexts) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def catch_everything(contexts: Contexts) -> None:
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(1000)


class Lying(np.ndarray):  # type: ignore[type-arg]
    def __array__(self, *arguments: Any, **options: Any) -> Any:
        return np.zeros(self.shape)

    def __array_ufunc__(self, *arguments: Any, **options: Any) -> Any:
        return np.zeros(self.shape)

    def __array_function__(self, *arguments: Any, **options: Any) -> Any:
        return np.zeros(self.shape)


class Complete(Forecast):
    def finite(self) -> Any:
        return np.ones(len(self.mean), dtype=bool)


def filled(value: float) -> Callable[[Contexts], Any]:
    return lambda contexts: Forecast.point(_mean(contexts, value))


def _mean(contexts: Contexts, value: float = 0.0) -> Any:
    return np.full((len(contexts), contexts.horizon, len(contexts.targets)), value)


def lying_array(contexts: Contexts) -> Any:
    forecast = Forecast.point(_mean(contexts))
    vars(forecast)["mean"] = vars(forecast)["median"] = _mean(contexts, math.nan).view(Lying)
    return forecast


def lying_forecast(contexts: Contexts) -> Any:
    return Complete(_mean(contexts, math.nan), (), None)


def wrong_shape(contexts: Contexts) -> Any:
    return Forecast.point(_mean(contexts)[:, :1])


def text_as_mean(contexts: Contexts) -> Any:
    forecast = Forecast.point(_mean(contexts))
    vars(forecast)["mean"] = "much"
    return forecast


def descriptors() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]


def connection() -> socket.socket:
    """The socket of the messages."""
    for number in descriptors():
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return socket.socket(fileno=os.dup(number))
    raise AssertionError


def write_to_descriptors(contexts: Contexts) -> None:
    for number in descriptors():
        with contextlib.suppress(OSError):
            os.write(number, b"garbage\n" * 100)


def message(header: bytes) -> Callable[[Contexts], None]:
    return lambda contexts: connection().sendall(len(header).to_bytes(4, "little") + header)


def too_many_answers(contexts: Contexts) -> None:
    answer = json.dumps({"ok": True, "seconds": 0, "cpu_seconds": 0, "warnings": []}).encode()
    for _ in range(3):
        message(b'{"done":true}')(contexts)
        message(answer)(contexts)


def huge_number(contexts: Contexts) -> None:
    message(b'{"done":true}')(contexts)
    message(b'{"ok":true,"seconds":1' + b"0" * 400 + b"}")(contexts)


def kill_group(contexts: Contexts) -> None:
    os.killpg(0, signal.SIGKILL)


def kill_parent(contexts: Contexts) -> None:
    """Its guardian."""
    _kill(os.getppid())


def kill_supervisor(contexts: Contexts) -> None:
    """The process that made the socket of the messages."""
    credentials = connection().getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    _kill(int.from_bytes(credentials[:4], sys.byteorder))


OTHERS = 7  # cells of the board on which the template is killed


def kill_template(contexts: Contexts) -> None:
    """The parent of its guardian: in the last of four tries only after all other cells, which have four tries too."""
    home = Path(os.environ["HARNESS_HOME"])
    kills = home.with_name("kills")
    with kills.open("a") as file:
        file.write("x")
    while kills.stat().st_size > 3 and len([*home.glob("journal/cells/*/record.json")]) < OTHERS:
        time.sleep(0.05)
    with open(f"/proc/{os.getppid()}/stat") as file:
        _kill(int(file.read().rpartition(")")[2].split()[1]))


def _kill(process: int) -> None:
    """Kill a process of the same command, and no other."""
    with open(f"/proc/{process}/environ", "rb") as file:
        assert b"HARNESS_HOME=" + os.environb[b"HARNESS_HOME"] in file.read().split(b"\0")
    os.kill(process, signal.SIGKILL)
    time.sleep(1000)


def wait_once(contexts: Contexts) -> None:
    """Tell who it is, and wait to be killed; the next time do nothing."""
    told = Path(os.environ["HARNESS_HOME"]).parent / "waiting"
    if not told.exists():
        draft = told.with_name("waiting-draft")
        draft.write_text(f"{os.getpid()} {os.getppid()}")
        draft.rename(told)
        time.sleep(1000)


def close_connection(contexts: Contexts) -> None:
    """Run on without the supervisor."""
    connection().close()
    for descriptor in range(3, 1 << 10):
        with contextlib.suppress(OSError):
            os.close(descriptor)
    time.sleep(1000)


def exit_without_memory(contexts: Contexts) -> None:
    """As OpenBLAS does."""
    os.write(2, b"OpenBLAS error: Memory allocation still failed after 10 retries, giving up.\n")
    os._exit(1)


def drip(contexts: Contexts) -> None:
    """Send a message byte by byte."""
    connected = connection()
    connected.sendall((1 << 20).to_bytes(4, "little"))
    while True:
        connected.sendall(b" ")
        time.sleep(0.02)


def sleep_in_copies(contexts: Contexts) -> None:
    if os.getpid() != os.getpgrp():
        time.sleep(1000)


class Remarks:
    def __iter__(self) -> Any:
        return itertools.repeat("again")


def endless_remarks(contexts: Contexts) -> None:
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("self"), "fault"):
        assert frame.f_back is not None
        frame = frame.f_back
    frame.f_locals["self"].remarks_ = Remarks()


def no_collector(contexts: Contexts) -> None:
    gc.disable()
    sys.setrecursionlimit(60)
    sys.settrace(lambda *arguments: None)
    sys.stdout = sys.stderr = None  # type: ignore[assignment]
    sys.path.clear()


FAULTS: Mapping[str, Callable[..., Any]] = {
    "patches numpy": patch_numpy,
    "patches harness": patch_harness,
    "patches json": patch_json,
    "patches time": patch_time,
    "patches random": patch_random,
    "patches builtins": patch_builtins,
    "writes to arrays": write_to_arrays,
    "writes through a pointer": write_through_pointer,
    "writes by torch": write_by_torch,
    "sets defaults of torch": torch_defaults,
    "seterr": raise_by_numpy,
    "alarms": alarms,
    "handlers": handlers,
    "closes its output": close_output,
    "closes all descriptors": close_all,
    "deletes its folder": delete_folder,
    "deletes its scratch folder": delete_scratch,
    "folders without rights": close_folders,
    "truncates its data": truncate_data,
    "overwrites its data": overwrite_data,
    "pipes as its data": pipes_as_data,
    "changes the environment": environment,
    "changes limits": limits,
    "5,000 files": many_files,
    "1,100 threads": many_threads,
    "a thread that spins": spinning_thread,
    "64 processes": fork_tree,
    "goes on in a child": replace_by_fork,
    "processes that outlive it": sleepers,
    "a pool of loky": loky_pool,
    "no collector": no_collector,
    "sys.exit(0)": lambda contexts: sys.exit(0),
    "os._exit(0)": lambda contexts: os._exit(0),
    "os._exit(1)": lambda contexts: os._exit(1),
    "os._exit(70)": lambda contexts: os._exit(70),
    "SystemExit": raised(SystemExit("bye")),
    "KeyboardInterrupt": raised(KeyboardInterrupt("stop")),
    "GeneratorExit": raised(GeneratorExit("gone")),
    "two arguments": raised(TwoArguments("one", "two")),
    "not to be pickled": raised(Holding()),
    "text that raises": raised(Unspeakable()),
    "text that never ends": raised(Endless()),
    "text of 100 MB": lambda contexts: raised(ValueError("x" * (100 << 20)))(contexts),
    "escape sequences": raised(ValueError("\x1b[31mred\x1b]0;title\x07 \ud800 [bold]")),
    "segfault": lambda contexts: ctypes.string_at(0),
    "abort": lambda contexts: os.abort(),
    "bus error": bus_error,
    "stack overflow": stack_overflow,
    "MemoryError": raised(MemoryError("no more")),
    "numpy allocation": lambda contexts: np.ones(1 << 46),
    "torch allocation": torch_allocation,
    "C++ allocation": abort_without_memory,
    "leaks": leak,
    "leaks in a child": leak_in_child,
    "prints 1 GB": flood,
    "loops": loop,
    "ignores SIGTERM": ignore_sigterm,
    "stops itself": stop_itself,
    "catches everything": catch_everything,
    "another type": lambda contexts: [1, 2, 3],
    "NaN": filled(math.nan),
    "infinite": filled(math.inf),
    "1e308": filled(1e308),
    "lying array": lying_array,
    "lying forecast": lying_forecast,
    "wrong shape": wrong_shape,
    "text as mean": text_as_mean,
    "writes to descriptors": write_to_descriptors,
    "sends no JSON": message(b"{}}"),
    "sends a huge header": lambda contexts: connection().sendall(b"\xff\xff\xff\xff"),
    "sends a huge array": message(
        b'{"done":true,"arrays":[{"name":"mean","dtype":"<f8","shape":[1099511627776,1099511627776]}]}'
    ),
    "sends deep JSON": message(b'{"ok":' + b"[" * 100000 + b"]" * 100000 + b"}"),
    "answers too often": too_many_answers,
    "closes its connection": close_connection,
    "exits without memory": exit_without_memory,
    "drips": drip,
    "sleeps in copies": sleep_in_copies,
    "terminates itself": lambda contexts: os.kill(os.getpid(), signal.SIGTERM),
    "sends an impossible array": message(
        b'{"done":true,"arrays":[{"name":"mean","dtype":"<f8","shape":[0,' + b"9" * 40 + b"]}]}"
    ),
    "sends a huge number": huge_number,
    "kills its group": kill_group,
    "kills its parent": kill_parent,
    "kills its supervisor": kill_supervisor,
    "kills the template": kill_template,
    "endless remarks": endless_remarks,
    "waits once": wait_once,
    "nothing": lambda contexts: None,
}
