"""The catalog: what plugins provide, the calls of their hooks, and that a broken plugin disturbs no other."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import DatasetSpec, ForecasterSpec, Metric, Panel, hookimpl
from harness.errors import DuplicateName, UnknownName
from harness.evaluation.metrics import METRICS
from harness.plugins.catalog import Catalog, load_catalog

Install = Callable[..., Path]
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
    return [one for one in catalog.problems if not one.startswith("plugin mlflow ")]


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
        with pytest.raises(UnknownName, match="no dataset called 'xyz'; known: co2, cosine"):
            load_catalog().datasets["xyz"]


class TestDuplicates:
    @pytest.fixture
    def catalog(self) -> Catalog:
        return load_catalog({"one": Provides([spec("same"), spec("only")]), "two": Provides([spec("same")])})

    def test_both_owners_are_named(self, catalog: Catalog) -> None:
        with pytest.raises(DuplicateName, match=r"two plugins provide a forecaster called 'same': ") as caught:
            catalog.forecasters["same"]

        assert "one (one 0)" in str(caught.value)
        assert "two (two 0)" in str(caught.value)
        assert problems(catalog) == [str(caught.value)]

    def test_the_rest_is_undisturbed(self, catalog: Catalog) -> None:
        assert "same" not in catalog.forecasters
        assert catalog.forecasters["only"].plugin.name == "one"
        assert catalog.forecasters["naive"].plugin.name == "models"

    def test_one_name_may_be_of_two_kinds(self) -> None:
        catalog = load_catalog({"one": Provides([spec("same")], [data("same")])})

        assert problems(catalog) == []

    def test_two_plugins_of_one_name_are_reported_and_the_first_stays(self, install: Install) -> None:
        install("anna", SUPPLIER, entry="twin")
        install("berta", SUPPLIER.replace("stranger", "other"), entry="twin")

        catalog = load_catalog()

        assert [name for name in ("stranger", "other") if name in catalog.forecasters] == ["stranger"]
        assert problems(catalog) == ["two plugins are called 'twin': twin (anna 1.5) and twin (berta 1.5)"]


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
        assert all("fine" in getattr(catalog, one) for one in KINDS)
        assert "naive" in catalog.forecasters

    def test_what_is_right_in_a_list_is_kept(self) -> None:
        catalog = load_catalog({"mixed": Provides([spec("fine"), 3])})

        assert "fine" in catalog.forecasters
        assert len(problems(catalog)) == 1

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

        assert sum("no luck" in one for one in catalog.problems) == 1

    @pytest.mark.parametrize("answer", ["a sentence", 3, {"a": "b"}])
    def test_an_answer_that_is_no_list_is_reported(self, tmp_path: Path, answer: Any) -> None:
        catalog = load_catalog({"bad": Hears(answer)})

        sentences = catalog.finished(tmp_path)

        said = f"plugin bad (bad 0): harness_finished must return a list, not {type(answer).__name__}"
        assert answer not in sentences
        assert said in catalog.problems

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
        sys.modules.pop("wanderer", None)
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

    def test_of_a_package_it_changes_with_any_module(self, install: Install) -> None:
        path = install("wanderer", SUPPLIER, editable=True)
        path.unlink()
        package = path.with_suffix("")
        (package / "deep").mkdir(parents=True)
        (package / "__init__.py").write_text(SUPPLIER, encoding="utf-8")

        before = self.version()
        (package / "notes.txt").write_text("nothing that runs", encoding="utf-8")
        beside = self.version()
        (package / "deep" / "down.py").write_text("", encoding="utf-8")
        below = self.version()

        assert before == beside != below
