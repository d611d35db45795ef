"""The parts of the page: what each shows, and what it says where there is nothing to show."""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.report.costs import unbounded_line
from harness.report.page.examples import Examples
from harness.report.page.html import Html, joined, name, tag
from harness.report.page.numbers import interval, moment, number, plural
from harness.report.page.table import table
from harness.results.standings import RankTest, Row, Standings

SECTIONS = {
    "standings": "Standings",
    "pairs": "Pairs",
    "ranks": "Ranks",
    "steps": "Horizon",
    "costs": "Cost",
    "windows": "Forecasts",
    "about": "About",
}


def header(standings: Standings) -> Html:
    """The title, what the board is about, and how it came out in a sentence."""
    description = " ".join(standings.description.split())
    facts = [
        ("Ranked by", _words(name(standings.metric), ", as log10" if standings.logarithmic else "")),
        ("Baseline", name(standings.baseline)),
        ("Forecasters", Html(str(len(standings.rows)))),
        ("Tasks", Html(str(len(standings.tasks)))),
    ]
    if standings.finished:
        time = tag("time", moment(standings.finished), datetime=standings.finished)
        facts.append(("Finished", time))
    listed = (tag("div", tag("dt", heading), tag("dd", value)) for heading, value in facts)
    return tag(
        "header",
        tag("p", "Leaderboard ", tag("span", name(standings.board), class_="board"), class_="eyebrow"),
        tag("h1", name(standings.title)),
        tag("p", description, class_="lede") if description else "",
        tag("p", _outcome(standings), class_="outcome"),
        tag("dl", *listed, class_="facts"),
    )


def navigation() -> Html:
    """Links to the sections, and the button that turns the light on and off."""
    links = (tag("li", tag("a", title, href=f"#{place}")) for place, title in SECTIONS.items())
    button = tag("button", "Dark", type="button", id="theme", hidden=True)
    return tag("nav", tag("ul", *links), button, aria_label="Sections")


def sections(standings: Standings, exhibits: Examples | None, lowest_is_best: bool) -> Html:
    """All sections, in their order."""
    return joined(
        (
            _standings(standings, lowest_is_best),
            _pairs(standings),
            _ranks(standings),
            _steps(standings, exhibits),
            _costs(standings),
            _windows(standings, exhibits),
            _about(standings),
        )
    )


def _standings(standings: Standings, lowest_is_best: bool) -> Html:
    if not standings.rows:
        return _section("standings", "Standings", tag("p", "No forecaster has a result yet.", class_="nothing"))
    rows = standings.rows
    marks = []
    if any(row.tied_for_first for row in rows):
        marks.append(("=", "tied for first: in the set that holds the best with 95 % confidence"))
    if any(row.close_to_next for row in rows):
        marks.append(("≈", "the gap to the next is within the spread of the seeds, and may be luck"))
    if any(row.training_overlap for row in rows):
        marks.append(("†", "trained on this data before, so its error says little of data to come"))
    legend = (tag("div", tag("dt", mark), tag("dd", words)) for mark, words in marks)
    said = ["Brackets and whiskers are 95 % intervals. " if _has_intervals(rows) else ""]
    if lowest_is_best and len(rows) > 1 and standings.tasks:
        said.append("Bold is the lowest error of a task. ")
    said += unbounded_line(standings)
    said.append("" if standings.measured else "Times are indicative, since cells share a machine.")
    return _section(
        "standings",
        "Standings",
        tag(
            "p",
            "Skill is 1 − the geometric mean, over tasks, of a forecaster’s error relative to that of ",
            name(standings.baseline),
            ": 0 is as good as it, 1 would be without error. ",
            tag("span", "A heading sorts by its column.", class_="live"),
        ),
        table(standings, lowest_is_best),
        tag("dl", *legend, class_="marks") if marks else "",
        tag("p", *said, class_="fine"),
        _measured(standings),
        tag("p", id="sorted", class_="hidden", role="status"),
    )


