"""What `harness bench` does: measures a board's forecasters in a process each, stores and shows the figures."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from harness.analysis.lookup import update_costs
from harness.attempt import Failure, attempt
from harness.boards.leaderboard import board_name, load_board
from harness.boards.workspace import Workspace
from harness.cli.console import echo_text, print_lines, wide_console
from harness.efficiency.runner import BenchFinished, BenchRequest, jobs, measure
from harness.efficiency.store import STORAGE, bench_folder, write_timings
from harness.report.efficiency import BenchProgress, bench_csv, bench_legend, bench_remarks, bench_table, bench_title
from harness.report.text import plain_text
from harness.results.journal import prepare_home
from harness.results.stored_plan import stored_plan

if TYPE_CHECKING:
    from rich.console import Console

    from harness.efficiency.record import Bench
    from harness.efficiency.workload import Job

EXIT_NOTHING, EXIT_INTERRUPTED = 1, 130


def bench_board(request: BenchRequest, workspace: Workspace, console: Console, *, as_csv: bool = False) -> int:
    """Measure, store and show the figures; returns the exit code. Ctrl-C keeps those that are finished."""
    prepare_home(workspace.home)
    work = jobs(request, workspace.catalog)
    finished: list[BenchFinished] = []
    interrupted = False
    try:
        _measure(work, request, wide_console(stderr=True) if as_csv else console, finished)
    except KeyboardInterrupt:
        interrupted = True
    benches = [event.bench for event in finished]
    if as_csv:
        echo_text(bench_csv(benches))
    elif benches:
        _show(benches, console)
    lines = _store(request, work, finished, workspace) if finished else []
    if interrupted:
        lines.append(f"Stopped: {len(finished)} of {len(work)} forecasters were measured.")
    if not as_csv:
        print_lines(lines, console, soft_wrap=True)  # so that commands can be copied
    if interrupted:
        return EXIT_INTERRUPTED
    return EXIT_NOTHING if all(bench.latency is None for bench in benches) else 0


def _measure(work: list[Job], request: BenchRequest, console: Console, finished: list[BenchFinished]) -> None:
    """Measure all forecasters; each is appended to `finished` when it is measured, so that Ctrl-C loses none."""
    with BenchProgress(console, len(work)) as progress:
        for event in measure(work, request.timeout):
            progress.show(event)
            if isinstance(event, BenchFinished):
                finished.append(event)


def _show(benches: list[Bench], console: Console) -> None:
    console.print()
    console.print(plain_text(bench_title(benches), style="italic"))
    console.print(bench_table(benches))
    print_lines([*bench_legend(benches), *bench_remarks(benches)], console)


def _store(
    request: BenchRequest, work: list[Job], finished: Sequence[BenchFinished], workspace: Workspace
) -> list[str]:
    """Store the timings, and the costs in the standings of all boards with these cells; lines for the user."""
    lines = [f"{event.bench.subject.title}: the figures of {event.kept[:10]} stay" for event in finished if event.kept]
    lines += _write_timings(request, work, finished)
    benches = [event.bench for event in finished]
    return [*lines, *_remarks_on_board(request, benches), *_update_boards(request, benches, workspace)]


def _write_timings(request: BenchRequest, work: list[Job], finished: Sequence[BenchFinished]) -> list[str]:
    """Write the timings for pytest-benchmark; lines that tell where the files are."""
    folder = bench_folder(request.home)
    machine, board = work[0].bench.machine.id, work[0].bench.subject.board
    timings = [event.timings for event in finished if event.timings is not None]
    lines = [f"The figures are in {folder / machine}."]
    if write_timings(request.home, machine, board, timings) is not None:
        # from that folder: pytest-benchmark would collect the tests of a project in the current one
        command = f"cd {shlex.quote(str(folder))} && pytest-benchmark --storage ./{STORAGE} compare --group-by fullname"
        lines.append(f"Compare runs: {command}")
    return lines


def _remarks_on_board(request: BenchRequest, benches: list[Bench]) -> list[str]:
    """Which forecasters were measured as cells that the board's last run does not have."""
    plan = stored_plan(request.home, board_name(request.board))
    on_board = set() if plan is None else {cell.key for cell in plan.cells}
    others = [bench.subject.title for bench in benches if bench.subject.cell not in on_board]
    if not others:
        return []
    command = f"`harness run {request.board}`"
    return [f"Not on the board as it was last run: {', '.join(others)}; {command} adds those that belong to it."]


def _update_boards(request: BenchRequest, benches: list[Bench], workspace: Workspace) -> list[str]:
    """Join the standings of all boards with the new costs, and tell the plugins; lines for the user."""
    name, catalog, home = board_name(request.board), workspace.catalog, workspace.home
    updated = update_costs({bench.subject.cell for bench in benches}, home)
    others = [standings.board for standings in updated if standings.board != name]
    lines = [f"Shown on other boards with these cells too: {', '.join(others)}."] if others else []
    for standings in updated:
        named = request.board if standings.board == name else standings.board
        leaderboard = attempt(partial(load_board, named, catalog))  # the file of another board may have moved
        if not isinstance(leaderboard, Failure):
            catalog.standings_changed(leaderboard, standings, home)
    return [*lines, *(catalog.finished(home) if updated else [])]
