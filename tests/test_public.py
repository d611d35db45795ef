"""The public interface and the hooks: code and documents say the same, and looking is cheap."""

from __future__ import annotations

import ast
import inspect
import json
import logging
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import click
import numpy as np
import pytest

import harness
from harness import LocalForecaster, Panel, RollingOrigin, Status, Task
from harness.evaluation.evaluate import evaluate
from harness.plugins import hookspecs
from harness.plugins.catalog import Catalog, load_catalog

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
HEAVY = ("torch", "pandas", "statsmodels", "sklearn", "mlflow", "numpy")
HOOKS = [name for name in vars(hookspecs) if name.startswith("harness_")]


class TestNames:
    def test_all_is_exactly_what_type_checkers_are_told(self) -> None:
        tree = ast.parse(Path(harness.__file__).read_text(encoding="utf-8"))
        (told,) = (node for node in tree.body if isinstance(node, ast.If))

        places = {
            alias.name: node.module
            for node in told.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.asname is None
        }

        assert places == {name: f"harness.{place}" for name, place in harness._PLACES.items()}
        assert sorted(harness.__all__) == sorted(places)

    @pytest.mark.parametrize("name", harness.__all__)
    def test_each_is_there_and_says_what_it_is(self, name: str) -> None:
        assert inspect.getdoc(getattr(harness, name))

    def test_dir_shows_them_and_the_version(self) -> None:
        assert sorted(dir(harness)) == sorted([*harness.__all__, "__version__"])
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", harness.__version__)

    def test_another_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'Forcast'"):
            harness.Forcast  # noqa: B018


class TestWeight:
    """Looking at what is here imports nothing that is slow to import."""

    @staticmethod
    def imported(statement: str, *arguments: str) -> set[str]:
        script = f"""
import atexit, json, sys
sys.argv = ["harness", {", ".join(map(repr, arguments))}]
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules)), file=sys.stderr))
{statement}
"""
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        return set(json.loads(done.stderr.splitlines()[-1]))

    @pytest.mark.parametrize(
        ("statement", "arguments"),
        [
            ("import harness", []),
            ("from harness.cli.main import main; main()", ["--help"]),
            ("from harness.cli.main import main; main()", ["run", "--help"]),
            ("from harness.cli.main import main; main()", ["list"]),
        ],
        ids=["import", "help", "run-help", "list"],
    )
    def test_nothing_heavy_is_imported(self, statement: str, arguments: list[str]) -> None:
        modules = self.imported(statement, *arguments)

        assert "harness" in modules
        assert modules.intersection(HEAVY) == set()

    def test_importing_harness_alone_imports_neither_click_nor_pluggy(self) -> None:
        assert self.imported("import harness").intersection(("click", "pluggy", "rich")) == set()


class TestDocstrings:
    @pytest.mark.parametrize("hook", HOOKS)
    def test_each_hook_says_when_with_what_for_what_and_how(self, hook: str) -> None:
        lines = inspect.getdoc(getattr(hookspecs, hook)).splitlines()  # type: ignore[union-attr]

        parts = [line.partition(":")[0] for line in lines if re.match(r"[A-Z][a-z]+:", line)]

        assert lines[0].endswith(".")
        assert parts == ["Called", "Arguments", "Result", "Example"]

    @pytest.mark.parametrize("hook", HOOKS)
    def test_each_names_every_argument(self, hook: str) -> None:
        text = inspect.getdoc(getattr(hookspecs, hook)).partition("Arguments:")[2].partition("Result:")[0]  # type: ignore[union-attr]

        named = re.findall(r"`(\w+)`", text)

        assert [name for name in named if name in arguments_of(hook)] == arguments_of(hook)

    @pytest.mark.parametrize("hook", HOOKS)
    def test_each_example_fits_its_hook(self, hook: str) -> None:
        example = inspect.cleandoc(inspect.getdoc(getattr(hookspecs, hook)).partition("Example:")[2])  # type: ignore[union-attr]
        known = {name: getattr(harness, name) for name in harness.__all__}
        known |= {"click": click, "Path": Path, "log": logging.getLogger("test"), "MovingAverage": MovingAverage}
        known["LastWindow"] = LastWindow

        module = executed(example, known)

        assert_fits(hook, module)

    def test_the_example_metric_is_the_mean_squared_logarithmic_error(self) -> None:
        example = inspect.cleandoc(inspect.getdoc(hookspecs.harness_metrics).partition("Example:")[2])  # type: ignore[union-attr]
        (metric,) = executed(example, {"hookimpl": harness.hookimpl, "Metric": harness.Metric}).harness_metrics()
        outcomes = SimpleNamespace(point=np.array([0.0, 1.0]), actuals=np.array([np.e - 1, 1.0]))

        assert metric.name == "MSLE"
        assert metric.losses(outcomes).tolist() == pytest.approx([1.0, 0.0])


