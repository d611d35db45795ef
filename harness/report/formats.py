"""The built-in report formats, and the text of standings in any format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import BadInput, Failure, HarnessError, attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.plugins.formats import ReportContext, ReportFormat
    from harness.plugins.registry import Registered
    from harness.results.standings import Standings


def report(standings: Standings, context: ReportContext, registered: Registered[ReportFormat]) -> str:
    """The standings as text; raises BadInput where the function of the format fails or returns something else."""
    name = f"format {registered.spec.name!r} of plugin {registered.plugin}"
    text = attempt(lambda: registered.spec.load()(standings, context))
    if isinstance(text, Failure):
        if isinstance(text.error, HarnessError):
            raise text.error
        raise BadInput(f"{name} raised {text}") from text.error
    if not isinstance(text, str):
        raise BadInput(f"{name} must return a text, not {type(text).__name__}")
    return text


def csv_report(standings: Standings, context: ReportContext) -> str:
    """The standings as CSV."""
    from harness.report.standings.csv_text import standings_csv

    return standings_csv(standings)


def markdown_report(standings: Standings, context: ReportContext) -> str:
    """The README of the board."""
    from harness.report.standings.markdown import readme

    return readme(standings, context.runs(), context.board)


def html_report(standings: Standings, context: ReportContext, links: Mapping[str, str] | None = None) -> str:
    """The page of the board, with errors by step, windows and details of cells from the journal.

    `links` are addresses by their texts, for the top of the page.
    """
    from harness.boards.workspace import Workspace
    from harness.report.page.data import best_forecasters
    from harness.report.page.details import find_details
    from harness.report.page.examples import find_examples
    from harness.report.page.render import page
    from harness.results.stored_plan import stored_plan

    workspace = Workspace(context.home, context.catalog)
    plan, metrics = stored_plan(workspace.home, standings.board), workspace.catalog.metrics
    metric = metrics[standings.metric].spec if standings.metric in metrics else None
    shown = best_forecasters(standings)
    if plan is None:
        return page(standings, links=links)
    examples = find_examples(plan, workspace.journal, metric, shown)
    return page(standings, examples, find_details(plan, workspace.journal, standings.metric, shown), links)
