"""Report formats: the core's and those of plugins, by the same hook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import ReportContext, ReportFormat, Standings, hookimpl
from harness.boards.workspace import Workspace
from harness.errors import BadInput, UnknownName
from harness.plugins.catalog import Catalog, load_catalog
from harness.report.context import report_context
from harness.report.formats import report
from harness.report.standings.csv_text import standings_csv

BOARD = Standings("toys", "Toys", "MAE", "base", (), ())


class Titles:
    """A plugin with a format."""

    def __init__(self, render: Callable[..., Any] | str) -> None:
        self.render = render

    @hookimpl
    def harness_reports(self) -> list[ReportFormat]:
        return [ReportFormat("title", "the title only", self.render, ".txt")]


def text_of(name: str, catalog: Catalog, home: Path) -> str:
    return report(BOARD, report_context("toys", Workspace(home, catalog)), catalog.formats[name])


def test_the_built_in_formats_come_by_the_hook(tmp_path: Path) -> None:
    catalog = load_catalog()

    assert {"csv", "markdown", "html"} <= set(catalog.formats)
    assert catalog.formats["csv"].plugin.name == "harness"
    assert text_of("csv", catalog, tmp_path) == standings_csv(BOARD)
    assert text_of("html", catalog, tmp_path).startswith("<!doctype html>")


def test_a_plugin_adds_one(tmp_path: Path) -> None:
    catalog = load_catalog({"titles": Titles(lambda standings, context: f"{standings.title} in {context.home.name}")})

    assert text_of("title", catalog, tmp_path) == f"Toys in {tmp_path.name}"


def test_an_unknown_one_is_told_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="no format called 'markdwon'; did you mean 'markdown'"):
        load_catalog().formats["markdwon"]


def fail(standings: Standings, context: ReportContext) -> str:
    raise ValueError("no rows")


@pytest.mark.parametrize(
    ("render", "problem"),
    [
        (fail, "format 'title' of plugin titles .* raised ValueError: no rows"),
        (lambda standings, context: 3, "format 'title' of plugin titles .* must return a text, not int"),
        ("no_such_module:render", "raised ModuleNotFoundError"),
    ],
)
def test_one_that_fails_is_named(render: Callable[..., Any] | str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=problem):
        text_of("title", load_catalog({"titles": Titles(render)}), tmp_path)
