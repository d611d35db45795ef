"""Every Python example of the documentation runs, and every board example is a board."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from harness import Forecaster
from harness.boards.leaderboard import load_board
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.catalog import load_catalog
from harness.plugins.checks import check_forecaster

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples(language: str) -> list[pytest.param]:
    found = []
    for page in PAGES:
        blocks = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
        found += [pytest.param(block, id=f"{page.stem}-{number}") for number, block in enumerate(blocks, start=1)]
    return found


@pytest.mark.parametrize("example", examples("python"))
def test_examples_run(example, monkeypatch) -> None:
    module = ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", module)

    exec(compile(example, "example", "exec", dont_inherit=True), vars(module))

    made = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == "example"]
    for forecaster in made:
        if issubclass(forecaster, Forecaster):
            verdicts = list(check_forecaster(ForecasterSpec(forecaster.__name__, forecaster, missing="ffill")))
            assert [one for one in verdicts if not one.passed] == []


@pytest.mark.parametrize("example", examples("toml"))
def test_board_examples_are_boards(example, tmp_path) -> None:
    if "[[tasks]]" not in example:
        pytest.skip("an entry point")
    path = tmp_path / "board" / "leaderboard.toml"
    path.parent.mkdir()
    path.write_text(example, encoding="utf-8")

    board = load_board(str(path), load_catalog())

    assert board.tasks


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page) -> None:
    text = page.read_text(encoding="utf-8")

    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)]

    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []
