"""What MLflow gets of a cell, and names, addresses and moments as MLflow takes them."""

from __future__ import annotations

from typing import Any

import pytest

from harness import RollingOrigin, Run, Status, StoredPlan, Task
from harness.evaluation.run import Cell
from harness_mlflow.entries import cell_entry, milliseconds, safe_name
from harness_mlflow.place import without_password

ENVIRONMENT = {"name": "sf", "python": "3.11.7", "requirements": ["statsforecast>=2.1"]}


@pytest.mark.parametrize(
    ("provenance", "tag"), [({}, None), ({"environment": ENVIRONMENT}, "sf, Python 3.11.7")], ids=["none", "one"]
)
def test_the_environment_of_a_cell_is_a_tag(provenance: dict[str, Any], tag: str | None) -> None:
    run = Run(Cell(Task("river", RollingOrigin(2)), "ets"), Status.COMPLETED, provenance=provenance)

    entry = cell_entry(run, StoredPlan("toys", "Toys", "", "MAE", "naive", ()), "ets", "river")

    assert entry.tags.get("environment") == tag


class TestNames:
    @pytest.mark.parametrize(
        ("name", "safe"),
        [
            ("MASE/sunspots", "MASE/sunspots"),
            ("log10(MSE)", "log10_MSE_"),
            ("MASE//x/../y", "MASE/x/y"),
            ("Größe 1.5", "Größe 1.5"),
            ("", "_"),
        ],
    )
    def test_names_are_made_as_mlflow_takes_them(self, name: str, safe: str) -> None:
        assert safe_name(name) == safe

    def test_passwords_are_not_told(self) -> None:
        assert without_password("no http://me:secret@box/x, no") == "no http://box/x, no"

    @pytest.mark.parametrize("password", ["plain", "sl/ash", "col:on", "%40"])
    def test_addresses_are_shown_without_passwords(self, password: str) -> None:
        text = f"cannot connect to postgresql://me:{password}@box/db?sslmode=require&password={password} today"

        assert without_password(text) == "cannot connect to postgresql://box/db?sslmode=require&password=… today"

    def test_moments_are_milliseconds(self) -> None:
        assert milliseconds("1970-01-01T00:00:01.5+00:00", 0) == 1500
        assert milliseconds("", 7_000_000) == 7
