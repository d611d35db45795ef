"""Lists of names: those of options, and those in sentences."""

from __future__ import annotations

from collections.abc import Container, Iterable


def split_names(given: Iterable[str], known: Container[str]) -> tuple[str, ...]:
    """The names in texts that are each a known name, which may have commas, or several names between commas.

    split_names(["theta,ets", "lstm, 16 units"], {"lstm, 16 units"}) is ("theta", "ets", "lstm, 16 units").
    """
    parts = [[text] if text in known or not text.strip(" ,") else map(str.strip, text.split(",")) for text in given]
    return tuple(dict.fromkeys(name for names in parts for name in names if name))


def joined_names(names: Iterable[str]) -> str:
    """Names between commas; those that have a comma themselves are in quotes.

    joined_names(["theta", "lstm, 16 units"]) is "theta, 'lstm, 16 units'".
    """
    return ", ".join(f"'{name}'" if "," in name else name for name in names)
