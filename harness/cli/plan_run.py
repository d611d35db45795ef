"""What `harness plan` does: boards → cells with expected costs → groups, a script, a manifest or a simulation."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.boards.pending import distinct_cells
from harness.boards.planning import PlannedCell
from harness.boards.selection import Selection, select_boards
from harness.boards.workspace import Workspace, open_workspace, store_results
from harness.cli.console import echo, echo_text, print_lines, wide_console
from harness.cli.plugin_files import named_plugin_file
from harness.cli.selection_arguments import selection_arguments
from harness.data.home_folders import home_name, is_url, store_url
from harness.errors import BadInput
from harness.execution.scheduling.cluster import ClusterRun
from harness.execution.scheduling.estimates import (
    Estimate,
    basis_counts,
    estimate_cells,
    measured_cells,
    unmeasured_forecasters,
)
from harness.execution.scheduling.groups import GPU, group_cells
from harness.execution.scheduling.kubernetes import DEFAULT_IMAGE, HOME_VOLUME, kubernetes_manifest
from harness.execution.scheduling.run_plan import RunPlan
from harness.execution.scheduling.simulation import Job, parse_machines, simulate_shards, simulate_shared
from harness.execution.scheduling.slurm import slurm_script
from harness.plugins.restriction import VARIABLE as PLUGINS
from harness.report.progress.run_plan import (
    groups_table,
    plan_lines,
    shard_count_lines,
    simulation_lines,
    unmeasured_lines,
)
from harness.results.journal import Journal, prepare_home

SHARDS = 16  # of the table, where no number is given


@dataclass(frozen=True)
class PlanOptions:
    """What the options of `harness plan` ask for, beside the cells."""

    slurm: int | None = None  # number of shards
    kubernetes: int | None = None
    simulate: str | None = None
    jobs: int = 1
    sources: tuple[str, ...] = ()  # homes whose runs tell what cells cost
    separate_homes: bool = False
    image: str | None = None
    claim: str | None = None
    logs: str | None = None  # a folder

    @classmethod
    def names(cls) -> list[str]:
        """The names of the options."""
        return [field.name for field in dataclasses.fields(cls)]

    @property
    def shards(self) -> int:
        """The number of shards of all groups."""
        return self.slurm or self.kubernetes or SHARDS

    def check(self) -> None:
        """Raise BadInput for options of which only one can be used."""
        if sum(value is not None for value in (self.slurm, self.kubernetes, self.simulate)) > 1:
            raise BadInput("--slurm, --kubernetes and --simulate print different things; choose one of them")
        if self.simulate is not None:
            parse_machines(self.simulate)
        if self.logs is not None and self.slurm is None:
            raise BadInput("--logs names the folder of the logs of Slurm's jobs; use it with --slurm")
        for name, value in (("--image", self.image), ("--claim", self.claim)):
            if value is not None and self.kubernetes is None:
                raise BadInput(f"{name} is for the pods of Kubernetes; use it with --kubernetes")

    def check_home(self, home: str) -> None:
        """Raise BadInput for options that need a home in a folder."""
        if self.separate_homes and is_url(home):
            raise BadInput(f"--separate-homes is for a home in a folder; leave it out, since all shards can use {home}")


def plan_run(selection: Selection, options: PlanOptions, workspace: Workspace) -> list[str]:
    """Print the plan of a run; returns the sentences on boards that were left out."""
    options.check_home(home_name(workspace.home))
    prepare_home(workspace.home)
    boards, left_out = select_boards(selection, workspace)
    cells = distinct_cells([board.run for board in boards])
    for line in [*left_out, *workspace.catalog.problems]:
        echo(line, err=True)
    if not cells:
        raise BadInput("these boards have no cells whose data is available; `harness data list` shows the data")
    sources = [open_workspace(home) for home in options.sources]
    for source in sources:
        source.check_exists()
    journals = [workspace.journal, *(Journal(source.home) for source in sources)]
    estimates = estimate_cells(cells, (cell for journal in journals for cell in measured_cells(journal)))
    if selection.strict:  # cells are then evaluated as a whole
        estimates = {key: dataclasses.replace(estimate, parts=1) for key, estimate in estimates.items()}
    for line in unmeasured_lines(unmeasured_forecasters(cells, estimates), len({cell.title for cell in cells})):
        echo(f"warning: {line}", err=True)
    if options.simulate is not None:
        _simulate(options.simulate, cells, estimates)
        return left_out
    plan = RunPlan(group_cells(cells, estimates, options.shards))
    if options.slurm is None and options.kubernetes is None:
        console = wide_console()
        console.print(groups_table(plan.groups, options.jobs))
        print_lines(plan_lines(plan.groups, basis_counts(estimates), options.jobs), console)
        return left_out
    run = _cluster_run(selection, options, plan, estimates, workspace.home)
    text = (
        kubernetes_manifest(run, options.image or DEFAULT_IMAGE, options.claim or HOME_VOLUME)
        if options.slurm is None
        else slurm_script(run, Path.cwd())
    )
    if run.is_stored:
        file = plan.save(workspace.home)
        store_results(workspace)
        name = f"{plan.id} in {run.home}" if is_url(run.home) else str(file)
        echo(f"the run plan is {name}", err=True)
    for line in shard_count_lines(plan.groups, options.shards):
        echo(line, err=True)
    echo_text(text)
    return left_out


def _cluster_run(
    selection: Selection, options: PlanOptions, plan: RunPlan, estimates: Mapping[str, Estimate], home: Path
) -> ClusterRun:
    """The run on a cluster. Without measurements and with one group, shards need no file to find their cells."""
    is_stored = len(plan.groups) > 1 or any(estimate.basis != "no measurement" for estimate in estimates.values())
    program = ["harness"] if options.kubernetes else [sys.executable, "-m", "harness"]
    if plugins := os.environ.get(PLUGINS):
        program += ["--plugins", plugins]
    if plugin_file := named_plugin_file(selection.boards):
        program += ["--plugin-file", str(plugin_file)]
    return ClusterRun(
        plan,
        tuple(program),
        ("run", *selection_arguments(selection)),
        store_url(home) or str(home.absolute()),
        options.jobs,
        is_stored,
        options.separate_homes,
        None if options.logs is None else os.path.abspath(options.logs),
        tuple(board for board in selection.boards if os.path.exists(board)),
        None if plugin_file is None else str(plugin_file),
    )


def _simulate(text: str, cells: list[PlannedCell], estimates: Mapping[str, Estimate]) -> None:
    """Print the simulated schedules of a run."""
    machines, copies = parse_machines(text)
    jobs = [
        Job(f"{planned.key}-{copy}", expected.seconds, planned.resources.threads, _gpus(planned), expected.parts)
        for copy in range(copies)
        for planned in cells
        for expected in [estimates[planned.key]]
    ]
    schedules = {
        "a shard for each node": simulate_shards(jobs, machines),
        "a home that all nodes share": simulate_shared(jobs, machines),
    }
    print_lines(simulation_lines(machines, len(jobs), schedules), wide_console())


def _gpus(planned: PlannedCell) -> int:
    return int(planned.resources.device == GPU)