class TestDocument:
    def test_every_hook_has_its_section_in_the_order_of_the_specifications(self) -> None:
        assert re.findall(r"^## (\w+)$", DOCUMENT, re.MULTILINE) == HOOKS

    @pytest.mark.parametrize("hook", HOOKS)
    def test_its_signature_is_exact(self, hook: str) -> None:
        (said,) = code_of(section(hook), "")

        assert said == hook + str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")

    @pytest.mark.parametrize("hook", HOOKS)
    def test_it_says_when_with_what_and_for_what(self, hook: str) -> None:
        text = section(hook)

        arguments = text.partition("**Arguments**")[2].partition("**Result**")[0]

        assert re.findall(r"^\*\*(\w+)\*\*", text, re.MULTILINE) == ["Called", "Arguments", "Result"]
        assert all(f"`{name}`" in arguments for name in arguments_of(hook))

    @pytest.mark.parametrize("hook", HOOKS)
    def test_its_example_fits_its_hook(self, hook: str) -> None:
        (example,) = code_of(section(hook), "python")

        assert_fits(hook, executed(example))

    def test_the_stranger_on_top_forecasts(self) -> None:
        (stranger,) = code_of(DOCUMENT.partition("\n## ")[0], "python")
        catalog = assert_fits("harness_forecasters", executed(stranger))

        forecaster = catalog.forecasters["moving-average"].spec.make({"length": 2})
        run = evaluate(forecaster, Task("", RollingOrigin(1, windows=1)), Panel.of([[9.0, 1.0, 3.0, 4.0]]))

        assert run.status is Status.COMPLETED
        assert run.scores["MAE"] == 2

    def test_the_stranger_on_top_is_the_example_plugins(self) -> None:
        (stranger,) = code_of(DOCUMENT.partition("\n## ")[0], "python")
        plugin = (ROOT / "tests" / "example_plugin" / "example_plugin" / "__init__.py").read_text(encoding="utf-8")
        (formula,) = (line for line in stranger.splitlines() if "np.tile" in line)

        assert formula in plugin.splitlines()

    def test_the_other_examples_do_what_they_say(self, tmp_path: Path) -> None:
        said = {hook: executed(code_of(section(hook), "python")[0]) for hook in HOOKS}
        group = click.Group()
        run = SimpleNamespace(status=Status.FAILED, cell=SimpleNamespace(forecaster="mean"), reason="ValueError")
        rows = [SimpleNamespace(forecaster="drift"), SimpleNamespace(forecaster="mean")]

        said["harness_commands"].harness_commands(group)
        said["harness_run_finished"].harness_run_finished(run, tmp_path)
        said["harness_standings_changed"].harness_standings_changed(
            SimpleNamespace(title="Nile"), SimpleNamespace(rows=rows), tmp_path
        )

        assert list(group.commands) == ["hello"]
        assert (tmp_path / "failures.log").read_text(encoding="utf-8") == "mean: ValueError\n"
        assert (tmp_path / "leaders.log").read_text(encoding="utf-8") == "Nile: drift\n"
        assert said["harness_finished"].harness_finished(tmp_path) == [f"the journal is in {tmp_path / 'journal'}"]
        assert len(said["harness_datasets"].ramp()) == 1
        assert said["harness_forecasters"].harness_forecasters()[0].make({})


class MovingAverage(LocalForecaster):
    """What the examples in docstrings take as given."""

    def predict_series(self, context: harness.Context) -> harness.Floats:
        return np.zeros((context.horizon, 1))


@dataclass(frozen=True)
class LastWindow(harness.Protocol):
    """Also taken as given."""

    kind: ClassVar[str] = "last-window"
    horizon: int

    def cutoffs(self, held_out: harness.HeldOut) -> harness.Cutoffs:
        series = np.arange(len(held_out.ends))
        return harness.Cutoffs(series, held_out.ends - self.horizon, np.zeros_like(series))


def arguments_of(hook: str) -> list[str]:
    return list(inspect.signature(getattr(hookspecs, hook)).parameters)


def section(hook: str) -> str:
    """What the document says of a hook."""
    return DOCUMENT.partition(f"\n## {hook}\n")[2].partition("\n## ")[0]


def code_of(text: str, language: str) -> list[str]:
    """The blocks of code in a language."""
    return [code.strip() for said, code in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M) if said == language]


def executed(code: str, known: dict[str, Any] | None = None) -> ModuleType:
    """The module that the code makes."""
    module = ModuleType("example")
    vars(module).update(known or {}, __file__=__file__)
    sys.modules["example"] = module
    try:
        exec(compile(code, "example", "exec"), vars(module))
    finally:
        del sys.modules["example"]
    return module


def assert_fits(hook: str, module: ModuleType) -> Catalog:
    """Assert that a plugin has the hook, and that the catalog takes what it provides."""
    catalog = load_catalog(extra={"example": module})
    before = list(catalog.problems)
    callers = catalog.manager.get_hookcallers(module)
    assert callers is not None
    assert [caller.name for caller in callers] == [hook]
    shelves = (
        catalog.forecasters,
        catalog.datasets,
        catalog.metrics,
        catalog.protocols,
        catalog.boards,
        catalog.formats,
    )
    provided = [entry for shelf in shelves for entry in shelf.values() if entry.plugin.name == "example"]
    kinds = ("forecasters", "datasets", "metrics", "protocols", "leaderboards", "reports")
    supplies = hook.removeprefix("harness_") in kinds
    assert len(provided) == supplies
    assert catalog.problems == before
    return catalog
