"""Card: what a pretrained forecaster is, what it was trained on, and what it was selected on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.data.dates import year_of
from harness.errors import BadInput
from harness.fields.arguments import convert_fields
from harness.fields.errors import short_repr
from harness.forecasters.covariate_kinds import CovariateKind

SelectedOn = Literal["nothing", "validation", "test"]


@dataclass(frozen=True)
class TrainedOn:
    """A dataset that a forecaster was trained on, under its names in papers and archives.

    `until` is the date up to which its values were used, None if all of them were. Raises BadInput for a text that is
    no date.
    """

    name: str
    aliases: tuple[str, ...] = ()
    until: str | None = None

    def __post_init__(self) -> None:
        convert_fields(self, BadInput, "TrainedOn: ")
        _check_date("TrainedOn: until", self.until)

    @property
    def names(self) -> frozenset[str]:
        """Its names as they are compared."""
        return comparable_names(self.name, *self.aliases)


@dataclass(frozen=True)
class Card:
    """What a pretrained forecaster is and what it was trained on, as far as its author states it.

        Card(checkpoint="org/model", trained_on=(TrainedOn("M4"), TrainedOn("ETTh1", until="2017-06-30")))

    Raises BadInput for values of the wrong type and for texts that are no dates.
    """

    checkpoint: str | None = None  # such as "org/model"
    revision: str | None = None  # of the checkpoint
    licence: str | None = None  # of the checkpoint
    parameters: int | None = None  # count
    trained_on: tuple[TrainedOn | str, ...] = ()  # a text is the name of a dataset, all of which was used
    trained_until: str | None = None  # the last date of any of its training data
    selected_on: SelectedOn | None = None  # what the checkpoint, prompt or hyperparameters were selected on
    components: tuple[str, ...] = ()  # forecasters of the catalog that it combines; their training data is its own
    quantile_levels: tuple[float, ...] = ()  # that it supports; empty: not stated
    horizon: int | None = None  # the longest that it supports
    context: int | None = None  # the longest that it uses
    covariates: tuple[CovariateKind, ...] = ()  # that it uses
    device: str | None = None  # that it needs
    dtype: str | None = None  # of its parameters

    def __post_init__(self) -> None:
        convert_fields(self, BadInput, "Card: ")
        _check_date("Card: trained_until", self.trained_until)
        for name in ("parameters", "horizon", "context"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise BadInput(f"Card: {name} must be at least 1, not {count}")
        levels = self.quantile_levels
        if any(not 0 < level < 1 for level in levels) or list(levels) != sorted(set(levels)):
            raise BadInput(f"Card: quantile_levels must rise between 0 and 1, not {', '.join(map(str, levels))}")

    @property
    def is_pretrained(self) -> bool:
        """Whether the card states that the forecaster was trained before: a checkpoint, training data, or its end."""
        return bool(self.checkpoint or self.trained_on or self.trained_until)

    @property
    def datasets(self) -> tuple[TrainedOn, ...]:
        """The datasets that it was trained on."""
        return tuple(TrainedOn(each) if isinstance(each, str) else each for each in self.trained_on)


def comparable_names(*names: str) -> frozenset[str]:
    """Names of datasets without what papers and archives write differently: case, spaces, hyphens, underscores."""
    return frozenset("".join(name.casefold().replace("-", " ").replace("_", " ").split()) for name in names)


def end_of_date(date: str) -> str:
    """A text that sorts after all times within a date, where times are sorted as ISO texts: 2024-06 ends with June."""
    return date.replace(" ", "T") + "~"


def reaches(date: str, time: str) -> bool:
    """Whether data up to a date includes a time, both as ISO texts."""
    return end_of_date(date) >= time


def _check_date(name: str, date: str | None) -> None:
    if date is not None and year_of(date) is None:
        raise BadInput(f"{name} must be a date such as 2024-06-30, not {short_repr(date)}")
