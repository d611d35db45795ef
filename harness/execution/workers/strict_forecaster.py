"""StrictForecaster: a forecaster in strict mode, whose process never holds what is later than its present call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.arrays import Ints
from harness.execution.workers.copies import CopyableForecaster
from harness.execution.workers.process import WorkerProcess
from harness.execution.workers.scratch import remove_scratch
from harness.tasks.points import rows_known

if TYPE_CHECKING:
    from harness.data.missing import Missing
    from harness.data.panel import Panel
    from harness.forecasters.forecast import Forecast
    from harness.forecasters.remote import Description
    from harness.tasks.training import TrainingData
    from harness.tasks.windows import Contexts

TRAINED_LATER = (
    "series end at different times: the training data of some are later than the first windows of others, "
    "also in strict mode"
)
Start = Callable[[], tuple[WorkerProcess, Path]]


class StrictForecaster(CopyableForecaster):
    """A forecaster in a worker that is shown one point in time after the other.

    Windows of a later fit may be earlier than those of the fit before, where series end at different times. Then the
    process is replaced before that fit by a new one, with a scratch folder of its own.
    """

    def __init__(self, start: Start, *, missing: Missing) -> None:
        self._start = start
        super().__init__(*start(), missing=missing, strict=True)
        self._request: Mapping[str, Any] = {}
        self._source: Panel | None = None  # of the task; those of the audit have other series
        self._trained: Ints | None = None  # rows of each series that the present fit has, (series,)
        self._is_trained_later = False  # than one of its windows
        self._reached: Ints | None = None  # rows of each series that its process may have seen, (series,)
        self._peak = 0
        self._ended: list[str] = []  # notes on processes that were replaced

    def make(self, request: Mapping[str, Any]) -> None:
        """Have the worker make the forecaster; raises BadParameter for hyperparameters that it does not take."""
        self._request = request
        super().make(request)

    def fit(self, train: TrainingData) -> None:
        """Fit to training data, which alone is shown, in a process that has seen no later values."""
        training, validation = train.source
        ends = training.ends if validation is None else np.maximum(training.ends, validation.ends)
        if self._reached is not None and (ends < self._reached).any():
            self._replace_process()
        self._source, self._trained = training.source, ends
        super().fit(train)

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecast of these windows."""
        if contexts.source is self._source and len(contexts):
            known = rows_known(contexts.source, int(contexts.series[0]), int(contexts.cutoffs[0]))
            self._is_trained_later |= self._trained is not None and bool((known < self._trained).any())
            self._reached = known if self._reached is None else np.maximum(self._reached, known)
        return super().predict(contexts)

    def describe(self) -> Description:
        """What the forecaster tells of itself."""
        told = super().describe()
        return told if told.peak_memory is None else replace(told, peak_memory=max(told.peak_memory, self._peak))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the run on what its workers did."""
        later = (TRAINED_LATER,) if self._is_trained_later else ()
        return (*super().notes, *later, *dict.fromkeys(self._ended))

    def _replace_process(self) -> None:
        self._peak = max(self._peak, self.process.peak_memory() or 0)
        self._panels.clear()  # the new process has none
        former = self.process
        self._ended += former.finish().notes
        former.close()
        remove_scratch(self.folder)
        self.process, self.folder = self._start()
        self.process.count_time_of(former)
        self._reached = None
        super().make(self._request)
