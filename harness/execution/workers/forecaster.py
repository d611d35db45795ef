"""WorkerForecaster: a forecaster in a worker process, as `evaluate` uses it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.arrays import Floats, Ints
from harness.errors import ForecasterError, HarnessError, InfrastructureFault, InvalidForecast
from harness.execution.workers.answers import description_of, number_of, texts_of
from harness.execution.workers.errors import failure_of
from harness.execution.workers.process import WorkerProcess
from harness.execution.workers.shown_panel import ShownPanel
from harness.fields.reading import load
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import PartialFailure
from harness.forecasters.origins import Origins
from harness.forecasters.remote import Description, Elapsed, RemoteForecaster
from harness.tasks.points import rows_known
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts

if TYPE_CHECKING:
    from harness.data.missing import Missing
    from harness.data.panel import Panel
    from harness.worker.messages import Message

MOST_WARNINGS = 5  # that are kept
MOST_FAILURE = 4 << 10  # bytes that the header of a forecast may have for each window, which may have failed
MOST_BYTES = 8 << 10  # that a forecast may have for each value: its mean, its median, and about a thousand quantiles
CLASS_BYTES = 8  # that it may have besides, for each value and class
TAMPERED = (  # what the file of a panel cannot be written for, where its folder is not as it was made
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY),
    *(errno.EACCES, errno.EPERM, errno.ELOOP, errno.ESPIPE, errno.ENXIO),
)
MOST_NAME = 100  # characters of the name of a device
CLOCKS_DIFFER = 0.5  # seconds, and this share of the time, by which the clocks of both sides may differ unsaid


@dataclass
class Times:
    """The seconds of calls by the supervisor's clock, and by the worker's own."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    own_seconds: float = 0.0


