"""The parts of a panel, as functions that `panel` itself calls see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from harness.arrays import Floats, Ints, Times
from harness.data.channel import Channel


class PanelParts(Protocol):
    """The attributes of a panel with its data."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of the series."""
        ...

    @property
    def values(self) -> Floats:
        """The values, (observation, channel)."""
        ...

    @property
    def offsets(self) -> Ints:
        """The borders of the series, (series + 1,)."""
        ...

    @property
    def start(self) -> Times:
        """The times of the first observations, (series,)."""
        ...

    @property
    def freq(self) -> str | None:
        """The pandas offset alias of a step; None without a calendar."""
        ...

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The variables."""
        ...

    @property
    def static(self) -> Mapping[str, tuple[str | float, ...]]:
        """The static covariates, one value for each series."""
        ...
