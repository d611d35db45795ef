"""What `harness bench` does: measures a board's forecasters in fresh processes, stores and shows the figures."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from harness.analysis.lookup import update_costs
from harness.boards.leaderboard import board_name, load_board
from harness.boards.workspace import Workspace
from harness.cli.console import echo_text, print_lines, wide_console
from harness.cli.signals import exit_code, stop_signals
from harness.efficiency.board_costs import bench_costs
from harness.efficiency.combination import combine, failures
from harness.efficiency.request import BenchRequest, jobs
from harness.efficiency.runner import BenchFinished, BenchStarted, measure
from harness.efficiency.store import STORAGE, bench_folder, stored_bench, write_timings
from harness.errors import Failure, attempt
from harness.execution.activity import REPETITION
from harness.execution.recorder import Recorder
from harness.fields.libraries import missing_packages
from harness.plugins.installation import install_command, left_out_lines, not_installed_text
from harness.report.progress.bench_progress import BenchProgress, stop_lines
from harness.report.progress.efficiency import bench_csv, bench_legend, bench_remarks, bench_table, bench_title
from harness.report.text import plain_text
from harness.results.journal import prepare_home
from harness.results.stored_plan import stored_plan

if TYPE_CHECKING:
    from rich.console import Console

    from harness.efficiency.record import Bench
    from harness.efficiency.workload import Job
    from harness.results.standings import Standings

EXIT_NOTHING = 1


def bench_board(request: BenchRequest, workspace: Workspace, console: Console, *, as_csv: bool = False) -> int:
    """Measure, store and show the figures; returns the exit code. Ctrl-C keeps the repetitions that are finished."""
    prepare_home(workspace.home)
    work = jobs(request, workspace.catalog)
    finished: list[BenchFinished] = []
    stopped: KeyboardInterrupt | None = None
    try:
        with stop_signals():
            _measure(work, request, wide_console(stderr=True) if as_csv else console, finished)
    except KeyboardInterrupt as error:
        stopped = error
    benches = _combined(work, finished)
    if as_csv:
        echo_text(bench_csv(benches))
    elif benches:
        _show(benches, console)
        print_lines(_tasks_note(request, benches, workspace), console)
    lines = _store(request, work, finished, benches, workspace, waits=stopped is None) if finished else []
    lines += _not_installed(request, workspace)
    if stopped is not None:
        lines += stop_lines(work, finished, request.repetitions)
    if not as_csv:
        print_lines(lines, console, soft_wrap=True)  # so that commands can be copied
    if stopped is not None:
        return exit_code(stopped)
    return EXIT_NOTHING if all(bench.latency is None for bench in benches) else 0


def _not_installed(request: BenchRequest, workspace: Workspace) -> list[str]:
    """Which forecasters of the board were left out since they cannot be run here, and how to mend that."""
    if request.names:
        return []
    catalog = workspace.catalog
    board = load_board(request.board, catalog)
    commands = {
        entry.title: install_command(catalog.forecasters[entry.name], entry.parameters)
        for entry in board.entries(catalog)
    }
    missing = {title: command for title, command in commands.items() if command}
    return [*([not_installed_text(missing)] if missing else []), *left_out_lines(board.left_out)]


def _measure(work: list[Job], request: BenchRequest, console: Console, finished: list[BenchFinished]) -> None:
    """Measure all forecasters; each repetition is appended to `finished` when it is measured."""
    board, total = board_name(request.board), len(work) * request.repetitions
    with (
        BenchProgress(console, work, request.repetitions) as progress,
        Recorder(request.home, [board], total, REPETITION) as recorder,
    ):
        events = measure(work, request.timeout, request.repetitions, request.seed, fresh=request.fresh)
        for event in events:
            progress.show(event)
            _record(event, recorder)
            if isinstance(event, BenchFinished):
                finished.append(event)


def _record(event: BenchStarted | BenchFinished, recorder: Recorder) -> None:
    """Let `harness status` show an event."""
    if isinstance(event, BenchFinished):
        recorder.end(event.bench.key, failed=bool(event.bench.failures))
    elif event.scenario == "start":
        recorder.begin(event.key, event.title, event.task)


def _combined(work: list[Job], finished: Sequence[BenchFinished]) -> list[Bench]:
    """The record of each forecaster that was measured, with its earlier repetitions; of failed ones, this run's."""
    benches = []
    for job in work:
        events = [event for event in finished if event.bench.key == job.bench.key]
        if events:
            run = [event.bench for event in events]
            stored = None if all(event.kept for event in events) else stored_bench(job.home, bench_costs(run[-1]))
            benches.append(replace(stored or combine(run), failures=failures(run)))
    return benches


