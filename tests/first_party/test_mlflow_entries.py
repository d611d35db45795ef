"""What MLflow gets of a cell."""

from __future__ import annotations

from typing import Any

import pytest

from harness import RollingOrigin, Run, Status, StoredPlan, Task
from harness.evaluation.run import Cell
from harness_mlflow.entries import cell_entry

ENVIRONMENT = {"name": "sf", "python": "3.11.7", "requirements": ["statsforecast>=2.1"]}


@pytest.mark.parametrize(
    ("provenance", "tag"), [({}, None), ({"environment": ENVIRONMENT}, "sf, Python 3.11.7")], ids=["none", "one"]
)
def test_the_environment_of_a_cell_is_a_tag(provenance: dict[str, Any], tag: str | None) -> None:
    run = Run(Cell(Task("river", RollingOrigin(2)), "ets"), Status.COMPLETED, provenance=provenance)

    entry = cell_entry(run, StoredPlan("toys", "Toys", "", "MAE", "naive", ()), "ets", "river")

    assert entry.tags.get("environment") == tag
