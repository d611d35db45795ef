"""The exceptions that harness raises.

    HarnessError
    ├── BadInput                invalid input; the command line exits with 2
    │   ├── UnknownName         no forecaster, dataset, board or metric of that name
    │   ├── DuplicateName       two plugins provide the same name
    │   ├── BadBoard            an invalid leaderboard file
    │   ├── BadData             an invalid panel: empty, all missing, wrong shape
    │   ├── BadTask             a task that does not fit its data: a horizon longer than a series
    │   ├── BadParameter        an unknown hyperparameter, or one of the wrong type
    │   └── HomeUnusable        the home folder cannot be read or written
    ├── DataUnavailable         the data is not on this machine
    │   └── UnusableFile        a data file is there, but it is not the expected one, or cannot be read
    ├── InvalidForecast         a forecast of the wrong shape or type, or with crossing quantiles
    ├── InvalidMetric           a metric that raised, or returned a wrong shape or type
    ├── Unsupported             the forecaster does not support the task
    │   └── NotGiven            the forecast lacks a quantile, or the mean or median, that a metric needs
    ├── ComponentFailed         a forecaster that the forecaster calls failed on some windows
    └── PartialFailure          the forecaster failed on some windows (in forecasters.forecaster)

Every message states the problem, the object concerned, and a remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


class HarnessError(Exception):
    """The base class of all exceptions of harness."""

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
        import difflib

        known = sorted(known)
        matches = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {matches[0]!r}?" if matches else f"known: {', '.join(known) or 'none'}"
        if present_name:
            hint = f"did you mean {present_name!r}, as it is called now?"
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


class DataUnavailable(HarnessError):
    """The data is not on this machine; the message says how to get it."""


class UnusableFile(DataUnavailable):
    """A data file has another checksum than the expected one, or cannot be read."""


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
