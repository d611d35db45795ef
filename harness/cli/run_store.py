"""What `harness run` exchanges with the store of a home, and what it says if that or the cluster does not answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from harness.errors import InfrastructureFault
from harness.execution.events import NotStarted, Postponed, Refused
from harness.results.remote.items import CELLS
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.store import StoreUnavailable

Unfinished = Refused | Postponed | NotStarted


def exchange(
    remote: RemoteHome | None, *steps: Callable[[RemoteHome], None], patient: bool = True
) -> InfrastructureFault | None:
    """Exchange results with the store of a home, if it is in one; returns why that failed, if it did.

    If `patient`, a store that does not answer is waited for.
    """
    if remote is None:
        return None
    try:
        for step in steps:
            if patient:
                remote.patience.attempt(partial(step, remote))
            else:
                step(remote)
    except InfrastructureFault as fault:
        return fault
    return None


def is_because_of(event: Unfinished, fault: InfrastructureFault | None) -> bool:
    """Whether the cells of an event are pending because of this fault of the store, or since the cluster is away."""
    return not isinstance(event, Refused) and (event.of_cluster or (fault is not None and event.reason == str(fault)))


def cluster_lines(unfinished: Sequence[Unfinished]) -> list[str]:
    """That the cluster was given up, if it was, with what is pending because of it."""
    events = [event for event in unfinished if not isinstance(event, Refused) and event.of_cluster]
    reasons = dict.fromkeys(event.reason for event in events)
    return [f"error: {reason}; {_cells(_count(events))} pending; run the command again" for reason in reasons]


def fault_lines(
    fault: InfrastructureFault | None, remote: RemoteHome | None, unfinished: Sequence[Unfinished]
) -> list[str]:
    """A fault of the store, if there was one, with what is kept on this machine, and what is pending because of it."""
    if fault is None or remote is None:
        return []
    problem = fault.problem if isinstance(fault, StoreUnavailable) and fault.problem else str(fault)
    parts = [f"error: {problem}"]
    if kept := sum(item.startswith(CELLS) for item in remote.pending_items()):
        parts.append(f"{_cells(kept)} kept in {remote.home} and will be stored by the next command with this home")
    events = [event for event in unfinished if not isinstance(event, Refused) and event.reason == str(fault)]
    if pending := _count(events):
        parts.append(f"{_cells(pending)} pending")
    return ["; ".join([*parts, "run the command again"])]


def _count(events: Sequence[Unfinished]) -> int:
    return sum(len(event.cells) if isinstance(event, NotStarted) else 1 for event in events)


def _cells(count: int) -> str:
    return "1 cell is" if count == 1 else f"{count:,} cells are"