def _pairs(standings: Standings) -> Html:
    found = standings.significance
    title = "Each against each"
    if found is None or len(found.forecasters) < 2:
        why = "There is nothing to compare: pairs need two forecasters and windows that can be resampled."
        return _section("pairs", title, tag("p", why, class_="nothing"))
    return _section(
        "pairs",
        title,
        tag(
            "p",
            "How a row’s forecaster does against a column’s: ",
            tag("b", "blue"),
            " where the row is better, ",
            tag("b", "orange"),
            " where the column is. Bold: the 95 % interval of that pair alone leaves out zero, or p is below 5 %.",
        ),
        tag("p", "Pairs could not be tested on any single task: that needs more windows.", class_="fine")
        if not found.p_values
        else "",
        _drawn("pairs"),
    )


def _ranks(standings: Standings) -> Html:
    title = "Mean ranks, and who cannot be told apart"
    test = None if standings.significance is None else standings.significance.rank_test
    if test is None or not any(map(math.isfinite, test.mean_ranks.values())):
        why = "Friedman’s test needs three forecasters, and more than one block in which all of them were ranked."
        return _section("ranks", title, tag("p", f"There is no test of the ranks here. {why}", class_="nothing"))
    return _section("ranks", title, tag("p", _rank_words(test)), _drawn("ranks"))


def _rank_words(test: RankTest) -> Html:
    chance = "p < 0.001" if test.p_value < 0.001 else f"p = {number(test.p_value, 3)}"
    known = math.isfinite(test.p_value)
    verdict = "the forecasters differ by more than chance" if test.p_value < 0.05 else "no difference can be shown"
    blocks, statistic = plural(test.blocks, "block"), number(test.statistic, 1)
    words = [
        f"Over {blocks}, Friedman’s test gives χ² = {statistic}, {chance}: {verdict}. "
        if known
        else f"Friedman’s test over {blocks} gave no p-value. "
    ]
    if math.isfinite(test.critical_difference):
        words.append(
            f"Two forecasters whose mean ranks differ by less than the critical difference of "
            f"{number(test.critical_difference, 2)} (Nemenyi, 5 %) cannot be told apart; a bar joins them. "
        )
    if test.cliques:
        first = test.cliques[0]
        best = min(test.mean_ranks, key=lambda one: test.mean_ranks[one])
        if best in first and len(first) > 1:
            words.append(f"So {plural(len(first) - 1, 'other')} cannot be told from the best by rank, ")
            return _words(*words, name(best), ".")
    return _words(*words)


def _steps(standings: Standings, exhibits: Examples | None) -> Html:
    title = "Error along the horizon"
    if exhibits is None or not any(exhibits.by_step.get(task) for task in standings.tasks):
        return _section("steps", title, _without_forecasts())
    words = "The error at every step of the horizon, over all windows of a task, mean over seeds."
    return _section("steps", title, tag("p", words), _drawn("steps"))


def _costs(standings: Standings) -> Html:
    title = "Accuracy against cost"
    if not standings.rows:
        return _section("costs", title, tag("p", "There is nothing to show.", class_="nothing"))
    words = (
        "Whoever lies on the line is beaten by nobody in both at once: all who cost as little are less accurate, and "
        "all who are as accurate cost more. "
    )
    indicative = _words(
        "Times are indicative, since cells share a machine; ",
        tag("code", f"harness bench --board {standings.board}"),
        " measures latency, throughput, training and memory, each forecaster apart.",
    )
    told = _measured(standings) if standings.measured else tag("p", indicative, class_="fine")
    return _section("costs", title, tag("p", words), told, _drawn("costs"))


def _measured(standings: Standings) -> Html:
    """On which machine costs were measured; nothing where none were."""
    if not standings.measured:
        return Html("")
    words = [name(f"{note[:1].upper()}{note[1:].rstrip('.')}. ") for note in standings.cost_notes]
    return tag("p", *words, "Figures of other machines do not compare.", class_="fine")


