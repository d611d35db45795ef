"""What adapters do where their library is not installed, and how hyperparameters are read from a library's class."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from importlib.util import find_spec

import pytest

import harness
from harness import given_hyperparameters, hyperparameter_fields
from harness.errors import BadInput


def test_listing_imports_nothing_of_the_libraries() -> None:
    code = (
        "import sys, harness_statsforecast, harness_sktime\n"
        "specs = [*harness_statsforecast.harness_forecasters(), *harness_sktime.harness_forecasters()]\n"
        "assert len({spec.name for spec in specs}) == len(specs) > 150\n"
        "print([name for name in ('statsforecast', 'sktime', 'pandas', 'numpy') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.skipif(find_spec("sktime") is not None, reason="sktime is installed")
def test_to_sktime_says_what_to_install() -> None:
    with pytest.raises(BadInput, match=r"pip install 'forecast-harness\[sktime\]'"):
        harness.to_sktime("theta")


class Model:
    def __init__(self, size, depth=2, parts=(1, 2), table={}, inner=object, alias="a", **more):  # noqa: B006
        pass


class TestHyperparameters:
    MADE = dataclasses.make_dataclass("Made", hyperparameter_fields(Model, leave_out=("alias",)), kw_only=True)

    def test_parameters_become_fields_with_their_defaults(self) -> None:
        made = self.MADE(size=1)

        assert dataclasses.asdict(made) == {"size": 1, "depth": 2, "parts": (1, 2), "table": {}, "inner": None}

    def test_a_parameter_without_default_is_required(self) -> None:
        with pytest.raises(TypeError, match="size"):
            self.MADE()

    def test_a_default_that_is_no_json_value_is_left_to_the_library(self) -> None:
        assert given_hyperparameters(self.MADE(size=1, depth=3), Model) == {
            "size": 1,
            "depth": 3,
            "parts": (1, 2),
            "table": {},
        }

    def test_an_optional_parameter_is_left_out_while_it_is_none(self) -> None:
        made = dataclasses.make_dataclass("Made", hyperparameter_fields(Model, optional=("size",)), kw_only=True)

        assert "size" not in given_hyperparameters(made(), Model)
        assert given_hyperparameters(made(size=4), Model)["size"] == 4
