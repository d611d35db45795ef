"""Generation of tokens by a forecaster of a board, which is trained as the board trains it, in this process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from harness.boards.leaderboard import Entry
from harness.boards.workspace import Workspace
from harness.data.classes import target_categories
from harness.data.files import load
from harness.errors import BadInput, Failure, attempt_of_forecaster
from harness.evaluation.threads import thread_limit
from harness.forecasters.tokens import GeneratedTokens, TokenGenerator, check_options, token_positions
from harness.plugins.installation import check_installed
from harness.tasks.folds import backtest
from harness.tasks.task import Task

SEED = 0  # of the training: the first seed of a board
T = TypeVar("T")


@dataclass(frozen=True)
class GenerationOptions:
    """The options of `harness.TokenGenerator.generate` but for the seed; raises BadInput for unusable ones."""

    end: str | None = None
    most: int = 1000
    temperature: float = 1.0
    greedy: bool = False

    def __post_init__(self) -> None:
        check_options(self.most, self.temperature)


def generated_sequences(
    entry: Entry,
    task: Task,
    workspace: Workspace,
    prompt: Sequence[str],
    options: GenerationOptions,
    seeds: Sequence[int],
    tell: Callable[[str], None],
) -> Iterator[GeneratedTokens]:
    """A sequence of tokens for each seed, when it is generated; the forecaster is trained on the task's first fold.

    `tell` is given a line before the training, which may take long.
    Raises BadInput if the forecaster does not generate tokens, or fails, and for options that do not fit the task.
    """
    check_installed(entry.name, workspace.catalog.forecasters)
    spec = workspace.catalog.forecasters[entry.name].spec
    forecaster = spec.make(entry.parameters, SEED if spec.takes_seed() else None)
    if not isinstance(forecaster, TokenGenerator):
        raise BadInput(
            f"forecaster {entry.title!r} does not generate tokens: it has no method `generate`, which "
            "harness.TokenGenerator describes"
        )
    train = next(backtest(task, load(workspace.catalog.datasets[task.dataset].spec, workspace.home)).folds()).train
    if not train.classes:
        raise BadInput(f"task {task.label!r} has numeric targets; tokens are generated of a categorical target")
    if options.end is not None:
        token_positions([options.end], next(iter(target_categories(train.panel.channels))))
    tell(f"training {entry.title} on {len(train.panel.values):,} observations of task {task.label}")
    with thread_limit(spec.resources.threads):
        _result(entry, partial(forecaster.fit, train.filled(spec.missing)))
        for seed in seeds:
            yield _result(entry, partial(forecaster.generate, prompt, seed=seed, **dataclasses.asdict(options)))


def _result(entry: Entry, action: Callable[[], T]) -> T:
    """What an action of the forecaster returns; raises BadInput if it fails."""
    result = attempt_of_forecaster(action)
    if not isinstance(result, Failure):
        return result
    if isinstance(result.error, BadInput):
        raise result.error
    raise BadInput(f"forecaster {entry.title!r} failed: {result}") from result.error
