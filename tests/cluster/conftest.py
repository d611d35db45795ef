"""Tests of clusters import modules that are beside them, and `servers` of the tests of stores."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "remote")]
