"""Usage: the processes of a worker, and the memory and tasks that count against its limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.execution import process_usage
from harness.worker.processes import descendants


@dataclass
class Usage:
    """What a worker and the processes that it started use.

    Processes whose parents ended count too: `root` has adopted them. A copy of the worker has a usage of its own.
    """

    worker: int = 0
    root: int = 0  # what all of these processes descend from: the guardian, the sandbox, or the worker itself
    around: frozenset[int] = frozenset()  # the processes between both
    present: int = 0  # bytes that the worker had when it was ready, which do not count
    copies: set[int] = field(default_factory=set)  # processes that are copies of the worker, and were not ended yet

    def begin(self, worker: int, root: int, around: frozenset[int] = frozenset(), loaded: int = 0) -> None:
        """Count from now on what a worker that is ready uses, and `loaded` bytes of a model that it has already."""
        self.worker, self.root, self.around = worker, root, around
        self.present = max(process_usage.anonymous_memory(worker) - loaded, 0)

    def started(self, *, with_copies: bool = False) -> list[int]:
        """The processes that the worker started."""
        if not self.worker:
            return []
        spared = set() if with_copies else self.copies
        return [each for each in descendants(self.root, spared) if each != self.worker and each not in self.around]

    def memory(self, given: int, most: int) -> int:
        """The bytes that count for the limit `most`, of which `given` of shared memory do not.

        Where a quick look shows that they are no more than the limit, that is not exact.
        """
        started = self.started()
        bound = process_usage.most_memory_of(self.worker, started, self.present)
        if bound <= most:
            return bound
        return process_usage.memory_of(self.worker, started, self.present, given)

    def tasks(self) -> int:
        """The number of threads of all of these processes."""
        return process_usage.threads([self.worker, *self.started()])
