"""The fingerprint of a panel: a hash of its data and metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.channel import Channel

if TYPE_CHECKING:
    from numpy.typing import NDArray


def data_hash(header: Mapping[str, Any], arrays: Iterable[NDArray[Any]]) -> str:
    """The SHA-256 of JSON values and arrays of 64-bit numbers, as 64 hexadecimal digits."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for array in arrays:
        kind = "<f8" if array.dtype.kind == "f" else "<i8"
        digest.update(np.ascontiguousarray(array.astype(kind, copy=False)).data)
    return digest.hexdigest()


def channel_header(channel: Channel) -> list[Any]:
    """The metadata of a channel; delay, certainty and order only where they are not the default.

    Panels without them keep the fingerprints of versions that did not have these fields.
    """
    header: list[Any] = [channel.name, channel.role, channel.categories]
    if channel.ordered:
        return [*header, channel.delay, channel.certain, channel.ordered]
    return header if channel.delay == 0 and channel.certain else [*header, channel.delay, channel.certain]
