"""Standings of a board: its rows, their uncertainty, and tests of differences. Values only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from harness.data.damage import set_aside, warn
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import DamagedFile, LaterVersion, UnknownName
from harness.fields.dumping import dump
from harness.fields.names import joined_names
from harness.fields.reading import load
from harness.forecasters.card import SelectedOn
from harness.forecasters.pools import Pool
from harness.results.costs import BenchCosts
from harness.results.stored_plan import board_folder

SCHEMA = 5
READABLE = (3, 4, SCHEMA)
UNCHECKED = 4  # the last schema of files without a checksum
Interval = tuple[float, float]  # low, high; NaN where too little is known for one
Matrix = tuple[tuple[float, ...], ...]  # (forecaster, forecaster), in the order of `Significance.forecasters`


@dataclass(frozen=True)
class Row:
    """The results of one forecaster on a board."""

    forecaster: str
    rank: int
    skill: float  # 1 − the geometric mean of its errors relative to the baseline's
    relative_error: float  # that mean
    win_rate: float  # share of the others that it beats, mean over tasks; ties count one half
    mean_rank: float  # mean over tasks; 1 is best
    median_relative_error: float  # over tasks
    intervals: Mapping[str, Interval]  # of skill, win_rate, mean_rank and median_relative_error, at 95 %
    # p-value of the model confidence set (MCS); NaN if not tested
    mcs_p_value: float = field(metadata={"formerly": "confidence"})
    tied_for_first: bool  # whether it is in the MCS with at least one other
    seeds: int  # number of seeds
    # standard deviation of the skill over seeds; NaN for one seed
    skill_std: float = field(metadata={"formerly": "spread"})
    close_to_next: bool  # whether the skill differs from the next row's by no more than either's skill_std
    scores: Mapping[str, float]  # by task, of the board's metric, mean over seeds; NaN where it has none
    # by task: the standard deviation of the scores over seeds; NaN for one seed
    score_stds: Mapping[str, float] = field(metadata={"formerly": "spreads"})
    metrics: Mapping[str, float]  # by metric, mean over the tasks it completed
    fit_seconds: float  # sum over tasks, mean over seeds; NaN where it completed nothing
    predict_seconds: float
    windows: int  # forecast in that time, mean over seeds
    completed: int  # cells
    missing: Mapping[str, int]  # cells by status, "not run" among them
    failed_windows: int
    reasons: tuple[str, ...] = ()  # of missing cells
    # tasks whose data the forecaster was trained on
    training_overlap: tuple[str, ...] = field(default=(), metadata={"formerly": "seen"})
    # tasks whose first forecast step is not after the end of its training data; and those of which that is unknown
    date_overlap: tuple[str, ...] = ()
    date_overlap_unknown: tuple[str, ...] = ()
    # by task: the date until which values of its dataset were used for training, before the first forecast step
    earlier_training: Mapping[str, str] = field(default_factory=dict)
    trained_until: str = ""  # the latest stated date of its training data
    selected_on: SelectedOn | None = None  # what its checkpoint, prompt or hyperparameters were selected on
    pool: Pool | None = None
    costs: BenchCosts | None = None  # measured by `harness bench`; None where not measured
    strict: bool = False  # whether all cells that it completed were run in strict mode
    # by task: the largest relative difference of its forecasts in other batches, where it is beyond the tolerance
    batch_differences: Mapping[str, float] = field(default_factory=dict)
    # by task: its covariates of kinds that the forecaster cannot use
    ignored_covariates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    degenerate_quantiles: tuple[str, ...] = ()  # tasks on which point forecasts were scored as quantiles
    exact_forecasts: tuple[str, ...] = ()  # tasks on which all forecasts equal the actuals exactly
    claimed_by: str = field(default="", metadata={"stored": "if set"})  # whose scores they are; empty: measured here

    def __repr__(self) -> str:
        """The rank, the forecaster and its skill, in one line."""
        return f"<Row: {self.rank or 'unranked'} {self.forecaster}, skill {self.skill:.3f}>"

    @property
    def has_score(self) -> bool:
        """Whether it has a score on any task; without one, its aggregate scores are those of imputed errors alone.

        A cell that completed has none where its errors are too large for a number.
        """
        return self.completed > 0 and not all(map(math.isnan, self.scores.values()))

    @property
    def batch_difference(self) -> float | None:
        """The largest of them; None where its forecasts do not depend on the batch."""
        return max(self.batch_differences.values(), default=None)

    @property
    def seen(self) -> tuple[str, ...]:
        """The former name of `training_overlap`."""
        return self.training_overlap

    @property
    def confidence(self) -> float:
        """The former name of `mcs_p_value`."""
        return self.mcs_p_value

    @property
    def spread(self) -> float:
        """The former name of `skill_std`."""
        return self.skill_std

    @property
    def window_seconds(self) -> float:
        """Seconds of forecasting a window, many at once; indicative, since cells share a machine."""
        return self.predict_seconds / self.windows if self.windows else math.nan

    def interval(self, name: str) -> Interval:
        """The interval of a statistic, NaN where there is none."""
        return self.intervals.get(name, (math.nan, math.nan))


@dataclass(frozen=True)
class RankTest:
    """Friedman's test, and Nemenyi's critical difference (Demšar 2006)."""

    statistic: float
    p_value: float
    blocks: int  # in each of which the forecasters were ranked
    critical_difference: float  # of mean ranks, at 5 %
    mean_ranks: Mapping[str, float]  # by forecaster, over the blocks
    cliques: tuple[tuple[str, ...], ...]  # groups without significant differences, best first


@dataclass(frozen=True)
class Significance:
    """The uncertainty of standings: confidence intervals and tests."""

    method: str  # what was resampled, as text
    units: int  # independent ones
    samples: int
    level: float  # of all intervals
    forecasters: tuple[str, ...]  # best first, the best 50 at most: the order of the matrices, and of the pairs
    win_rates: Matrix  # share of the tasks in which the row's forecaster beats the column's; ties count one half
    skills: Matrix  # of the row's forecaster relative to the column's
    skill_lows: Matrix
    skill_highs: Matrix
    p_values: Mapping[str, tuple[float, ...]]  # by task, of each pair (0, 1), (0, 2) … (1, 2) …: Diebold–Mariano,
    # two-sided, after Holm's correction over the pairs; NaN where it could not be tested
    rank_test: RankTest | None
    # as p_values, from a test that allows for serial dependence and has less power; of tasks whose p_values do not
    serial_p_values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    ranked: int = 0  # forecasters on the board, with those that were not compared in pairs; 0: not stored, all were

    @property
    def only_best(self) -> bool:
        """Whether only the best forecasters were compared in pairs."""
        return self.ranked > len(self.forecasters)

    def p_value(self, task: str, first: str, second: str) -> float:
        """The corrected p-value of a pair on a task; NaN where it was not tested.

        Raises UnknownName for a name that is not among `forecasters`, unless these are only the best of the board.
        """
        for name in (first, second):
            if name not in self.forecasters and not self.only_best:
                raise UnknownName("forecaster", name, self.forecasters)
        if first not in self.forecasters or second not in self.forecasters:
            return math.nan
        i, j = sorted((self.forecasters.index(first), self.forecasters.index(second)))
        if i == j or task not in self.p_values:
            return math.nan
        count = len(self.forecasters)
        return self.p_values[task][i * (2 * count - i - 1) // 2 + j - i - 1]


@dataclass(frozen=True)
class Standings:
    """The standings of a board: its rows, best first, with notes and tests."""

    board: str
    title: str
    metric: str
    baseline: str
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)
    logarithmic: bool = False  # errors are shown as log10
    description: str = ""
    completed_only: bool = False  # whether failed results were ignored instead of imputed
    significance: Significance | None = None  # None where there was too little to resample
    machines: tuple[str, ...] = ()  # on which the cells were run
    finished: str = ""  # when the last cell was: UTC, ISO 8601
    unsure: str = ""  # reason why there are no intervals
    cost_notes: tuple[str, ...] = ()  # machine and task of measured costs
    best: Literal["lowest", "zero", "nominal", "one"] = "lowest"  # which score of the metric is the best
    # by task: the score that is rounding, where a lower one was raised to it: all that are no higher are equal
    rounding: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        """The board and what it ranks, in one line."""
        return f"<Standings: {self.board}, {len(self.rows)} forecasters by {self.metric} on {len(self.tasks)} tasks>"

    @property
    def measured(self) -> bool:
        """Whether the costs of any forecaster were measured."""
        return any(row.costs is not None for row in self.rows)

    @property
    def tied_for_first(self) -> tuple[str, ...]:
        """The forecasters not significantly worse than the best; empty where there is one alone, or none was tested."""
        return tuple(row.forecaster for row in self.rows if row.tied_for_first)

    @property
    def tried(self) -> Standings:
        """The former name of `with_results`."""
        return self.with_results

    @property
    def with_results(self) -> Standings:
        """The standings without the rows of forecasters that were not run, which a note names instead."""
        untried = [row.forecaster for row in self.rows if not row.completed and set(row.missing) == {"not run"}]
        if not untried:
            return self
        rows = tuple(row for row in self.rows if row.forecaster not in untried)
        return replace(self, rows=rows, notes=(*self.notes, f"not run: {joined_names(untried)}"))

    def to_json(self) -> dict[str, Any]:
        """The standings as JSON values."""
        return {"schema": SCHEMA, **dump(self)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Standings:
        """The standings that `to_json` wrote; raises ValueError for what it cannot have written."""
        return load(cls, {name: value for name, value in fields.items() if name != "schema"})

    def save(self, home: Path) -> None:
        """Store the standings beside the board's plan; what is damaged there is moved away."""
        try:
            read_checked_json(standings_path(home, self.board), SCHEMA, UNCHECKED)
        except LaterVersion as error:
            warn(f"{error}; the standings are not stored")
            return
        except DamagedFile as error:
            set_aside(error, home, "it was written again")
        write_checked_json(standings_path(home, self.board), dump(self), SCHEMA, indent=None)


