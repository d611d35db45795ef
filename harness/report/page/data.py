"""What the page's script draws from, as JSON that can lie inside of HTML."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.report.page.costs import cost_data
from harness.report.page.examples import Example, Examples
from harness.report.page.lines import Limit
from harness.results.standings import Matrix, Significance, Standings

MOST_CELLS = 2000  # whose windows are shown; of larger boards those of the best forecasters


def embedded(value: Any) -> str:
    """JSON that no HTML parser takes for a tag, and no script for the end of a line."""
    found = json.dumps(value, allow_nan=False, separators=(",", ":"))  # ASCII: U+2028 is escaped, as all such are
    return found.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def data(standings: Standings, exhibits: Examples | None, lowest_is_best: bool) -> dict[str, Any]:
    """All of it; forecasters and tasks are said by their places."""
    return {
        "metric": standings.metric,
        "baseline": standings.baseline,
        "logarithmic": standings.logarithmic,
        "lowestIsBest": lowest_is_best,
        "tasks": list(standings.tasks),
        "rows": [
            {
                "name": row.forecaster,
                "tied": row.tied_for_first,
                "skill": [_rounded(one) for one in (row.skill, *row.interval("skill"))],
                "fit": _rounded(row.fit_seconds),
                "predict": _rounded(row.window_seconds),
                "scores": [_rounded(row.scores.get(task, math.nan)) for task in standings.tasks],
            }
            for row in standings.rows
        ],
        "costs": cost_data(standings),
        "significance": None if standings.significance is None else _significance(standings.significance, standings),
        "exhibits": None if exhibits is None else _exhibits(exhibits, standings),
    }


def _significance(found: Significance, standings: Standings) -> dict[str, Any]:
    places = {name: place for place, name in enumerate(found.forecasters)}
    ranks = found.rank_test
    return {
        "level": found.level,
        "forecasters": list(found.forecasters),
        "wins": _matrix(found.win_rates),
        "skills": _matrix(found.skills),
        "lows": _matrix(found.skill_lows),
        "highs": _matrix(found.skill_highs),
        "p": [[_rounded(one, 3) for one in found.p_values.get(task, ())] for task in standings.tasks],
        "ranks": None
        if ranks is None
        else {
            "difference": _rounded(ranks.critical_difference),
            "means": [[name, _rounded(mean)] for name, mean in ranks.mean_ranks.items() if math.isfinite(mean)],
            "cliques": [[name for name in one if name in places or name in ranks.mean_ranks] for one in ranks.cliques],
        },
    }


def _exhibits(exhibits: Examples, standings: Standings) -> dict[str, Any]:
    """Curves and windows by task and forecaster; what came in a window is told once."""
    names = [row.forecaster for row in standings.rows]
    shown = names[: max(MOST_CELLS // max(len(standings.tasks), 1), 1)]
    shown += [standings.baseline] if standings.baseline in names and standings.baseline not in shown else []
    curves = [exhibits.by_step.get(task, {}) for task in standings.tasks]
    windows = [exhibits.examples.get(task, {}) for task in standings.tasks]
    windows = [{name: examples for name, examples in one.items() if name in shown} for one in windows]
    limit = Limit.of(_count(curves, names) + 4 * _count(windows, shown))
    came = _Came(limit)
    return {
        "loss": exhibits.loss,
        "shown": len(shown),
        "steps": [_by_place(names, one, limit.curve) for one in curves],
        "windows": [
            _by_place(names, one, lambda examples, task=task: [_window(task, x, came, limit) for x in examples])
            for task, one in enumerate(windows)
        ],
        "came": came.told,
    }


class _Came:
    """What came in each window that is shown, once however many forecasters are shown on it."""

    def __init__(self, limit: Limit) -> None:
        self.told: list[dict[str, Any]] = []
        self._limit = limit
        self._places: dict[tuple[Any, ...], int] = {}

    def place(self, task: int, example: Example) -> int:
        """Where a window is told."""
        key = (task, example.series, example.cutoff, tuple(one.target for one in example.lines))
        if key not in self._places:
            self._places[key] = len(self.told)
            self.told.append(
                {
                    "series": example.series,
                    "cutoff": example.cutoff,
                    "known": example.known,
                    "gap": example.gap,
                    "targets": [
                        {"name": one.target, "past": self._limit.line(one.past), "actual": self._limit.line(one.actual)}
                        for one in example.lines
                    ],
                }
            )
        return self._places[key]


def _window(task: int, example: Example, came: _Came, limit: Limit) -> dict[str, Any]:
    lines = [
        {"mean": limit.line(one.mean)}
        | ({"low": limit.line(one.low), "high": limit.line(one.high)} if one.low and one.high else {})
        for one in example.lines
    ]
    return {
        "came": came.place(task, example),
        "loss": _rounded(example.loss),
        "levels": example.levels,
        "lines": lines,
    }


def _by_place(names: Sequence[str], found: Mapping[str, Any], told: Any) -> dict[str, Any]:
    return {str(place): told(found[name]) for place, name in enumerate(names) if name in found}


def _count(tables: Iterable[Mapping[str, Any]], names: Iterable[str]) -> int:
    kept = set(names)
    return sum(len(kept.intersection(one)) for one in tables)


def _matrix(found: Matrix) -> list[list[float | None]]:
    return [[_rounded(one, 4) for one in row] for row in found]


def _rounded(value: float, digits: int = 5) -> float | None:
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
