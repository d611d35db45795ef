"""Channel: a variable of a panel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.data.metadata import LARGEST, list_of
from harness.errors import BadData
from harness.fields.arguments import convert_fields
from harness.fields.errors import did_you_mean, short_repr

Role = Literal["target", "past covariate", "known covariate"]
ROLES: tuple[Role, ...] = ("target", "past covariate", "known covariate")


@dataclass(frozen=True)
class Channel:
    """A variable of a panel: a target or a covariate.

    `delay` is the availability delay of a past covariate: the value of a step is known that many steps later, so that
    at each cutoff its last `delay` values are missing. `certain` is False for a known covariate whose values after the
    cutoff are forecasts themselves, such as the weather; see `Vintages`. The values of a categorical channel are
    indices into its `categories`, which are `ordered` if they rise, such as ratings; of a categorical target,
    probabilities are forecast. Raises BadData for fields that do not fit.
    """

    name: str
    role: Role = "target"
    categories: tuple[str, ...] | None = None  # of a categorical channel; its values are indices into them
    delay: int = 0  # steps
    certain: bool = True
    ordered: bool = field(default=False, metadata={"stored": "if set"})  # whether the categories rise

    def __post_init__(self) -> None:
        role: object = self.role
        if not isinstance(role, str) or role not in ROLES:
            raise BadData(
                f"channel {short_repr(self.name)} has the role {short_repr(role)}; allowed: {', '.join(ROLES)}"
            )
        name: object = self.name
        convert_fields(self, BadData, f"channel {short_repr(name)}: " if isinstance(name, str) else "channel: ")
        if not 0 <= self.delay <= LARGEST:
            raise BadData(
                f"channel {self.name!r}: delay must be from 0 to {LARGEST:,} steps, not {short_repr(self.delay)}"
            )
        if self.delay and self.role != "past covariate":
            raise BadData(f"channel {self.name!r} is a {self.role}; only a past covariate may have a delay")
        if not self.certain and self.role != "known covariate":
            raise BadData(f"channel {self.name!r} is a {self.role}; certain=False is for known covariates only")
        self._check_categories()

    def _check_categories(self) -> None:
        names = self.categories or ()
        if len(set(names)) != len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise BadData(f"channel {self.name!r} has two categories called {short_repr(repeated)}; rename one of them")
        if self.ordered and not names:
            raise BadData(f"channel {self.name!r} has no categories; ordered=True is for categorical channels only")


def channels_with_targets(channels: tuple[Channel, ...], names: object) -> tuple[Channel, ...]:
    """The channels with exactly these targets; the other targets become past covariates.

    Raises BadData for a name of none of them, and for a channel with a delay.
    """
    known, targets = {channel.name for channel in channels}, list_of(names, "targets")
    if not targets:
        raise BadData("a panel needs at least one target channel")
    for name in targets:
        if name not in known:
            raise BadData(f"no channel called {name!r}; the panel has {', '.join(sorted(known))}")
    return tuple(_with_role(channel, channel.name in targets) for channel in channels)


def _with_role(channel: Channel, is_target: bool) -> Channel:
    if is_target and channel.delay:
        raise BadData(f"channel {channel.name!r} cannot be a target: it has a delay")
    if is_target:
        return replace(channel, role="target", certain=True)
    return replace(channel, role="past covariate") if channel.role == "target" else channel


def covariate_names(names: object, channels: Iterable[Channel], static: Iterable[str]) -> list[str]:
    """The names as a list; raises BadData for one that is neither a covariate nor a static covariate."""
    roles = {channel.name: channel.role for channel in channels}
    known = [*(name for name, role in roles.items() if role != "target"), *static]
    listed = list_of(names, "covariates")
    for name in listed:
        if name not in known:
            is_target = roles.get(name) == "target"
            what = f"{name!r} is a target, not a covariate" if is_target else f"no covariate called {name!r}"
            raise BadData(
                f"{what}; {did_you_mean(name, known)}its covariates are {', '.join(sorted(set(known))) or 'none'}"
            )
    return listed


def check_static_names(static: Iterable[str], channels: Iterable[Channel]) -> None:
    """Raise BadData for a static covariate with the name of a channel: a task chooses both kinds by name."""
    names = {channel.name for channel in channels}
    for name in static:
        if name in names:
            raise BadData(f"static covariate {name!r} has the name of a channel; rename one of them")


def panel_channels(channels: object) -> tuple[Channel, ...]:
    """Channels as a tuple; raises BadData for other values, repeated names, and where there is no target."""
    listed = tuple(list_of(channels, "channels"))
    for channel in listed:
        if not isinstance(channel, Channel):
            raise BadData(f"channels must be Channel objects such as Channel('value'), not {short_repr(channel)}")
    if not any(channel.role == "target" for channel in listed):
        raise BadData("a panel needs at least one target channel")
    names = [channel.name for channel in listed]
    if len(set(names)) != len(names):
        raise BadData(f"channel names must be unique, not {', '.join(names)}")
    return listed
