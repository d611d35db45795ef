"""Shards of a run: its cells divided among machines that need not know of each other.

The division is a function of the keys of all cells, done or pending, of their expected seconds, and of the number of
shards. A shard that is resumed, or begins late, has the same cells.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import BadInput

SLURM, KUBERNETES = "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"
AUTOMATIC = "auto"
USAGE = "such as 3/16, or auto in a job array of Slurm or an Indexed Job of Kubernetes"


@dataclass(frozen=True)
class Shard:
    """One of the shards of a run."""

    index: int  # from 1
    count: int
    origin: str = ""  # the environment variable that has the index; empty: it was given

    def __str__(self) -> str:
        """Which shard it is, and of how many, as part of a sentence."""
        return f"shard {self.index} of {self.count}" + (f" ({self.origin})" if self.origin else "")


def assign_shards(seconds: Mapping[str, float], count: int) -> dict[str, int]:
    """The shard of each cell, from 1, by their expected seconds: the longest cell first, to the shard with the least.

    This is the rule of longest processing time first (Graham 1969): the shard that takes longest takes at most 4/3 of
    what it takes in the best division. Ties are broken by key and by the number of the shard.
    """
    shards: dict[str, int] = {}
    loads = [(0.0, index) for index in range(1, count + 1)]
    for key in sorted(seconds, key=lambda key: (-seconds[key], key)):
        load, index = loads[0]
        shards[key] = index
        heapq.heapreplace(loads, (load + seconds[key], index))
    return shards


def parse_shard(text: str, environment: Mapping[str, str], planned: int | None = None) -> Shard:
    """The shard that a text names: I/N, auto or auto/N; raises BadInput.

    With `auto`, the index is that of a job array. N may be left out where the job array states it, or where a run plan
    has that number of shards.
    """
    match = re.fullmatch(rf"([0-9]{{1,9}}|{AUTOMATIC})(?:/([0-9]{{1,9}}))?", text.strip())
    if match is None:
        raise BadInput(f"--shard takes the number of a shard and of all shards, {USAGE}, not {text!r:.80}")
    index, count = match[1], None if match[2] is None else int(match[2])
    if planned is not None and count not in (None, planned):
        raise BadInput(f"the run plan divides these cells into {planned} shards, not {count}: say --shard {index}")
    count = planned if count is None else count
    shard = _of_job(environment, count) if index == AUTOMATIC else Shard(int(index), _stated(count, text))
    if not 1 <= shard.index <= shard.count:
        raise BadInput(f"--shard {text}: the shards of {shard.count} are numbered from 1 to {shard.count}; {shard}")
    return shard


def _stated(count: int | None, text: str) -> int:
    if count is None:
        raise BadInput(f"--shard {text} has no number of shards; say {text}/N, {USAGE}")
    return count


def _of_job(environment: Mapping[str, str], count: int | None) -> Shard:
    """The shard of the job array that this process is part of."""
    found = [name for name in (SLURM, KUBERNETES) if environment.get(name)]
    if not found:
        raise BadInput(
            f"--shard auto finds no job array: neither {SLURM} nor {KUBERNETES} is set; say which shard it is, as in "
            "--shard 3/16"
        )
    if len(found) > 1:
        raise BadInput(f"--shard auto finds two job arrays: {SLURM} and {KUBERNETES} are set; say --shard I/N")
    if found == [SLURM]:
        return _of_slurm(environment, count)
    index = _number(environment, KUBERNETES)
    if count is None:
        raise BadInput(
            f"--shard auto: Kubernetes does not tell a pod how many completions its Job has; say --shard auto/N with "
            f"that number ({KUBERNETES} is {index})"
        )
    return Shard(index + 1, count, f"{KUBERNETES}={index}")


def _of_slurm(environment: Mapping[str, str], count: int | None) -> Shard:
    """The shard of a task of a job array of Slurm.

    Without a stated number of shards, the array has to have all tasks from 0 or 1 on: one that was submitted again for
    some of its tasks, as by `sbatch --array=3,7`, states no longer how many there were.
    """
    index = _number(environment, SLURM)
    least, most, step, tasks = (
        _number(environment, f"SLURM_ARRAY_TASK_{name}", default)
        for name, default in (("MIN", index), ("MAX", index), ("STEP", 1), ("COUNT", 1))
    )
    origin = f"{SLURM}={index}"
    if count is not None:
        if least == 0:
            raise BadInput(f"--shard auto/{count}: the array begins with 0; number its tasks from 1: --array=1-{count}")
        return Shard(index, count, origin)
    if least not in (0, 1) or tasks != most - least + 1 or step != 1:
        raise BadInput(
            f"--shard auto: this job array has only some of its tasks, {tasks} from {least} to {most}, and the number "
            "of shards is not known; say --shard auto/N with the number of tasks of the whole array"
        )
    return Shard(index + 1 - least, tasks, origin)


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environment.get(name, "")
    if not text and default is not None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise BadInput(f"--shard auto: {name} is {text!r:.80}, and no number; say --shard I/N")
    return int(text)
