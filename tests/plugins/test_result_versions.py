"""The result version of a forecaster: it changes with whatever could change its results, and with nothing else."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from modulefinder import ModuleFinder
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import ForecasterSpec, Journal
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import plan_board
from harness.boards.workspace import Workspace
from harness.plugins.catalog import load_catalog
from harness.plugins.import_closure import ImportGraph
from harness.plugins.registry import Registered
from harness.plugins.result_versions import forecaster_version
from harness.plugins.sources import own_files
from harness.results.provenance import provenance
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness_models.naive import Naive

HOOKS = '''"""Hooks."""
from harness import ForecasterSpec, hookimpl

@hookimpl
def harness_forecasters():
    return [ForecasterSpec("near", "wanderer.near:Near")]
'''
PACKAGE = {
    "__init__.py": HOOKS,
    "near.py": '"""A model."""\nfrom wanderer.helper import scale\n\nclass Near:\n    factor = scale\n',
    "helper.py": "from .deep import scale\n",
    "deep.py": '"""Numbers."""\nscale = 2\n\ndef double(x):\n    """Twice."""\n    return 2 * x\n',
    "other.py": "level = 1\n",
    "sub/__init__.py": "",
    "sub/inner.py": "level = 1\n",
    "weights.json": "1",
}


class Package:
    """A plugin on the path, whose files can be changed."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.folder = site / "wanderer"
        self.information = site / "wanderer-1.5.dist-info"
        self.information.mkdir(parents=True)
        (self.information / "METADATA").write_text("Metadata-Version: 2.1\nName: wanderer\nVersion: 1.5\n")
        (self.information / "entry_points.txt").write_text("[harness]\nwanderer = wanderer\n")
        for name, text in PACKAGE.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        path = self.folder / name
        self.write(name, (path.read_text(encoding="utf-8") if path.exists() else "") + text + "\n")

    def version(self) -> str:
        """The result version, as a new process would compute it."""
        forget("wanderer")
        return forecaster_version("near", load_catalog().forecasters)


def forget(package: str) -> None:
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # an edit of the same size in the same second would be missed
    yield Package(site)
    forget("wanderer")
    forget("aside")


