"""The options of `harness run` that divide a run among machines."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click


def shard_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `--shard`, `--plan` and `--group`, which give the command its `sharding`."""

    @wraps(command)
    def with_sharding(shard: str | None, plan: str | None, group: str | None, **options: Any) -> Any:
        from harness.execution.scheduling.division import ShardOptions

        sharding = ShardOptions(shard, plan, group)
        sharding.check()
        return command(sharding=sharding, **options)

    shard_help = "Run one of N shards of the cells; auto: that of this task of a job array (Slurm, Kubernetes)."
    shard = click.option("--shard", metavar="I/N", help=shard_help)
    plan = click.option("--plan", metavar="FILE", help="With --shard: a run plan that `harness plan` wrote, or its id.")
    group = click.option("--group", metavar="NAME", help="With --plan: the group of cells, by the resources they need.")
    return shard(plan(group(with_sharding)))
