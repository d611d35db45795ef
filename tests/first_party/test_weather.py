"""The weather of Jena, by the first rows of its real file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness_datasets
from harness import BadData
from harness.data import files as data_files
from harness.errors import DataUnavailable
from harness_datasets.weather import HEADER, jena_climate

HEAD = "jena_climate_2009_2016_head.csv"
SPEC = next(spec for spec in harness_datasets.harness_datasets() if spec.name == "weather")
ROW = "01.01.2009 00:10:00," + ",".join("1" * 14)
RealFile = Callable[[str], Path]


def test_one_row_an_hour_of_fourteen_variables(real_file: RealFile) -> None:
    frame = pd.read_csv(real_file(HEAD), index_col="Date Time")

    panel = jena_climate(real_file(HEAD))

    assert len(frame) == 19
    np.testing.assert_array_equal(panel.values, frame.to_numpy()[::6])  # rows 0, 6, 12 and 18
    assert [channel.name for channel in panel.channels] == frame.columns.tolist()
    assert panel.season_length == 24


def test_the_temperature_is_what_is_forecast(real_file: RealFile) -> None:
    panel = jena_climate(real_file(HEAD))

    assert [panel.channels[i].name for i in panel.targets] == ["T (degC)"]
    assert panel.target_values[0, 0] == -8.02
    assert len(panel.channels_of("past covariate")) == 13


def test_the_zip_is_read_as_it_is_published(real_file: RealFile, tmp_path: Path, monkeypatch) -> None:
    expected = jena_climate(real_file(HEAD)).fingerprint()
    zipped = tmp_path / "data" / SPEC.files[0].name
    zipped.parent.mkdir()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(real_file(HEAD), "jena_climate_2009_2016.csv")
        archive.writestr("__MACOSX/._jena_climate_2009_2016.csv", b"\x00\x05")
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "nothing"))

    panel = data_files.load(SPEC, tmp_path)

    assert panel.fingerprint() == expected


def test_without_its_file_it_is_unavailable_and_says_how_to_get_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))

    with pytest.raises(DataUnavailable, match="harness data fetch weather"):
        data_files.load(SPEC, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header must be Date Time,p "),
        ("date,OT\n", "line 1: the header must be .*, not 'date,OT'"),
        (HEADER + "\n", "holds no rows"),
        (HEADER + "\n" + ROW + ",7\n", "line 2: 15 values, not 14"),
        (HEADER + "\n" + ROW.replace(",1,1,", ",1,?,", 1) + "\n", "line 2: a value is not a number: '01.01.2009"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "weather.csv"
    path.write_text(text)

    with pytest.raises(BadData, match=message):
        jena_climate(path)


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weather.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")

    with pytest.raises(BadData, match="must hold one CSV file, not 0"):
        jena_climate(path)
