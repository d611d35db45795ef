"""TableOptions: which columns of a table are what, and how its time is read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from harness.errors import BadInput
from harness.fields.arguments import convert_fields
from harness.fields.errors import did_you_mean

Layout = Literal["long", "wide"]
Aggregate = Literal["sum", "mean", "median", "min", "max", "first", "last"]
Fill = Literal["missing", "zero", "previous", "interpolate"]
AGGREGATES: tuple[Aggregate, ...] = ("sum", "mean", "median", "min", "max", "first", "last")
LISTS = ("id", "target", "known", "past", "static")
FILLS: tuple[Fill, ...] = ("missing", "zero", "previous", "interpolate")


@dataclass(frozen=True)
class TableOptions:
    """Which columns of a table are what, and how its time is read; what is not stated is inferred.

    A long table has a row for each time of each series, which the columns `id` name. A wide one has a row for each
    time and a column for each series, or with `id` a row for each time and id. `aggregate` combines rows of the same
    series and time, or with `freq` all of a step. `fill` are the values of targets at times without a row. `calendar`
    adds the time of day and of the week as known covariates; unless stated, only boards of files and `compare` add
    them, to hours and minutes in which values differ by the weekday.
    """

    time: str | None = None
    id: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    freq: str | None = None  # a pandas offset alias
    season_length: int | None = None  # steps
    layout: Layout | None = None
    time_zone: str | None = None  # of times without one, and of forecasts, such as "Europe/Berlin"
    day_first: bool | None = None  # of dates such as 03/04/2024
    decimal: Literal[".", ","] | None = None  # of numbers in texts
    aggregate: Aggregate | None = None
    fill: Fill = "missing"
    calendar: bool | None = field(default=None, metadata={"stored": "if set"})

    def __post_init__(self) -> None:
        for name in LISTS:
            value: object = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, (value,))
        convert_fields(self, BadInput, "table options: ")
        if self.season_length is not None and self.season_length < 1:
            raise BadInput(f"season_length is at least 1 step, not {self.season_length}")
        if self.freq is not None:
            from harness.data.calendar import frequency  # which imports NumPy

            object.__setattr__(self, "freq", frequency(self.freq))
        named: dict[str, str] = {}
        for role in ("time", *LISTS):
            for name in _names(getattr(self, role)):
                if name in named:
                    raise BadInput(f"column {name!r} is named as {named[name]} and as {role}; name it once")
                named[name] = role

    def with_arguments(self, arguments: dict[str, Any]) -> TableOptions:
        """A copy with other values of fields; raises BadInput for a name of none."""
        known = [each.name for each in fields(self)]
        for name in arguments:
            if name not in known:
                hint = did_you_mean(name, known) or f"the options are {', '.join(known)}"
                raise BadInput(f"there is no option {name!r} of a table; {hint.rstrip()}")
        return replace(self, **arguments)

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that are named."""
        time = () if self.time is None else (self.time,)
        return (*time, *self.id, *self.target, *self.known, *self.past, *self.static)


def _names(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()