def close_to_next(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Rows, best first, with `close_to_next` set."""
    marked = [replace(row, close_to_next=False) for row in rows[-1:]]
    for row, below in reversed(tuple(pairwise(rows))):
        stds = [std for std in (row.skill_std, below.skill_std) if not math.isnan(std)]
        marked.append(replace(row, close_to_next=bool(stds) and row.skill - below.skill <= max(stds)))
    return tuple(reversed(marked))


def pending_note(pending: int, cells: int, not_selected: int = 0) -> str:
    """The sentence on how many cells of a board are pending, and how many were not asked for and have no run."""
    is_or_are = "is" if pending == 1 else "are"
    if not not_selected:
        return f"{pending or 'none'} of {cells} cells {is_or_are} pending"
    selected = f"{pending or 'none'} of {cells - not_selected} selected cells {is_or_are} pending"
    was_or_were = "was" if not_selected == 1 else "were"
    return f"{selected}; {not_selected} of {cells} cells of the board {was_or_were} not selected by any command"


def remove_standings(home: Path, board: str) -> None:
    """Remove the stored standings of a board, if there are any."""
    standings_path(home, board).unlink(missing_ok=True)


def stored_standings(home: Path, board: str) -> Standings | None:
    """The stored standings of a board, None if there are none that this version can read."""
    try:
        fields = read_checked_json(standings_path(home, board), SCHEMA, UNCHECKED)
    except DamagedFile as error:
        set_aside(error, home)
        return None
    except LaterVersion as error:
        warn(f"{error}; the standings are computed again")
        return None
    if fields is None or fields.get("schema") not in READABLE:
        return None
    try:
        return Standings.from_json(fields)
    except ValueError:  # damaged: they are computed again
        return None


def standings_path(home: Path, board: str) -> Path:
    """The file of a board's stored standings."""
    return board_folder(home, board) / "standings.json"
