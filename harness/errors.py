"""Everything that harness raises on purpose.

    HarnessError
    ├── BadInput                what was given cannot be used; the command line exits with 2
    │   ├── UnknownName         no forecaster, dataset, board or metric of that name
    │   ├── DuplicateName       two plugins claim one name
    │   ├── BadBoard            a leaderboard file that does not say what it must
    │   ├── BadData             a panel that cannot be evaluated: empty, all missing, wrong shape
    │   ├── BadTask             a task that does not fit its data: a horizon longer than a series
    │   ├── BadParameter        a hyperparameter that the forecaster does not have, or of a wrong type
    │   └── HomeUnusable        the home folder cannot be read or written
    ├── DataUnavailable         the data is not on this machine
    ├── InvalidForecast         a forecast of a wrong shape, type or order
    ├── Unsupported             raised by a forecaster that cannot do what is asked
    └── PartialFailure            in forecasters.forecaster: it failed on some of its windows

Every message says what is wrong, with which thing, and what would help.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class HarnessError(Exception):
    """The root of all errors that harness raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """What crosses to another process is the message; the arguments it was made of stay behind."""
        return _said, (type(self), str(self))


def _said(kind: type[HarnessError], message: str) -> HarnessError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    return error


class BadInput(HarnessError):
    """What was given cannot be used."""


class UnknownName(BadInput):
    """No thing of that kind has that name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        import difflib

        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1)
        help_ = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
        super().__init__(f"no {kind} called {name!r}; {help_}")


class DuplicateName(BadInput):
    """Two plugins claim one name."""

    def __init__(self, kind: str, name: str, owners: tuple[str, str]) -> None:
        super().__init__(
            f"two plugins provide a {kind} called {name!r}: {owners[0]} and {owners[1]}; "
            "uninstall one of them, or have its author choose another name"
        )


class BadBoard(BadInput):
    """A leaderboard file that does not say what it must."""


class BadData(BadInput):
    """A panel that cannot be evaluated."""


class BadTask(BadInput):
    """A task that does not fit its data."""


class BadParameter(BadInput):
    """A hyperparameter that the forecaster does not have, or whose value has a wrong type."""


class HomeUnusable(BadInput):
    """The home folder cannot be read or written."""


class DataUnavailable(HarnessError):
    """The data is not on this machine; the message says how to get it."""


class InvalidForecast(HarnessError):
    """A forecast of a wrong shape, type or order."""


class Unsupported(HarnessError):
    """Raised by a forecaster that cannot do what is asked: `Unsupported("needs known covariates")`."""
