"""Runs the pending cells of a command: shows its progress, records its activity, and ends in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol, TypeVar

from harness.boards.planning import PlannedCell
from harness.boards.selection import Selection
from harness.boards.workspace import Workspace
from harness.cli.debugger import PostMortem
from harness.cli.group import is_debugging
from harness.cli.run_store import Unfinished
from harness.cli.signals import StopSignals
from harness.errors import BadInput, watched
from harness.execution.driver import drive
from harness.execution.events import Finished
from harness.execution.executors.executor import Executor
from harness.execution.executors.table import executor_name, make_executor
from harness.execution.expected_work import ExpectedWork
from harness.execution.options import CellOptions
from harness.execution.recorder import Recorder
from harness.execution.scheduling.estimates import default_estimate
from harness.report.progress.run_progress import Nothing, RunProgress

if TYPE_CHECKING:
    from rich.console import Console

    from harness.execution.locks.remote import RemoteLocks


class Closable(Protocol):
    """What has to be closed."""

    def close(self) -> None:
        """Close it; again, it does nothing."""
        ...


T = TypeVar("T", bound=Closable)


def run_cells(
    cells: Sequence[PlannedCell],
    boards: Sequence[str],
    selection: Selection,
    workspace: Workspace,
    console: Console,
    stop: StopSignals,
    *,
    shard: str = "",
    asked_for: Collection[str] = (),
    pdb: bool = False,
) -> list[Unfinished]:
    """Run the cells, of a shard if one is named; returns those that are still pending.

    `asked_for` are the keys of these cells and of those that were done before. With `pdb`, a debugger opens where a
    forecaster raises.
    """
    if not cells:
        return []
    if selection.strict and selection.jobs == 0:
        raise BadInput(
            "--strict needs worker processes: in this one, a forecaster can see all values; leave out --jobs 0"
        )
    pending: list[Unfinished] = []
    options = CellOptions(selection.strict, selection.limits, parts=selection.parts, devices=selection.devices)
    name = executor_name(selection.jobs, selection.on)
    executor = make_executor(name, workspace.home, cells, selection.jobs, options)
    executor, locks, unstored = _with_store(executor, workspace)
    tell = (lambda: None) if locks is None else locks.tell
    view = Nothing() if pdb else None
    work = ExpectedWork({planned.key: default_estimate(planned).seconds for planned in cells})
    with (
        _closed(executor, stop),
        watched(PostMortem()) if pdb else nullcontext(),
        RunProgress(
            console,
            len(cells),
            min(executor.slots, len(cells)),
            tracebacks=is_debugging(),
            view=view,
            awaited=lambda: executor.awaited,
            unstored=unstored,
            work=work,
        ) as progress,
        Recorder(
            workspace.home,
            boards,
            len(cells),
            executor=name,
            shard=shard,
            asked_for=asked_for,
            tell=tell,
            work=work,
            unstored=unstored,
        ) as recorder,
        _closed(drive(cells, executor, workspace.journal, locks), stop) as events,
    ):
        for event in events:
            work.note(event)
            progress.show(event)
            recorder.note(event)
            if isinstance(event, Unfinished):
                pending.append(event)
            if isinstance(event, Finished) and event.ran_here:
                workspace.catalog.run_finished(event.run, workspace.home)
    return pending


def _with_store(
    executor: Executor, workspace: Workspace
) -> tuple[Executor, RemoteLocks | None, Callable[[], frozenset[str]]]:
    """The executor and the locks of a home; in an object store, runs are stored and the locks are there.

    The third are the keys of finished cells that wait for a store that does not answer.
    Raises StoreUnavailable, and closes the executor then.
    """
    if workspace.remote is None:
        return executor, None, frozenset
    from harness.execution.executors.storing import Storing
    from harness.execution.locks.remote import RemoteLocks

    remote = workspace.remote
    try:
        storing = Storing(executor, remote)
        locks = remote.patience.attempt(lambda: RemoteLocks(remote))
        return storing, locks, lambda: storing.unstored if remote.patience.awaited else frozenset()
    except BaseException:
        executor.close()
        raise


@contextmanager
def _closed(opened: T, stop: StopSignals) -> Iterator[T]:
    """What is closed at the end of the block, which no signal interrupts."""
    try:
        yield opened
    finally:
        with stop.closing():
            opened.close()
