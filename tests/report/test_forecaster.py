"""What is shown of a forecaster: hyperparameters, whose defaults are made by code of its plugin, and layers."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness import Layer, RollingOrigin, Run, Status, Task
from harness.evaluation.run import Cell
from harness.forecasters.hyperparameters import hyperparameters_of
from harness.forecasters.spec import ForecasterSpec
from harness.report.runs.forecaster import forecaster_text
from harness.report.runs.run_table import ListedCell


class Unprintable:
    """A value whose representation raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def absent() -> list[int]:
    raise FileNotFoundError("weights.bin")


@dataclass
class Odd:
    """Has defaults that raise."""

    plain: int = 3
    unprintable: object = Unprintable()
    made: list[int] = field(default_factory=absent)


def test_defaults_that_raise_are_shown_as_such() -> None:
    found = {each.name: each.default for each in hyperparameters_of(ForecasterSpec("odd", Odd))}

    assert found["plain"] == "3"
    assert found["unprintable"] == "raises RuntimeError: no text"
    assert found["made"].startswith("raises FileNotFoundError")


def test_meanings_are_whole_sentences_also_with_initials() -> None:
    @dataclass
    class Linear:
        """A network. With `path`, a linear layer is added (A. Zeng et al., 2023). It has a bias."""

        path: bool = True

    (path,) = hyperparameters_of(ForecasterSpec("linear", Linear))

    assert path.meaning == "With `path`, a linear layer is added (A. Zeng et al., 2023)."


def test_each_software_of_several_is_shown_with_its_tasks() -> None:
    cell = Cell(Task("a", RollingOrigin(2)), "net")
    told = {"python": "3.12.1", "plugin": {"version": "nets==1.2:0123"}, "libraries": {"torch": "2.13.0"}}
    runs = {"a": told, "b": {**told, "libraries": {"torch": "2.14.0"}}, "c": told}
    cells = [
        ListedCell("board", "net", task, "key", "MAE", Run(cell, Status.COMPLETED, provenance=told))
        for task, told in runs.items()
    ]

    several, one = (forecaster_text("net", "board", None, each, 80) for each in (cells, cells[::2]))

    assert (
        "software\n  a, c: Python 3.12.1, nets 1.2, torch 2.13.0\n  b: Python 3.12.1, nets 1.2, torch 2.14.0\n"
        in several
    )
    assert "software\n  all tasks: Python 3.12.1, nets 1.2, torch 2.13.0\n" in one


def test_the_layers_of_each_network_are_shown_once() -> None:
    run = Run(
        Cell(Task("a", RollingOrigin(2)), "net"),
        Status.COMPLETED,
        model_summary=(Layer("head", "Linear", (None, 24), 3_000),),
    )
    cells = [ListedCell("board", "net", task, "key", "MAE", run) for task in ("a", "b")]

    text = forecaster_text("net", "board", None, cells, 80)

    assert text.count("model summary of a, b") == 1
    assert "  head   Linear  (None, 24)         3,000" in text


def test_the_environment_of_its_cells_is_shown_once() -> None:
    environment = {"name": "sf", "hash": "0123abcdef", "requirements": ["statsforecast>=2.1"]}
    environment |= {"lock": ["scipy==1.17.1", "statsforecast==2.1.1"]}
    run = Run(
        Cell(Task("a", RollingOrigin(2)), "net"),
        Status.COMPLETED,
        provenance={"environment": environment, "python": "3.11.7"},
    )
    cells = [ListedCell("board", "net", task, "key", "MAE", run) for task in ("a", "b")]

    text = forecaster_text("net", "board", None, cells, 80)

    assert "software\n  all tasks: environment sf (0123abcd), Python 3.11.7, statsforecast 2.1.1\n" in text
