"""Auditor: the audits of a run, with their sample, their cost and what they found."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from harness.evaluation.audit.leakage import audit
from harness.evaluation.audit.rules import Difference, Finding, Rules, Scored
from harness.evaluation.clock import attempt_call
from harness.evaluation.run import Audit
from harness.forecasters.forecaster import Forecaster
from harness.forecasters.remote import RemoteForecaster
from harness.tasks.windows import Windows

BITS = 32  # of the number of an audit
LARGEST = (1 << BITS) - 1
SHARE, SECONDS = 0.05, 0.05  # of a cell that an audit may take, and that it may take in any case
CALLS = 8  # in which an audit forecasts a batch
LARGEST_COPY = 256 << 20  # bytes of a panel that is copied for one call
SECONDS_PER_BYTE = 2e-9  # to replace the values of a panel
SECONDS_PER_FILLED_BYTE = 2e-8
MOST_WINDOWS = 1000  # in a batch


@dataclass
class Auditor:
    """Audits the fits of a run.

    The sample of each audit depends on a number that is drawn after the forecast was received that it examines, so that
    no forecaster can behave for the windows that are sampled. `seed` holds the numbers of all audits.
    """

    rules: Rules
    sample: int  # windows that are forecast alone
    seed: int | None = None
    clock: Callable[[], float] = time.perf_counter  # in seconds
    started: float = field(init=False)
    is_repeated: bool = field(init=False)
    seconds: float = 0.0
    windows: int = 0
    audits: int = 0
    on_copy: bool = False
    finding: Finding | None = None
    in_batches: Difference | None = None
    repeated: Difference | None = None

    def __post_init__(self) -> None:
        self.started = self.clock()
        self.is_repeated = self.seed is not None

    @contextmanager
    def subject(
        self, forecaster: Forecaster | RemoteForecaster, *, wanted: bool
    ) -> Iterator[Forecaster | RemoteForecaster | None]:
        """What is audited of a forecaster that was just fitted: a copy where possible; None if it is not wanted."""
        if not wanted or self.sample < 1 or self.finding is not None:
            yield None
            return
        begun = self.clock()
        copy = attempt_call(forecaster, forecaster.copy) if isinstance(forecaster, RemoteForecaster) else None
        self.seconds += self.clock() - begun
        if not isinstance(copy, RemoteForecaster):
            yield forecaster
            return
        self.on_copy = True
        try:
            yield copy
        finally:
            attempt_call(copy, copy.close)

    def audit(self, forecaster: Forecaster | RemoteForecaster, scored: Scored, predict_seconds: float) -> None:
        """Audit the forecast of a fit, which took so long."""
        rng = self._generator()
        begun = self.clock()
        budget = max(SECONDS, SHARE * (begun - self.started - self.seconds))
        is_whole = predict_seconds + self._copy_seconds(scored.windows) <= budget
        most = int(len(scored.windows) * min(budget / (CALLS * max(predict_seconds, 1e-9)), 1.0))
        result = audit(forecaster, scored, self.rules, rng, self.sample, min(most, MOST_WINDOWS), is_whole)
        self.audits += 1
        self.windows += result.windows
        self.finding = result.finding
        self.in_batches = _larger(self.in_batches, result.in_batches)
        self.repeated = _larger(self.repeated, result.repeated)
        self.seconds += self.clock() - begun
        if isinstance(forecaster, RemoteForecaster):
            forecaster.elapsed()  # which is no cost of the forecaster

    def _generator(self) -> np.random.Generator:
        """The generator of the next audit, whose number is drawn now unless the audits of a run are repeated."""
        if self.is_repeated and self.seed is not None:
            number = self.seed >> BITS * self.audits or self.seed  # an earlier version drew one number for all
        else:
            number = secrets.randbits(BITS)
            self.seed = (self.seed or 0) | number << BITS * self.audits
        return np.random.default_rng([number & LARGEST, self.audits])

    def _copy_seconds(self, windows: Windows) -> float:
        """An estimate of the time to make a copy of the panel with other values; infinite if it is too large."""
        panel = windows.panel
        size = panel.values.nbytes
        if size > LARGEST_COPY:
            return np.inf
        is_filled = self.rules.calls.missing != "native" and not (panel.complete and not panel.delays)
        return size * (SECONDS_PER_FILLED_BYTE if is_filled else SECONDS_PER_BYTE)

    def record(self) -> Audit | None:
        """How the run was audited; None if it was not."""
        return (
            Audit(self.seed, self.windows, self.seconds, self.on_copy)
            if self.seed is not None and self.audits
            else None
        )

    def notes(self) -> tuple[str, ...]:
        """What the audits found besides a violation; their cost is in the record."""
        lines = [found.reason for found in (self.in_batches, self.repeated) if found is not None]
        if self.finding is not None:
            lines = [line for line in lines if line != self.finding.reason]
        return tuple(lines)


def _larger(first: Difference | None, second: Difference | None) -> Difference | None:
    if first is None or second is None:
        return first or second
    return max(first, second, key=lambda difference: difference.size)
