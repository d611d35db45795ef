"""Examination: the calls of an audit, and what their forecasts say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from harness.arrays import Floats, Ints
from harness.errors import Failure, ForecasterError
from harness.evaluation.audit.futures import Pair, on_their_series, with_other_future
from harness.evaluation.audit.rules import FATAL, Difference, Finding, ProcessEnded, Rules, Scored
from harness.evaluation.failures import ENDED, status_of
from harness.evaluation.forecast_comparison import by_more_than, differences, for_windows
from harness.evaluation.run import Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, PartialFailure
from harness.forecasters.remote import RemoteForecaster
from harness.tasks.points import rows_known
from harness.tasks.windows import Windows

REPEATS = 3  # calls repeated before a forecast that changes with its future is called leaked
NEIGHBOURS = 4  # windows in a batch, at least
REPEATED = "its forecast changes when the same call is repeated"
TOGETHER = "it can only be forecast together with all other windows"
ALONE = "its forecast alone differs from that in a batch"
SIZE = "its forecast changes with the size of the batch"
ORDER = "its forecast changes with the order of the batch"
HISTORIES = "its forecast changes with the values of other windows in the batch"
REPLACEMENTS = ("noise", "missing values")


@dataclass(eq=False)
class Examination:
    """An audit of one fit, in progress."""

    forecaster: Forecaster | RemoteForecaster
    scored: Scored
    rules: Rules
    rng: np.random.Generator
    positions: Ints  # of the batch, among the scored windows
    sample: int  # windows that are forecast alone
    is_whole: bool  # whether the scored call is made again with another future
    noise: float = 0.0  # the largest difference of repeated calls
    in_batches: Difference | None = None
    repeated: Difference | None = None
    batch: Windows = field(init=False)
    sampled: list[int] = field(init=False)
    failure: Failure | None = None  # of the last call that failed on all of its windows
    failures: dict[Forecast, dict[int, Failure]] = field(default_factory=dict)  # by window, of those that lack some

    def __post_init__(self) -> None:
        self.batch = on_their_series(self.scored.windows, self.positions)
        self.sampled = sorted(self.rng.choice(len(self.batch), self.sample, replace=False).tolist())

    def finding(self) -> Finding | None:
        """The first violation; None if there is none.

        Calls with another future come first: nothing of the true one can be remembered from those that follow.
        """
        pairs = [self._whole()] if self.is_whole else []
        rounds = [pair for ends in self._rounds() for pair in self._pairs(self.batch, ends)]
        alone = [self._alone(i) for i in self.sampled]
        first, again = self._forecast(self.batch), self._forecast(self.batch)
        if first is not None and again is not None and (finding := self._repeats(self.batch, first, again)):
            return finding
        for pair in (*pairs, *(replace(pair, first=first) for pair in rounds if first is not None)):
            if finding := self._leak(pair):
                return finding
        if finding := self._failed_finding(first, again):
            return finding
        if first is None or again is None:
            return None
        for i, own in zip(self.sampled, alone, strict=True):
            if finding := self._alone_finding(i, first, own):
                return finding
        return self._batch_finding(first)

    def _failed_finding(self, first: Forecast | None, again: Forecast | None) -> Finding | None:
        """The finding if windows of the scored forecast fail in calls of the batch, and with all windows, too."""
        fails, fails_again = (np.ones(len(self.batch), bool) if f is None else ~f.finite() for f in (first, again))
        if not (fails | fails_again).any():
            return None
        i = int((fails | fails_again).argmax())
        failure = self.failure if first is None or again is None else self._failure(i, first, again)
        if (fails == fails_again).all():
            whole = self._forecast(self.scored.windows)
            if whole is not None and whole.finite()[self.positions[fails]].all():
                return self._depends(self.batch, i, np.inf, TOGETHER, failure)
        return self._changed(self.batch, i, REPEATED, failure)

    def _batch_finding(self, first: Forecast) -> Finding | None:
        """The finding of a comparison with the scored forecast, and with that in another order."""
        if self.rules.is_stochastic:
            return None
        scored = for_windows(self.scored.forecast, self.positions)
        if self.rules.calls.batches == "window":
            return self._repeats(self.batch, scored, first)
        if finding := self._compare(scored, first, SIZE):
            return finding
        order = self.rng.permutation(len(self.batch))
        shuffled = self._forecast(self.batch.take(order))
        if shuffled is None:
            return self._depends(self.batch, 0, np.inf, ORDER, self.failure)
        return self._compare(first, for_windows(shuffled, np.argsort(order)), ORDER)

    # Calls

    def _forecast(self, windows: Windows) -> Forecast | None:
        """The forecast, with NaN where windows failed; None if all did."""
        outcome = self.rules.calls.predict(self.forecaster, windows)
        if isinstance(outcome, Forecast):
            return outcome
        if isinstance(outcome.error, PartialFailure):
            self.failures[outcome.error.forecast] = outcome.error.failures
            return outcome.error.forecast
        status = status_of(outcome)
        if status in ENDED or (status is Status.OUT_OF_MEMORY and isinstance(outcome.error, ForecasterError)):
            raise ProcessEnded(status, outcome)
        self.failure = outcome
        return None

    def _failure(self, i: int, *forecasts: Forecast) -> Failure | None:
        """Why a window has no forecast in one of these; None if no call failed on it."""
        return next((self.failures[each][i] for each in forecasts if i in self.failures.get(each, ())), None)

    def _whole(self) -> Pair:
        """The scored call, and the same one with another future of each series after one of its windows."""
        windows = self.scored.windows
        ends = self._ends(windows, self.rng.permutation(len(windows)))
        other = with_other_future(windows, ends, self.rng)
        return Pair(windows, other, ends, REPLACEMENTS[0], self._forecast(other), self.scored.forecast)

    def _rounds(self) -> list[Ints]:
        """The rows of each series that stay, (series,): one window of each series after the other, until all are."""
        rounds, waiting = [], self.sampled
        while waiting:
            series, firsts = np.unique(self.batch.series[waiting], return_index=True)
            chosen = [waiting[first] for first in firsts]
            others = self.rng.permutation(np.flatnonzero(~np.isin(self.batch.series, series)))
            rounds.append(self._ends(self.batch, np.array([*others, *chosen], dtype=np.int64)))
            waiting = [i for i in waiting if i not in chosen]
        return rounds

    @staticmethod
    def _ends(windows: Windows, positions: Ints) -> Ints:
        """The cutoff of the last of these windows of each series, (series,); −1 of a series without one."""
        ends = np.full(len(windows.panel), -1, dtype=np.int64)
        ends[windows.series[positions]] = windows.cutoffs[positions]
        return ends

    def _pairs(self, windows: Windows, ends: Ints, *, may_fail: bool = True) -> list[Pair]:
        """Calls with noise and with missing values after these rows; their first forecast is not made yet."""
        pairs = []
        for replacement in REPLACEMENTS:
            other = self._with_other_future(windows, ends, replacement)
            pairs.append(Pair(windows, other, ends, replacement, self._forecast(other), may_fail=may_fail))
        return pairs

    def _with_other_future(self, windows: Windows, ends: Ints, replacement: str) -> Windows:
        return with_other_future(windows, ends, self.rng if replacement == REPLACEMENTS[0] else None)

    def _alone(self, i: int) -> list[Pair]:
        """The calls of a window of the batch alone."""
        window = on_their_series(self.batch, np.array([i]))
        return self._pairs(window, window.cutoffs, may_fail=False)

    # Comparisons

    def _alone_finding(self, i: int, first: Forecast, pairs: list[Pair]) -> Finding | None:
        alone = self._forecast(pairs[0].windows)
        if alone is not None and alone.finite()[0]:
            for pair in pairs:
                if finding := self._leak(replace(pair, first=alone)):
                    return finding
        if self.rules.is_stochastic or self.rules.calls.batches == "window":
            return None
        if alone is None:
            return self._depends(self.batch, i, np.inf, "it cannot be forecast alone", self.failure)
        both = differences(pairs[0].windows, for_windows(first, np.array([i])), alone, self.rules.rounding)
        return self._depends(self.batch, i, float(both[0]), ALONE, self._failure(i, first) or self._failure(0, alone))

    def _compare(self, first: Forecast, second: Forecast, reason: str) -> Finding | None:
        """The finding for the window of the batch whose forecasts differ most."""
        found = differences(self.batch, first, second, self.rules.rounding)
        i = int(found.argmax())
        return self._depends(self.batch, i, float(found[i]), reason, self._failure(i, first, second))

    def _depends(
        self, windows: Windows, i: int, size: float, reason: str, failure: Failure | None = None
    ) -> Finding | None:
        """Note that the forecast of a window depends on the others; the finding if it is declared not to, and does.

        A stochastic forecaster may, but a call that fails is noted.
        """
        rounding, rules = self.rules.rounding, self.rules
        if size <= rounding or (rules.is_stochastic and failure is None):
            return None
        finding = self._changed(windows, i, f"{reason}{by_more_than(rounding, size)}", failure)
        if self.in_batches is None or self.in_batches.size < size:
            self.in_batches = Difference(size, finding.reason)
        is_fatal = rules.calls.batches == "any" and size > FATAL * rounding and not rules.is_stochastic
        return finding if is_fatal else None

    @staticmethod
    def _changed(windows: Windows, i: int, reason: str, failure: Failure | None) -> Finding:
        """That the forecast of a window is another one, or missing where a call failed."""
        cause = "" if failure is None else f": {failure}"
        return Finding.of(Status.INCONSISTENT, f"{_name(windows, i)}: {reason}{cause}", failure)

    def _repeats(self, windows: Windows, first: Forecast, again: Forecast) -> Finding | None:
        """Measure the difference of a repeated call; the finding if it is too large."""
        found = differences(windows, first, again)
        found[~first.finite() & ~again.finite()] = 0.0
        i = int(found.argmax())
        size, rounding = float(found[i]), self.rules.rounding
        self.noise = max(self.noise, size)
        if size <= rounding:
            return None
        is_missing = first.finite()[i] != again.finite()[i]
        failure = self._failure(i, first, again)
        finding = self._changed(windows, i, f"{REPEATED}{by_more_than(rounding, size)}", failure)
        if is_missing or not self.rules.is_stochastic:
            return finding
        if self.repeated is None or self.repeated.size < size:
            self.repeated = Difference(size, finding.reason)
        return None

    def _leak(self, pair: Pair) -> Finding | None:
        """The finding if forecasts change with their future, and by more than repeated calls do."""
        assert pair.first is not None
        changes = self._changes(pair, pair.second)
        if not (changes > self._limit).any():
            return None
        if finding := self._repeat(pair):
            return finding
        limit = self._limit
        i = int(changes.argmax())
        if changes[i] <= limit:
            return None
        if not self._is_by_later_values(pair, i):
            return self._depends(pair.windows, i, float(changes[i]), HISTORIES)
        reason = f"its forecast changes when the values not known at its cutoff are replaced by {pair.replacement}"
        if pair.second is not None:
            reason += by_more_than(limit and self.rules.rounding, float(changes[i]))
        return Finding(Status.LEAKED, f"{_name(pair.windows, i)}: {reason}")

    @property
    def _limit(self) -> float:
        """The largest change with the future: none, unless repeated calls differ or are declared to."""
        return max(self.rules.rounding, 2 * self.noise) if self.rules.tolerance or self.noise else 0.0

    def _changes(self, pair: Pair, second: Forecast | None) -> Floats:
        """By how much the forecast of each window changes with the other future, (window,); 0 if it is not compared."""
        assert pair.first is not None
        if second is None:
            return np.full(len(pair.windows), 0.0 if pair.may_fail else np.inf)
        compared = pair.compared & pair.first.finite()
        if pair.may_fail:
            compared &= second.finite()
        changes = np.zeros(len(pair.windows))
        positions = np.flatnonzero(compared)
        first, other = for_windows(pair.first, positions), for_windows(second, positions)
        changes[positions] = differences(pair.windows.take(positions), first, other, self._limit)
        return changes

    def _repeat(self, pair: Pair) -> Finding | None:
        """Repeat both calls, although earlier ones may have been exactly the same; the finding if they differ."""
        for windows, before in ((pair.windows, pair.first), (pair.other, pair.second)):
            for _ in range(REPEATS):
                again = self._forecast(windows)
                if before is None or again is None:
                    if before is not again and (again is None or not self.rules.is_stochastic):
                        return self._changed(windows, 0, REPEATED, self.failure)
                elif finding := self._repeats(windows, before, again):
                    return finding
        return None

    def _is_by_later_values(self, pair: Pair, i: int) -> bool:
        """Whether the forecast of a window changes with values of a later point in time, of any series."""
        windows = pair.windows
        ends = rows_known(windows.panel, int(windows.series[i]), int(windows.cutoffs[i]))
        if (pair.ends >= ends).all():
            return True
        for _ in range(REPEATS):  # a forecaster may look at something that noise does not always change
            later = replace(pair, ends=ends, other=self._with_other_future(windows, ends, pair.replacement))
            if self._changes(later, self._forecast(later.other))[i] > self._limit:
                return True
        return False


def _name(windows: Windows, i: int) -> str:
    return f"series {windows.panel.ids[windows.series[i]]!r} at cutoff {windows.cutoffs[i]}"