class WorkerForecaster(RemoteForecaster):
    """A forecaster in a worker process.

    Missing values are filled there, as `missing` says. What the worker may know is shown to it in files of `folder`:
    before each call the values up to the last cutoff of each series in that call, or if `strict` those up to the call's
    only point in time. Each file is gone as soon as the worker has it mapped.
    """

    def __init__(
        self, process: WorkerProcess, folder: Path, name: str = "panel", *, missing: Missing, strict: bool = False
    ) -> None:
        self.process, self.folder, self.name, self.missing, self.strict = process, folder, name, missing, strict
        self.per_series = False  # whether its class forecasts each series without the others
        self.warnings: dict[str, None] = {}  # texts of warnings that the forecaster gave
        self.times = Times()  # since the worker started
        self.is_reused = False  # whether the worker served another cell before
        self.holds_model = False  # whether the worker itself has loaded a model that other cells can use
        self.is_kept = False  # whether the worker stays for the next cell
        self._taken = Elapsed()
        self._panels: dict[int, ShownPanel] = {}  # by the panel's id; the one that was used first stays
        self._numbers = iter(range(1 << 62))

    def make(self, request: Mapping[str, Any]) -> None:
        """Have the worker make the forecaster; raises BadParameter for hyperparameters that it does not take."""
        answer = self.process.request({"op": "make", **request}, doing="importing and making the forecaster")
        self.holds_model = self.is_reused or answer.header.get("loads") is True
        self.per_series = answer.header.get("per_series") is True
        self._note_warnings(answer)

    def fit(self, train: TrainingData) -> None:
        """Fit to training data, which alone is shown."""
        training, validation = train.source
        ends = training.ends if validation is None else np.maximum(training.ends, validation.ends)
        panel = self._show(training.source, ends, 0)
        arrays = {"begins": training.begins, "ends": training.ends}
        if validation is not None:
            arrays |= {"validation_begins": validation.begins, "validation_ends": validation.ends}
        self.process.request(
            {
                "op": "train",
                "panel": panel.name,
                "horizon": train.horizon,
                "gap": train.gap,
                "quantile_levels": list(train.quantile_levels),
                "season_length": train.season_length,
                "missing": self.missing,
                "has_validation": validation is not None,
            },
            arrays,
            doing="receiving training data",
        )
        self._checked_call("fit")

    def fit_contexts(self, contexts: Contexts) -> None:
        """Fit each series of these windows, of which only the first context is shown."""
        _, order = np.unique(contexts.series[np.argsort(contexts.cutoffs, kind="stable")], return_index=True)
        first = contexts.take(np.argsort(contexts.cutoffs, kind="stable")[order])
        self._send_contexts(first, _ends_of(first))
        self._checked_call("fit_contexts")

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecast of these windows."""
        panel = contexts.source
        if self.strict:
            ends = rows_known(panel, int(contexts.series[0]), int(contexts.cutoffs[0]))
            if (contexts.cutoffs != ends[contexts.series]).any():
                raise ValueError("strict mode needs one point in time per call")
        else:
            ends = _ends_of(contexts)
        self._send_contexts(contexts, ends)
        values = len(contexts) * contexts.horizon * len(contexts.targets)
        most_bytes = values * (MOST_BYTES + CLASS_BYTES * contexts.classes)
        answer = self._checked_call("predict", most_bytes, len(contexts) * MOST_FAILURE)
        return self._forecast(answer, contexts)

    def describe(self) -> Description:
        """What the forecaster tells of itself; nothing if its process is gone."""
        peak = self.process.peak_memory()
        try:
            told = self.process.request({"op": "describe"}, doing="describing itself").header
        except (HarnessError, ValueError):
            return Description(peak_memory=peak)
        return description_of(told, peak)

    def environment(self) -> dict[str, Any]:
        """The environment of its process: the Python version, the libraries loaded, and BLAS, as far as it tells."""
        told: Mapping[str, Any] = {}
        with contextlib.suppress(ForecasterError, ValueError):
            told = self.process.request({"op": "environment"}, doing="describing its environment").header
        blas, device = told.get("blas"), told.get("device")
        device = device if isinstance(device, dict) else {}
        return {
            "python": str(told.get("python", "")),
            "libraries": texts_of(told.get("libraries")),
            "blas": blas if isinstance(blas, list) else [],
            "device": {str(key): str(value)[:MOST_NAME] for key, value in device.items()},
        }

    def elapsed(self) -> Elapsed:
        """The time of the calls since this was last asked."""
        new = Elapsed(self.times.seconds - self._taken.seconds, self.times.cpu_seconds - self._taken.cpu_seconds)
        self._taken = Elapsed(self.times.seconds, self.times.cpu_seconds)
        return new

    def copy(self) -> RemoteForecaster | None:
        """None: `CopyableForecaster` can be copied."""
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the run on what its worker did."""
        return notes_of_worker(self.warnings, self.times)

    def close(self) -> None:
        """End the worker, and all processes that it started."""
        self.process.finish()
        self.process.close()

    def _show(self, panel: Panel, ends: Ints, ahead: int) -> ShownPanel:
        """Show a panel up to these ends, (series,), and send what has changed."""
        shown = self._panels.get(id(panel))
        if shown is None:
            while len(self._panels) > 1:  # those of the audit come and go
                self._panels.pop(next(reversed(self._panels)))
            role = "audited" if self._panels else "evaluated"  # the worker keeps one panel of each name
            shown = ShownPanel(panel, role, self.folder, f"{self.name}-{next(self._numbers)}")
            self._panels[id(panel)] = shown
        try:
            changed = shown.show(ends, ahead, hide=self.strict)
        except OSError as error:
            if error.errno in TAMPERED:
                self.process.end_with(ForecasterError("it changed or deleted the files that show it its data"))
            self.process.failure = InfrastructureFault(
                f"the panel cannot be written to {self.folder}: {error.strerror}"
            )
            raise self.process.failure from error
        self.process.shown = 2 * sum(each.panel.values.nbytes for each in self._panels.values())  # and former files
        if changed:
            try:
                self.process.request(shown.header(), shown.known(), doing="receiving data")
            finally:
                shown.remove()
        return shown

    def _send_contexts(self, contexts: Contexts, ends: Ints) -> None:
        shown = self._show(contexts.source, ends, contexts.gap + contexts.horizon)
        self.process.request(
            {
                "op": "contexts",
                "panel": shown.name,
                "horizon": contexts.horizon,
                "gap": contexts.gap,
                "quantile_levels": list(contexts.quantile_levels),
                "season_length": contexts.season_length,
                "max_context": contexts.max_context,
                "missing": self.missing,
            },
            {"series": contexts.series, "cutoffs": contexts.cutoffs},
            doing="receiving contexts",
        )

    def _checked_call(self, method: str, most_bytes: int = 0, more_header: int = 0) -> Message:
        answer, seconds, cpu_seconds = self.process.call(
            {"op": method}, doing=f"in {method}", most_bytes=most_bytes, more_header=more_header
        )
        own = number_of(answer.header.get("seconds"))
        self.times.seconds += seconds
        self.times.own_seconds += own
        self.times.cpu_seconds += number_of(answer.header.get("cpu_seconds")) if cpu_seconds is None else cpu_seconds
        self._note_warnings(answer)
        return self.process.checked(answer)

    def _note_warnings(self, answer: Message) -> None:
        for text in texts_of(answer.header.get("warnings")):
            if len(self.warnings) < MOST_WARNINGS:
                self.warnings.setdefault(text)

    def _forecast(self, answer: Message, contexts: Contexts) -> Forecast:
        """The forecast of an answer; raises InvalidForecast, or PartialFailure if windows failed."""
        header, arrays = answer.header, answer.arrays
        try:
            origins = load(Origins, header["origins"])
            levels = tuple(map(float, header["levels"]))
            mean, quantiles = _floats(arrays["mean"]), arrays.get("quantiles")
            median = mean if header["median"] == "mean" else _floats(arrays["median"])
            failures = {int(window): failure_of(error) for window, error in header["failures"]}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            self.process.broken(f"the answer to predict is no forecast: {type(error).__name__}: {error}")
        quantiles = None if quantiles is None else _floats(quantiles)
        if (quantiles is None) != (not levels) or (quantiles is not None and quantiles.shape[-1:] != (len(levels),)):
            raise InvalidForecast(f"the quantiles have the shape {getattr(quantiles, 'shape', None)}, not the levels'")
        if any(not 0 <= window < len(contexts) for window in failures):
            self.process.broken("a window of a failure is none of the windows asked")
        forecast = Forecast.stored(mean, levels, quantiles, median, origins)
        if "probabilities" in arrays:
            forecast = Forecast.from_probabilities(_floats(arrays["probabilities"]))
        if failures:
            raise PartialFailure(forecast, failures)
        return forecast


def notes_of_worker(warnings: Iterable[str], times: Times) -> tuple[str, ...]:
    """Notes of the run on the warnings of its forecaster, and on clocks that differ."""
    notes = [f"warning: {text}" for text in list(warnings)[:MOST_WARNINGS]]
    seconds, own = times.seconds, times.own_seconds
    if seconds - own > CLOCKS_DIFFER * max(seconds, 1.0):
        notes.append(f"the worker's own clock measured {own:.3g} s of calls, the supervisor's {seconds:.3g} s")
    return tuple(notes)


def _ends_of(contexts: Contexts) -> Ints:
    """The last cutoff of each series, (series,); 0 where it has no window."""
    ends = np.zeros(len(contexts.source), dtype=np.int64)
    np.maximum.at(ends, contexts.series, contexts.cutoffs)
    return ends


def _floats(array: Any) -> Floats:
    return np.asarray(array, dtype=np.float64)
