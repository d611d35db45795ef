"""Classes: the categories of categorical targets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import BadData

if TYPE_CHECKING:
    from harness.data.channel import Channel
    from harness.data.panel import Panel

Categories = tuple[tuple[str, ...], ...]


def target_categories(channels: Iterable[Channel]) -> Categories:
    """The categories of each target; empty unless all targets are categorical."""
    found = tuple(channel.categories for channel in channels if channel.role == "target")
    return tuple(names for names in found if names) if all(found) else ()


def class_count(channels: Iterable[Channel]) -> int:
    """The length of the class axis of a forecast: the most categories of a target; 0 of numeric targets."""
    return max(map(len, target_categories(channels)), default=0)


def check_classes(panel: Panel) -> None:
    """Raise BadData for a categorical target of one class, and for values that are no indices into its categories."""
    for i in panel.targets:
        channel = panel.channels[i]
        if channel.categories is None:
            continue
        classes = len(channel.categories)
        if classes < 2:
            raise BadData(
                f"target {channel.name!r} has {classes or 'no'} categor{'y' if classes == 1 else 'ies'}: "
                "there is nothing to forecast; a categorical target needs at least two"
            )
        values = panel.values[:, i]
        wrong = ~(np.isnan(values) | ((values >= 0) & (values < classes) & (values == np.floor(values))))
        if wrong.any():
            row = int(np.argmax(wrong))
            series = int(np.searchsorted(panel.offsets, row, side="right")) - 1
            raise BadData(
                f"series {panel.ids[series]!r} has the value {values[row]:g} in channel {channel.name!r}, observation "
                f"{row - panel.offsets[series]}; the values of a categorical channel are indices into its categories, "
                f"whole numbers from 0 to {classes - 1}"
            )
