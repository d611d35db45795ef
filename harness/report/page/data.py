"""The values that a page's scripts draw, as JSON values."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from harness.arrays import Floats
from harness.report.page.examples import Example, Examples, Lines
from harness.report.page.lines import Limit
from harness.report.standings.costs import COSTS
from harness.results.standings import Matrix, RankTest, Row, Significance, Standings

MOST_FORECASTERS = 50  # with errors by step and windows: the best, and the baseline
MOST_CELLS = 2000  # whose windows are shown; of larger boards only the best forecasters have windows


def chart_data(standings: Standings, examples: Examples | None) -> dict[str, Any]:
    """All values; forecasters and tasks are keyed by their positions."""
    return {
        "metric": standings.metric,
        "baseline": standings.baseline,
        "logarithmic": standings.logarithmic,
        "lowestIsBest": standings.best == "lowest",
        "tasks": list(standings.tasks),
        "rows": [_row(row, standings.tasks) for row in standings.rows],
        "costs": _costs(standings),
        "significance": None if standings.significance is None else _significance(standings.significance, standings),
        "examples": None if examples is None else _examples(examples, standings),
    }


def _row(row: Row, tasks: Sequence[str]) -> dict[str, Any]:
    skill = (row.skill, *row.interval("skill")) if row.has_score else (math.nan,) * 3
    return {
        "name": row.forecaster,
        "tied": row.tied_for_first,
        "skill": [_round(value) for value in skill],
        "relative": _round(row.relative_error if row.has_score else math.nan),
        "fit": _round(row.fit_seconds),
        "predict": _round(row.window_seconds),
        "scores": [_round(row.scores.get(task, math.nan)) for task in tasks],
    }


def _costs(standings: Standings) -> dict[str, Any]:
    """The measured costs that the page shows, and the values of each row; the important ones first."""
    costs = sorted((cost for cost in COSTS if cost.page), key=lambda cost: not cost.important)
    if not standings.measured:
        return {"kinds": [], "rows": []}
    kinds = [
        {
            "name": cost.name,
            "heading": cost.page,
            "meaning": cost.meaning,
            "unit": cost.unit.kind,
            "more": cost.more,
        }
        for cost in costs
    ]
    return {"kinds": kinds, "rows": [[_round(cost.value(row.costs)) for cost in costs] for row in standings.rows]}


def _significance(found: Significance, standings: Standings) -> dict[str, Any]:
    """Comparisons in pairs, without those of forecasters without a score, which have imputed errors only."""
    empty = {row.forecaster for row in standings.rows if not row.has_score}
    if empty.intersection(found.forecasters):
        found = _without(found, empty)
    return {
        "level": found.level,
        "forecasters": list(found.forecasters),
        "wins": _matrix(found.win_rates),
        **(_logarithms(found) if standings.logarithmic else _skills(found)),
        "p": _p_values(found.p_values, standings),
        "serial": _p_values(found.serial_p_values, standings),
        "ranks": None if found.rank_test is None else _ranks(found.rank_test),
    }


def _without(found: Significance, names: Container[str]) -> Significance:
    """The comparisons with NaN for some forecasters, which have no mean ranks."""
    kept = np.array([name not in names for name in found.forecasters])
    both = kept[:, None] & kept

    def masked(matrix: Matrix) -> Matrix:
        return tuple(map(tuple, np.where(both, np.asarray(matrix), math.nan).tolist())) if matrix else matrix

    test = found.rank_test
    if test is not None:
        cliques = [tuple(name for name in clique if name not in names) for clique in test.cliques]
        test = replace(
            test,
            mean_ranks={name: rank for name, rank in test.mean_ranks.items() if name not in names},
            cliques=tuple(clique for clique in cliques if len(clique) > 1),
        )
    return replace(
        found,
        win_rates=masked(found.win_rates),
        skills=masked(found.skills),
        skill_lows=masked(found.skill_lows),
        skill_highs=masked(found.skill_highs),
        rank_test=test,
    )


def _skills(found: Significance) -> dict[str, Any]:
    """The skill of each pair and its interval."""
    return {"pairs": _matrix(found.skills), "lows": _matrix(found.skill_lows), "highs": _matrix(found.skill_highs)}


def _logarithms(found: Significance) -> dict[str, Any]:
    """The log10 relative error of each pair and its interval."""
    skills, lows, highs = (np.asarray(matrix) for matrix in (found.skills, found.skill_lows, found.skill_highs))
    logarithms = {
        "pairs": log10_relative_errors(skills, skills),
        "lows": log10_relative_errors(highs, lows),
        "highs": log10_relative_errors(lows, highs),
    }
    return {name: _matrix(values.tolist()) for name, values in logarithms.items()}


def log10_relative_errors(skills: Floats, reverse: Floats) -> Floats:
    """The logarithms of 1 − skill of each pair, both (forecaster, forecaster).

    A stored skill has six decimals, too few for 1 − skill where it is close to 1. Those of positive skills are
    therefore minus the logarithms of the reverse pairs, whose skills are negative: `reverse` holds the same bound of
    the relative error in the pair (j, i).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms: Floats = np.where(skills <= 0, np.log10(1 - skills), -np.log10(1 - reverse.T))
    return logarithms + 0.0  # no negative zero


