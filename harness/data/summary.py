"""A panel in one line."""

from __future__ import annotations

from typing import Any

MOST_CHANNELS = 5  # that are named


def panel_summary(panel: Any) -> str:
    """The size of a panel, its frequency, season length and channels."""
    names = [channel.name for channel in panel.channels]
    shown = ", ".join(names[:MOST_CHANNELS]) + (
        f" and {len(names) - MOST_CHANNELS} more" * (len(names) > MOST_CHANNELS)
    )
    frequency = "no calendar" if panel.freq is None else f"freq {panel.freq}"
    return (
        f"<Panel: {len(panel)} series, {len(panel.values):,} observations, {frequency}, "
        f"season length {panel.season_length}, channels {shown}>"
    )
