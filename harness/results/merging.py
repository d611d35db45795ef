"""Merging of journals: the runs and actuals of several homes in one of them.

A cell that several homes ran has one result if they agree. If they do not, its results are kept aside in
<home>/conflicts/<key>/<digest>/, and the cell is pending; in a home in a store, a result that was there counts. All
steps can be repeated: the same command continues an interrupted merge. Standings of a board are removed before the
first of its cells changes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from harness.data.storage import atomic_folder, remove_abandoned, remove_folder, sync
from harness.errors import DamagedFile, LaterVersion
from harness.evaluation.forecast_comparison import relative_difference
from harness.evaluation.run import Run, Status
from harness.results.conflicts import CONFLICTS
from harness.results.folders import RECORD, arrays_in, is_complete
from harness.results.journal import Journal
from harness.results.record import Record, record_in
from harness.results.rescoring import recorded_versions
from harness.results.run_comparison import Verdict, compare_results
from harness.results.standings import remove_standings
from harness.results.stored_arrays import StoredArray, verify_array
from harness.results.stored_plan import checked_plan, planned_boards

OF_THE_MACHINE = (Status.TIMED_OUT, Status.OUT_OF_MEMORY, Status.CRASHED)  # another machine may complete the cell


@dataclass(frozen=True)
class FoundRun:
    """The run of a cell in one of the homes."""

    home: Path
    record: Record
    digest: str

    @cached_property
    def run(self) -> Run:
        """The run with its arrays; raises DamagedFile."""
        return self.record.with_results()

    def verify(self) -> None:
        """Read all arrays; raises DamagedFile."""
        _ = self.run

    @property
    def preference(self) -> tuple[bool, bool, str, str]:
        """The order in which one of several runs is kept: strict ones, those with a result, and the earlier ones."""
        run = self.record.run
        return not run.strict, run.status in OF_THE_MACHINE, run.finished, self.digest

    def verdict(self, other: FoundRun, tolerance: float) -> Verdict:
        """Whether another run of the cell has the same result, or none that counts beside this one."""
        first, second = self.record.run, other.record.run
        if first.strict and not second.strict:
            return "within tolerance"  # as a strict run replaces another one
        if second.status in OF_THE_MACHINE:
            return "equal" if first.status is second.status else "within tolerance"
        if first.status is second.status and first.status is not Status.COMPLETED:
            return "equal"  # the reasons may name folders and addresses
        first, second = self.run, other.run
        difference = None
        if first.results is not None and second.results is not None:
            difference = relative_difference(first.results.forecast, second.results.forecast)
        return compare_results(_comparable(first, second), _comparable(second, first), difference, tolerance)


@dataclass(frozen=True)
class Conflict:
    """The results of a cell that differ by more than the tolerance."""

    key: str
    runs: tuple[FoundRun, ...]
    is_pending: bool = True  # whether none of them counts
    known: Run | None = None  # one of those that an earlier merge kept aside


@dataclass
class Merge:
    """What a merge did."""

    copied: int = 0  # cells that only another home had
    present: int = 0  # that the home had already, with the same record
    equal: int = 0  # that several had, with the same result
    close: int = 0  # with results that differ by no more than the tolerance, or of which one counts
    actuals: int = 0  # of tasks that were copied
    known: int = 0  # results that an earlier merge kept aside
    conflicts: list[Conflict] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # what was left, as sentences
    differing: set[str] = field(default_factory=set)  # keys of cells of which results are kept aside, also earlier ones


def merge_journals(
    sources: Sequence[Path], into: Path, tolerance_of: Callable[[Run], float], *, keep_own: bool = False
) -> Merge:
    """Merge the journals of homes into that of another home; the sources are only read.

    The order of the sources does not matter. `tolerance_of` gives the largest relative difference of forecasts with
    which two runs of a cell have the same result. With `keep_own`, a result that the home had counts where others
    differ, as in a store.
    """
    merge, changes = Merge(), _Changes(into)
    for key in sorted({key for source in sources for key in Journal(source).keys()}):  # noqa: SIM118
        _merge_cell(key, sources, into, tolerance_of, merge, changes, keep_own=keep_own)
    for source in sources:
        for folder in _folders(Journal(source).actuals):
            _merge_actuals(folder, Journal(into).actuals / folder.name, merge)
    return merge


class _Changes:
    """What is out of date as soon as cells of a home change: the standings of its boards."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._boards: dict[str, list[str]] = {}  # by key of a cell
        for name in planned_boards(home):
            with suppress(DamagedFile, LaterVersion):
                plan = checked_plan(home, name)
                for cell in () if plan is None else plan.cells:
                    self._boards.setdefault(cell.key, []).append(name)

    def begin(self, key: str) -> None:
        """Remove the standings of the boards that have a cell, before it changes: a merge may be interrupted."""
        for name in self._boards.pop(key, ()):
            remove_standings(self._home, name)


class _Unusable(Exception):
    """The run of a cell in the home that is merged into cannot be used, and may not be replaced."""