def _p_values(by_task: Mapping[str, Sequence[float]], standings: Standings) -> list[list[float | None]]:
    return [[_round(value, 3) for value in by_task.get(task, ())] for task in standings.tasks]


def _ranks(test: RankTest) -> dict[str, Any]:
    return {
        "difference": _round(test.critical_difference),
        "means": [[name, _round(mean)] for name, mean in test.mean_ranks.items() if math.isfinite(mean)],
        "cliques": [list(clique) for clique in test.cliques],
    }


def _examples(examples: Examples, standings: Standings) -> dict[str, Any]:
    """Errors by step and windows by task and forecaster; the actuals of a window are stored once."""
    names = [row.forecaster for row in standings.rows]
    shown = best_forecasters(standings, min(MOST_FORECASTERS, max(MOST_CELLS // max(len(standings.tasks), 1), 1)))
    curves = [_selection(examples.by_step.get(task, {}), best_forecasters(standings)) for task in standings.tasks]
    windows = [_selection(examples.examples.get(task, {}), shown) for task in standings.tasks]
    limit = Limit.of(_count(curves, names) + 4 * _count(windows, shown))
    actuals = _Actuals(limit)
    return {
        "loss": examples.loss,
        "shown": len(shown),
        "steps": [_by_position(names, by_name, limit.curve) for by_name in curves],
        "windows": [
            _by_position(names, chosen, partial(_windows, task, actuals, limit)) for task, chosen in enumerate(windows)
        ],
        "actuals": actuals.windows,
    }


class _Actuals:
    """The actuals of each window that is shown, once for all forecasters."""

    def __init__(self, limit: Limit) -> None:
        self.windows: list[dict[str, Any]] = []
        self._limit = limit
        self._positions: dict[tuple[Any, ...], int] = {}

    def position(self, task: int, example: Example) -> int:
        """Where in the list the window of an example is."""
        key = (task, example.series, example.cutoff, tuple(lines.target for lines in example.lines))
        if key not in self._positions:
            self._positions[key] = len(self.windows)
            self.windows.append(
                {
                    "series": example.series,
                    "cutoff": example.cutoff,
                    "time": example.cutoff_time,
                    "gap": example.gap,
                    "targets": [self._target(lines) for lines in example.lines],
                }
            )
        return self._positions[key]

    def _target(self, lines: Lines) -> dict[str, Any]:
        target = {"name": lines.target, "past": self._limit.line(lines.past), "actual": self._limit.line(lines.actual)}
        return target | {"categories": list(lines.categories)} if lines.categories else target


def _windows(task: int, actuals: _Actuals, limit: Limit, examples: Sequence[Example]) -> list[dict[str, Any]]:
    return [
        {
            "actuals": actuals.position(task, example),
            "loss": _round(example.loss),
            "levels": example.levels,
            "lines": [_forecast(lines, limit) for lines in example.lines],
        }
        for example in examples
    ]


def _forecast(lines: Lines, limit: Limit) -> dict[str, Any]:
    mean = {"mean": limit.line(lines.mean)}
    return mean | {"low": limit.line(lines.low), "high": limit.line(lines.high)} if lines.low and lines.high else mean


def best_forecasters(standings: Standings, most: int = MOST_FORECASTERS) -> list[str]:
    """The best forecasters, and the baseline."""
    names = [row.forecaster for row in standings.rows]
    return names[:most] + [name for name in names[most:] if name == standings.baseline]


def _selection(by_name: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: found for name, found in by_name.items() if name in names}


def _by_position(names: Sequence[str], by_name: Mapping[str, Any], convert: Callable[..., Any]) -> dict[str, Any]:
    return {str(position): convert(by_name[name]) for position, name in enumerate(names) if name in by_name}


def _count(tables: Iterable[Mapping[str, Any]], names: Iterable[str]) -> int:
    kept = set(names)
    return sum(len(kept.intersection(by_name)) for by_name in tables)


def _matrix(values: Iterable[Iterable[float]], digits: int = 4) -> list[list[float | None]]:
    return [[_round(value, digits) for value in row] for row in values]


def _round(value: float | None, digits: int = 5) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}")
