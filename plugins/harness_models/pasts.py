"""Whole contexts of many windows, in arrays that share the common part of contexts of the same series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from harness import Contexts, Floats, Ints

Bools = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)
BATCH = 2_000_000  # values in memory at once, or one long series
CACHED = 200_000  # the same for arithmetic on whole arrays, which is fastest within the cache


@dataclass(frozen=True, eq=False)
class Pasts:
    """The contexts of some windows; several windows of a series may be prefixes of one past."""

    windows: Ints  # (window,) their positions among all windows
    values: Floats  # (past, length, target), ending together; NaN before a context's start
    lengths: Ints  # (past,) of the contexts
    begins: Ints  # (past,) the position in its series of the first value
    rows: Ints  # (window,) the past that contains each window's context
    ends: Ints  # (window,) where in that past its context ends

    @cached_property
    def complete(self) -> bool:
        """Whether no value is missing."""
        return all_finite(self.values)

    def differ(self, contexts: Contexts) -> Bools:
        """Which windows have another context than the shared past, (window,).

        A gap that is open at a cutoff is filled by interpolation from later values in the past of a later cutoff, so
        that the last value there is another one.
        """
        shared, last = self.at_cutoffs(self.values), contexts.take(self.windows).last_targets(1)[:, 0]
        return np.asarray(~((shared == last) | (np.isnan(shared) & np.isnan(last))).all(axis=1))

    def at_cutoffs(self, running: Floats) -> Floats:
        """The values of running quantities (past, length, target) at the windows' cutoffs, (window, target)."""
        return np.asarray(running[self.rows, self.ends - 1])


def all_finite(values: Floats) -> bool:
    """Whether the sum is finite, and therefore no value is missing: much faster than testing each."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def pasts(contexts: Contexts, max_values: int) -> Iterator[Pasts]:
    """The contexts of all windows, at most so many values at a time, or one long series.

    Where contexts begin with their series, the longest of a series contains all others; where
    `max_context` clips them, each window has a past of its own.
    """
    if len(contexts) == 1:  # nothing to share or to order
        yield _one(contexts)
        return
    clipped = bool((contexts.lengths < contexts.cutoffs).any())
    keys = np.arange(len(contexts)) if clipped else contexts.series
    order = np.lexsort((contexts.cutoffs, keys))
    longest = order[np.flatnonzero(np.diff(keys[order], append=-1))]  # (past,) the window with the longest context
    past = np.searchsorted(keys[longest], keys)  # (window,)
    ends = contexts.lengths[longest][past] - (contexts.cutoffs[longest][past] - contexts.cutoffs)
    left = np.argsort(-contexts.lengths[longest], kind="stable")
    while len(left):
        length = int(contexts.lengths[longest[left[0]]])
        size = max(1, max_values // (length * len(contexts.targets)))
        chosen, left = np.sort(left[:size]), left[size:]
        row = np.full(len(longest), -1)
        row[chosen] = np.arange(len(chosen))
        windows = np.flatnonzero(row[past] >= 0)
        longest_contexts = contexts.take(longest[chosen])
        rows = row[past[windows]]
        found = Pasts(
            windows=windows,
            values=longest_contexts.last_targets(length),
            lengths=longest_contexts.lengths,
            begins=longest_contexts.cutoffs - longest_contexts.lengths,
            rows=rows,
            ends=ends[windows] + length - longest_contexts.lengths[rows],
        )
        own = found.differ(contexts)
        if not own.any():
            yield found
            continue
        kept = _at_least_two(np.flatnonzero(~own))
        yield replace(found, windows=windows[kept], rows=rows[kept], ends=found.ends[kept])
        yield from _own(contexts, windows[own], max_values)


def _own(contexts: Contexts, windows: Ints, max_values: int) -> Iterator[Pasts]:
    """A past of its own for each of some windows, at most so many values at a time.

    There are at least two windows, so that the order of additions, and with it the last bit, is that of shared pasts:
    which windows share one depends on values that are not known yet.
    """
    size = max(2, max_values // (int(contexts.lengths[windows].max()) * len(contexts.targets)))
    for first in range(0, len(windows), size):
        some = _at_least_two(windows[first : first + size])
        taken = contexts.take(some)
        length, rows = int(taken.lengths.max()), np.arange(len(some))
        begins, ends = taken.cutoffs - taken.lengths, np.full(len(some), length)
        yield Pasts(some, taken.last_targets(length), taken.lengths, begins, rows, ends)


def _at_least_two(windows: Ints) -> Ints:
    return np.repeat(windows, 2) if len(windows) == 1 else windows


def _one(contexts: Contexts) -> Pasts:
    """The context of the only window."""
    only, lengths = np.zeros(1, dtype=np.int64), contexts.lengths
    return Pasts(
        windows=only,
        values=contexts.last_targets(int(lengths[0])),
        lengths=lengths,
        begins=contexts.cutoffs - lengths,
        rows=only,
        ends=lengths,
    )


def measure_windows(contexts: Contexts, measure: Callable[[Pasts], list[Floats]]) -> list[Floats]:
    """Measures of every window's context, (window, ...) each, computed past by past."""
    found = [(some.windows, measure(some)) for some in pasts(contexts, CACHED)]
    if len(found) == 1:
        return found[0][1]  # of all windows, in their order
    results = [np.empty((len(contexts), *part.shape[1:])) for part in found[0][1]]
    for windows, parts in found:
        for result, part in zip(results, parts, strict=True):
            result[windows] = part
    return results


def forward_fill(values: Floats, lag: int = 1) -> Floats:
    """Missing values filled by the last one observed a multiple of `lag` steps earlier.

    `values` are (past, length, target); those before the first observation stay NaN.
    """
    if not np.isnan(values).any():
        return values
    length = values.shape[1]
    padded = np.pad(values, ((0, 0), (-length % lag, 0), (0, 0)), constant_values=np.nan)
    rounds = padded.reshape(len(values), -1, lag, values.shape[2])
    last_seen = np.where(np.isnan(rounds), 0, np.arange(rounds.shape[1])[:, None, None])
    filled = np.take_along_axis(rounds, np.maximum.accumulate(last_seen, axis=1), axis=1)
    return np.asarray(filled.reshape(padded.shape)[:, -length:])


def evenly_spaced(values: NDArray[Scalar], count: int) -> NDArray[Scalar]:
    """At most `count` of the values, or rows, evenly spaced from the first to the last."""
    return values[np.unique(np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(np.int64))]
