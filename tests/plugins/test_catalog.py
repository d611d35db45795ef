"""The catalog: what plugins provide, the calls of their hooks, and that a broken plugin disturbs no other."""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from harness import DatasetSpec, ForecasterSpec, Metric, Panel, hookimpl
from harness.cli.list import list_command
from harness.cli.main import cli
from harness.errors import BadInput, DuplicateName, UnknownName
from harness.evaluation.metrics import METRICS
from harness.plugins.catalog import Catalog, load_catalog
from harness_models.naive import Naive

Install = Callable[..., Path]
PANEL = Panel.of([range(9)])
KINDS = ("forecasters", "datasets", "metrics", "boards")


class Provides:
    """A plugin whose hooks return what it was made with."""

    def __init__(self, forecasters: Any = (), datasets: Any = (), metrics: Any = (), boards: Any = ()) -> None:
        self.given = {"forecasters": forecasters, "datasets": datasets, "metrics": metrics, "boards": boards}

    @hookimpl
    def harness_forecasters(self) -> Any:
        return self.result("forecasters")

    @hookimpl
    def harness_datasets(self) -> Any:
        return self.result("datasets")

    @hookimpl
    def harness_metrics(self) -> Any:
        return self.result("metrics")

    @hookimpl
    def harness_leaderboards(self) -> Any:
        return self.result("boards")

    def result(self, kind: str) -> Any:
        given = self.given[kind]
        if isinstance(given, Exception):
            raise given
        return given


class Hears:
    """A plugin that remembers what it is told."""

    def __init__(self, answer: Any = None) -> None:
        self.heard: list[Path] = []
        self.answer = answer

    @hookimpl
    def harness_finished(self, home: Path) -> Any:
        self.heard.append(home)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def spec(name: str) -> ForecasterSpec:
    return ForecasterSpec(name, "harness_models.naive:Naive")


def data(name: str) -> DatasetSpec:
    return DatasetSpec(name, lambda: Panel.of([range(9)]))


