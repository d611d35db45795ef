"""Renders the page of a board from its templates; scripts and styles are part of the page."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.report.numbers import error, interval_in_brackets, moment, number, plural, with_minus_sign
from harness.report.overlap import is_marked, overlap_kinds
from harness.report.page.bars import pixels
from harness.report.page.examples import Examples
from harness.report.page.table import sort_value
from harness.report.page.view import view
from harness.report.rows import CLOSE, OVERLAP, TIED
from harness.report.text import LAYOUT, visible
from harness.results.standings import Standings

PACKAGE = "harness.report.page"
STYLES = ("page.css", "table.css", "charts.css")
SCRIPTS = (  # each needs only those before it
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


def page(standings: Standings, examples: Examples | None = None) -> str:
    """The whole HTML document; without examples it says that no forecasts are available."""
    style, scripts = "\n".join(map(_source, STYLES)), [_source(file) for file in SCRIPTS]
    sources = {"style": style, "scripts": scripts, "policy": _policy(style, scripts)}
    text = _templates().get_template("page.html.jinja").render(view(standings.with_results, examples), **sources)
    return text + "\n"


@cache
def _templates() -> Environment:
    """Templates that escape every value, and raise an error for a name that they are not given."""
    templates = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    numbers = (interval_in_brackets, error, moment, number, overlap_kinds, pixels, plural, with_minus_sign, sort_value)
    templates.filters |= {function.__name__: function for function in numbers}
    templates.globals |= {"TIED": TIED, "CLOSE": CLOSE, "OVERLAP": OVERLAP}
    templates.filters["sentence"] = _sentence
    templates.tests["marked"] = is_marked
    templates.tests["finite"] = lambda value: value is not None and math.isfinite(value)
    templates.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return templates


def _show(value: object) -> object:
    """What a template shows of a value: control characters of a text are visible; markup that we wrote stays."""
    return visible(value, keep=LAYOUT) if isinstance(value, str) and not isinstance(value, Markup) else value


def _sentence(note: str) -> str:
    """A note with a capital letter and a full stop."""
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."


def _policy(style: str, scripts: list[str]) -> str:
    """The content security policy: nothing is loaded or sent, and only this style and these scripts apply."""
    hashes = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {hashes}; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _source(file: str) -> str:
    return (resources.files(PACKAGE) / file).read_text(encoding="utf-8")
