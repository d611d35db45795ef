"""A cell and its run as text: results, costs, and the software and the machine that they were made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.report.numbers import count, error, fixed
from harness.report.text import labelled_lines, visible
from harness.results.device import device_text
from harness.results.provenance import machine_kind
from harness.results.software import all_versions, environment_name, package_versions

if TYPE_CHECKING:
    from harness.evaluation.run import Run
    from harness.report.runs.run_table import ListedCell


def run_text(cells: Sequence[ListedCell], width: int) -> str:
    """All that is known of one cell, fit for a terminal of this width; `cells` are the same one on several boards."""
    cell = cells[0]
    rows = [
        ("board", ", ".join(each.board for each in cells if each.board)),
        ("forecaster", cell.forecaster),
        ("task", cell.task),
        *([] if cell.seed is None else [("seed", str(cell.seed))]),
        ("status", cell.status_text),
        *([] if cell.run is None else _run_rows(cell.run, cell)),
    ]
    return "\n".join(map(visible, [f"Cell {cell.key}", *labelled_lines(rows, width)])) + "\n"


def _run_rows(run: Run, cell: ListedCell) -> Iterator[tuple[str, str]]:
    provenance, parameters = run.provenance, run.costs.parameters
    yield cell.metric, error(cell.score)
    yield "seconds", fixed(cell.seconds, 2)
    if parameters is not None:
        yield "parameters", count(parameters)
    yield "finished", run.finished
    settings = {**run.cell.parameters, **run.hyperparameters}
    yield "hyperparameters", ", ".join(f"{name}={value!r}" for name, value in settings.items())
    yield from _software_rows(provenance)
    yield "machine", machine_kind(provenance)
    threads = provenance.get("threads")
    yield "threads", "" if threads is None else str(threads)
    if device := device_text(provenance):
        yield "device", device
    for weights in provenance.get("weights", ()):
        yield "weights", f"{weights['repository']} at {weights['commit'] or weights['revision']}"
    if run.explanation:
        yield "failure", run.explanation
    for note in run.notes:
        yield "note", note


def _software_rows(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Environment, Python, and packages; of an environment all of its distributions."""
    environment = provenance.get("environment")
    if environment:
        yield "environment", f"{environment_name(provenance)}, of {' '.join(environment['requirements'])}"
    yield "Python", str(provenance.get("python") or "")
    yield "harness", str(provenance.get("harness") or "")
    packages = {**package_versions(provenance), **all_versions(provenance)}
    yield "packages", ", ".join(f"{name} {version}" for name, version in packages.items())
    blas = provenance.get("blas", ())
    yield "BLAS", ", ".join(" ".join(str(each[k]) for k in ("internal_api", "version") if each.get(k)) for each in blas)
