"""The plan of a board as it was last run: its cells in the journal."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any

from harness.data.damage import set_aside, warn
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import BadInput, DamagedFile, LaterVersion
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.forecasters.pools import Pool
from harness.results.training import Training

PLAN = "plan.json"
SCHEMA = 1


@dataclass(frozen=True)
class StoredCell:
    """A cell of a board, and its key in the journal."""

    key: str
    forecaster: str  # its name on the board
    task: str
    fingerprint: str  # of the data


@dataclass(frozen=True)
class Source:
    """What provided a forecaster of a board when the board was run."""

    forecaster: str  # the name in the catalog
    version: str  # its result version


@dataclass(frozen=True)
class StoredPlan:
    """A board as it was last run, and its cells in the journal."""

    name: str
    title: str
    description: str
    metric: str
    baseline: str
    cells: tuple[StoredCell, ...]
    forecasters: tuple[str, ...] = ()  # their names on the board
    clip: tuple[float, float] = (0.01, 100.0)  # of relative errors
    unavailable: Mapping[str, str] = field(default_factory=dict)  # by task: the reason
    generation: bool = False  # whether all tasks are free-running
    training_overlap: Mapping[str, tuple[str, ...]] = field(  # by forecaster: tasks on data it was trained on
        default_factory=dict, metadata={"formerly": "seen"}
    )
    sources: Mapping[str, Source] = field(default_factory=dict)  # by forecaster, as named on the board
    training: Mapping[str, Training] = field(default_factory=dict)  # by forecaster, of pretrained ones
    pools: Mapping[str, Pool] = field(default_factory=dict)  # by forecaster
    only_pools: tuple[Pool, ...] = ()  # of whose forecasters it consists, beside the baseline; empty: of all
    not_installed: Mapping[str, str] = field(default_factory=dict)  # by forecaster: the command that installs it
    left_out: Mapping[str, str] = field(default_factory=dict)  # by forecaster: why its environment is not known

    @property
    def seen(self) -> Mapping[str, tuple[str, ...]]:
        """The former name of `training_overlap`."""
        return self.training_overlap

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks whose data was available, in the board's order."""
        return tuple(dict.fromkeys(cell.task for cell in self.cells))

    @cached_property
    def by_task(self) -> Mapping[str, tuple[StoredCell, ...]]:
        """The cells of each task."""
        return _cells_by(attrgetter("task"), self.cells)

    @cached_property
    def by_forecaster(self) -> Mapping[str, tuple[StoredCell, ...]]:
        """The cells of each forecaster."""
        return _cells_by(attrgetter("forecaster"), self.cells)

    def in_pools(self, pools: tuple[Pool, ...]) -> tuple[str, ...]:
        """The forecasters of these pools; raises BadInput where there are none, or where their pools are not stored."""
        if not self.pools:
            raise BadInput(
                f"the pools of the forecasters on board {self.name!r} are not known, since an earlier version of "
                "harness wrote its results; run the board again"
            )
        found = tuple(name for name in self.forecasters if self.pools.get(name) in pools)
        if not found:
            present = ", ".join(dict.fromkeys(self.pools.values()))
            raise BadInput(
                f"no forecaster on board {self.name!r} is of pool {' or '.join(pools)}; its pools are {present}"
            )
        return found

    def of_pools(self, pools: tuple[Pool, ...]) -> StoredPlan:
        """The plan with only the forecasters of these pools, and the baseline; raises BadInput as `in_pools` does."""
        names = {self.baseline, *self.in_pools(pools)}
        return replace(
            self,
            title=title_of_pools(self.title, pools),
            cells=tuple(cell for cell in self.cells if cell.forecaster in names),
            forecasters=tuple(name for name in self.forecasters if name in names),
            only_pools=pools,
            not_installed={
                name: command for name, command in self.not_installed.items() if self.pools.get(name) in pools
            },
        )

    def part(self, forecasters: Container[str], tasks: Container[str]) -> StoredPlan:
        """The plan with only these tasks, and only these forecasters and the baseline."""
        return replace(
            self,
            cells=tuple(cell for cell in self.cells if cell.forecaster in forecasters and cell.task in tasks),
            forecasters=tuple(name for name in self.forecasters if name in forecasters or name == self.baseline),
            unavailable={task: reason for task, reason in self.unavailable.items() if task in tasks},
            not_installed={name: command for name, command in self.not_installed.items() if name in forecasters},
            left_out={name: reason for name, reason in self.left_out.items() if name in forecasters},
        )

    def save(self, home: Path) -> None:
        """Store the plan in the board's folder, unless it is stored already; raises LaterVersion."""
        if stored_plan(home, self.name) != self:
            write_checked_json(board_folder(home, self.name) / PLAN, self.to_json(), SCHEMA)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return dump(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> StoredPlan:
        """The plan that `to_json` wrote; raises ValueError for what it cannot have written."""
        return load(cls, fields)


def title_of_pools(title: str, pools: Iterable[Pool]) -> str:
    """The title of a board of which only some pools are ranked."""
    return f"{title}, pool {' and '.join(pools)}"


def _cells_by(name: Callable[[StoredCell], str], cells: Iterable[StoredCell]) -> dict[str, tuple[StoredCell, ...]]:
    groups: dict[str, list[StoredCell]] = {}
    for cell in cells:
        groups.setdefault(name(cell), []).append(cell)
    return {name: tuple(group) for name, group in groups.items()}


def stored_plan(home: Path, name: str) -> StoredPlan | None:
    """A board as it was last run with this home, None if it never was; raises LaterVersion."""
    try:
        return _plan_in(board_folder(home, name) / PLAN)
    except DamagedFile as error:
        set_aside(error, home, "the next run of the board writes it again")
    except ValueError:  # of another version: the next run writes it anew
        pass
    return None


def stored_plans(home: Path) -> list[StoredPlan]:
    """The boards that were run with this home, without those that a later version of harness ran."""
    plans = []
    for name in planned_boards(home):
        try:
            plans.append(stored_plan(home, name))
        except LaterVersion as error:
            warn(f"{error}; its board is left out")
    return [plan for plan in plans if plan is not None]


def planned_boards(home: Path) -> list[str]:
    """The names of the boards of which this home has a plan, also one that cannot be read."""
    return sorted(path.parent.name for path in (home / "boards").glob(f"*/{PLAN}"))


def checked_plan(home: Path, name: str) -> StoredPlan | None:
    """A board as it was last run with this home, None if it never was; raises DamagedFile or LaterVersion.

    What is damaged stays where it is.
    """
    path = board_folder(home, name) / PLAN
    try:
        return _plan_in(path)
    except ValueError as error:
        raise DamagedFile(path, "its content is not what harness writes") from error


def _plan_in(path: Path) -> StoredPlan | None:
    """The plan in a file; raises DamagedFile, LaterVersion, or ValueError where its content is of another kind."""
    fields = read_checked_json(path, SCHEMA)
    return None if fields is None else StoredPlan.from_json(_without_schema(fields))


def _without_schema(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "schema"}


def board_folder(home: Path, name: str) -> Path:
    """The folder of a board's plan and standings."""
    return home / "boards" / name
