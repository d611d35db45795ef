"""Pools: kinds of forecasters by what their parameters are learned from; each can be ranked by itself."""

from __future__ import annotations

from typing import Literal, get_args

Pool = Literal["local", "trained", "zero-shot", "system"]
POOLS: tuple[Pool, ...] = get_args(Pool)
