"""Renders the page of a board from its templates; scripts and styles are part of the page."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.report.numbers import (
    clock_time,
    duration,
    error,
    interval_in_brackets,
    log10_interval,
    moment,
    number,
    plural,
    with_minus_sign,
)
from harness.report.page.bars import pixels
from harness.report.page.details import ForecasterDetails
from harness.report.page.examples import Examples
from harness.report.page.table import sort_value
from harness.report.page.view import view
from harness.report.standings.overlap import is_marked, overlap_kinds
from harness.report.standings.rows import BATCH, CLOSE, DEGENERATE, EXACT, IGNORES, OVERLAP, STRICT, TIED
from harness.report.standings.ties import ROUNDING
from harness.report.text import LAYOUT, visible
from harness.results.standings import Standings

PACKAGE = "harness.report.page"
BETWEEN_WORDS = re.compile(r"(?<=\w:)(?=\w)|(?<=\w)(?=@\w)|(?<=[a-z])(?=[A-Z])")  # of names of models of libraries
STYLES = ("page.css", "table.css", "charts.css")
SCRIPTS = (  # each needs only those before it
    "theme.js",
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
    "stages.js",
    "training.js",
    "gradients.js",
    "page.js",
)


def page(
    standings: Standings,
    examples: Examples | None = None,
    details: Sequence[ForecasterDetails] = (),
    links: Mapping[str, str] | None = None,
) -> str:
    """The whole HTML document; without examples it says that no forecasts are available.

    `links` are addresses by their texts, for the top of the page.
    """
    values = {**view(standings.with_results, examples, details), "addresses": links or {}}
    return document("page.html.jinja", values, STYLES, SCRIPTS)


def document(template: str, values: Mapping[str, Any], style_files: Sequence[str], script_files: Sequence[str]) -> str:
    """An HTML document that contains its style and its scripts."""
    style, scripts = "\n".join(map(_source, style_files)), [_source(file) for file in script_files]
    sources = {"style": style, "scripts": scripts, "policy": _policy(style, scripts)}
    return _templates().get_template(template).render(values, **sources) + "\n"


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
    numbers = (clock_time, duration, interval_in_brackets, error, log10_interval, moment, number, plural)
    filters = (*numbers, with_minus_sign, overlap_kinds, pixels, sort_value)
    templates.filters |= {function.__name__: function for function in filters}
    templates.globals |= {"TIED": TIED, "CLOSE": CLOSE, "OVERLAP": OVERLAP, "BATCH": BATCH, "STRICT": STRICT}
    templates.globals["ROUNDING"] = ROUNDING
    templates.globals |= {"IGNORES": IGNORES, "DEGENERATE": DEGENERATE, "EXACT": EXACT}
    templates.filters |= {"sentence": _sentence, "breakable": _breakable}
    templates.tests["marked"] = is_marked
    templates.tests["finite"] = lambda value: value is not None and math.isfinite(value)
    templates.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return templates


def _show(value: object) -> object:
    """What a template shows of a value: control characters of a text are visible; markup that we wrote stays."""
    return visible(value, keep=LAYOUT) if isinstance(value, str) and not isinstance(value, Markup) else value


def _breakable(name: object) -> Markup:
    """A name that is broken rather between its words, as in statsforecast:AutoETS, than within one."""
    return Markup(BETWEEN_WORDS.sub("<wbr>", str(escape(_show(name)))))  # it is escaped


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
