"""Listings of what the plugins provide."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import DatasetSpec, ForecasterSpec, Panel, Weights, hookimpl
from harness.boards.workspace import Workspace
from harness.plugins.catalog import load_catalog
from harness.report.catalog.listings import data_inventory, inventory, listing


class Rivers:
    """Datasets, of which two share source and licence."""

    @hookimpl
    def harness_datasets(self) -> list[DatasetSpec]:
        source = "A. Nobody, Rivers and how they run"
        return [
            DatasetSpec("amazon", lambda: Panel.of([[1.0]]), source=source, licence="CC0"),
            DatasetSpec("brook", lambda: Panel.of([[1.0]]), source="drawn here", licence="CC0"),
            DatasetSpec("congo", lambda: Panel.of([[1.0]]), source=source, licence="CC0"),
            DatasetSpec("danube", lambda: Panel.of([[1.0]]), source=source, licence="MIT"),
        ]


def test_datasets_of_one_source_refer_to_the_first(tmp_path: Path) -> None:
    lines = data_inventory(Workspace(tmp_path, load_catalog({"rivers": Rivers()}))).splitlines()

    said = {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line.strip()}
    assert said["amazon"] == "A. Nobody, Rivers and how they run · CC0 available"
    assert said["brook"] == "drawn here · CC0 available"
    assert said["congo"] == "as amazon available"
    assert said["danube"] == "A. Nobody, Rivers and how they run · MIT available"


class Pretrained:
    """Two models of a library, each with weights of its own, which are not fetched."""

    @hookimpl
    def harness_forecasters(self) -> list[ForecasterSpec]:
        return [
            ForecasterSpec(f"large:{name}", Pretrained, weights=Weights(f"large/{name}"), pool="zero-shot")
            for name in ("One", "Two")
        ]


def test_each_model_whose_weights_are_not_fetched_has_its_command(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HARNESS_WEIGHTS_DIR", str(tmp_path))

    _, _, text = inventory(load_catalog({"large": Pretrained()}), "forecasters").partition("WEIGHTS ARE NOT FETCHED")

    rows = [line.split() for line in text.splitlines()]
    assert ["harness", "weights", "fetch", "large:One", "large:One"] in rows
    assert ["harness", "weights", "fetch", "large:Two", "large:Two"] in rows
    assert "need other packages" not in text


def test_formats_have_their_suffixes() -> None:
    assert all(suffix in inventory(load_catalog(), "formats") for suffix in ("(.csv)", "(.md)", "(.html)"))


def test_metrics_say_how_many_quantile_levels_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")  # so that no description is wrapped
    text = " ".join(inventory(load_catalog(), "metrics").split())

    assert text.count("needs quantile levels") == 3  # WQL, SQL, MQL
    assert text.count("needs at least two quantile levels") == 2  # coverage, MSIS


def test_metrics_say_which_functional_they_score() -> None:
    heading, *lines = inventory(load_catalog(), "metrics").splitlines()[1:]

    column = slice(heading.index("functional"), heading.index("provided by"))
    functionals = {line.split()[0]: line[column].strip() for line in lines if line[2:3].strip()}
    assert {name: functionals[name] for name in ("MAE", "RMSE", "WQL")} == {
        "MAE": "median",
        "RMSE": "mean",
        "WQL": "quantiles",
    }


def test_protocols_are_listed_by_their_kind() -> None:
    lines = inventory(load_catalog(), "protocols").splitlines()

    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "] == [
        "name",
        "generation",
        "rolling-origin",
    ]


def test_addresses_are_not_broken_at_their_hyphens() -> None:
    source = f"{'word ' * 14}bgc-jena.mpg.de"

    assert "bgc-jena.mpg.de" in listing("data", ("name", "source", "state"), [("weather", source, "available")])
