"""The cells that one shard of a run has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.boards.planning import PlannedCell
from harness.errors import BadInput
from harness.execution.scheduling.estimates import default_estimate
from harness.execution.scheduling.run_plan import RunPlan, read_run_plan
from harness.execution.scheduling.shards import Shard, assign_shards, parse_shard


@dataclass(frozen=True)
class ShardOptions:
    """What the options of `harness run` say of shards."""

    shard: str | None = None  # I/N, auto or auto/N; None: the run is not divided
    plan: str | None = None  # a run plan: its file, or its id
    group: str | None = None  # of cells of the run plan

    def check(self) -> None:
        """Raise BadInput for options that need others."""
        if self.shard is None and (self.plan or self.group):
            raise BadInput("--plan and --group need --shard, such as --shard 3/16 or --shard auto")
        if self.group is not None and self.plan is None:
            raise BadInput("--group names a group of a run plan; say which by --plan")


@dataclass(frozen=True)
class ShardCells:
    """The cells of a shard, done or pending, by key, with their expected seconds; and those of the whole division."""

    shard: Shard
    seconds: Mapping[str, float]
    divided: Mapping[str, float] = field(repr=False)

    @cached_property
    def division(self) -> str:
        """A hash of what the division follows from: the same for all of its shards."""
        text = json.dumps([self.shard.count, sorted(self.divided.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def ordered(self, pending: Iterable[PlannedCell]) -> list[PlannedCell]:
        """The pending cells of the shard, those that are expected to take longest first."""
        own = [planned for planned in pending if planned.key in self.seconds]
        return sorted(own, key=lambda planned: (-self.seconds[planned.key], planned.key))


@dataclass(frozen=True)
class FoundShard:
    """A shard that the options name, and the run plan that divides the cells, if there is one."""

    shard: Shard
    run_plan: RunPlan | None = None
    group: str | None = None

    @property
    def name(self) -> str:
        """Which shard it is, of how many, and of which group: 3/16, or 3/16 of group cpu."""
        return f"{self.shard.index}/{self.shard.count}" + (f" of group {self.group}" if self.group else "")

    def cells_of(self, cells: Iterable[PlannedCell]) -> ShardCells:
        """The cells of the shard; `cells` are all of the run. Raises BadInput for cells that the run plan lacks.

        Without a run plan, the division follows from what is known without any run. With one, it is that of its group.
        """
        cells = list(cells)
        if self.run_plan is None:
            divided: Mapping[str, float] = {planned.key: default_estimate(planned).seconds for planned in cells}
        else:
            self.run_plan.check_cells(planned.key for planned in cells)
            divided = self.run_plan.group(self.group).seconds
        shards, selected = assign_shards(divided, self.shard.count), {planned.key for planned in cells}
        own = {
            key: seconds
            for key, seconds in divided.items()
            if shards[key] == self.shard.index and key in selected  # boards may be selected more narrowly than planned
        }
        return ShardCells(self.shard, own, divided)


def find_shard(options: ShardOptions, environment: Mapping[str, str], home: Path) -> FoundShard | None:
    """The shard that the options name, None if the run is not divided; raises BadInput."""
    if options.shard is None:
        return None
    if options.plan is None:
        return FoundShard(parse_shard(options.shard, environment))
    run_plan = read_run_plan(options.plan, home)
    group = run_plan.group(options.group)
    return FoundShard(parse_shard(options.shard, environment, group.shards), run_plan, options.group)
