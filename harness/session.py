"""What `harness run` and `harness show` do: boards → missing cells → runs → standings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.campaign import Campaign, PlannedCell, missing, planned
from harness.claims import Claims
from harness.errors import BadInput, HarnessError
from harness.execution.driver import Finished, Refused, drive
from harness.execution.local import Executor, InProcess, LocalProcesses
from harness.fingerprints import Fingerprints
from harness.journal import Journal, prepared_home
from harness.leaderboard import board_name, load_board, narrowed, with_parameters
from harness.plugins import Catalog
from harness.ranking import Standings, standings, stored_standings
from harness.report.progress import RunProgress
from harness.report.terminal import remarks, standings_table

if TYPE_CHECKING:
    from rich.console import Console

    from harness.specs import Json


@dataclass(frozen=True)
class Request:
    """What a user asked of `harness run`."""

    boards: tuple[str, ...]  # none: all that are for --all
    home: Path
    only: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    seeds: int | None = None
    jobs: int | None = None
    rerun: bool = False
    retry_failed: bool = False


def run(request: Request, catalog: Catalog, console: Console) -> int:
    """Run what is missing, show the standings; returns the exit code."""
    home = prepared_home(request.home)
    journal = Journal(home)
    campaigns, refused = _campaigns(request, catalog, journal, console)
    for campaign in campaigns:
        campaign.save(home)
    cells = missing(campaigns, journal, rerun=request.rerun, retry_failed=request.retry_failed)
    interrupted = False
    try:
        refused += _run_cells(cells, request, catalog, console, journal)
    except KeyboardInterrupt:
        interrupted = True
    total = len({one.key for campaign in campaigns for one in campaign.cells})
    if not cells and total:
        console.print(f"Nothing to do: all {total} cells are in the journal ({home / 'journal'}).")
    for campaign in campaigns:
        if campaign.cells:
            _conclude(campaign, catalog, journal, home, console)
        else:
            _say(console, [f"board {campaign.name} was left out: {'; '.join(campaign.unavailable.values())}"])
    if interrupted:
        done = sum(journal.has(one.key) for one in cells)
        _say(console, [f"Stopped: {done} of {len(cells)} missing cells are done; the same command goes on from here."])
        return 130
    for sentences in catalog.tell("harness_finished", home=home):
        _say(console, sentences)
    _say(console, [f"warning: {problem}" for problem in catalog.problems])
    return 2 if refused else 0


def _campaigns(request: Request, catalog: Catalog, journal: Journal, console: Console) -> tuple[list[Campaign], int]:
    """The boards that were asked for; of `--all`, one that cannot be read does not stop the others."""
    fingerprints = Fingerprints(request.home)
    campaigns: list[Campaign] = []
    refused = 0
    chosen, named = {}, set()
    for name in request.boards or catalog.boards:
        try:
            board = load_board(name, catalog)
            if request.boards or board.in_all:
                titles = {entry.title for entry in board.entries(catalog)}
                named |= titles
                chosen[board_name(name)] = (board, titles)
        except HarnessError as error:
            if request.boards:
                raise
            refused += 1
            _say(console, [f"error: board {name!r} was left out: {error}"])
    _check_names(request, named)
    for name, (board, titles) in chosen.items():
        only = tuple(one for one in request.only if one in titles)
        if request.only and not only:
            continue
        settings = {one: given for one, given in request.settings.items() if one in titles}
        board = with_parameters(narrowed(board, catalog, only), catalog, settings)
        try:
            campaigns.append(planned(name, board, catalog, fingerprints, journal, request.seeds))
        except BadInput as error:
            if request.boards:
                raise
            refused += 1
            _say(console, [f"error: board {name!r} was left out: {error}"])
    return campaigns, refused


def _check_names(request: Request, titles: set[str]) -> None:
    from harness.errors import UnknownName

    for name in (*request.only, *request.settings):
        if name not in titles:
            raise UnknownName("forecaster on these boards", name, titles)


def _run_cells(cells: list[PlannedCell], request: Request, catalog: Catalog, console: Console, journal: Journal) -> int:
    """Runs the cells; returns how many were refused."""
    if not cells:
        return 0
    claims = Claims(request.home)
    executor = _executor(cells, request)
    refused = 0
    try:
        with RunProgress(console, len(cells)) as progress:
            for event in drive(cells, executor, journal, claims):
                progress.show(event)
                refused += isinstance(event, Refused)
                if isinstance(event, Finished) and event.here:
                    catalog.tell("harness_run_finished", run=event.run, home=request.home)
    finally:
        executor.close()
        claims.close()
    return refused


def _executor(cells: list[PlannedCell], request: Request) -> Executor:
    jobs = (os.cpu_count() or 1) if request.jobs is None else request.jobs
    home = request.home.resolve()
    if jobs == 0:
        return InProcess(home)
    imports = sorted({name for one in cells for name in one.imports})
    return LocalProcesses(home, min(jobs, len(cells)), imports)


def _conclude(campaign: Campaign, catalog: Catalog, journal: Journal, home: Path, console: Console) -> None:
    computed = standings(campaign, journal, catalog.metrics[campaign.board.metric].spec)
    computed.save(home)
    print_standings(computed, console)
    catalog.tell("harness_standings_changed", leaderboard=campaign.board, standings=computed, home=home)


def print_standings(computed: Standings, console: Console) -> None:
    """The table of a board, and what belongs under it."""
    console.print()
    console.print(standings_table(computed))
    _say(console, remarks(computed))


def _say(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False)


def shown(
    board: str, metric: str | None, completed_only: bool, home: Path, catalog: Callable[[], Catalog]
) -> Standings:
    """The standings as stored, or computed where something else than the stored ones is asked."""
    name = board_name(board)
    stored = stored_standings(home, name)
    if stored is not None and not completed_only and metric in (None, stored.metric):
        return stored
    found = catalog()
    definition = load_board(board, found)
    journal = Journal(home)
    campaign = planned(name, definition, found, Fingerprints(home), journal, None)
    if not any(journal.has(one.key) for one in campaign.cells):
        raise BadInput(f"board {name!r} has no results in {home}; run `harness run {board}` first")
    return standings(campaign, journal, found.metrics[metric or definition.metric].spec, completed_only=completed_only)
