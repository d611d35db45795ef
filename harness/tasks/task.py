"""Task: what is forecast, from what, and how it is cut into windows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from harness.errors import BadTask
from harness.tasks.protocols import Generation, Protocol, RollingOrigin, SeriesSplit, Split, TimeSplit


@dataclass(frozen=True)
class Task:
    """A dataset, how it is split, the protocol, and what a forecast must consist of."""

    dataset: str
    protocol: Protocol
    split: Split | None = None
    targets: tuple[str, ...] | None = None  # channels to forecast; None: those the dataset names
    season_length: int | None = None  # None: the dataset's
    quantile_levels: tuple[float, ...] = ()
    standardise: bool = False  # score z-scores by mean and deviation (ddof 0) of each training part
    name: str | None = None  # on boards; None: the dataset's

    def __post_init__(self) -> None:
        levels = self.quantile_levels
        if any(not 0 < level < 1 for level in levels) or list(levels) != sorted(set(levels)):
            raise BadTask(f"quantile levels must rise between 0 and 1, not {', '.join(map(str, levels))}")
        if self.season_length is not None and self.season_length < 1:
            raise BadTask(f"season_length must be at least 1, not {self.season_length}")

    @property
    def label(self) -> str:
        """The task's name on boards."""
        return self.dataset if self.name is None else self.name

    @property
    def horizon(self) -> int:
        """The number of steps forecast in each window."""
        return self.protocol.horizon

    @property
    def gap(self) -> int:
        """The number of steps between the last observation known and the first one forecast."""
        return self.protocol.gap if isinstance(self.protocol, RollingOrigin) else 0

    def to_json(self) -> dict[str, Any]:
        """The task as JSON values, the name on boards left out: two tasks of one JSON are the same."""
        fields = dataclasses.asdict(self)
        del fields["name"]
        fields["protocol"]["kind"] = PROTOCOL_KINDS[type(self.protocol)]
        if self.split is not None:
            fields["split"]["kind"] = SPLIT_KINDS[type(self.split)]
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Task:
        """The task that `to_json` wrote."""
        protocol, split = dict(fields["protocol"]), fields["split"] and dict(fields["split"])
        protocols = {kind: made for made, kind in PROTOCOL_KINDS.items()}
        splits = {kind: made for made, kind in SPLIT_KINDS.items()}
        return cls(
            **{
                **fields,
                "protocol": protocols[protocol.pop("kind")](**protocol),
                "split": splits[split.pop("kind")](**split) if split else None,
                "targets": fields["targets"] and tuple(fields["targets"]),
                "quantile_levels": tuple(fields["quantile_levels"]),
            }
        )


PROTOCOL_KINDS: dict[type[Protocol], str] = {RollingOrigin: "rolling-origin", Generation: "generation"}
SPLIT_KINDS: dict[type[Split], str] = {TimeSplit: "time", SeriesSplit: "series"}
