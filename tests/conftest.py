"""What tests of several modules share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from harness.data import damage

settings.register_profile("harness", deadline=None)  # other work on the machine must not fail a test
settings.load_profile("harness")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than processors: many tests wait for servers and limits of time."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files are begun first, so that no process works on one while the others have nothing left to do."""
    items.sort(key=lambda item: item.get_closest_marker("long_file") is None)


@pytest.fixture(scope="module", autouse=True)
def same_process() -> Iterator[None]:
    """A file leaves the process as it found it: which files follow depends on the number of processes."""
    before = state_of_process()
    yield
    assert state_of_process() == before


def state_of_process() -> dict[str, object]:
    """What a test could leave behind that harness or MLflow would notice; libraries set variables of their own."""
    settings = {name: value for name, value in os.environ.items() if name.startswith(("HARNESS_", "MLFLOW_", "PYTHON"))}
    signals = {number.name: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    return {"directory": os.getcwd(), **settings, **signals}


@pytest.fixture(autouse=True)
def told_anew() -> Iterator[None]:
    """Warnings about files of a home are logged again in each test, whatever commands ran before in this process."""
    yield
    damage._listeners.clear()
    damage._told.clear()


@pytest.fixture
def real_file() -> Callable[[str], Path]:
    """The path of a file of real data by its name, in HARNESS_DATA_DIR.

    Where it is not, the test is skipped, or fails if HARNESS_REQUIRE_DATA is 1.
    """

    def path_of(name: str) -> Path:
        folder = os.environ.get("HARNESS_DATA_DIR")
        if folder and (Path(folder) / name).is_file():
            return Path(folder) / name
        missing = f"set HARNESS_DATA_DIR to a folder that holds {name}"
        if os.environ.get("HARNESS_REQUIRE_DATA") == "1":
            pytest.fail(missing)
        pytest.skip(missing)

    return path_of


@pytest.fixture
def data_dir(real_file: Callable[[str], Path]) -> Path:
    """The folder of real data, HARNESS_DATA_DIR; skips or fails as `real_file` does."""
    return real_file("ETTh1.csv").parent
