"""Task: what is forecast, from what, and how it is cut into windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from harness.errors import BadTask
from harness.fields.arguments import convert_fields, with_converted_fields
from harness.fields.dumping import dump
from harness.fields.errors import short_repr
from harness.fields.reading import load
from harness.tasks.counts import check_counts
from harness.tasks.protocols import PROTOCOLS, Protocol, is_protocol
from harness.tasks.splits import SPLITS, Split


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
    name: str | None = field(default=None, metadata={"stored": False})  # on boards; None: the dataset's
    # the covariates that forecasters are given, static ones too, by name; None: all
    covariates: tuple[str, ...] | None = field(default=None, metadata={"stored": "if set"})

    def __post_init__(self) -> None:
        convert_fields(self, BadTask)
        if type(self.protocol) not in PROTOCOLS:  # these convert and check their own fields
            if not is_protocol(type(self.protocol)):
                name = type(self.protocol).__name__
                raise BadTask(f"protocol must be a dataclass that derives from Protocol, and {name} is none")
            object.__setattr__(self, "protocol", with_converted_fields(self.protocol, BadTask))
            check_counts(self.protocol, 1, "horizon", "max_context", "train_length")
            check_counts(self.protocol, 0, "gap")
        levels = self.quantile_levels
        if any(not 0 < level < 1 for level in levels) or list(levels) != sorted(set(levels)):
            raise BadTask(f"quantile levels must rise between 0 and 1, not {', '.join(map(str, levels))}")
        if self.targets is not None and len(set(self.targets)) != max(len(self.targets), 1):
            raise BadTask(f"targets must be names of channels, each once, not {short_repr(self.targets)}")
        if self.covariates is not None and len(set(self.covariates)) != len(self.covariates):
            raise BadTask(f"covariates must be names, each once, not {short_repr(self.covariates)}")
        check_counts(self, 1, "season_length")

    def __repr__(self) -> str:
        """The dataset, the protocol and what is not the default, in one line."""
        return _short_repr(self)

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
        return self.protocol.gap

    def to_json(self) -> dict[str, Any]:
        """The task as JSON values, the name on boards left out: two tasks of one JSON are the same."""
        return dump(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], protocols: Iterable[type[Protocol]] = PROTOCOLS) -> Task:
        """The task that `to_json` wrote, its protocol one of these classes."""
        return load(cls, fields, task_classes(protocols))


def task_classes(protocols: Iterable[type[Protocol]]) -> tuple[type, ...]:
    """The classes that a task's `kind` can name."""
    return (*protocols, *SPLITS)


def _short_repr(value: Any) -> str:
    """A dataclass with those of its fields that have no default or another value; those before are without names."""
    shown = []
    for each in fields(value):
        found = getattr(value, each.name)
        if found != each.default:
            text = _short_repr(found) if is_protocol(type(found)) else repr(found)
            shown.append(text if each.default is MISSING else f"{each.name}={text}")
    return f"{type(value).__name__}({', '.join(shown)})"
