"""Sizes in bytes as texts: 4GB, 512 MiB."""

from __future__ import annotations

import re

from harness.errors import BadInput

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
SIZE = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([A-Za-z]*)")


def parse_bytes(text: str) -> int:
    """The number of bytes of a size such as "4GB"; raises BadInput for any other text, and for less than a byte."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"a size is a number and a unit, such as 4GB, not {text!r:.80}")
    number, unit = match.groups()
    if unit not in UNITS:
        given = repr(unit) if unit else "without a unit"
        raise BadInput(f"a size is given in {', '.join(UNITS)}, not {given}; for example 4GB")
    size = int(float(number) * UNITS[unit])
    if size < 1:
        raise BadInput(f"a size must be at least one byte, not {text!r:.80}")
    return size
