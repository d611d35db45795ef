"""Every Python example of the documentation runs, and every board example is a board."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from harness import Forecaster
from harness.boards.collections import read_collection
from harness.boards.leaderboard import load_board
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.catalog import load_catalog
from harness.plugins.checks.contracts import check_forecaster
from harness.plugins.table_datasets import VARIABLE

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
LINKED = [
    *PAGES,
    *(ROOT / name for name in ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *DECISIONS,
]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


def examples(language: str) -> list[pytest.param]:
    return [
        pytest.param(page, block, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, language), start=1)
    ]


def executed(example: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", module)
    vars(module)["__file__"] = __file__
    exec(compile(example, "example", "exec", dont_inherit=True), vars(module))
    return module


@pytest.mark.parametrize(("page", "example"), examples("python"))
def test_examples_run(page, example, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # where an example may write a file
    module = executed(example, monkeypatch)

    classes = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == "example"]
    for forecaster in classes:
        if issubclass(forecaster, Forecaster):
            spec = ForecasterSpec(forecaster.__name__, forecaster, missing="ffill", categorical=".classes" in example)
            results = list(check_forecaster(spec))
            assert [result for result in results if not result.passed] == []


@pytest.mark.parametrize(("page", "example"), examples("toml"))
def test_board_examples_are_boards(page, example, tmp_path, monkeypatch) -> None:
    if "[[tasks]]" not in example:
        pytest.skip("an entry point, or a part of a board")
    monkeypatch.setenv(VARIABLE, "{}")  # which boards of files change
    plugins = [block for block in blocks(page, "python") if "@hookimpl" in block]
    catalog = load_catalog({f"example-{i}": executed(block, monkeypatch) for i, block in enumerate(plugins)})
    path = tmp_path / "board" / "leaderboard.toml"
    path.parent.mkdir()
    path.write_text(example, encoding="utf-8")

    board = load_board(str(path), catalog)

    assert board.tasks


def test_the_collection_example_is_a_collection_beside_the_board_example(tmp_path) -> None:
    examples = blocks(ROOT / "docs" / "boards.md", "toml")
    board = next(example for example in examples if "[[tasks]]" in example)
    collection = next(example for example in examples if "[[boards]]" in example)
    for folder, file, text in (("my-board", "leaderboard.toml", board), ("my-course", "collection.toml", collection)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text(text, encoding="utf-8")

    found = read_collection(tmp_path / "my-course" / "collection.toml", load_catalog())

    assert len(found.boards) == 2


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_links_lead_somewhere(page) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))

    broken = [link for link in links if "://" not in link and not exists(page, link)]

    assert broken == []


def exists(page: Path, link: str) -> bool:
    """Whether the file of a link exists, and its heading if it names one."""
    name, _, anchor = link.partition("#")
    path = page.parent / name if name else page
    return path.exists() and (not anchor or anchor in anchors(path.read_text(encoding="utf-8")))


def anchors(text: str) -> set[str]:
    """The anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.stem)
def test_pages_are_linked_from_the_readme(page) -> None:
    assert f"(docs/{page.name})" in PAGES[0].read_text(encoding="utf-8")


class TestGlossary:
    TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    ENTRIES = re.findall(r"^### ([^\n]+)\n\n(.+?)(?=\n\n|\Z)", TEXT, re.S | re.M)

    def test_each_term_is_defined_once(self) -> None:
        terms = [term.lower() for term, _ in self.ENTRIES]

        assert len(terms) > 80
        assert len(terms) == self.TEXT.count("\n### ")
        assert [term for term in terms if terms.count(term) > 1] == []

    def test_definitions_have_two_sentences_at_most(self) -> None:
        definitions = [" ".join(definition.split()) for _, definition in self.ENTRIES]

        assert [text for text in definitions if len(re.findall(r"\.(?: |$)", text)) > 2] == []
