"""The exceptions that harness raises, and `attempt`, the one place that catches those of plugins.

    HarnessError
    ├── BadInput                invalid input; the command line exits with 2
    │   ├── UnknownName         no forecaster, dataset, board or metric of that name
    │   ├── DuplicateName       two plugins provide the same name
    │   ├── BadBoard            an invalid leaderboard file
    │   ├── BadData             an invalid panel: empty, all missing, wrong shape
    │   ├── BadTask             a task that does not fit its data: a horizon longer than a series
    │   ├── BadParameter        an unknown hyperparameter, or one of the wrong type
    │   ├── HomeUnusable        the home folder cannot be read or written
    │   └── LaterVersion        a file of the home that a later version of harness wrote
    ├── DataUnavailable         the data is not on this machine
    │   ├── UnusableFile        a data file is there, but it is not the expected one, or cannot be read
    │   └── DamagedFile         a file of the home is damaged
    ├── InvalidForecast         a forecast of the wrong shape or type, or with crossing quantiles
    ├── InvalidMetric           a metric that raised, or returned a wrong shape or type
    ├── Unsupported             the forecaster does not support the task
    │   └── NotGiven            the forecast lacks a quantile, or the mean or median, that a metric needs
    ├── InfrastructureFault     a cell could not be run for a reason outside of the forecaster; it stays pending
    │   ├── ProcessKilled       the process of the forecaster was killed by a signal that may come from outside
    │   ├── ClusterUnavailable  the Ray cluster was given up (in execution.executors.executor)
    │   └── StoreUnavailable    the object store of a home does not answer, or refuses (in results.remote.store)
    ├── ComponentFailed         a forecaster that the forecaster calls failed on some windows
    ├── ForecasterError         an exception that the forecaster raised in its own process
    └── PartialFailure          the forecaster failed on some windows (in forecasters.forecaster)

Every message states the problem, the object concerned, and a remedy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
NOT_PLUGINS = ("harness", "numpy", "pandas", "scipy")  # packages through which harness calls a plugin


class HarnessError(Exception):
    """The base class of all exceptions of harness.

    Of one that was raised in another process, `remote_traceback` is the traceback there as text, and `remote_place`
    where the code of the plugin raised it.
    """

    remote_traceback = ""
    remote_place = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by the message alone, without the arguments of the constructor."""
        return _from_message, (type(self), str(self))


def _from_message(kind: type[HarnessError], message: str) -> HarnessError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    return error


class BadInput(HarnessError):
    """Invalid input."""


class UnknownName(BadInput):
    """No forecaster, dataset, board or metric of that name."""

    def __init__(self, kind: str, name: str, known: Iterable[str], present_name: str = "") -> None:
        from difflib import get_close_matches

        names = sorted(known)
        in_lower_case = {each.casefold(): each for each in names}
        matches = get_close_matches(name.casefold(), in_lower_case, n=1)
        shown = ", ".join(names[:50] + ["…"] * (len(names) > 50)) or "none"
        hint = f"did you mean {in_lower_case[matches[0]]!r}?" if matches else f"known: {shown}"
        hint = f"did you mean {present_name!r}, as it is called now?" if present_name else hint
        super().__init__(f"no {kind} called {name!r}; {hint}")


class DuplicateName(BadInput):
    """Two or more plugins provide the same name, or one plugin provides it twice."""

    def __init__(self, kind: str, name: str, owners: Sequence[str]) -> None:
        distinct = list(dict.fromkeys(owners))
        if len(distinct) == 1:
            who = f"plugin {distinct[0]} provides {_count(len(owners))} {kind}s called {name!r}"
            super().__init__(f"{who}; rename all but one of them")
            return
        who = f"{_count(len(distinct))} plugins provide a {kind} called {name!r}: {', '.join(distinct[:-1])}"
        remedy = "uninstall all but one of them, or have their authors choose other names"
        if len(distinct) == 2:
            remedy = "uninstall one of them, or have its author choose another name"
        super().__init__(f"{who} and {distinct[-1]}; {remedy}")


def _count(number: int) -> str:
    return "two" if number == 2 else str(number)


class BadBoard(BadInput):
    """An invalid leaderboard file."""


class BadData(BadInput):
    """An invalid panel."""


class BadTask(BadInput):
    """A task that does not fit its data."""


class BadParameter(BadInput):
    """A hyperparameter that the forecaster does not have, or of the wrong type."""


class HomeUnusable(BadInput):
    """The home folder cannot be read or written."""


class LaterVersion(BadInput):
    """A file of the home that a later version of harness wrote; it is left as it is."""


class DataUnavailable(HarnessError):
    """The data is not on this machine; the message says how to get it."""


class UnusableFile(DataUnavailable):
    """A data file has another checksum than the expected one, or cannot be read."""


