"""Channel: a variable of a panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.data.metadata import list_of
from harness.errors import BadData
from harness.fields.arguments import convert_fields
from harness.fields.errors import short_repr

Role = Literal["target", "past covariate", "known covariate"]
ROLES: tuple[Role, ...] = ("target", "past covariate", "known covariate")


@dataclass(frozen=True)
class Channel:
    """A variable of a panel: a target or a covariate."""

    name: str
    role: Role = "target"
    categories: tuple[str, ...] | None = None  # of a categorical channel; its values are indices into them

    def __post_init__(self) -> None:
        role: object = self.role
        if not isinstance(role, str) or role not in ROLES:
            raise BadData(
                f"channel {short_repr(self.name)} has the role {short_repr(role)}; allowed: {', '.join(ROLES)}"
            )
        convert_fields(self, BadData, "channel: ")


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
