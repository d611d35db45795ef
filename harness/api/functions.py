"""The functions of the public interface: evaluate a forecaster, and read a board's results."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.boards.workspace import Workspace, open_workspace
from harness.data.files import load
from harness.data.missing import FILLINGS
from harness.data.panel import Panel
from harness.errors import BadInput, BadTask, Failure, attempt
from harness.evaluation.covariate_notes import ignored_covariates
from harness.evaluation.evaluate import evaluate as evaluate_on
from harness.evaluation.run import Cell
from harness.fields.errors import short_repr
from harness.forecasters.covariate_kinds import CovariateKind
from harness.forecasters.forecaster import Forecaster
from harness.forecasters.spec import Batches, ForecasterSpec, tolerance_problem
from harness.plugins.installation import check_installed
from harness.tasks.task import Task

if TYPE_CHECKING:
    import pandas as pd

    from harness.data.missing import Missing
    from harness.data.tables.findings import Finding
    from harness.data.tables.options import TableOptions
    from harness.evaluation.run import Run
    from harness.forecasters.pools import Pool
    from harness.report.page.home import Unranked
    from harness.report.standings.column import Value
    from harness.results.standings import Standings


def default_home() -> Path:
    """HARNESS_HOME, or `.harness` in the current folder."""
    from harness.plugins.catalog import default_home

    return default_home()


def _workspace(home: Path | str | None) -> Workspace:
    return open_workspace(default_home() if home is None else _text("home", home))


def _text(argument: str, value: object) -> str:
    """A text or a path as a text; raises BadInput for anything else."""
    if not isinstance(value, str | os.PathLike):
        raise BadInput(f"{argument} must be a text, not {short_repr(value)}")
    return os.fspath(value)


def _optional_text(argument: str, value: object) -> str | None:
    return None if value is None else _text(argument, value)


def evaluate(
    forecaster: Forecaster | str,
    task: Task,
    panel: object = None,
    *,
    missing: Missing | None = None,
    tolerance: float | None = None,
    threads: int | None = None,
    seed: int | None = None,
) -> Run:
    """Evaluate a forecaster on a task, in this process; nothing is written.

    `forecaster` is an object, or the name of one in the catalog. `panel` is a Panel or a data frame, whose columns are
    inferred as by Panel.from_frame; without it the task's dataset is loaded.
    `missing` is how missing values of the past are filled; by default as the catalog's entry says for a name, and
    "native" for an object. `tolerance` is the largest relative difference of repeated forecasts with the same seed; by
    default as the catalog's entry says for a name, and 0 for an object. `threads` is the number of threads of numerical
    libraries (BLAS, OpenMP, PyTorch) during the evaluation; by default as the catalog's entry requests for a name, and
    1 for an object. `seed` is that of a stochastic forecaster given by name, by default 0, the first one of boards; an
    object has its own in its attribute `seed`. Raises BadInput for a seed that is not used, for less than 1 thread, or
    if a tolerance is not from 0 to 0.01.

        run = harness.evaluate(MovingAverage(length=7), Task("sunspots", RollingOrigin(horizon=11, windows=8)))
        run.scores["MASE"]
    """
    _check_arguments(forecaster, task, missing, seed)
    workspace = _workspace(None)
    catalog = workspace.catalog
    filling: Missing = missing or "native"
    if threads is not None and threads < 1:
        raise BadInput(f"threads must be at least 1, not {threads}")
    if tolerance is not None and (problem := tolerance_problem(tolerance)):
        raise BadInput(f"tolerance {problem}")
    requested, declared = 1, 0.0
    batches: Batches = "any"
    needs_season = False
    kinds: Collection[CovariateKind] | None = None  # of covariates that it can use, where it is known
    if isinstance(forecaster, str):
        check_installed(forecaster, catalog.forecasters)
        spec = catalog.forecasters[forecaster].spec
        seed = _seed_of(spec, seed)
        forecaster, filling, requested = spec.make({}, seed), missing or spec.missing, spec.resources.threads
        declared, batches, needs_season = spec.tolerance, spec.batches, spec.needs_season
        kinds = spec.usable_covariates
    else:
        seed = _own_seed(forecaster, seed)
    if panel is None:
        panel = load(catalog.datasets[task.dataset].spec, workspace.home)
    elif not isinstance(panel, Panel):
        panel = Panel.from_frame(panel)
    metrics = [entry.spec for entry in catalog.metrics.values()]
    run = evaluate_on(
        forecaster,
        task,
        panel,
        cell=Cell(task, type(forecaster).__name__, seed=seed),
        missing=filling,
        tolerance=declared if tolerance is None else tolerance,
        metrics=metrics,
        threads=requested if threads is None else threads,
        batches=batches,
        needs_season=needs_season,
    )
    return replace(run, ignored_covariates=ignored_covariates(task, panel, kinds))


def _seed_of(spec: ForecasterSpec, seed: int | None) -> int | None:
    """The seed of a forecaster of the catalog; None of one that is not stochastic."""
    if spec.takes_seed():
        return 0 if seed is None else seed
    if seed is not None:
        raise BadInput(f"forecaster {spec.name!r} is not stochastic; leave out seed")
    return None


def _own_seed(forecaster: Forecaster, seed: int | None) -> int | None:
    """The seed of a forecaster object; None of one that has none."""
    if seed is not None:
        name = type(forecaster).__name__
        raise BadInput(f"the seed of a forecaster object is its own: leave out seed, and pass {name}(seed={seed})")
    own = getattr(forecaster, "seed", None)
    return own if type(own) is int else None


def _check_arguments(forecaster: object, task: object, missing: object, seed: object) -> None:
    if isinstance(forecaster, type):
        name = forecaster.__name__
        raise BadInput(f"evaluate takes a forecaster object: pass {name}() instead of the class {name}")
    if not isinstance(forecaster, str | Forecaster):
        raise BadInput(
            f"evaluate takes the name of a forecaster or an object with the methods fit and predict, "
            f"not {short_repr(forecaster)}"
        )
    if not isinstance(task, Task):
        raise BadTask(f"task must be a Task such as Task('nile', RollingOrigin(5, windows=8)), not {short_repr(task)}")
    if missing is not None and missing not in FILLINGS:
        raise BadInput(f"missing is one of {', '.join(FILLINGS)}, not {short_repr(missing)}")
    if seed is not None and (type(seed) is not int or seed < 0):
        raise BadInput(f"seed must be a whole number from 0, not {short_repr(seed)}")


def check_data(data: object, options: TableOptions | None = None, **columns: Any) -> tuple[Finding, ...]:
    """What the checks of a data frame or a file find: errors, then what harness changes, then notes.

    `data` is a data frame, or the path of a file or folder; `options`, or its fields as arguments, name the columns as
    in `Panel.from_frame`. Each finding has a `level`, the name of the `check`, the `problem`, its `effect` on an
    evaluation and a `remedy`. Raises BadInput for a column that does not exist or must be named, and BadData for values
    that cannot be read.

        for finding in harness.check_data("sales.csv", id="store", target="sales"):
            print(finding.level, finding)
    """
    from harness.data.tables.checks import check_table, read_any
    from harness.data.tables.frame_reading import findings_with_arguments, read_for_python
    from harness.data.tables.options import TableOptions

    named = (options or TableOptions()).with_arguments(columns)
    return findings_with_arguments(check_table(read_for_python(lambda: read_any(data, named))))


def standings(
    board: str, metric: str | None = None, home: Path | str | None = None, *, pools: Sequence[Pool] = ()
) -> pd.DataFrame:
    """A board's standings from the journal, or as published: one row for each forecaster, the best first.

    Its columns are those of the tables in docs/boards.md: the rank and the statistics with the ends of their 95 %
    intervals, the error on each task by the task's name, the seconds of fitting and forecasting, and the numbers of
    completed and failed results. Only where a forecaster has a value do marks, training data and costs measured by
    `harness bench` have columns. NaN where there is no value. With `pools`, only their forecasters and the baseline are
    ranked.
    """
    from harness.analysis.lookup import find_standings

    found = find_standings(
        _text("board", board), _workspace(home), _optional_text("metric", metric), pools=_pools(pools)
    )
    return standings_frame(found)


def standings_frame(found: Standings) -> pd.DataFrame:
    """Standings as a data frame, as `standings` returns it."""
    import pandas as pd

    from harness.report.standings.columns import data_columns

    columns = data_columns(found, "frame")
    values = {name: [_value(column.value(row)) for row in found.rows] for name, column in columns.items()}
    return pd.DataFrame(values, index=pd.Index([row.forecaster for row in found.rows], name="forecaster"))


def _pools(pools: object) -> tuple[Pool, ...]:
    """The names of pools; raises BadInput for anything else."""
    from harness.forecasters.pools import POOLS

    if not isinstance(pools, list | tuple) or any(pool not in POOLS for pool in pools):
        raise BadInput(f"pools must be a list of {', '.join(POOLS)}, not {short_repr(pools)}")
    return tuple(pools)


def _value(value: Value) -> Value:
    """A value of a data frame; NaN for None."""
    return math.nan if value is None else value


def slices(
    board: str, by: str, metric: str | None = None, task: str | None = None, home: Path | str | None = None
) -> pd.DataFrame:
    """A board's scores by step, series, season, length or task: one row for each task, slice and forecaster.

    `count` is the number of forecast steps in the slice; the rank is 0 where a forecaster has no value.

        table = harness.slices("classics", "step", task="sunspots")
        table.pivot(index="slice", columns="forecaster", values="value")
    """
    import pandas as pd

    from harness.analysis.slicing.boards import find_slices
    from harness.analysis.slicing.slices import SliceRequest
    from harness.report.standings.slices import records

    request = SliceRequest(_text("by", by), _optional_text("metric", metric), _optional_text("task", task))
    return pd.DataFrame(records(find_slices(_text("board", board), request, _workspace(home))))


def board_page(board: str, home: Path | str | None = None, links: Mapping[str, str] | None = None) -> str | None:
    """A board's page as HTML, from the journal; None if nothing was run.

    Its standings are the stored ones, or computed ones where the journal has later results. `links` are addresses
    by their texts, for the top of the page.
    """
    from harness.analysis.lookup import live_standings
    from harness.report.context import report_context
    from harness.report.formats import html_report

    board, workspace = _text("board", board), _workspace(home)
    standings = live_standings(board, workspace)
    return None if standings is None else html_report(standings, report_context(board, workspace), links or {})


def home_page(
    home: Path | str | None = None,
    links: Mapping[str, Mapping[str, str]] | None = None,
    page_links: Mapping[str, str] | None = None,
) -> str:
    """A page as HTML that lists the boards of a home with their best forecasters.

    `links` are addresses by board and text, of which a board's title leads to the first; `page_links` are addresses
    by text, for the top of the page. A board whose standings cannot be computed is listed with the reason, and those
    of plugins without results with what they need.
    """
    from harness.analysis.lookup import live_standings
    from harness.boards.requirements import requirement
    from harness.report.page.home import Unranked
    from harness.report.page.home import home_page as page
    from harness.results.stored_plan import stored_plans

    workspace = _workspace(home)
    boards: list[Standings | Unranked] = []
    for plan in stored_plans(workspace.home):
        found = attempt(partial(live_standings, plan.name, workspace))
        if isinstance(found, Failure):
            boards.append(Unranked(plan.name, plan.title or plan.name, str(found)))
        elif found is not None:
            boards.append(found)
    shown = {board.board for board in boards}
    others = {name: requirement(name, workspace) for name in workspace.catalog.boards if name not in shown}
    return page(boards, links or {}, page_links or {}, others)
