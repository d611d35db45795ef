"""RemoteForecaster: the interface of a forecaster that runs in another process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.fields.types import Json
from harness.forecasters.layer import Layer
from harness.forecasters.remarks import Remark

if TYPE_CHECKING:
    from harness.forecasters.forecast import Forecast
    from harness.tasks.training import TrainingData
    from harness.tasks.windows import Contexts


@dataclass(frozen=True)
class Elapsed:
    """The time that a call took in the process of the forecaster, as the supervisor measured it."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Description:
    """What a fitted forecaster tells of itself."""

    hyperparameters: Mapping[str, Json] = field(default_factory=dict)  # all, including defaults; without the seed
    parameters: int | None = None  # number of learned parameters; None: unknown
    parameter_bytes: int | None = None
    model_summary: tuple[Layer, ...] = ()  # the layers of a network
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # of the last training, by name
    gradient_norms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # by time step, the last one first
    remarks: tuple[Remark, ...] = ()  # notes of the run
    peak_memory: int | None = None  # bytes, of the process
    is_local: bool = False  # whether it forecasts each series by itself, so that nothing is learned from others


class RemoteForecaster(ABC):
    """A forecaster in another process. It behaves as the object itself; exceptions that it raised are raised here.

    Missing values of contexts are filled in that process, as the spec declares: contexts are passed as they are. What a
    forecaster raised is a ForecasterError, or the exception of harness that it was; where its process ended for a
    reason that is not its own, InfrastructureFault is raised.
    """

    @abstractmethod
    def fit(self, train: TrainingData) -> None:
        """Fit to training data."""

    @abstractmethod
    def fit_contexts(self, contexts: Contexts) -> None:
        """Fit to the series of these windows, if it is a forecaster that fits each series by itself."""

    @abstractmethod
    def predict(self, contexts: Contexts) -> Forecast:
        """The forecast of these windows."""

    @abstractmethod
    def describe(self) -> Description:
        """What the forecaster tells of itself now."""

    @abstractmethod
    def elapsed(self) -> Elapsed:
        """The time of all calls of `fit`, `fit_contexts` and `predict` since this was last asked, without that of
        the messages."""

    @abstractmethod
    def copy(self) -> RemoteForecaster | None:
        """A copy of the fitted forecaster in a process of its own, which learns nothing of later calls of this one.

        None where the process cannot be copied, for instance because it has several threads.
        """

    @abstractmethod
    def close(self) -> None:
        """End the process."""
