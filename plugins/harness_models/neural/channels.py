"""Which channels a network receives and forecasts: all together, or each target alike with the covariates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness import Floats, Panel
from harness_models.neural.examples import Rows
from harness_models.neural.scaling import Scaler

CHANNELS = ("independent", "together")


@dataclass(frozen=True)
class ChannelGroups:
    """The channels of each series that the network sees: one group for each target, or one for all of them."""

    groups: tuple[tuple[int, ...], ...]  # positions in the panel; the target of a group of several is its first
    targets: tuple[int, ...]  # positions in a group

    @classmethod
    def of(cls, panel: Panel, channels: str) -> ChannelGroups:
        """The groups of a panel for one of the values of `channels`."""
        every = range(len(panel.channels))
        if channels == "together" or len(panel.targets) == 1:
            return cls((tuple(every),), tuple(panel.targets))
        covariates = tuple(i for i in every if i not in panel.targets)
        return cls(tuple((target, *covariates) for target in panel.targets), (0,))

    @property
    def size(self) -> int:
        """The number of channels of a group."""
        return len(self.groups[0])

    def split_rows(self, rows: Rows, scaler: Scaler) -> tuple[Rows, Scaler]:
        """Rows with the series of each group one after the other, and what is left to scale in them."""
        if len(self.groups) == 1:
            return rows, scaler
        scaled, count = scaler.apply(rows.values), len(self.groups)
        shifts = len(rows.values) * np.arange(count)
        offsets = np.concatenate([[0], (rows.offsets[1:] + shifts[:, None]).ravel()])
        values = np.ascontiguousarray(np.concatenate([scaled[:, list(group)] for group in self.groups]))
        identity = Scaler(np.zeros(self.size), np.ones(self.size), self.targets)
        return replace(rows, values=values, offsets=offsets, borders=np.tile(rows.borders, count)), identity

    def split_inputs(self, inputs: Floats) -> Floats:
        """Inputs (window, lookback, channel) as (window × group, lookback, channel of the group)."""
        if len(self.groups) == 1:
            return inputs
        split = inputs[:, :, np.array(self.groups)].transpose(0, 2, 1, 3)
        return split.reshape(-1, *split.shape[2:])

    def join_outputs(self, outputs: Floats) -> Floats:
        """Outputs (window × group, step, target, value) as (window, step, target, value) of all groups."""
        if len(self.groups) == 1:
            return outputs
        split = outputs.reshape(-1, len(self.groups), *outputs.shape[1:])[:, :, :, 0]
        return np.ascontiguousarray(split.transpose(0, 2, 1, 3))
