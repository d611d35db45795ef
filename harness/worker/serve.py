"""A worker: it answers the requests of its supervisor about one forecaster, until it is told to end."""

from __future__ import annotations

import gc
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from time import perf_counter, process_time
from typing import Any, NoReturn, TypeVar

from harness.data.panel import Panel
from harness.evaluation.batch_halving import with_enough_memory
from harness.evaluation.memory import peak_memory, reset_peak
from harness.forecasters.forecaster import FittedLocalForecaster, Forecaster
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts
from harness.worker.copying import copied
from harness.worker.describing import described
from harness.worker.devices import device_facts
from harness.worker.environment import python_environment
from harness.worker.facts import is_per_series
from harness.worker.faults import Raised, caught, fault
from harness.worker.making import contract, facts, make_forecaster, ready_spec
from harness.worker.memory_limit import Allowances
from harness.worker.messages import PROTOCOL, Connection, Message, ProtocolError
from harness.worker.models import load_model
from harness.worker.preload import harness_version, warm_up
from harness.worker.values import Answer, forecast_answer, predicted, read_contexts, read_panel, read_training

T = TypeVar("T")
LOST = 71  # the exit code of a worker whose connection is no longer one
RESERVE = 16 << 20  # bytes, to answer that the limit of memory is reached
MOST_WARNINGS = 20  # in an answer
MOST_WARNING = 1000  # characters


def serve(connection: Connection) -> NoReturn:
    """Answer requests until the connection is closed or the worker is told to end; then end the process."""
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("default")
            _Worker(connection, warned).serve()
    except (EOFError, ConnectionError):
        _end(0)
    except BaseException:
        _end(LOST)


def _end(code: int) -> NoReturn:
    """End this process with what it has written; nothing else is done at its end."""
    caught(sys.stdout.flush)
    caught(sys.stderr.flush)
    os._exit(code)