class TestSource:
    def test_it_names_the_version_of_the_plugin(self, package: Package) -> None:
        assert package.version().startswith("wanderer==1.5:")
        assert package.version() == package.version()

    @pytest.mark.parametrize("name", ["near.py", "helper.py", "deep.py"])
    def test_it_changes_with_the_code_that_the_factory_imports(self, package: Package, name: str) -> None:
        before = package.version()

        package.append(name, "scale = 3")

        assert package.version() != before

    @pytest.mark.parametrize("name", ["other.py", "sub/inner.py", "sub/__init__.py", "new.py", "__init__.py"])
    def test_it_does_not_change_with_other_code(self, package: Package, name: str) -> None:
        before = package.version()

        package.append(name, "scale = 3")

        assert package.version() == before

    @pytest.mark.parametrize(
        "text",
        [
            PACKAGE["deep.py"].replace("Numbers", "All numbers").replace("Twice.", "Two times."),
            PACKAGE["deep.py"].replace('    """Twice."""\n', ""),
            PACKAGE["deep.py"] + "# a comment\n",
            PACKAGE["deep.py"].replace("2 * x", "(2*x)"),
            PACKAGE["deep.py"].replace("scale = 2\n", 'scale = 2\n"""A factor."""\n'),
        ],
        ids=["docstrings", "no docstring", "comment", "format", "docstring of a name"],
    )
    def test_it_does_not_change_with_texts_and_format(self, package: Package, text: str) -> None:
        before = package.version()

        package.write("deep.py", text)

        assert package.version() == before

    @pytest.mark.parametrize("name", ["weights.json", "sub/data.csv", "fast.cpython-311-x86_64-linux-gnu.so"])
    def test_it_changes_with_files_other_than_python_source(self, package: Package, name: str) -> None:
        before = package.version()

        package.append(name, "2")

        assert package.version() != before

    @pytest.mark.parametrize(("line", "changes"), [("DATA = files('figures')", True), ("DATA = 1", False)])
    def test_it_changes_with_data_in_a_package_that_the_code_names(
        self, package: Package, line: str, changes: bool
    ) -> None:
        files = ("wanderer/__init__.py", "figures/__init__.py", "wanderer-1.5.dist-info/RECORD")
        (package.information / "RECORD").write_text("".join(f"{file},,\n" for file in files), encoding="utf-8")
        package.write("../figures/__init__.py", "")
        package.write("helper.py", f"from importlib.resources import files\nfrom .deep import scale\n{line}\n")
        before = package.version()

        package.write("../figures/weights.bin", "1")

        assert (package.version() != before) == changes

    def test_a_text_with_a_wrong_escape_is_no_warning(self, package: Package) -> None:
        package.append("deep.py", "pattern = '\\d'")

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            version = forecaster_version("near", load_catalog().forecasters)
        package.append("deep.py", "# a comment")

        assert package.version() == version

    def test_of_a_file_that_cannot_be_parsed_the_bytes_count(self, package: Package) -> None:
        package.append("deep.py", "def (:")
        before = package.version()

        package.append("deep.py", "# a comment")

        assert package.version() != before

    @pytest.mark.parametrize(
        ("line", "edited"),
        [
            ("from wanderer import other", "other.py"),
            ("from . import other", "other.py"),
            ("from .other import level", "other.py"),
            ("from .sub.inner import level", "sub/inner.py"),
            ("import wanderer.sub.inner as inner", "sub/inner.py"),
            ("import wanderer.sub.inner\nwanderer.other.level", "other.py"),
            ("import wanderer.other", "__init__.py"),
            ("from wanderer.sub import something", "sub/inner.py"),
            ("from wanderer.sub import *", "sub/inner.py"),
            ("from wanderer import sub\nsub.inner.level", "sub/inner.py"),
            ("from wanderer import sub\nuse = [sub]", "sub/inner.py"),
            ("from wanderer import sub", "sub/__init__.py"),
            ("from wanderer import harness_forecasters", "__init__.py"),
            ("def make():\n    from wanderer.other import level", "other.py"),
            ("try:\n    from wanderer.other import level\nexcept ImportError:\n    pass", "other.py"),
            ("MODEL = 'wanderer.other:Model'", "other.py"),
            ("MODEL = 'wanderer.sub.inner'", "sub/inner.py"),
            ("MODEL = 'wanderer.sub.inner.Model'", "sub/inner.py"),
            ("def make(name):\n    return load(f'wanderer.sub.{name}')", "sub/inner.py"),
            ("def make(name):\n    return load('wanderer.sub.%s' % name)", "sub/inner.py"),
            ("import importlib\ninner = importlib.import_module('wanderer.sub.inner')", "sub/inner.py"),
            ("from importlib import import_module\ninner = import_module('.other', __package__)", "other.py"),
            ("from importlib import import_module\ndef make(name):\n    return import_module(name)", "other.py"),
            ("from importlib import import_module as load", "other.py"),
            ("load = __import__", "other.py"),
            ("import importlib\nload = getattr(importlib, 'import_module')", "other.py"),
            ("import runpy", "other.py"),
            ("def make(text):\n    exec(text)", "other.py"),
            ("import torch\ndef make(path):\n    return torch.load(path)", "other.py"),
            ("import pickle", "other.py"),
            ("def (:", "other.py"),
        ],
    )
    def test_imports_of_every_form_are_followed(self, package: Package, line: str, edited: str) -> None:
        package.append("helper.py", line)
        before = package.version()

        package.append(edited, "level = 2")

        assert package.version() != before

    @pytest.mark.parametrize(
        "line",
        [
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from wanderer.other import level",
            "import torch\ndef score(model):\n    return model.eval()",
            "import torch\ndef make(path):\n    return torch.load(path, weights_only=True)",
            "from importlib import import_module\nmath = import_module('math')",
            "from wanderer import sub",
            "other = 'wanderer: other.py'",
            "import numpy, json, harness",
        ],
    )
    def test_what_is_not_imported_is_not_followed(self, package: Package, line: str) -> None:
        package.append("helper.py", line)
        before = package.version()

        package.append("other.py", "level = 2")
        package.append("sub/inner.py", "level = 2")

        assert package.version() == before

    @pytest.mark.parametrize(
        ("hooks", "edited", "changes"),
        [
            ("import sys\nsys.getsizeof(1)\n", "__init__.py", True),
            ("import json\njson.level = 1\n", "__init__.py", True),
            ("from wanderer.other import level\n", "other.py", False),
            ("from wanderer.acting import level\n", "acting.py", True),
            ("from wanderer.acting import level\n", "__init__.py", False),
            ("from wanderer.registered import Model\n", "registered.py", True),
            ("def later():\n    from wanderer.acting import level\n", "acting.py", False),
            ("if __name__ == '__main__':\n    print(1)\n", "__init__.py", False),
            ("models, level = [], 1\nif level:\n    models += [1]\n", "__init__.py", False),
        ],
    )
    def test_importing_the_package_matters_where_it_does_more_than_define(
        self, package: Package, hooks: str, edited: str, changes: bool
    ) -> None:
        package.write("acting.py", "import sys\nlevel = 1\nsys.getsizeof(level)\n")
        package.write("registry.py", "models = {}\ndef register(model):\n    models['a'] = model\n    return model\n")
        package.write("registered.py", "from .registry import register\n@register\nclass Model:\n    pass\n")
        package.write("__init__.py", HOOKS + hooks)
        before = package.version()

        package.append(edited, "level = 2")

        assert (package.version() != before) == changes

    @pytest.mark.parametrize(
        ("file", "line"),
        [
            ("helper.py", "from wanderer.sub.inner import level"),
            ("__init__.py", "from wanderer.sub.inner import level"),
            ("sub/inner.py", "from wanderer.near import scale"),
        ],
    )
    @pytest.mark.parametrize("acts", [True, False])
    def test_so_does_importing_the_packages_of_what_it_imports(
        self, package: Package, file: str, line: str, acts: bool
    ) -> None:
        package.append("sub/__init__.py", "import sys\nsys.getsizeof(1)" if acts else "import sys")
        package.append(file, line)
        before = package.version()

        package.append("sub/__init__.py", "level = 2")

        assert (package.version() != before) == (acts and file != "sub/inner.py")

    @pytest.mark.parametrize(("name", "changes"), [("used.py", True), ("unused.py", False)])
    def test_imports_are_followed_into_modules_on_the_path(self, package: Package, name: str, changes: bool) -> None:
        aside = package.site / "aside"
        aside.mkdir()
        for file in ("__init__.py", "used.py", "unused.py"):
            (aside / file).write_text("level = 1\n")
        package.append("helper.py", "from aside.used import level")
        before = package.version()

        (aside / name).write_text("level = 2\n")

        assert (package.version() != before) == changes

    @pytest.mark.parametrize(
        "factory",
        ["lambda: Near(2)", "partial(Near, object())", "made(2)", "Near.of", "type('Other', (Near,), {})"],
    )
    def test_of_a_factory_that_no_module_names_the_whole_plugin_counts(self, package: Package, factory: str) -> None:
        package.append("near.py", "    def of(self):\n        return self\n")
        package.write(
            "__init__.py",
            "from functools import partial\nfrom harness import ForecasterSpec, hookimpl\n"
            "from wanderer.near import Near\ndef made(level):\n    return lambda: level\n"
            "@hookimpl\ndef harness_forecasters():\n"
            f"    return [ForecasterSpec('near', {factory.replace('Near.of', 'Near().of')})]\n",
        )
        before = package.version()

        package.append("other.py", "level = 2")

        assert package.version() != before