class DamagedFile(DataUnavailable):
    """A file of the home, or a folder of such files, that is damaged; `path` is where, and `reason` what is wrong."""

    path, reason = Path(), ""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        self.path, self.reason = Path(path), reason
        super().__init__(f"{path} is damaged: {reason}")


class InfrastructureFault(HarnessError):
    """A cell could not be run for a reason outside of the forecaster, such as a killed process or a full disk."""


class ProcessKilled(InfrastructureFault):
    """The process of a forecaster was killed by a signal, sent by others or by itself."""


class InvalidForecast(HarnessError):
    """A forecast of the wrong shape or type, or with crossing quantiles."""


class InvalidMetric(HarnessError):
    """A metric that raised, or returned an array of the wrong shape or type."""


class Unsupported(HarnessError):
    """Raised by a forecaster that does not support a task: `Unsupported("needs known covariates")`."""


class NotGiven(Unsupported):
    """A forecast that lacks a quantile, or the mean or median, that a metric needs."""


class ComponentFailed(HarnessError):
    """A forecaster that the forecaster calls failed on some windows."""


class ForecasterError(HarnessError):
    """An exception that a forecaster raised in its own process, or the end of that process.

    `kind` says what went wrong: "unsupported", "not_given", "invalid", "out_of_memory", "timed_out" or "crashed"; any
    other kind is a failure. The message and `remote_traceback` are texts as they were received.
    """

    kind = "failed"

    def __init__(self, message: str, kind: str = "failed", traceback: str = "", place: str = "") -> None:
        super().__init__(message)
        self.kind, self.remote_traceback, self.remote_place = kind, traceback, place

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.kind, self.remote_traceback, self.remote_place)


@dataclass(frozen=True)
class Failure:
    """An exception that was raised."""

    error: Exception | SystemExit

    def __str__(self) -> str:
        kind, text = type(self.error).__name__, _text_of(self.error)
        if isinstance(self.error, HarnessError):
            return text or kind
        return f"{kind}: {text.strip()}" if text.strip() else kind

    @property
    def traceback(self) -> str:
        """The traceback as text, of an exception of another process that of the other process."""
        remote = self.error.remote_traceback if isinstance(self.error, HarnessError) else ""
        if remote or isinstance(self.error, ForecasterError):
            return remote
        import traceback

        try:
            return "".join(traceback.format_exception(self.error))
        except (Exception, SystemExit):  # of the exception's own methods
            return "".join([*traceback.format_tb(self.error.__traceback__), str(self)])

    @property
    def place(self) -> str:
        """Where the code of the plugin raised: file, line and function; empty where none of its code did."""
        place = place_of(self.error)
        if place is None:
            return self.error.remote_place if isinstance(self.error, HarnessError) else ""
        return str(place)


@dataclass(frozen=True)
class Place:
    """A line of a plugin's code."""

    file: str  # from the folder of its package on
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, in {self.function}"


def place_of(error: BaseException) -> Place | None:
    """The line of the plugin's own code that raised an exception, perhaps through a library; None if there is none."""
    import sys
    from traceback import walk_tb

    calls = []
    for frame, line in walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__")
        if type(module) is str and module.partition(".")[0] not in (*NOT_PLUGINS, *sys.stdlib_module_names):
            calls.append((module, frame.f_code, line))
    if not calls:
        return None
    package = calls[0][0].partition(".")[0]  # the first one that is none of Python or harness: that of the plugin
    module, code, line = [call for call in calls if call[0].partition(".")[0] == package][-1]
    folders, file = module.split("."), os.path.basename(code.co_filename)
    return Place("/".join([*(folders if file == "__init__.py" else folders[:-1]), file]), line, code.co_name)


_watchers: list[Callable[[Exception | SystemExit], None]] = []


@contextmanager
def watched(watcher: Callable[[Exception | SystemExit], None]) -> Iterator[None]:
    """While the block lasts, `attempt_of_forecaster` passes what it catches to this function, such as a debugger."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def attempt(action: Callable[[], T]) -> T | Failure:
    """The action's return value, or its failure; an action that exits has failed too."""
    try:
        return action()
    except (Exception, SystemExit) as error:
        return Failure(error)


def attempt_of_forecaster(action: Callable[[], T]) -> T | Failure:
    """The same for a call of a forecaster, whose failure `watched` tells."""
    result = attempt(action)
    if isinstance(result, Failure):
        for watcher in _watchers:
            watcher(result.error)
    return result


def unexpected(error: BaseException) -> InfrastructureFault:
    """An exception that is no fault of a forecaster: of the machine, or of harness itself."""
    import traceback

    calls = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(calls[-1].filename)}, line {calls[-1].lineno})" if calls else ""
    return InfrastructureFault(f"{type(error).__name__}: {_text_of(error).strip()}{place}")


def _text_of(error: BaseException) -> str:
    """The text of an exception; empty where its own method raises."""
    try:
        return str(error)
    except (Exception, SystemExit):
        return ""
