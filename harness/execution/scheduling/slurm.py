"""The script that submits a run to Slurm: a job array for each group of cells."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator
from pathlib import Path

from harness.execution.scheduling.cluster import ClusterRun, shard_needs
from harness.execution.scheduling.groups import CellGroup

END = "END_OF_JOB"  # of the text of a job in the script
GRACE = 120  # seconds before the end of its time at which a shard is asked to end


def slurm_script(run: ClusterRun, folder: Path) -> str:
    """A script for `sh` that submits the arrays; the jobs run in a folder."""
    lines = [
        "#!/bin/sh",
        "# Submits the shards of a run to Slurm: sh FILE. Submitted again, it resumes the run.",
        "set -e",
        f"cd {shlex.quote(str(folder))}",
        f"mkdir -p {shlex.quote(run.logs)}",
    ]
    for i, group in enumerate(run.plan.groups):
        lines += ["", f"job{i}=$(sbatch --parsable <<'{END}'", *_job(run, group), END, ")"]
        lines += [f'echo "submitted array $job{i}: {group.shards} shards of group {group.name}"']
    if run.separate_homes:
        lines += ["", *_merging(run)]
    return "\n".join(lines) + "\n"


def _job(run: ClusterRun, group: CellGroup) -> Iterator[str]:
    needs = shard_needs(group, run.jobs)
    yield "#!/bin/sh"
    yield from _options(
        job_name=f"harness-{group.name}",
        array=f"1-{group.shards}",
        cpus_per_task=str(needs.cores),
        mem=_megabytes(needs.memory),
        time=clock(needs.seconds),
        **({"gres": f"gpu:{needs.gpus}"} if needs.gpus else {}),
        output=_log(run, f"{group.name}-%a.log"),
        open_mode="append",
        signal=f"B:TERM@{GRACE}",
    )
    yield "#SBATCH --requeue"
    if needs.custom:
        text = json.dumps(needs.custom_text)  # on one line
        yield f"# each shard needs {text}: add the option that requests it here, such as --licenses or --gres"
    yield f"exec {run.shard_command(group, '$SLURM_ARRAY_TASK_ID')}"


def _merging(run: ClusterRun) -> Iterator[str]:
    """A last job, which merges the homes of the shards when all of them have ended."""
    after = ":".join(f"$job{i}" for i in range(len(run.plan.groups)))
    harness = run.command[: run.command.index("run")]
    yield f"sbatch --parsable --dependency=\"afterany:{after}\" <<'{END}'"
    yield "#!/bin/sh"
    yield from _options(
        job_name="harness-merge", mem="4000M", time=clock(3600), output=_log(run, "merge.log"), open_mode="append"
    )
    yield f"exec {run.merge_command(harness)}"
    yield END


def _options(**options: str) -> Iterator[str]:
    """The options of sbatch as lines of its script."""
    for name, value in options.items():
        yield f"#SBATCH --{name.replace('_', '-')}={_quoted(value)}"


def _quoted(value: str) -> str:
    """A value as sbatch reads it, which knows quotes as a shell does."""
    return value if all(c.isalnum() or c in "-_./:%@,+" for c in value) else f'"{value}"'


def _log(run: ClusterRun, name: str) -> str:
    return f"{run.logs}/{name}"


def _megabytes(size: int) -> str:
    return f"{math.ceil(size / 2**20)}M"


def clock(seconds: int) -> str:
    """A time as Slurm reads it, such as 1-02:30:00."""
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}-{text}" if days else text