@pytest.mark.parametrize(("line", "changes"), [("import sys\nsys.getsizeof(1)", True), ("level = 1", False)])
def test_importing_the_module_of_the_hooks_matters_where_it_does_more_than_define(
    package: Package, line: str, changes: bool
) -> None:
    (package.information / "entry_points.txt").write_text("[harness]\nwanderer = wanderer.hooks\n")
    package.write("__init__.py", "")
    package.write("hooks.py", f"{HOOKS}\n{line}\n")
    before = package.version()

    package.append("hooks.py", "level = 2")

    assert (package.version() != before) == changes


def test_a_link_to_a_folder_above_is_followed_once(package: Package) -> None:
    (package.folder / "again").symlink_to(package.folder)
    package.append("helper.py", "import wanderer\nwanderer.again.again.near")

    closure = ImportGraph({"wanderer": (package.folder,)}).closure("wanderer.near")

    names = {module.name for module in closure}
    assert "wanderer.again.near" in names
    assert not any("again.again" in name for name in names)


MODULES = ["a", "b", "c", "d", "e"]
FORMS = (
    "from pkg.{0} import x",
    "from .{0} import x",
    "from . import {0}",
    "from pkg import {0}",
    "import pkg.{0} as {0}_",
    "def f():\n    from .{0} import x",
    "class A:\n    import pkg.{0} as m",
)
GRAPHS = st.fixed_dictionaries(
    {name: st.lists(st.tuples(st.sampled_from(MODULES), st.sampled_from(FORMS)), max_size=2) for name in MODULES}
)


