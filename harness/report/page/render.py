"""The page of a board: one file that loads nothing and sends nothing, readable without its script."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from harness.report.page.data import data, embedded
from harness.report.page.examples import Examples
from harness.report.page.html import Html, joined, tag
from harness.report.page.sections import header, navigation, sections
from harness.results.standings import Standings

STYLES = ("page.css", "table.css", "charts.css")
SCRIPTS = (  # in the order in which they need each other
    "elements.js",
    "scales.js",
    "charts.js",
    "lines.js",
    "sorting.js",
    "pairs.js",
    "ranks.js",
    "steps.js",
    "costs.js",
    "windows.js",
    "page.js",
)


def page(standings: Standings, exhibits: Examples | None = None) -> str:
    """A whole HTML document; without exhibits it says that the forecasts are not here."""
    standings = standings.tried
    lowest_is_best = standings.best == "lowest"
    style, scripts = "\n".join(map(_source, STYLES)), [_source(file) for file in SCRIPTS]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, scripts)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="generator", content="harness"),
        tag("title", f"{standings.title} ({standings.board})"),
        tag("style", Html(style)),
    )
    drawn = embedded(data(standings, exhibits, lowest_is_best))
    body = tag(
        "body",
        tag("a", "Skip to the standings", href="#standings-title", class_="skip"),
        header(standings),
        navigation(),
        tag("main", sections(standings, exhibits, lowest_is_best)),
        tag("footer", tag("p", "Made by harness. This page is one file and loads nothing.")),
        tag("script", Html(drawn), type="application/json", id="data"),
        joined([tag("script", Html(script)) for script in scripts], "\n"),
    )
    whole = joined([Html("<!doctype html>"), tag("html", head, body, lang="en")], "\n")
    return whole.encode("utf-8", "replace").decode("utf-8") + "\n"  # a name may hold half of a surrogate pair


def _policy(style: str, scripts: list[str]) -> str:
    """Nothing may be loaded or sent; only this style and these scripts are in force."""
    hashes = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {hashes}; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _source(file: str) -> str:
    return (files("harness.report.page") / file).read_text(encoding="utf-8")
