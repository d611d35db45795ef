"""Tests of clusters import `slurm_cluster` and `ways`, which are beside them, and `s3_server` of those of stores."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "remote")]