def problems(catalog: Catalog) -> list[str]:
    """The problems, once everything was asked for, less those of others' plugins."""
    for kind in KINDS:
        getattr(catalog, kind)
    return [problem for problem in catalog.problems if not problem.startswith("plugin mlflow ")]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a distribution with one module, a plugin, on the path; returns the module's file."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    before = set(sys.modules)

    def installed(name: str, source: str, *, entry: str = "", editable: bool = False) -> Path:
        path = site / f"{name}.py"
        path.write_text(source, encoding="utf-8")
        information = site / f"{name}-1.5.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n", encoding="utf-8")
        (information / "entry_points.txt").write_text(f"[harness]\n{entry or name} = {name}\n", encoding="utf-8")
        if editable:
            origin = {"url": site.as_uri(), "dir_info": {"editable": True}}
            (information / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
        return path

    yield installed
    for name in set(sys.modules) - before:
        if str(site) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


SUPPLIER = """
from harness import ForecasterSpec, hookimpl

@hookimpl
def harness_forecasters():
    return [ForecasterSpec("stranger", "harness_models.naive:Naive")]
"""


class TestFinding:
    def test_an_entry_point_is_all_that_it_takes(self, install: Install) -> None:
        install("wanderer", SUPPLIER)

        catalog = load_catalog()

        found = catalog.forecasters["stranger"]
        assert found.spec.name == "stranger"
        assert str(found.plugin) == "wanderer (wanderer 1.5)"
        assert found.plugin is catalog.plugins["wanderer"]
        assert problems(catalog) == []

    def test_the_core_is_a_plugin_too(self) -> None:
        catalog = load_catalog()

        mine = {name for name, one in catalog.metrics.items() if one.plugin.name == "harness"}

        assert mine == {metric.name for metric in METRICS}

    def test_first_party_plugins_are_found(self) -> None:
        assert {"harness", "models", "datasets", "leaderboards"} <= set(load_catalog().plugins)

    def test_names_come_in_order(self) -> None:
        catalog = load_catalog({"mine": Provides([spec("zebra"), spec("ant")])})

        assert list(catalog.forecasters) == sorted(catalog.forecasters)

    def test_an_unknown_name_is_told_its_neighbour(self) -> None:
        with pytest.raises(UnknownName, match="no forecaster called 'drfit'; did you mean 'drift'"):
            load_catalog().forecasters["drfit"]

    @pytest.mark.parametrize("error", [UnknownName("board", "a", ["b"]), DuplicateName("board", "a", ("one", "two"))])
    def test_the_sentence_crosses_to_another_process(self, error: Exception) -> None:
        again = pickle.loads(pickle.dumps(error))

        assert type(again) is type(error)
        assert str(again) == str(error)

    def test_an_unknown_name_without_a_neighbour_is_told_what_is_known(self) -> None:
        with pytest.raises(UnknownName, match="no dataset called 'xyz'; known: adding-10, adding-30"):
            load_catalog().datasets["xyz"]

    def test_many_names_are_not_all_listed(self) -> None:
        known = [f"{number:03}" for number in range(372)]

        text = str(UnknownName("forecaster", "nope", known))

        assert text.startswith("no forecaster called 'nope'; known: 000, 001, 002")
        assert text.endswith("049, …")
        assert len(text) < 400


class TestDuplicates:
    @pytest.fixture
    def catalog(self) -> Catalog:
        return load_catalog({"one": Provides([spec("same"), spec("only")]), "two": Provides([spec("same")])})

    def test_both_owners_are_named(self, catalog: Catalog) -> None:
        with pytest.raises(DuplicateName, match=r"two plugins provide a forecaster called 'same': ") as caught:
            catalog.forecasters["same"]

        assert "one (one 0, module one) and two (two 0, module two)" in str(caught.value)
        assert problems(catalog) == [str(caught.value)]

    def test_three_owners_are_named(self) -> None:
        catalog = load_catalog({name: Provides([spec("same")]) for name in ("a", "b", "c")})

        with pytest.raises(DuplicateName, match=r"3 plugins .*: a \(a 0, module a\), b .* and c .*; uninstall all but"):
            catalog.forecasters["same"]

    def test_a_plugin_that_provides_a_name_twice_is_told_so(self) -> None:
        catalog = load_catalog({"one": Provides([spec("same"), spec("same")])})

        with pytest.raises(DuplicateName, match=r"plugin one \(.*\) provides two forecasters called 'same'; rename"):
            catalog.forecasters["same"]

    @pytest.mark.parametrize(
        ("kind", "given", "name"),
        [
            ("forecasters", spec("naive"), "naive"),
            ("datasets", data("nile"), "nile"),
            ("metrics", Metric("MASE", lambda o: o.error), "MASE"),
            ("boards", Path("elsewhere/classics/leaderboard.toml"), "classics"),
        ],
    )
    def test_nobody_takes_the_name_of_what_is_included(self, kind: str, given: Any, name: str) -> None:
        before = getattr(load_catalog(), kind)[name]

        catalog = load_catalog({"other": Provides(**{kind: [given]})})

        assert getattr(catalog, kind)[name].plugin == before.plugin
        assert list(getattr(catalog, kind)) == list(getattr(load_catalog(), kind))
        (problem,) = problems(catalog)
        assert problem.startswith(
            f"plugin other (other 0, module other): its {kind.removesuffix('s')} {name!r} is refu"
        )
        assert before.plugin.origin in problem

    def test_the_rest_is_undisturbed(self, catalog: Catalog) -> None:
        assert "same" not in catalog.forecasters
        assert catalog.forecasters["only"].plugin.name == "one"
        assert catalog.forecasters["naive"].plugin.name == "models"

    def test_one_name_may_be_of_two_kinds(self) -> None:
        catalog = load_catalog({"one": Provides([spec("same")], [data("same")])})

        assert problems(catalog) == []

    def test_two_plugins_of_one_name_are_both_loaded(self, install: Install) -> None:
        install("anna", SUPPLIER, entry="twin")
        install("berta", SUPPLIER.replace("stranger", "other"), entry="twin")

        catalog = load_catalog()

        assert catalog.forecasters["stranger"].plugin.name == "anna:twin"
        assert catalog.forecasters["other"].plugin.name == "berta:twin"
        assert problems(catalog) == []

    @pytest.mark.parametrize("entry", ["models", "datasets", "leaderboards", "mlflow", "harness"])
    def test_included_plugins_keep_their_names_beside_others(self, install: Install, entry: str) -> None:
        install("acme", SUPPLIER, entry=entry)

        catalog = load_catalog()

        assert catalog.forecasters["stranger"].plugin is catalog.plugins[f"acme:{entry}"]
        assert catalog.plugins[entry].distribution == "forecast-harness"
        assert catalog.forecasters["naive"].plugin.name == "models"
        assert problems(catalog) == []

    def test_an_entry_point_cannot_take_over_the_module_of_another_plugin(self, install: Install) -> None:
        path = install("acme", SUPPLIER, entry="a-thief")
        (path.parent / "acme-1.5.dist-info" / "entry_points.txt").write_text("[harness]\na-thief = harness_models\n")

        catalog = load_catalog()

        assert catalog.forecasters["naive"].plugin.name == "models"
        (problem,) = problems(catalog)
        assert problem.startswith("plugin a-thief (acme 1.5) is left out: plugin models (forecast-harness ")
        assert problem.endswith("has the same module")

    def test_one_distribution_may_have_two_entry_points_of_one_name(self, install: Install) -> None:
        path = install("acme", SUPPLIER)
        (path.parent / "more.py").write_text(SUPPLIER.replace("stranger", "other"), encoding="utf-8")
        points = path.parent / "acme-1.5.dist-info" / "entry_points.txt"
        points.write_text("[harness]\ntwin = acme\ntwin = more\n", encoding="utf-8")

        catalog = load_catalog()

        assert catalog.forecasters["stranger"].plugin.name == "acme:twin"
        assert catalog.forecasters["other"].plugin.name == "acme:twin = more"


class TestCommands:
    @pytest.mark.parametrize("name", ["run", "ui"])
    def test_a_command_cannot_be_replaced(self, name: str) -> None:
        class Replaces:
            @hookimpl
            def harness_commands(self, cli: click.Group) -> None:
                cli.add_command(click.Command(name))

        catalog, group = load_catalog({"replaces": Replaces()}), cli.copy()
        catalog.add_commands(group)

        assert group.commands[name].callback is not None
        said = f"plugin replaces (replaces 0): harness_commands raised there is already a command called {name!r}"
        assert [problem for problem in catalog.problems if problem.startswith(said)] != []

    def test_a_command_of_one_call_is_not_there_in_the_next(self) -> None:
        cli.copy().add_command(click.Command("another"))

        assert "another" not in cli.commands


class TestBroken:
    def test_a_plugin_that_fails_to_import_is_listed_with_its_reason(self, install: Install) -> None:
        install("fragile", "import nowhere_to_be_found")

        catalog = load_catalog()

        (problem,) = problems(catalog)
        assert "plugin fragile (fragile 1.5) cannot be imported: ModuleNotFoundError" in problem
        assert "nowhere_to_be_found" in catalog.plugins["fragile"].problem
        assert "naive" in catalog.forecasters

    @pytest.mark.parametrize(
        "source", ["raise RuntimeError('no luck')", "def broken(:", "1 / 0", "raise SystemExit('none')"]
    )
    def test_whatever_it_raises(self, install: Install, source: str) -> None:
        install("fragile", source)

        catalog = load_catalog()

        assert len(problems(catalog)) == 1
        assert "naive" in catalog.forecasters

    def test_a_hook_with_other_arguments_is_told_those_it_may_have(self, install: Install) -> None:
        install("fragile", SUPPLIER + "@hookimpl\ndef harness_run_finished(result): pass")

        catalog = load_catalog()

        (problem,) = problems(catalog)
        assert problem.startswith("plugin fragile (fragile 1.5) has a hook that does not fit: ")
        assert "harness_run_finished(result)" in problem
        assert "result" in problem

    def test_a_plugin_with_such_a_hook_provides_nothing(self, install: Install) -> None:
        install("fragile", SUPPLIER + "@hookimpl\ndef harness_run_finished(result): pass")

        assert "stranger" not in load_catalog().forecasters

    def test_an_unknown_hook_is_told_its_neighbour(self, install: Install) -> None:
        install("fragile", SUPPLIER + "@hookimpl\ndef harness_forecaster(): pass")

        catalog = load_catalog()

        (problem,) = problems(catalog)
        assert "no hook called 'harness_forecaster'; did you mean 'harness_forecasters'?" in problem
        assert "stranger" in catalog.forecasters

    def test_a_function_that_is_not_marked_as_a_hook_is_no_hook(self, install: Install) -> None:
        install("careful", SUPPLIER + "def harness_helper(): pass")

        assert problems(load_catalog()) == []


class TestWrongResults:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        ("result", "said"),
        [
            (None, "must return a list, not NoneType"),
            ("text", "must return a list, not str"),
            ({"a": 1}, "must return a list, not dict"),
            (3, "must return a list, not int"),
            (["text"], "objects, not 'text'"),
            ([None], "objects, not None"),
            ([Provides], "objects, not <class"),
            (ValueError("no luck"), "raised ValueError: no luck"),
        ],
    )
    def test_one_sentence_and_nobody_else_is_disturbed(self, kind: str, result: Any, said: str) -> None:
        good = Provides([spec("fine")], [data("fine")], [Metric("fine", lambda o: o.error)], [Path("fine/b.toml")])

        catalog = load_catalog({"bad": Provides(**{kind: result}), "good": good})

        (problem,) = problems(catalog)
        assert problem.startswith("plugin bad (bad 0): harness_")
        assert said in problem
        assert all("fine" in getattr(catalog, kind) for kind in KINDS)
        assert "naive" in catalog.forecasters

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_hook_may_yield_what_it_provides(self, kind: str) -> None:
        fine = {"forecasters": spec, "datasets": data, "boards": lambda name: Path(name) / "leaderboard.toml"}
        made = fine.get(kind, lambda name: Metric(name, lambda o: o.error))

        catalog = load_catalog({"lazy": Provides(**{kind: (made(name) for name in ("first", "second"))})})

        assert {"first", "second"} <= set(getattr(catalog, kind))
        assert problems(catalog) == []

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_hook_that_raises_while_it_yields_is_named(self, kind: str) -> None:
        def broken() -> Iterator[Any]:
            yield from ()
            raise ValueError("no luck")

        catalog = load_catalog({"bad": Provides(**{kind: broken()})})

        (problem,) = problems(catalog)
        assert problem.startswith("plugin bad (bad 0): harness_")
        assert problem.endswith(" raised ValueError: no luck")
        assert "naive" in catalog.forecasters

    def test_a_list_of_plugins_comes_with_the_problems_of_what_they_provide(self) -> None:
        catalog = load_catalog({"bad": Provides([3])})

        listed = CliRunner().invoke(list_command, ["plugins"], obj=catalog)

        assert "warning: plugin bad (bad 0): harness_forecasters must list" in listed.stderr

    def test_what_is_right_in_a_list_is_kept(self) -> None:
        catalog = load_catalog({"mixed": Provides([spec("fine"), 3])})

        assert "fine" in catalog.forecasters
        assert len(problems(catalog)) == 1

    @pytest.mark.parametrize(
        ("metric", "said"),
        [
            (Metric("two\nlines", abs), r"the name of a metric must be printable text"),  # type: ignore[arg-type]
            (Metric("M", 3), "losses of metric 'M' must be a function of Outcomes, not 3"),  # type: ignore[arg-type]
            (Metric("M", abs, aggregation="mean"), "aggregation of metric 'M' must be"),  # type: ignore[arg-type]
            (Metric("M", abs, best="highest"), "best of metric 'M' must be"),  # type: ignore[arg-type]
            (Metric("M", abs, root="no"), "root of metric 'M' must be True or False"),  # type: ignore[arg-type]
        ],
    )
    def test_a_metric_of_wrong_values_is_left_out_and_its_plugin_named(self, metric: Metric, said: str) -> None:
        fine = Metric("fine", lambda o: o.error)

        catalog = load_catalog({"bad": Provides(metrics=[metric, fine])})

        (problem,) = problems(catalog)
        assert problem.startswith("plugin bad (bad 0): harness_metrics: ")
        assert said in problem
        assert set(catalog.metrics) >= {"fine", "MAE"}
        assert metric.name not in catalog.metrics

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (
                {"forecasters": [ForecasterSpec("mine", Naive()), spec("fine")]},  # type: ignore[arg-type]
                "harness_forecasters: the factory of forecaster 'mine' must be a class, not an object of type Naive; "
                "pass Naive instead of Naive(…)",
            ),
            (
                {"forecasters": [ForecasterSpec("mine", 3), spec("fine")]},  # type: ignore[arg-type]
                "harness_forecasters: the factory of forecaster 'mine' must be a class, not an object of type int",
            ),
            (
                {"datasets": [DatasetSpec("mine", PANEL), data("fine")]},  # type: ignore[arg-type]
                "harness_datasets: load of dataset 'mine' must be a function that returns a Panel, not an object of "
                "type Panel; pass the function without calling it",
            ),
        ],
    )
    def test_an_object_in_place_of_its_class_or_function_is_left_out(self, given: Any, said: str) -> None:
        catalog = load_catalog({"bad": Provides(**given)})

        assert problems(catalog) == [f"plugin bad (bad 0): {said}"]
        (kind,) = given
        assert "fine" in getattr(catalog, kind)
        assert "mine" not in getattr(catalog, kind)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"tolerance": 0.1}, "tolerance of forecaster 'mine' must be a number from 0 to 0.01, not 0.1: forecasts"),
            ({"tolerance": -1e-9}, "tolerance of forecaster 'mine' must be a number from 0 to 0.01, not -1e-09: "),
            ({"tolerance": float("nan")}, "tolerance of forecaster 'mine' must be a number from 0 to 0.01, not nan: "),
            ({"tolerance": "none"}, "tolerance of forecaster 'mine' must be a number from 0 to 0.01, not 'none': "),
            (
                {"depends": "torch"},
                "depends of forecaster 'mine' must be a tuple of names of distributions, not 't",
            ),
            ({"depends": ("",)}, "depends of forecaster 'mine' must be a tuple of names of distributions, not ('',)"),
            (
                {"trained_on": "M4"},
                "trained_on of forecaster 'mine' must be a tuple of names of datasets, not 'M4'; write ('M4',)",
            ),
            ({"trained_on": (3,)}, "trained_on of forecaster 'mine' must be a tuple of names of datasets, not (3,)"),
            (
                {"imports": "torch"},
                "imports of forecaster 'mine' must be a tuple of names of modules, not 'torch'; write ('torch',)",
            ),
            ({"revision": 3}, "revision of forecaster 'mine' must be a text, not 3"),
        ],
    )
    def test_a_spec_with_a_wrong_value_is_left_out(self, given: dict[str, Any], said: str) -> None:
        wrong = ForecasterSpec("mine", "harness_models.naive:Naive", **given)

        catalog = load_catalog({"bad": Provides([wrong, spec("fine")])})

        (problem,) = problems(catalog)
        assert problem.startswith(f"plugin bad (bad 0): harness_forecasters: {said}")
        assert "fine" in catalog.forecasters
        assert "mine" not in catalog.forecasters

    def test_an_import_path_of_an_object_is_refused_where_it_is_loaded(self) -> None:
        with pytest.raises(BadInput, match="the factory of forecaster 'mine' must be a class, not an object of type"):
            ForecasterSpec("mine", f"{__name__}:PANEL").make({})
        with pytest.raises(BadInput, match="load of dataset 'mine' must be a function"):
            DatasetSpec("mine", f"{__name__}:PANEL").panel()

    def test_a_former_name_of_a_metric_leads_to_the_present_one_unless_a_plugin_has_it(self) -> None:
        own = Metric("CRPS", lambda o: o.absolute_error)

        with pytest.raises(UnknownName, match=r"no metric called 'CRPS'; did you mean 'MQL', as it is called now\?"):
            load_catalog().metrics["CRPS"]
        assert load_catalog({"own": Provides(metrics=[own])}).metrics["CRPS"].spec is own

    @pytest.mark.parametrize("name", ["", 3, None])
    def test_a_name_that_is_none_is_refused(self, name: Any) -> None:
        catalog = load_catalog({"bad": Provides([spec(name), spec("fine")])})

        (problem,) = problems(catalog)
        assert problem.startswith("plugin bad (bad 0): harness_forecasters lists a forecaster without a name: Forec")
        assert "fine" in catalog.forecasters

    def test_a_raising_hook_is_called_once(self) -> None:
        catalog = load_catalog({"bad": Provides(ValueError("no luck"))})

        for _ in range(2):
            assert len(problems(catalog)) == 1