class _Worker:
    """What a worker has been given, and its forecaster."""

    def __init__(self, connection: Connection, warned: list[warnings.WarningMessage]) -> None:
        self.connection, self.warned = connection, warned
        self.identity = _identity(connection)
        self.forecaster: Forecaster | None = None
        self.panels: dict[str, Panel] = {}
        self.allowances = Allowances()
        self.allowances.allow("reserve", RESERVE)
        self.reserve: bytearray | bytes = bytearray(RESERVE)  # never written to, so that it is not resident
        self.contexts: Contexts | None = None
        self.train: TrainingData | None = None
        self.operations: Mapping[str, Callable[[Message], Answer]] = {
            "ping": lambda message: Answer({}, {}),
            "cell": self._begin_cell,
            "make": self._make,
            "panel": self._take_panel,
            "contexts": self._take_contexts,
            "train": self._take_training,
            "fit": lambda message: self._timed(self._fit),
            "fit_contexts": lambda message: self._timed(self._fit_contexts),
            "predict": self._predict,
            "describe": self._describe,
            "environment": self._describe_environment,
            "contract": lambda message: Answer({"contract": contract(message.header)}, {}),
            "facts": lambda message: Answer({"facts": facts(message.header)}, {}),
            "fork": self._fork,
        }

    def serve(self) -> NoReturn:
        """Greet, and answer."""
        self.connection.send(
            {"hello": PROTOCOL, "harness": harness_version(), "python": platform.python_version(), "pid": os.getpid()}
        )
        while True:
            message = self.connection.receive()
            operation = message.header.get("op")
            if operation == "end":
                self._send(Answer({"ok": True}, {}))
                _end(0)
            outcome = caught(partial(self._answer, message), self._make_room)
            if not isinstance(outcome, Raised):
                try:
                    self._send(Answer({"ok": True, **outcome.value.header}, outcome.value.arrays))
                except (
                    TypeError,
                    ValueError,
                    RecursionError,
                ) as error:  # a forecaster's own value, of which nothing was sent
                    outcome = Raised(error)
            if isinstance(outcome, Raised):
                self._send(Answer({"ok": False, "error": fault(outcome.error)}, {}))

    def _send(self, answer: Answer) -> None:
        if _identity(self.connection) != self.identity:
            _end(LOST)  # the forecaster closed the connection, and its number may be another file now
        self.connection.send(answer.header, answer.arrays)

    def _answer(self, message: Message) -> Answer:
        operation = message.header.get("op")
        if not isinstance(operation, str) or operation not in self.operations:
            raise ProtocolError(f"no operation {operation!r:.40}; known: {', '.join(self.operations)}, end")
        return self.operations[operation](message)

    def _begin_cell(self, message: Message) -> Answer:
        """Forget all of the cell before but what its plugin keeps, such as a loaded model."""
        self.forecaster = self.contexts = self.train = None
        self.panels.clear()
        self.warned.clear()
        self.reserve = b""  # before it is allocated again
        self.reserve = bytearray(RESERVE)
        os.chdir(os.environ["TMPDIR"])
        gc.collect()
        reset_peak()
        return Answer({}, {})

    def _make(self, message: Message) -> Answer:
        spec = ready_spec(message.header)
        warned = len(self.warned)  # those of imports depend on what the template has imported already
        self.forecaster = make_forecaster(spec, message.header)
        loads = spec.reusable and load_model(spec, self.forecaster, message.header)
        warm_up(1)  # or the first call would take the page faults of all memory that it shares with the template
        per_series = caught(partial(is_per_series, self.forecaster))
        told = not isinstance(per_series, Raised) and per_series.value
        return Answer({"warnings": warning_texts(self.warned[warned:]), "loads": loads, "per_series": told}, {})

    def _take_panel(self, message: Message) -> Answer:
        name, (rows, channels) = message.header["panel"], message.header["shape"]
        self.allowances.allow(name, rows * channels * 8)
        self.panels[name] = read_panel(message)
        return Answer({}, {})

    def _take_contexts(self, message: Message) -> Answer:
        self.contexts = read_contexts(message, self._panel(message))
        return Answer({}, {})

    def _take_training(self, message: Message) -> Answer:
        self.train = read_training(message, self._panel(message))
        return Answer({}, {})

    def _fit(self) -> None:
        forecaster, train = self._known_forecaster(), self._required("train", self.train)
        with_enough_memory(forecaster, "fit", lambda: forecaster.fit(train))

    def _fit_contexts(self) -> None:
        forecaster = self._known_forecaster()
        if isinstance(forecaster, FittedLocalForecaster):
            contexts = self._required("contexts", self.contexts)
            with_enough_memory(forecaster, "fit", lambda: forecaster.fit_contexts(contexts))

    def _predict(self, message: Message) -> Answer:
        forecaster, contexts = self._known_forecaster(), self._required("contexts", self.contexts)
        # converted within the time of the call: arrays of a forecast may compute their values when they are asked
        action = partial(with_enough_memory, forecaster, "predict", lambda: predicted(forecaster, contexts))
        answer, timing = self._measured(lambda: forecast_answer(*action()))
        return Answer({**timing, **answer.header}, answer.arrays)

    def _timed(self, action: Callable[[], object]) -> Answer:
        return Answer(self._measured(action)[1], {})

    def _measured(self, action: Callable[[], T]) -> tuple[T, dict[str, Any]]:
        """What an action returns, its time and its warnings; the supervisor is told at once when it is done."""
        warned = len(self.warned)
        wall, cpu = perf_counter(), process_time()
        outcome = caught(action, self._make_room)
        seconds, cpu_seconds = perf_counter() - wall, process_time() - cpu
        self._send(Answer({"done": True}, {}))
        if isinstance(outcome, Raised):
            raise outcome.error
        timing = {"seconds": seconds, "cpu_seconds": cpu_seconds, "warnings": warning_texts(self.warned[warned:])}
        return outcome.value, timing

    def _describe(self, message: Message) -> Answer:
        return Answer({**described(self._known_forecaster()), "peak_memory": peak_memory()}, {})

    def _describe_environment(self, message: Message) -> Answer:
        return Answer({**python_environment(), "device": device_facts(self.forecaster)}, {})

    def _make_room(self) -> None:
        """Free some memory, and allow for more, to answer that there is none."""
        self.reserve = b""
        self.allowances.allow("answer", RESERVE)

    def _fork(self, message: Message) -> Answer:
        copy = copied(message.header["path"])
        if isinstance(copy, Connection):
            try:
                for descriptor in {self.connection.reading, self.connection.writing}:
                    os.close(descriptor)
                self.connection, self.identity = copy, _identity(copy)
                self.serve()
            finally:
                _end(0)
        return Answer({"pid": copy} if isinstance(copy, int) else {"pid": None, "reason": copy}, {})

    def _known_forecaster(self) -> Forecaster:
        return self._required("make", self.forecaster)

    def _required(self, operation: str, value: T | None) -> T:
        if value is None:
            raise ProtocolError(f"a request of {operation!r} must come first")
        return value

    def _panel(self, message: Message) -> Panel:
        return self._required("panel", self.panels.get(message.header["panel"]))


def warning_texts(warned: Iterable[warnings.WarningMessage]) -> list[str]:
    """Distinct warnings as their category and text."""
    texts = (caught(lambda each=each: f"{each.category.__name__}: {each.message}"[:MOST_WARNING]) for each in warned)  # type: ignore[misc]
    distinct = dict.fromkeys(text.value for text in texts if not isinstance(text, Raised))
    return list(distinct)[:MOST_WARNINGS]


def _identity(connection: Connection) -> tuple[tuple[int, int], ...]:
    """What tells the files of a connection from others."""
    files = map(os.fstat, (connection.reading, connection.writing))
    return tuple((file.st_dev, file.st_ino) for file in files)