@given(GRAPHS)
def test_the_closure_holds_what_modulefinder_finds(imports: Mapping[str, list[tuple[str, str]]]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "pkg"
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        for module, found in imports.items():
            (folder / f"{module}.py").write_text("\n".join(["x = 1", *(form.format(to) for to, form in found)]))
        finder = ModuleFinder(path=[name])
        finder.import_hook("pkg.a")

        closure = ImportGraph({"pkg": (folder,)}).closure("pkg.a")

        assert {module.name for module in closure} == set(finder.modules) - {"pkg"}


class TestSpec:
    def of(self, **given: Any) -> str:
        spec = ForecasterSpec("near", **{"factory": "harness_models.naive:Naive", **given})
        return forecaster_version("near", {"near": Registered(spec, load_catalog().plugins["models"])})

    @pytest.mark.parametrize(
        "other",
        [
            {"factory": "harness_models.naive:Mean"},
            {"factory": partial(Naive)},
            {"missing": "ffill"},
            {"revision": "abc"},
            {"depends": ("numpy",)},
            {"depends": ("not-there",)},
        ],
        ids=str,
    )
    def test_it_changes_with_each_field_that_could_change_results(self, other: dict[str, Any]) -> None:
        assert self.of(**other) != self.of()

    @pytest.mark.parametrize(
        "other", [{"factory": Naive}, {"description": "a"}, {"imports": ("numpy",)}, {"trained_on": ("nile",)}]
    )
    def test_it_does_not_change_with_others(self, other: dict[str, Any]) -> None:
        assert self.of(**other) == self.of()

    def test_of_a_partial_it_changes_with_the_arguments(self) -> None:
        assert len({self.of(factory=partial(Naive, level=level)) for level in (1, 2)}) == 2  # type: ignore[call-arg]
        assert len({self.of(factory=partial(Naive, level=[1])) for _ in range(2)}) == 1  # type: ignore[call-arg]

    def test_it_changes_with_the_version_of_a_distribution_that_it_depends_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        versions = [self.of(depends=("some-library",))]
        for version in ("1.0", "1.1"):
            information = tmp_path / "some_library.dist-info"
            information.mkdir(exist_ok=True)
            (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: some-library\nVersion: {version}\n")
            importlib.invalidate_caches()
            versions.append(self.of(depends=("some-library",)))

        assert len(set(versions)) == 3

    def test_the_provenance_contains_it_with_the_revision_and_the_dependencies(self) -> None:
        spec = ForecasterSpec("near", "harness_models.naive:Naive", depends=("not-there",), revision="abc")
        forecasters = {"near": Registered(spec, load_catalog().plugins["models"])}

        found = provenance("near", forecasters, 1)

        assert found["plugin"]["version"] == forecaster_version("near", forecasters)
        assert found["revision"] == "abc"
        assert found["libraries"]["not-there"] == "not installed"

    def test_it_is_part_of_the_key_and_of_the_stored_plan(self, package: Package, tmp_path: Path) -> None:
        def plan() -> tuple[str, str]:
            forget("wanderer")
            board = Leaderboard(
                "b", "MAE", "near", (Task("nile", RollingOrigin(2, windows=2)),), forecasters=(Entry("near"),)
            )
            found = plan_board("b", board, Workspace(tmp_path, load_catalog()))
            (cell,) = found.to_stored().cells
            return cell.key, found.to_stored().sources["near"].version

        keys = [plan()]
        for name in ("other.py", "deep.py"):
            package.append(name, "scale = 3")
            keys.append(plan())

        assert keys[0] == keys[1]
        assert keys[2][0] != keys[1][0]
        assert keys[2][1] == package.version() != keys[1][1]


class TestComponents:
    """The forecaster near combines others: its results are made by their code too."""

    HOOKS = (
        "from harness import Card, ForecasterSpec, hookimpl\n@hookimpl\ndef harness_forecasters():\n    return [\n"
        "        ForecasterSpec('near', 'wanderer.near:Near', card=Card(components=('inner',))),\n"
        "        ForecasterSpec('inner', 'wanderer.near:Near', card=Card(components=('far',))),\n"
        "        ForecasterSpec('far', 'wanderer.sub.inner:Far'),\n"
        "        ForecasterSpec('aside', 'wanderer.other:Aside'),\n    ]\n"
    )

    @pytest.mark.parametrize(("name", "changes"), [("sub/inner.py", True), ("other.py", False)])
    def test_it_changes_with_the_code_of_components_and_of_theirs(
        self, package: Package, name: str, changes: bool
    ) -> None:
        package.write("__init__.py", self.HOOKS)
        before = package.version()

        package.append(name, "level = 2")

        assert before.startswith("wanderer==1.5:")
        assert (package.version() != before) == changes

    @pytest.mark.parametrize("other", ["('inner', 'aside')", "('aside',)", "('nil',)", "()"])
    def test_it_changes_with_the_components_that_the_card_names(self, package: Package, other: str) -> None:
        package.write("__init__.py", self.HOOKS)
        before = package.version()

        package.write("__init__.py", self.HOOKS.replace("('inner',)", other))

        assert package.version() != before

    def test_it_changes_with_the_spec_of_a_component(self, package: Package) -> None:
        package.write("__init__.py", self.HOOKS)
        before = package.version()

        package.write("__init__.py", self.HOOKS.replace(":Far'", ":Far', revision='b'"))

        assert package.version() != before

    @pytest.mark.parametrize("far", ["'near'", "'inner'", "'far'", "'nil'"])
    def test_cycles_and_unknown_components_have_a_version_too(self, package: Package, far: str) -> None:
        package.write("__init__.py", self.HOOKS.replace(":Far'", f":Far', card=Card(components=({far},))"))
        before = package.version()

        package.append("sub/inner.py", "level = 2")

        assert package.version() != before


class TestFirstParty:
    """The forecasters that are included in harness."""

    FILES = own_files("harness_models")

    def closures(self) -> dict[str, set[str]]:
        factories = {name: entry.spec.factory for name, entry in load_catalog().forecasters.items()}
        return {
            name: {module.name for module in self.FILES.closure(str(factory).partition(":")[0])}
            for name, factory in factories.items()
            if str(factory).startswith("harness_models.")
        }

    def test_networks_and_other_models_do_not_contain_each_other(self) -> None:
        specs = load_catalog().forecasters
        with_arima = ("arima", "auto-arima", "median-ensemble")

        for name, modules in self.closures().items():
            is_network = specs[name].spec.depends == ("torch",)
            neural = {module for module in modules if module.startswith("harness_models.neural")}
            assert bool(neural) == is_network, name
            assert is_network or name in with_arima or "harness_models.arima" not in modules
            assert "harness_models" not in modules
        assert "harness_models.arima" not in self.closures()["lstm"]

    def test_each_module_is_part_of_what_it_runs_and_of_nothing_else(self) -> None:
        listed = {
            "harness_models",
            "harness_models.libraries",
            "harness_models.neural",
            "harness_models.sklearn_names",
        }  # by which the specs are listed
        listed |= {f"harness_models.neural.{family}" for family in ("classes", "generation", "tokens")}
        listed |= {"harness_models.networks"}  # for networks of other packages
        metrics = {module.name for module in self.FILES.closure("harness_models.drift_metrics")}
        files = {module.name for module in ImportGraph(self.FILES.locations).below("harness_models")}

        assert set().union(*self.closures().values(), metrics, listed) == files

    def test_closures_contain_every_module_that_importing_the_factory_loads(self) -> None:
        factories = {name: entry.spec.factory for name, entry in load_catalog().forecasters.items()}
        modules = sorted({str(factories[name]).partition(":")[0] for name in self.closures()})
        script = (
            "import importlib, json, sys; own = lambda: {n for n in sys.modules if n.startswith('harness_models')}\n"
            "found = {}\n"
            "for module in sys.argv[1:]:\n"
            "    for name in own(): del sys.modules[name]\n"
            "    importlib.import_module('harness_models'); before = own()\n"
            "    importlib.import_module(module); found[module] = sorted(own() - before)\n"
            "print(json.dumps(found))"
        )

        done = subprocess.run([sys.executable, "-c", script, *modules], capture_output=True, text=True, check=True)

        for module, loaded in json.loads(done.stdout).items():
            assert set(loaded) <= {found.name for found in self.FILES.closure(module)}
            assert module in loaded


def test_listing_what_is_there_computes_no_hash() -> None:
    script = (
        "import atexit, sys; sys.argv = ['harness', 'list']\n"
        "atexit.register(lambda: print([name for name in sys.modules if 'plugins' in name], file=sys.stderr))\n"
        "from harness.cli.main import main; main()"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "harness.plugins.catalog" in done.stderr
    assert "harness.plugins.sources" not in done.stderr


NOISY = """
import numpy as np
from dataclasses import dataclass
from harness import LocalForecaster
from wanderer.helper import scale

@dataclass
class Near(LocalForecaster):
    def predict_series(self, context):
        return scale + 1e-4 * np.random.default_rng().normal(size=(context.horizon, 1))
"""
BOARD = """
title = "Near"
metric = "MAE"
baseline = "near"

[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 2, windows = 2 }

[[forecasters]]
name = "near"
"""


class TestCommand:
    """What `harness run` runs again, in processes of its own."""

    def run(self, package: Package, home: Path) -> str:
        board = home.parent / "near" / "leaderboard.toml"
        board.parent.mkdir(exist_ok=True)
        board.write_text(BOARD, encoding="utf-8")
        paths = [str(package.site), *filter(None, [os.environ.get("PYTHONPATH")])]
        done = subprocess.run(
            [sys.executable, "-m", "harness", "run", str(board.parent), "--jobs", "1"],
            env={
                **os.environ,
                "HARNESS_HOME": str(home),
                "HARNESS_MLFLOW": "off",
                "PYTHONPATH": os.pathsep.join(paths),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def test_only_what_could_change_the_results_is_run_again(self, package: Package, tmp_path: Path) -> None:
        package.write("near.py", NOISY)
        text = HOOKS.replace('"wanderer.near:Near"', '"wanderer.near:Near", tolerance=1e-3')
        package.write("__init__.py", text)
        home = tmp_path / "home"
        self.run(package, home)

        package.append("other.py", "level = 2")
        package.append("deep.py", "# a comment")
        unchanged = self.run(package, home)
        package.append("deep.py", "scale = 3")
        self.run(package, home)

        assert "Nothing to do" in unchanged
        journal = Journal(home)
        runs = [journal.read(key) for key in journal.keys()]  # noqa: SIM118
        assert len(runs) == 2
        for run in runs:
            assert run is not None
            assert run.status == "completed"
            assert "forecasts repeat within 1e-3 (declared)" in run.notes

    def test_a_combination_is_run_again_after_an_edit_of_its_component(self, package: Package, tmp_path: Path) -> None:
        package.write("near.py", NOISY.replace("1e-4", "0"))
        package.write("sub/inner.py", package.folder.joinpath("near.py").read_text().replace("Near", "Far"))
        package.write("__init__.py", TestComponents.HOOKS)
        home = tmp_path / "home"
        self.run(package, home)

        package.append("other.py", "level = 2")
        unchanged = self.run(package, home)
        first = set(Journal(home).keys())
        package.append("sub/inner.py", "level = 2")
        self.run(package, home)

        assert "Nothing to do" in unchanged
        (key,) = set(Journal(home).keys()) - first
        run = Journal(home).read(key)
        assert run is not None
        assert run.status == "completed"
        assert run.provenance["plugin"]["version"] == package.version()
