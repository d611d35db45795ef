"""ARCHITECTURE.md and the code agree: the order of the packages, their number, the sizes of files, import cycles."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("harness", "plugins", "datasets", "leaderboards")
PACKAGES = (
    "harness",
    "harness_models",
    "harness_mlflow",
    "harness_chronos",
    "harness_darts",
    "harness_fev",
    "harness_gluonts",
    "harness_neuralforecast",
    "harness_sktime",
    "harness_statsforecast",
    "harness_timesfm",
    "harness_tirex",
    "harness_datasets",
    "harness_leaderboards",
)
MOST_ENTRIES = 18
MOST_LINES = 300
MOST_CYCLES = 1  # when imports for type checkers are counted

FILES = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def contract_layers() -> list[set[str]]:
    """The layers of the contract in pyproject.toml, from the top down."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        contract for contract in settings["tool"]["importlinter"]["contracts"] if contract["type"] == "layers"
    )
    return [{name.strip() for name in layer.split("|")} for layer in contract["layers"]]


def diagram_layers() -> list[set[str]]:
    """The layers of the diagram in ARCHITECTURE.md, from the top down: the names before the description."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (diagram,) = re.findall(r"^<!-- layers -->\n```\n(.*?)^```$", text, re.S | re.M)
    names = [re.split(r"\s{2,}", line)[0] for line in diagram.splitlines()]
    return [{name.strip() for name in layer.split("|")} for layer in names]


def entries() -> set[str]:
    """What can be imported directly from the package `harness`."""
    modules = {path.stem for path in (ROOT / "harness").glob("*.py") if not path.stem.startswith("__")}
    packages = {path.parent.name for path in (ROOT / "harness").glob("*/__init__.py")}
    return modules | packages


def import_cycles() -> list[list[str]]:
    """The groups of modules that import each other, imports for type checkers included."""
    import grimp

    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    return [group for group in strongly_connected(imports) if len(group) > 1]


def strongly_connected(edges: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of a graph (Kosaraju's algorithm)."""
    reverse: dict[str, set[str]] = {node: set() for node in edges}
    for node, successors in edges.items():
        for successor in successors:
            reverse[successor].add(node)
    finished: set[str] = set()
    order = [node for root in sorted(edges) for node in reached(root, edges, finished)]
    assigned: set[str] = set()
    return [sorted(group) for root in reversed(order) if (group := reached(root, reverse, assigned))]


def reached(root: str, edges: dict[str, set[str]], known: set[str]) -> list[str]:
    """The nodes that can be reached from a root and are not known yet, in the order in which they are left."""
    if root in known:
        return []
    known.add(root)
    left, open_nodes = [], [(root, iter(sorted(edges[root])))]
    while open_nodes:
        node, successors = open_nodes[-1]
        successor = next((name for name in successors if name not in known), None)
        if successor is None:
            left.append(node)
            open_nodes.pop()
        else:
            known.add(successor)
            open_nodes.append((successor, iter(sorted(edges[successor]))))
    return left


def test_the_diagram_has_the_layers_of_the_contract() -> None:
    assert diagram_layers() == contract_layers()


def test_the_layers_are_all_entries_of_the_package() -> None:
    assert set().union(*contract_layers()) == entries()


def test_the_table_describes_every_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

    rows = set(re.findall(r"^\| `(\w+)` \|", text, re.M))

    assert rows == {path.parent.name for path in (ROOT / "harness").glob("*/__init__.py")}


def test_paths_in_the_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", text, re.M)

    files = [
        ROOT / "harness" / package / name for package, names in named for name in re.findall(r"`([\w/.]+)`", names)
    ]

    assert [path for path in files if not path.is_file()] == []


def test_few_entries_are_directly_under_harness() -> None:
    assert len(entries()) <= MOST_ENTRIES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_modules_hardly_import_each_other_in_cycles() -> None:
    cycles = import_cycles()

    assert len(cycles) <= MOST_CYCLES, cycles


def test_cycles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}

    assert sorted(map(sorted, strongly_connected(graph))) == [["a"], ["b", "c"], ["d"]]
