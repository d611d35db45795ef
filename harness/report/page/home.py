"""The page that lists the boards of a home with their best forecasters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.report.numbers import error, interval_in_brackets, log10_interval, number, with_minus_sign
from harness.report.page.bars import Bar, domain, gain, skill_bar
from harness.report.page.render import document
from harness.results.standings import Row, Standings

BEST = 3  # forecasters of each board
STYLES = ("page.css", "table.css", "home.css")
SCRIPTS = ("theme.js",)


@dataclass(frozen=True)
class Leader:
    """One of the best forecasters of a board, as the page shows it."""

    row: Row
    rank: str
    score: str  # the skill, or the log10 of the relative error
    interval: str  # in brackets; empty where there is none
    bar: Bar | None


@dataclass(frozen=True)
class Listed:
    """A board as the page lists it."""

    standings: Standings
    heading: str  # of the scores
    leaders: tuple[Leader, ...]
    address: str  # of the board's page; empty where there is none
    links: Mapping[str, str]  # further addresses, by text


@dataclass(frozen=True)
class Unranked:
    """A board whose standings cannot be computed."""

    board: str
    title: str
    reason: str
    links: Mapping[str, str] = field(default_factory=dict)  # addresses by text


def home_page(
    boards: Sequence[Standings | Unranked],
    links: Mapping[str, Mapping[str, str]],
    page_links: Mapping[str, str],
    others: Mapping[str, str] | None = None,
) -> str:
    """The whole HTML document; `links` are addresses by board and text, `page_links` by text.

    `others` are boards without results, with what they need.
    """
    listed = [_entry(board, dict(links.get(board.board, {}))) for board in boards]
    values = {"boards": listed, "addresses": page_links, "others": others or {}}
    return document("home.html.jinja", values, STYLES, SCRIPTS)


def _entry(board: Standings | Unranked, links: dict[str, str]) -> Listed | Unranked:
    if isinstance(board, Unranked):
        return replace(board, links=dict(list(links.items())[1:]))  # the first leads to a page that fails as well
    return _listed(board.with_results, links)


def _listed(standings: Standings, links: dict[str, str]) -> Listed:
    address = links.pop(next(iter(links))) if links else ""
    heading = f"log10 relative {standings.metric}" if standings.logarithmic else "skill"
    span = domain([gain(row, standings.logarithmic) for row in standings.rows]) if standings.rows else (0.0, 1.0)
    leaders = tuple(_leader(row, standings, span) for row in standings.rows[:BEST])
    return Listed(standings, heading, leaders, address, links)


def _leader(row: Row, standings: Standings, span: tuple[float, float]) -> Leader:
    logarithmic, interval = standings.logarithmic, row.interval("skill")
    shown = error(row.relative_error, True) if logarithmic else number(row.skill)
    written = interval_in_brackets(log10_interval(interval) if logarithmic else interval)
    bar = skill_bar(*gain(row, logarithmic), span)
    return Leader(row, f"{row.rank}=" if row.tied_for_first else str(row.rank), with_minus_sign(shown), written, bar)