def _show(benches: list[Bench], console: Console) -> None:
    """One table for each task, and the lines that belong to all of them."""
    for _, of_task in groupby(benches, key=lambda bench: bench.subject.task):
        shown = list(of_task)
        console.print()
        console.print(plain_text(bench_title(shown), style="italic"))
        console.print(bench_table(shown, console.width))
    print_lines([*bench_legend(benches), *bench_remarks(benches)], console)


def _tasks_note(request: BenchRequest, benches: list[Bench], workspace: Workspace) -> list[str]:
    """Which tasks of the board were not measured."""
    tasks = [task.label for task in load_board(request.board, workspace.catalog).tasks]
    measured = list(dict.fromkeys(bench.subject.task for bench in benches))
    others = [task for task in tasks if task not in measured]
    if not others:
        return []
    if request.all_tasks:
        return [f"tasks whose data is not available: {', '.join(others)}"]
    how = "" if request.tasks else ", the first whose data is available"
    return [
        f"measured on {len(measured)} of {len(tasks)} tasks{how}; costs differ between tasks: --all-tasks measures all"
    ]


def _store(
    request: BenchRequest,
    work: list[Job],
    finished: Sequence[BenchFinished],
    benches: list[Bench],
    workspace: Workspace,
    *,
    waits: bool,
) -> list[str]:
    """Store the timings, and the costs in the standings of all boards with these cells; lines for the user.

    It waits for plugins unless the user stopped the command: the next one lets them finish.
    """
    lines = []
    for bench in benches:
        kept = [event.kept for event in finished if event.bench.key == bench.key]
        if all(kept):
            lines.append(f"{bench.subject.title}: the figures of {kept[-1][:10]} stay")
    lines += _write_timings(request, work, finished)
    updated, notes = _update_boards(request, benches, workspace)
    messages = workspace.catalog.finished(workspace.home) if updated and waits else []
    return [*lines, *_remarks_on_board(request, benches), *notes, *messages]


def _write_timings(request: BenchRequest, work: list[Job], finished: Sequence[BenchFinished]) -> list[str]:
    """Write the timings of each round for pytest-benchmark; lines that tell where the files are."""
    folder = bench_folder(request.home)
    machine, board = work[0].bench.machine.id, work[0].bench.subject.board
    rounds: dict[int, list[Mapping[str, Any]]] = {}
    for event in finished:
        if event.timings is not None and event.bench.repetition is not None:
            rounds.setdefault(event.bench.repetition.number, []).append(event.timings)
    lines = [f"The figures are in {folder / machine}."]
    paths = [write_timings(request.home, machine, board, timings) for timings in rounds.values()]
    if paths and not missing_packages(["pytest_benchmark"]):
        # from that folder: pytest-benchmark would collect the tests of a project in the current one
        command = f"cd {shlex.quote(str(folder))} && pytest-benchmark --storage ./{STORAGE} compare --group-by fullname"
        lines.append(f"Compare runs: {command}")
    return lines


def _remarks_on_board(request: BenchRequest, benches: list[Bench]) -> list[str]:
    """Which forecasters were measured as cells that the board's last run does not have."""
    plan = stored_plan(request.home, board_name(request.board))
    on_board = set() if plan is None else {cell.key for cell in plan.cells}
    others = dict.fromkeys(bench.subject.title for bench in benches if bench.subject.cell not in on_board)
    if not others:
        return []
    command = f"`harness run {request.board}`"
    return [f"Not on the board as it was last run: {', '.join(others)}; {command} adds those that belong to it."]


def _update_boards(
    request: BenchRequest, benches: list[Bench], workspace: Workspace
) -> tuple[list[Standings], list[str]]:
    """Join the standings of all boards with the new costs, and tell the plugins; those standings, and notes on them."""
    name, catalog, home = board_name(request.board), workspace.catalog, workspace.home
    updated = update_costs({bench.subject.cell for bench in benches}, home)
    others = [standings.board for standings in updated if standings.board != name]
    lines = [f"Shown on other boards with these cells too: {', '.join(others)}."] if others else []
    for standings in updated:
        named = request.board if standings.board == name else standings.board
        leaderboard = attempt(partial(load_board, named, catalog))  # the file of another board may have moved
        if not isinstance(leaderboard, Failure):
            catalog.standings_changed(leaderboard, standings, home)
    return updated, lines