class TestHookCalls:
    def test_everybody_hears_it_though_one_raises(self, tmp_path: Path) -> None:
        first, bad, last = Hears(["a"]), Hears(ValueError("no luck")), Hears(["b", "c"])
        catalog = load_catalog({"first": first, "bad": bad, "last": last})

        sentences = [sentence for sentence in catalog.finished(tmp_path) if sentence in "abc"]

        assert first.heard == bad.heard == last.heard == [tmp_path]
        assert sorted(sentences) == ["a", "b", "c"]
        assert "plugin bad (bad 0): harness_finished raised ValueError: no luck" in catalog.problems

    def test_what_goes_wrong_again_and_again_is_said_once(self, tmp_path: Path) -> None:
        catalog = load_catalog({"bad": Hears(ValueError("no luck"))})

        for _ in range(3):
            catalog.finished(tmp_path)

        assert sum("no luck" in problem for problem in catalog.problems) == 1

    @pytest.mark.parametrize("answer", ["a sentence", 3, {"a": "b"}])
    def test_an_answer_that_is_no_list_is_reported(self, tmp_path: Path, answer: Any) -> None:
        catalog = load_catalog({"bad": Hears(answer)})

        sentences = catalog.finished(tmp_path)

        said = f"plugin bad (bad 0): harness_finished must return a list, not {type(answer).__name__}"
        assert answer not in sentences
        assert said in catalog.problems

    def test_sentences_may_be_yielded(self, tmp_path: Path) -> None:
        catalog = load_catalog({"lazy": Hears(sentence for sentence in ("a", "b"))})

        assert [said for said in catalog.finished(tmp_path) if said in ("a", "b")] == ["a", "b"]
        assert not any("lazy" in problem for problem in catalog.problems)

    def test_hooks_get_the_arguments_that_they_ask_for(self, tmp_path: Path) -> None:
        class Shy:
            @hookimpl
            def harness_finished(self) -> list[str]:
                return ["a"]

        catalog = load_catalog({"shy": Shy()})

        assert "a" in catalog.finished(tmp_path)


