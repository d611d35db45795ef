"""A worker fits and forecasts with NumPy, pandas, pluggy and threadpoolctl alone, whatever else is installed.

`tox -e child` runs this file with the oldest and newest supported versions of them and of Python.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from worker_client import CHILD_PLUGIN, DAYS, HORIZON, Template, Worker, environment

HIDDEN = Path(__file__).parents[1] / "hidden"
LIGHT = {"numpy", "pandas", "pluggy", "threadpoolctl"}
OF_PANDAS = {"dateutil", "pytz", "six", "tzdata"}  # its dependencies
OURS = {"harness", "harness_models", "child_plugin", "sitecustomize"}
START = DAYS - 50  # of the first window

# the first three times that are START + 1 and more steps after the start, counted on a calendar
TIMES = {
    ("D", "2024-01-01"): ["2024-05-30", "2024-05-31", "2024-06-01"],
    ("h", "2024-01-01"): ["2024-01-07T06", "2024-01-07T07", "2024-01-07T08"],
    ("15min", "2024-01-01"): ["2024-01-02T13:30", "2024-01-02T13:45", "2024-01-02T14:00"],
    ("s", "2024-01-01"): ["2024-01-01T00:02:30", "2024-01-01T00:02:31", "2024-01-01T00:02:32"],
    ("W-SAT", "2024-01-06"): ["2026-11-21", "2026-11-28", "2026-12-05"],
    ("MS", "2000-01-01"): ["2012-07-01", "2012-08-01", "2012-09-01"],
    ("ME", "2000-01-31"): ["2012-07-31", "2012-08-31", "2012-09-30"],
    ("QS", "2000-01-01"): ["2037-07-01", "2037-10-01", "2038-01-01"],
    ("QE-NOV", "2000-02-29"): ["2037-08-31", "2037-11-30", "2038-02-28"],
    ("YS-JUL", "1900-07-01"): ["2050-07-01", "2051-07-01", "2052-07-01"],
    ("YE", "1900-12-31"): ["2050-12-31", "2051-12-31", "2052-12-31"],
    ("BME", "2000-01-31"): ["2012-07-31", "2012-08-31", "2012-09-28"],
}


@pytest.fixture(scope="module")
def allowed() -> set[str]:
    """The packages that a worker may import: also those that each start of Python imports, for editable packages."""
    code = "import sys; print(*(name.partition('.')[0] for name in sys.modules))"
    started = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return LIGHT | OF_PANDAS | OURS | {"editables", *started.stdout.split()}


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory, allowed: set[str]) -> Iterator[Template]:
    """A template server from which all other installed packages are hidden."""
    hidden = set(packages_distributions()) - allowed
    env = environment(HIDDEN_PACKAGES=" ".join(hidden), PYTHONPATH=f"{HIDDEN}:{CHILD_PLUGIN}")
    with Template(tmp_path_factory.mktemp("light"), env=env) as template:
        yield template


def made(template: Template, forecaster: str) -> Worker:
    worker = template.start()
    answer = worker.make(forecaster)
    assert answer["ok"], answer
    return worker


def test_it_imports_nothing_else(light: Template, allowed: set[str]) -> None:
    worker = made(light, "phase-mean")
    worker.give_data()
    assert worker.ask("fit").header["ok"]

    described = worker.ask("describe").header

    packages = set(described["hyperparameters"]["packages"].split())
    assert packages & set(packages_distributions()) <= allowed
    assert packages >= LIGHT


def test_its_forecasts_are_right(light: Template) -> None:
    worker = made(light, "phase-mean")
    worker.give_data(levels=(0.1, 0.5, 0.9))  # the values are 0, 1, 2, …
    assert worker.ask("fit").header["ok"]

    answer = worker.ask("predict")

    # the mean of the values one and two weeks before
    expected = np.arange(START, START + 4)[:, None] + np.arange(HORIZON) - 10.5
    np.testing.assert_allclose(answer.arrays["mean"][..., 0], expected)
    quantiles = answer.arrays["quantiles"]
    half_width = 1.2815515655446004 * np.std(np.arange(START))  # the 90 % quantile of a standard normal distribution
    np.testing.assert_allclose(quantiles[..., 0, 2] - quantiles[..., 0, 1], half_width)
    np.testing.assert_allclose(quantiles[..., 0, 1], expected)


@pytest.mark.parametrize(("freq", "start"), TIMES)
def test_it_knows_the_times_ahead(light: Template, freq: str, start: str) -> None:
    worker = made(light, "future-times")
    worker.give_data(windows=1, start=start, freq=freq)
    assert worker.ask("fit").header["ok"]

    answer = worker.ask("predict")

    assert answer.header["ok"], answer.header
    times = answer.arrays["mean"].ravel().astype("M8[s]")
    assert times.tolist() == np.array(TIMES[freq, start], "M8[s]").tolist()


def test_included_forecasters_run(light: Template) -> None:
    worker = made(light, "seasonal-naive")
    worker.give_data(levels=(0.5,))
    assert worker.ask("fit").header["ok"]

    answer = worker.ask("predict")

    assert answer.arrays["mean"][0, :, 0].tolist() == [START - 7, START - 6, START - 5]


def test_a_library_that_is_not_installed_is_named(light: Template) -> None:
    worker = made(light, "ridge")
    worker.give_data()

    answer = worker.ask("fit").header

    assert not answer["ok"]
    assert "sklearn" in str(answer["error"])