def _windows(standings: Standings, exhibits: Examples | None) -> Html:
    title = "Forecasts beside what came"
    if exhibits is None or not any(exhibits.examples.get(task) for task in standings.tasks):
        return _section("windows", title, _without_forecasts())
    words = (
        "The best and the worst window of a forecaster on a task, with its first seed. The band lies between the "
        "outermost quantiles."
    )
    return _section("windows", title, tag("p", words), _drawn("windows"))


def _without_forecasts() -> Html:
    return tag("p", "The forecasts are not here: these standings came without a journal.", class_="nothing")


def _about(standings: Standings) -> Html:
    parts: list[Html] = []
    found = standings.significance
    made = (
        "There are no intervals: nothing could be resampled."
        if found is None
        else _words(
            f"The {found.level * 100:.0f} % intervals are from {found.method.rstrip('.')}. "
            f"{found.units:,} of these count as independent. ",
            "Pairs on a task are compared by the two-sided test of Diebold and Mariano, corrected by Holm’s method "
            "over the pairs."
            if found.p_values
            else "",
        )
    )
    parts += [tag("h3", "How the intervals were made"), tag("p", made)]
    what = (
        "Cells without a result were left out (“completed only”): such rows are not comparable with complete ones."
        if standings.completed_only
        else "A cell without a result counts as the worst completed one of its task, never better than the baseline."
    )
    parts += [tag("h3", "What is missing"), tag("p", what)]
    if standings.unavailable:
        listed = (
            tag("div", tag("dt", name(task)), tag("dd", name(why))) for task, why in standings.unavailable.items()
        )
        parts += [tag("p", "Left out, since their data is not here:"), tag("dl", *listed, class_="left-out")]
    if standings.notes:
        parts += [tag("h3", "Notes"), _bullets(standings.notes)]
    if standings.machines or standings.finished:
        parts.append(tag("h3", "Where and when"))
        if standings.finished:
            parts.append(tag("p", f"The last cell was finished on {moment(standings.finished)}."))
        if standings.machines:
            parts.append(_bullets(standings.machines))
    return _section("about", "About these numbers", *parts)


def _bullets(lines: Iterable[str]) -> Html:
    return tag("ul", *(tag("li", name(line)) for line in lines))


def _section(place: str, title: str, *children: str) -> Html:
    heading = tag("h2", title, id=f"{place}-title", tabindex="-1")
    return tag("section", heading, *children, id=place, aria_labelledby=f"{place}-title")


def _drawn(exhibit: str) -> Html:
    """Where the script draws."""
    without = tag("noscript", tag("p", "This is drawn by JavaScript, which is off.", class_="nothing"))
    return tag("div", without, class_="exhibit", data_exhibit=exhibit)


def _outcome(standings: Standings) -> Html:
    if not standings.rows:
        return _words("No forecaster has a result yet.")
    first = standings.rows[0]
    if not math.isfinite(first.skill):
        return _words("Skill could not be computed.")
    limits = interval(first.interval("skill"))
    words: list[str] = [
        tag("b", name(first.forecaster)),
        f" is first, with a skill of {number(first.skill)}",
        f" {limits}" if limits else "",
    ]
    ties = len(standings.tied_for_first) - 1
    if ties > 0:
        words.append(f"; {plural(ties, 'other')} cannot be told from the best.")
    elif math.isfinite(first.mcs_p_value) and len(standings.rows) > 1:
        words.append(", and stands alone: all others are worse by more than chance.")
    else:
        words.append(".")
    return _words(*words)


def _has_intervals(rows: tuple[Row, ...]) -> bool:
    return any(math.isfinite(limit) for row in rows for limit in row.interval("skill"))


def _words(*parts: str) -> Html:
    return joined([part if isinstance(part, Html) else tag("span", part) for part in parts if part])
