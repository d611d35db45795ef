"""Stale results: those of an earlier version of a forecaster or of a board file, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from harness.boards.board_files import changed_file
from harness.boards.fingerprints import Fingerprints, KnownFingerprints
from harness.boards.leaderboard import board_name, load_board
from harness.boards.pending import distinct_cells
from harness.boards.planning import BoardPlan, PlannedCell, plan_board
from harness.boards.workspace import Workspace
from harness.errors import attempt
from harness.evaluation.run import Run
from harness.plugins.result_versions import Forecasters, code_version, known_version, version_parts
from harness.results.standings import pending_note
from harness.results.stored_plan import StoredPlan, stored_plan
from harness.results.version_history import VersionHistory

MOST_FILES = 3  # that a reason names
UNKNOWN = "its source, its spec or a library changed"
SPEC = ("factory", "revision", "checkpoint", "missing")


@dataclass(frozen=True)
class StaleResults:
    """How many stored results of a forecaster are stale, and why."""

    forecaster: str
    count: int
    reason: str

    def __str__(self) -> str:
        are = "1 result of {} is" if self.count == 1 else f"{self.count:,} results of {{}} are"
        return f"{are.format(self.forecaster)} stale: {self.reason}"


def stale_results(
    plans: Sequence[BoardPlan], pending: Iterable[PlannedCell], workspace: Workspace
) -> list[StaleResults]:
    """The stored results that the pending cells replace, before the plans are stored; the present versions are noted.

    A result is stale if it is of the same cell with another version of the forecaster.
    """
    history, journal = VersionHistory(workspace.home), workspace.journal
    present = {cell.cell.forecaster: cell.version for cell in distinct_cells(plans)}
    noted = {name: history.parts(name, version) for name, version in present.items()}
    forecasters = workspace.catalog.forecasters
    parts = {name: version_parts(name, forecasters) if known is None else known for name, known in noted.items()}
    stored = _stored_versions(plans, workspace)
    counts: Counter[str] = Counter()
    latest: dict[str, str] = {}
    for cell in pending:
        name = cell.cell.forecaster
        if journal.has(cell.key):
            continue
        for version in dict.fromkeys((*history.versions(name), *stored.get(name, ()))):
            if version != cell.version and journal.has(cell.cell.key(cell.fingerprint, version)):
                counts[name] += 1
                latest.setdefault(name, version)
                break
    stale = [
        StaleResults(name, count, _reason(history.parts(name, latest[name]), parts[name], latest[name], present[name]))
        for name, count in counts.items()
    ]
    changed = [name for name, version in present.items() if history.versions(name)[:1] != (version,)]
    for name in changed:
        history.add(name, present[name], parts[name])
    if changed:
        history.save()
    return stale


def is_stale(run: Run, forecasters: Forecasters) -> bool:
    """Whether a run is of another version than the present one of its forecaster; not where either is unknown."""
    name, version = run.cell.forecaster, run.provenance.get("plugin", {}).get("version")
    present = known_version(name, forecasters, run.cell.parameters) if name in forecasters else None
    return None not in (version, present) and version != present


def stale_forecasters(plan: StoredPlan, workspace: Workspace) -> dict[str, str]:
    """The forecasters of a board as it was last run that have another version now, and why it differs."""
    history, forecasters = VersionHistory(workspace.home), workspace.catalog.forecasters
    found = {}
    for title, source in plan.sources.items():
        name = source.forecaster
        present = known_version(name, forecasters) if name in forecasters else None
        if present is None or source.version == code_version(name, forecasters):  # the latter of one with a checkpoint
            continue
        if present != source.version:
            before, now = history.parts(name, source.version), version_parts(name, forecasters)
            found[title] = _reason(before, now, source.version, present)
    return found


def changed_board_note(board: str, workspace: Workspace) -> str:
    """A sentence that the file of a board was changed since its last run, with the pending cells; empty if it was not.

    No data is loaded: the cells are not counted where its fingerprint is not known.
    """
    file = changed_file(board, workspace)
    if file is None:
        return ""
    counts = attempt(partial(_pending_cells, file, board_name(board), workspace))
    pending = f": {pending_note(*counts)}" if isinstance(counts, tuple) else ""
    return f"the board file {file} was changed since the last run{pending}; run the board again"


def _pending_cells(file: Path, name: str, workspace: Workspace) -> tuple[int, int] | None:
    """How many cells of a board file are pending, and how many it has; None where that is not known."""
    if board_name(str(file)) != name:  # the board of `--set`
        return None
    plan = plan_board(
        name, load_board(str(file), workspace.catalog), _WithoutLoading(workspace.home, workspace.catalog)
    )
    stored = stored_plan(workspace.home, name)
    if stored is None or not plan.unavailable.keys() <= stored.unavailable.keys():
        return None
    cells = distinct_cells([plan])
    return sum(not workspace.journal.has(cell.key) for cell in cells), len(cells)


class _WithoutLoading(Workspace):
    """A workspace that loads no data for fingerprints."""

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """The fingerprints that are stored."""
        return KnownFingerprints(self.home)


def _stored_versions(plans: Iterable[BoardPlan], workspace: Workspace) -> dict[str, set[str]]:
    """The versions of forecasters when these boards were last run, which a home without a history has, too."""
    versions: dict[str, set[str]] = {}
    for plan in plans:
        stored = stored_plan(workspace.home, plan.name)
        for source in stored.sources.values() if stored else ():
            versions.setdefault(source.forecaster, set()).add(source.version)
    return versions


def _reason(before: Mapping[str, Any] | None, now: Mapping[str, Any], earlier: str, version: str) -> str:
    """Why a version differs from an earlier one, as a phrase."""
    if before is None:
        return UNKNOWN
    reasons = []
    if files := _differences(before, now, "files"):
        named = ", ".join(files[:MOST_FILES])
        more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
        reasons.append(f"its source changed ({named}{more})")
    if spec := [name for name in SPEC if before.get(name) != now.get(name)]:
        reasons.append(f"its spec changed ({', '.join(spec)})")
    if _differences(before, now, "weights"):
        reasons.append("other weights are fetched")
    if libraries := _differences(before, now, "libraries"):
        reasons.append(f"other versions are installed of {', '.join(libraries)}")
    if components := _differences(before, now, "components"):
        reasons.append(f"forecasters that it combines changed ({', '.join(components)})")
    old, new = (text.rpartition(":")[0] or text for text in (earlier, version))
    if old != new:
        reasons.append(f"its plugin is {new}, and was {old}")
    return "; ".join(reasons) or UNKNOWN


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], part: str) -> list[str]:
    """The names that two versions of a part do not have in common, or with other values."""
    first, second = (each if isinstance(each, dict) else {} for each in (before.get(part), now.get(part)))
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