class TestResultVersion:
    """What stands for a plugin in the keys of results."""

    @staticmethod
    def version() -> str:
        importlib.invalidate_caches()
        for name in ("wanderer", "wanderer.local", "aside", "further"):
            sys.modules.pop(name, None)
        return load_catalog().plugins["wanderer"].result_version

    def test_it_names_the_version(self, install: Install) -> None:
        install("wanderer", SUPPLIER)

        assert self.version().startswith("wanderer==1.5:")

    def test_installed_again_with_other_source_it_is_another_though_the_version_is_not(self, install: Install) -> None:
        path = install("wanderer", SUPPLIER)

        before = self.version()
        again = self.version()
        path.write_text(SUPPLIER + "# changed", encoding="utf-8")
        after = self.version()

        assert before == again != after

    def test_of_an_editable_plugin_it_changes_with_the_source(self, install: Install) -> None:
        path = install("wanderer", SUPPLIER, editable=True)

        before = self.version()
        again = self.version()
        path.write_text(SUPPLIER + "# changed", encoding="utf-8")
        after = self.version()

        assert before == again != after

    def test_of_a_package_it_changes_with_any_file(self, install: Install) -> None:
        package = as_package(install("wanderer", SUPPLIER))
        versions = {self.version()}

        for name in ("deep/down.py", "weights.json", "deep/data.csv", "fast.so", "link.csv"):
            path = package / name
            path.parent.mkdir(exist_ok=True)
            if name == "link.csv":
                path.symlink_to(package / "weights.json")
            else:
                path.write_text("1", encoding="utf-8")
            versions.add(self.version())
            path.write_text(f"2 {name}", encoding="utf-8")
            versions.add(self.version())

        assert len(versions) == 11

    @pytest.mark.parametrize("name", ["__pycache__/deep.cpython-311.pyc", "deep.pyc", ".git/HEAD", ".DS_Store"])
    def test_bytecode_and_hidden_files_do_not_count(self, install: Install, name: str) -> None:
        package = as_package(install("wanderer", SUPPLIER))
        before = self.version()

        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_bytes(b"1")

        assert self.version() == before

    def test_a_folder_that_contains_itself_is_read_once(self, install: Install) -> None:
        package = as_package(install("wanderer", SUPPLIER))
        (package / "again").symlink_to(package)

        assert self.version().startswith("wanderer==1.5:")

    def test_of_a_package_without_init_it_changes_with_any_file(self, install: Install) -> None:
        path = install("wanderer", SUPPLIER)
        package = as_package(path, "local.py")
        points(path).write_text("[harness]\nwanderer = wanderer.local\n", encoding="utf-8")

        before = self.version()
        (package / "local.py").write_text(SUPPLIER + "# changed", encoding="utf-8")

        assert ":" in before
        assert self.version() != before

    def test_it_changes_with_a_part_in_another_folder(
        self, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = install("wanderer", SUPPLIER)
        as_package(path, "local.py")
        points(path).write_text("[harness]\nwanderer = wanderer.local\n", encoding="utf-8")
        part = tmp_path / "other" / "wanderer"
        part.mkdir(parents=True)
        monkeypatch.syspath_prepend(part.parent)

        before = self.version()
        (part / "more.py").write_text("", encoding="utf-8")

        assert self.version() != before

    def test_it_changes_with_a_second_package_of_the_distribution(self, install: Install) -> None:
        path = install("wanderer", SUPPLIER)
        second = path.with_name("companions") / "__init__.py"
        second.parent.mkdir()
        second.write_text("LEVEL = 1", encoding="utf-8")
        files = "wanderer.py,,\ncompanions/__init__.py,,\nwanderer-1.5.dist-info/RECORD,,\n../bin/wanderer,,\n"
        (points(path).parent / "RECORD").write_text(files, encoding="utf-8")

        before = self.version()
        second.write_text("LEVEL = 2", encoding="utf-8")

        assert self.version() != before

    @pytest.mark.parametrize("line", ["import aside", "from aside import LEVEL", "FACTORY = 'aside.deep:Model'"])
    def test_it_changes_with_a_module_on_the_path_that_it_imports(self, install: Install, line: str) -> None:
        path = install("wanderer", SUPPLIER + line)
        path.with_name("aside.py").write_text("LEVEL = 1\nimport further", encoding="utf-8")
        path.with_name("further.py").write_text("import aside", encoding="utf-8")

        versions = [self.version()]
        for name in ("aside.py", "further.py"):
            other = path.with_name(name)
            other.write_text(other.read_text(encoding="utf-8") + "\n# changed", encoding="utf-8")
            versions.append(self.version())

        assert len(set(versions)) == 3

    def test_it_does_not_change_with_other_modules_and_packages(self, install: Install) -> None:
        path = install("wanderer", SUPPLIER + "import numpy, json, harness")
        before = self.version()

        path.with_name("aside.py").write_text("", encoding="utf-8")

        assert self.version() == before

    @pytest.mark.parametrize(
        ("requirement", "changes"),
        [("other >= 1", True), ("Other; python_version > '3'", True), ("other; extra == 'test'", False)],
    )
    def test_it_changes_with_the_version_of_what_it_requires(
        self, install: Install, requirement: str, changes: bool
    ) -> None:
        path = install("wanderer", SUPPLIER)
        metadata = points(path).with_name("METADATA")
        metadata.write_text(f"{metadata.read_text()}Requires-Dist: numpy\nRequires-Dist: {requirement}\n")
        other = points(install("other", "")).with_name("METADATA")
        points(path.with_name("other.py")).unlink()

        before = self.version()
        other.write_text(other.read_text().replace("1.5", "1.6"), encoding="utf-8")

        assert (self.version() != before) == changes

    def test_it_changes_with_what_it_requires_that_was_installed_from_a_folder(self, install: Install) -> None:
        path = install("wanderer", SUPPLIER)
        metadata = points(path).with_name("METADATA")
        metadata.write_text(f"{metadata.read_text()}Requires-Dist: other\n", encoding="utf-8")
        other = install("other", "LEVEL = 1", editable=True)
        points(other).unlink()
        (points(other).parent / "RECORD").write_text("other.py,,\n", encoding="utf-8")

        before = self.version()
        other.write_text("LEVEL = 2", encoding="utf-8")

        assert self.version() != before

    def test_of_an_included_plugin_it_is_that_of_its_package_alone(self, install: Install) -> None:
        before = load_catalog().plugins["models"].result_version

        install("wanderer", SUPPLIER)

        assert load_catalog().plugins["models"].result_version == before
        assert before.startswith("forecast-harness==")


def points(module: Path) -> Path:
    """The file of the entry points of an installed module."""
    return module.parent / f"{module.stem}-1.5.dist-info" / "entry_points.txt"


def as_package(module: Path, name: str = "__init__.py") -> Path:
    """The folder of a package with the source of a module, which it replaces."""
    package = module.with_suffix("")
    package.mkdir()
    module.rename(package / name)
    return package
