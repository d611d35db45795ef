"""Standings as the README of a board, in Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from harness.report.numbers import plural
from harness.report.standings.columns import table_columns
from harness.report.standings.costs import times_caveat
from harness.report.standings.software import create_commands, software_lines
from harness.report.standings.terminal import legend, remarks
from harness.report.tables import markdown_line, markdown_list, markdown_table, markdown_text
from harness.report.text import visible

if TYPE_CHECKING:
    from harness.evaluation.run import Run
    from harness.results.standings import Standings


_COSTS = ("fit s", "predict s", "p50 ms", "p99 ms")  # columns that a legend of its own explains where they are measured


def readme(standings: Standings, runs: Iterable[Run | None], again: str) -> str:
    """The README: description, standings, notes, provenance, and the commands that run the board `again`."""
    standings = standings.with_results
    done = [run for run in runs if run is not None]
    blocks = [f"# {markdown_line(standings.title)}"]
    if standings.description:
        blocks.append(visible(standings.description, keep="\n\t"))  # which is Markdown
    blocks += ["\n".join(_table(standings)), markdown_list(_legend(standings))]
    if notes := remarks(standings):
        blocks.append("## Notes\n\n" + markdown_list(notes))
    blocks.append("## How it was made\n\n" + markdown_list(_environment_lines(standings, done)))
    commands = "\n".join([*create_commands(done), f"harness run {shlex.quote(visible(again))}"])
    blocks.append(f"## Reproduce\n\n```sh\n{commands}\n```")
    return "\n\n".join(blocks) + "\n"


def _table(standings: Standings) -> Iterator[str]:
    cells = [cell for _, cell in table_columns(standings, "markdown")]
    rows = ([markdown_text(cell.text(row)) for cell in cells] for row in standings.rows)
    return markdown_table([cell.heading for cell in cells], rows, [cell.kind in ("name", "words") for cell in cells])


def _legend(standings: Standings) -> Iterator[str]:
    headings = {cell.heading for _, cell in table_columns(standings, "markdown")}
    yield from legend(standings, headings.difference(_COSTS) if standings.measured else headings)
    if standings.measured:
        yield "p99 ms: one window at a time; /s: forecasts, many windows at once; MB: peak memory of the process"
        yield f"fit s, predict s: over all tasks, {times_caveat(standings)}: cells share a machine"
    if tied := standings.tied_for_first:
        yield f"tied for first: {', '.join(tied)}"
    if any(row.seeds > 1 for row in standings.rows):
        shown = "log10 rel." if standings.logarithmic else "skill"
        yield f"stochastic forecasters are means over seeds; ± seeds: the standard deviation of their {shown}"


def _environment_lines(standings: Standings, done: list[Run]) -> Iterator[str]:
    tasks = {run.cell.task.label: run for run in done}
    for run in tasks.values():
        task = run.cell.task
        yield f"{task.dataset}: {run.windows} windows, horizon {task.horizon}"
    if standings.finished:
        yield f"finished {standings.finished[:10]}"
    for what, values in (
        ("harness", (run.provenance.get("harness") for run in done)),
        ("machine", (_machine(run.provenance.get("machine", {})) for run in done)),
        ("GPU", (_gpu(run.provenance.get("device", {})) for run in done)),
    ):
        if known := sorted({str(value) for value in values if value}, key=lambda text: (-len(text), text)):
            yield f"{what} {known[0]}" + (f", and {plural(len(known) - 1, 'other')}" if len(known) > 1 else "")
    yield from software_lines(done)


def _gpu(device: dict[str, Any]) -> str:
    return str(device.get("name", "GPU")) if device.get("kind") == "cuda" else ""


def _machine(machine: dict[str, Any]) -> str:
    cores = machine.get("cores")
    counted = cores and f"{cores} core{'s' if cores > 1 else ''}"
    parts = [machine.get("processor"), counted, machine.get("system")]
    return ", ".join(str(part) for part in parts if part)
