"""What `harness bench` does: measures a board's forecasters in one process each; stores and shows the figures."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console

from harness.analysis.lookup import update_costs
from harness.attempt import Failure, attempt
from harness.boards.leaderboard import board_name, load_board
from harness.efficiency.runner import BenchFinished, BenchRequest, jobs, measure
from harness.efficiency.store import STORAGE, bench_folder, write_timings
from harness.report.efficiency import BenchProgress, bench_csv, bench_legend, bench_remarks, bench_table, bench_title
from harness.results.journal import prepared_home
from harness.results.stored_plan import stored_plan

if TYPE_CHECKING:
    from harness.efficiency.record import Bench
    from harness.efficiency.workload import Job
    from harness.plugins.catalog import Catalog

EXIT_NOTHING, EXIT_INTERRUPTED = 1, 130


def bench(request: BenchRequest, catalog: Catalog, console: Console, *, as_csv: bool = False) -> int:
    """Measure, show and store; returns the exit code. What is finished at Ctrl-C is kept."""
    prepared_home(request.home)
    work = jobs(request, catalog)
    done: list[BenchFinished] = []
    interrupted = False
    try:
        _measure(work, request, Console(stderr=True) if as_csv else console, done)
    except KeyboardInterrupt:
        interrupted = True
    benches = [one.bench for one in done]
    kept = [f"{one.bench.subject.title}: the figures of {one.kept[:10]} stay" for one in done if one.kept]
    if as_csv:
        console.file.write(bench_csv(benches))
    elif benches:
        _show(benches, console)
    told = [*kept, *_stored(request, work, done), *(_conclude(request, benches, catalog) if done else [])]
    if not as_csv:
        for line in told:
            console.print(line, markup=False, highlight=False, soft_wrap=True)  # a command in it can be copied
    if interrupted:
        if not as_csv:
            console.print(f"Stopped: {len(done)} of {len(work)} forecasters were measured.", markup=False)
        return EXIT_INTERRUPTED
    return EXIT_NOTHING if all(one.latency is None for one in benches) else 0


def _measure(work: list[Job], request: BenchRequest, console: Console, done: list[BenchFinished]) -> None:
    """Measures all, into `done` as they come."""
    with BenchProgress(console, len(work)) as progress:
        for event in measure(work, request.timeout):
            progress.show(event)
            if isinstance(event, BenchFinished):
                done.append(event)


def _show(benches: list[Bench], console: Console) -> None:
    console.print()
    console.print(bench_title(benches), markup=False, highlight=False, style="italic")
    console.print(bench_table(benches))
    for line in [*bench_legend(benches), *bench_remarks(benches)]:
        console.print(line, markup=False, highlight=False)


def _conclude(request: BenchRequest, benches: list[Bench], catalog: Catalog) -> list[str]:
    """Brings the costs onto all boards that were run with these cells, and tells the plugins; what is to be said."""
    name = board_name(request.board)
    plan = stored_plan(request.home, name)
    cells = () if plan is None else {one.key for one in plan.cells}
    strange = [one.subject.title for one in benches if one.subject.cell not in cells]
    lines = []
    if strange:
        again = f"`harness run {request.board}` puts on the board what belongs there"
        lines.append(f"Not on the board as it was last run: {', '.join(strange)}; {again}.")
    renewed = update_costs({one.subject.cell for one in benches}, request.home)
    if others := [one.board for one in renewed if one.board != name]:
        lines.append(f"Shown on other boards with these cells too: {', '.join(others)}.")
    if not renewed:
        return lines
    for standings in renewed:
        place = request.board if standings.board == name else standings.board
        leaderboard = attempt(partial(load_board, place, catalog))  # of another board the file may be elsewhere by now
        if not isinstance(leaderboard, Failure):
            catalog.standings_changed(leaderboard, standings, request.home)
    return [*lines, *catalog.finished(request.home)]


def _stored(request: BenchRequest, work: list[Job], done: list[BenchFinished]) -> list[str]:
    """Writes the timings of the run; where everything lies."""
    if not done:
        return []
    machine, board = work[0].bench.machine.id, work[0].bench.subject.board
    timings = [one.timings for one in done if one.timings is not None]
    path = write_timings(request.home, machine, board, timings)
    lines = [f"The figures are in {bench_folder(request.home) / machine}."]
    if path is not None:
        folder = shlex.quote(str(bench_folder(request.home)))  # elsewhere it may meet the tests of a project
        lines.append(f"Compare runs: cd {folder} && pytest-benchmark --storage ./{STORAGE} compare --group-by fullname")
    return lines
