"""Makers: where the forecaster that is checked is made: in this process, or in others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from harness.forecasters.forecaster import Forecaster
from harness.forecasters.remote import RemoteForecaster
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.check_results import CheckResult, check_result
from harness.plugins.contract import Contract, contract_of

SEED = 0  # of a forecaster that is checked, if it takes one


class Maker(Protocol):
    """Makes the forecaster that is checked, which is used within a block and gone after it."""

    @property
    def exhausted(self) -> str:
        """Why it makes no more forecasters, as a sentence; empty while it does."""
        ...

    def contract(self) -> Contract:
        """What its class tells."""
        ...

    def new_forecaster(self, *, strict: bool = False) -> AbstractContextManager[Forecaster | RemoteForecaster]:
        """A new forecaster; with `strict` one that is asked about one point in time after the other."""
        ...

    def check(self, name: str, action: Callable[[], str]) -> CheckResult:
        """The result of a check, whose action makes forecasters, as `check_result`."""
        ...


@dataclass(frozen=True)
class InProcessMaker:
    """Makes forecasters in this process, for tests and debugging: one that hangs or exits takes it along."""

    spec: ForecasterSpec
    exhausted: str = ""

    def contract(self) -> Contract:
        """What its class tells."""
        return contract_of(self.spec)

    @contextmanager
    def new_forecaster(self, *, strict: bool = False) -> Iterator[Forecaster | RemoteForecaster]:
        """A new forecaster."""
        yield self.spec.make({}, SEED)

    def check(self, name: str, action: Callable[[], str]) -> CheckResult:
        """The result of a check."""
        return check_result(name, action)
