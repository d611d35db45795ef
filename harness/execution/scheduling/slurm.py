"""The script that submits a run to Slurm: a job array for each group of cells."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator
from pathlib import Path

from harness.errors import BadInput
from harness.execution.scheduling.cluster import ClusterRun, comment, memory_line, shard_needs, time_line
from harness.execution.scheduling.groups import CellGroup

END = "END_OF_JOB"  # of the text of a job in the script
NODE_FOLDER = "/tmp"  # which every node has
GRACE = 120  # seconds before the end of its time at which a shard is asked to end


def slurm_script(run: ClusterRun, folder: Path) -> str:
    """A script for `sh` that submits the arrays; the jobs run in a folder, as far as their nodes have it.

    Raises BadInput for a folder of logs that Slurm's options cannot name.
    """
    lines = [
        "#!/bin/sh",
        "# Submits the shards of a run to Slurm: sh FILE. Submitted again, it resumes the run.",
        *_notes(run),
        "set -e",
        *_size_check(run),
    ]
    lines += [] if run.is_in_store else [f"cd {shlex.quote(str(folder))}"]
    lines += [f"mkdir -p {shlex.quote(run.log_folder)}"] if run.log_folder else []
    for i, group in enumerate(run.plan.groups):
        lines += ["", f"job{i}=$(sbatch --parsable <<'{END}'", *_job(run, group, folder), END, ")"]
        lines += [f'echo "submitted array $job{i}: {group.shards} shards of group {group.name}"']
    if run.separate_homes:
        lines += ["", *_merging(run)]
    return "\n".join(lines) + "\n"


def _size_check(run: ClusterRun) -> list[str]:
    """Lines that end the script, before it submits anything, where the cluster takes no array of the largest group."""
    name, shards = max(((group.name, group.shards) for group in run.plan.groups), key=lambda each: each[1])
    return [
        "most=$(scontrol show config 2>/dev/null | sed -n 's/^MaxArraySize *= *//p')  # numbers of tasks are lower",
        f'if [ "${{most:-{shards + 1}}}" -le {shards} ]; then',
        f'  echo "nothing was submitted: group {name} has {shards} shards, and an array of this cluster has '
        'at most $((most - 1)) tasks (MaxArraySize): plan fewer shards" >&2',
        "  exit 1",
        "fi",
    ]


def _notes(run: ClusterRun) -> list[str]:
    """Comments on what the nodes need."""
    if not run.is_in_store:
        return []
    logs = (
        f"Logs are in {json.dumps(run.log_folder)}, a folder that all nodes must have."
        if run.log_folder
        else f"Logs are on the node of each shard, in {NODE_FOLDER}; `harness plan --logs FOLDER` names a folder that "
        "all nodes have. `harness status` shows the machines and failures of the run on any machine."
    )
    return comment(
        "The home is in an object store: nodes need no shared folder, but the same harness, interpreter and data"
        + (f", and the plugin file {run.plugin_file}." if run.plugin_file else "."),
        "Credentials: jobs have the environment of sbatch, and with it variables such as AWS_PROFILE or "
        "AWS_ENDPOINT_URL, unless SBATCH_EXPORT=NONE is set; files such as ~/.aws/credentials must be on the nodes.",
        f"Each node has a local copy of the home, in HARNESS_CACHE_DIR or else in {NODE_FOLDER}.",
        logs,
    )


def _job(run: ClusterRun, group: CellGroup, folder: Path) -> Iterator[str]:
    needs = shard_needs(group, run.jobs)
    yield "#!/bin/sh"
    yield from _options(
        job_name=f"harness-{group.name}",
        array=f"1-{group.shards}",
        cpus_per_task=str(needs.cores),
        mem=_megabytes(needs.memory),
        time=clock(needs.seconds),
        **({"gres": f"gpu:{needs.gpus}"} if needs.gpus else {}),
        **({"chdir": NODE_FOLDER} if run.is_in_store else {}),
        output=_log(run, group.name, "-%a"),
        open_mode="append",
        signal=f"B:TERM@{GRACE}",
    )
    yield "#SBATCH --requeue"
    yield from comment(memory_line(group, run.jobs), time_line(group, run.jobs))
    if needs.custom:
        text = json.dumps(needs.custom_text)  # on one line
        yield f"# each shard needs {text}: add the option that requests it here, such as --licenses or --gres"
    if run.is_in_store:
        place = shlex.quote(str(folder))
        yield f"cd {place} 2>/dev/null || echo {shlex.quote(f'this node has no folder {folder}: name files in full')}"
        yield 'if [ -z "$HARNESS_CACHE_DIR" ]; then'
        yield f'  export HARNESS_CACHE_DIR="{NODE_FOLDER}/harness-$(id -u)"'
        yield '  mkdir -p -m 700 "$HARNESS_CACHE_DIR" && [ -O "$HARNESS_CACHE_DIR" ] || {'
        yield '    echo "$HARNESS_CACHE_DIR is not a folder of this user: set HARNESS_CACHE_DIR to one"; exit 1; }'
        yield "fi"
    yield f"exec {run.shard_command(group, '$SLURM_ARRAY_TASK_ID')}"


def _merging(run: ClusterRun) -> Iterator[str]:
    """A last job, which merges the homes of the shards when all of them have ended."""
    after = ":".join(f"$job{i}" for i in range(len(run.plan.groups)))
    yield f"merge=$(sbatch --parsable --dependency=\"afterany:{after}\" <<'{END}'"
    yield "#!/bin/sh"
    yield from _options(
        job_name="harness-merge", mem="4000M", time=clock(3600), output=_log(run, "merge"), open_mode="append"
    )
    yield f"exec {run.merge_command}"
    yield from (END, ")", 'echo "submitted job $merge, which merges the homes of the shards"')


def _options(**options: str) -> Iterator[str]:
    """The options of sbatch as lines of its script."""
    for name, value in options.items():
        yield f"#SBATCH --{name.replace('_', '-')}={_quoted(value)}"


def _quoted(value: str) -> str:
    """A value as sbatch reads it, which knows quotes as a shell does."""
    return value if all(c.isalnum() or c in "-_./:%@,+" for c in value) else f'"{value}"'


def _log(run: ClusterRun, name: str, task: str = "") -> str:
    """The file of a log, in Slurm's patterns; other users of a node have other ones."""
    if run.log_folder is None:
        return f"{NODE_FOLDER}/harness-%u-{name}-%A{task}.log"
    if any(c in '"\\' or c < " " for c in run.log_folder):
        raise BadInput(
            f"Slurm cannot write logs to {run.log_folder!r}: a path in its options has no double quote, backslash or "
            "control character; name another folder with --logs"
        )
    return f"{run.log_folder.replace('%', '%%')}/{name}{task}.log"


def _megabytes(size: int) -> str:
    return f"{math.ceil(size / 2**20)}M"


def clock(seconds: int) -> str:
    """A time as Slurm reads it, such as 1-02:30:00."""
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}-{text}" if days else text
