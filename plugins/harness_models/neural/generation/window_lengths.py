"""The lengths of contexts and of training windows, which the training series may shorten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness import Ints, Unsupported

LONGEST_WARM_UP = 100


@dataclass(frozen=True)
class Needs:
    """What a forecaster needs of its training windows."""

    least: int  # values to start from
    given: int | None  # the hyperparameter `warm_up`
    ahead: int  # steps to forecast
    batch: int  # windows

    @property
    def warm_up(self) -> int:
        """The least warm-up."""
        return self.least if self.given is None else max(self.given, self.least)


@dataclass(frozen=True)
class WindowLengths:
    """The values that a forecaster receives before it generates, and those of its training windows."""

    context: int
    warm_up: int
    ahead: int  # steps after the warm-up

    @classmethod
    def of(cls, lengths: Ints, needs: Needs) -> WindowLengths:
        """For training series of these lengths.

        Series that are too short for all steps ahead give windows with fewer steps; half of such a window is warm-up.
        Raises Unsupported if they are too short for one step ahead.
        """
        least, longest = needs.warm_up, int(lengths.max(initial=0))
        room = longest - needs.ahead
        if room < least:
            length = _common_length(lengths, needs, least + 1)
            warm_up = least if needs.given is not None else max(least, min(length // 2, LONGEST_WARM_UP))
            return cls(warm_up, warm_up, length - warm_up)
        if needs.given is not None:
            return cls(least, least, needs.ahead)
        warm_up = min(room, LONGEST_WARM_UP)
        many = (lengths >= warm_up + needs.ahead).sum() >= needs.batch
        warm_up = warm_up if many else max(least, min(room // 2, LONGEST_WARM_UP))
        return cls(warm_up, warm_up, needs.ahead)

    @classmethod
    def within_context(cls, lengths: Ints, needs: Needs) -> WindowLengths:
        """For training windows that are as long as a context: its second half are the steps ahead."""
        least = needs.least + 1
        context = min(_common_length(lengths, needs, max(least, needs.given or 0)), needs.given or LONGEST_WARM_UP)
        context = max(context, least)
        warm_up = max(needs.least, context // 2)
        return cls(context, warm_up, context - warm_up)


def _common_length(lengths: Ints, needs: Needs, least: int) -> int:
    """The length that as many series as a batch have, or all; that of the longest one if it is less than the least."""
    length = int(np.sort(lengths)[-min(needs.batch, len(lengths))]) if len(lengths) else 0
    longest = int(lengths.max(initial=0))
    if longest < least:
        raise Unsupported(
            f"the network needs a training series of at least {least} observations without a missing one, "
            f"{least - 1} to start from and one to predict; the longest has {longest}"
        )
    return length if length >= least else longest