def _merge_cell(
    key: str,
    sources: Sequence[Path],
    into: Path,
    tolerance_of: Callable[[Run], float],
    merge: Merge,
    changes: _Changes,
    *,
    keep_own: bool,
) -> None:
    """Merge the runs of a cell.

    Results that were kept aside count until the home has a run that is none of them: the cell was run again. The home's
    own run is therefore the first that is kept aside, and the last step removes it from the journal.
    """
    aside, place = into / CONFLICTS / key, Journal(into).cells / key
    remove_abandoned(aside)
    known = {folder.name for folder in _folders(aside)}
    try:
        own = _own_run(into, key)
    except _Unusable as error:
        merge.problems.append(str(error))
        return
    if own is not None and own.digest in known and not keep_own:  # a merge was interrupted before it removed it
        changes.begin(key)
        remove_folder(place)
        own = None
    found = {} if own is None else {own.digest: own}  # by digest, each once
    digests = [(source, digest) for source in sources if (digest := Journal(source).digest(key))]
    if own is not None and keep_own and not known.issuperset(digest for _, digest in digests):
        known = set()  # a merge that was interrupted compared all of them
    for source, digest in digests:
        if digest in known:
            merge.known += 1
            merge.differing.add(key)
        elif digest not in found and (run := _found_run(source, key, digest, merge)):
            found[digest] = run
    runs = sorted(found.values(), key=lambda run: run.preference)
    try:
        verdicts = [runs[0].verdict(other, tolerance_of(runs[0].record.run)) for other in runs[1:]]
        if (known and own is None) or "different" in verdicts:
            kept = own if keep_own else None
            differing = [run for run in sorted(runs, key=lambda run: run is not own) if run is not kept]
            for run in differing:
                run.verify()
            for run in differing:
                _copy(run.record.folder, aside / run.digest, run.record.arrays)
            if own is not kept:
                changes.begin(key)
                remove_folder(place)
            merge.differing.add(key)
            former = None if runs else _kept_run(aside)
            merge.conflicts.append(Conflict(key, tuple(runs), is_pending=kept is None, known=former))
            return
        if runs and runs[0] is not own:
            changes.begin(key)
            _copy(runs[0].record.folder, place, runs[0].record.arrays, replaced=own is not None)
    except DamagedFile as error:
        merge.problems.append(f"{error}; cell {key} was left as it is")
        return
    merge.copied += bool(runs) and own is None
    merge.present += own is not None and not verdicts
    merge.equal += bool(verdicts) and set(verdicts) == {"equal"}
    merge.close += "within tolerance" in verdicts


def _own_run(home: Path, key: str) -> FoundRun | None:
    """The run of a cell in the home that is merged into; a damaged one is moved to `damaged`, as by other commands."""
    journal = Journal(home)
    if not journal.has(key):
        return None
    try:
        journal.state(key)  # moves a damaged one away
        digest, record = journal.digest(key), journal.record(key)
    except LaterVersion as error:
        raise _Unusable(str(error)) from error
    if record is None and journal.has(key):
        raise _Unusable(f"{journal.cells / key} cannot be read: its version or its protocol is not known")
    return None if record is None else FoundRun(home, record, digest)


def _found_run(home: Path, key: str, digest: str, merge: Merge) -> FoundRun | None:
    """The run of a cell in a source; None, with a sentence on the problem, if it cannot be used."""
    folder = Journal(home).cells / key
    try:
        record = record_in(os.fspath(folder))
        if record is None:
            merge.problems.append(f"{folder} cannot be read: its version or its protocol is not known")
        elif lost := record.lost_arrays():
            merge.problems.append(f"{folder} is damaged: {', '.join(lost)}: lost or truncated")
        else:
            return FoundRun(home, record, digest)
    except (DamagedFile, LaterVersion) as error:
        merge.problems.append(str(error))
    return None


def _kept_run(aside: Path) -> Run | None:
    """A run that was kept aside; None if none can be read."""
    for folder in _folders(aside):
        with suppress(DamagedFile, LaterVersion):
            if record := record_in(os.fspath(folder)):
                return record.run
    return None


def _merge_actuals(source: Path, place: Path, merge: Merge) -> None:
    """Copy the actuals of a task, unless they are stored."""
    try:
        if is_complete(place):
            return
        arrays = arrays_in(source)
        if arrays is None:
            return
        _copy(source, place, arrays)
    except (DamagedFile, LaterVersion) as error:
        merge.problems.append(str(error))
    else:
        merge.actuals += 1


def _copy(source: Path | str, place: Path, arrays: Mapping[str, StoredArray], *, replaced: bool = False) -> None:
    """Copy a record and its arrays, which are verified, atomically; raises DamagedFile.

    Unless it is replaced, a complete folder is kept.
    """
    if not replaced and is_complete(place):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(place, valid=lambda folder: not replaced and is_complete(folder)) as draft:
        for array in arrays.values():
            verify_array(source, array)
            shutil.copyfile(os.path.join(source, array.file), draft / array.file)
            sync(draft / array.file)
        shutil.copyfile(os.path.join(source, RECORD), draft / RECORD)
        sync(draft / RECORD)
        if arrays_in(draft) != arrays:
            raise DamagedFile(source, "another process replaced it while it was copied; merge again")


def _comparable(run: Run, other: Run) -> Run:
    """The run with the scores whose metrics have the same version in another run: the key does not depend on them."""
    own, others = recorded_versions(run), recorded_versions(other)
    scores = {name: score for name, score in run.scores.items() if own.get(name) == others.get(name)}
    return replace(run, scores=scores)


def _folders(parent: Path) -> Iterator[Path]:
    """The folders in a folder, without drafts; none if it does not exist."""
    if parent.is_dir():
        yield from sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
