"""Models of Darts that are trained once on all series: regressions on lags, and networks."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from harness import (
    Contexts,
    Failure,
    Floats,
    Forecast,
    PartialFailure,
    TrainingData,
    Unsupported,
    automatic_lookback,
    forecast_by_time,
    given_hyperparameters,
    quiet,
    torch_device,
)
from harness_darts.likelihoods import likelihood_of, loss_of, symmetric
from harness_darts.series import Inputs, numeric_static

BATCH = 4_000_000  # numbers of the windows of one call of the library


@dataclass
class DartsGlobalModel(ABC):
    """A model of Darts, trained once on all series. Its hyperparameters are the parameters of the model.

    The targets of a series are components that are forecast together. Past and known covariates, and static ones that
    are numbers, are passed to models that take them. The steps ahead are those of the task: `output_chunk_length` None
    is the gap and the horizon. Windows with a history shorter than the lookback fail.
    """

    library_class: ClassVar[Any]
    dtype: ClassVar[type] = np.float64

    @abstractmethod
    def library_model(self, train: TrainingData) -> Any:
        """The untrained model."""

    def fit(self, train: TrainingData) -> None:
        """Trains the model on all series that are long enough."""
        panel = train.panel
        with quiet():
            self.model_ = self.library_model(train)
            self.inputs_ = Inputs.of(panel, self.model_, self.dtype)
            least = self.model_.min_train_series_length
            short = panel.lengths < least
            kept = panel.between(np.zeros_like(panel.lengths), np.where(short, 0, panel.lengths))
            if kept is None:
                raise Unsupported(f"it needs {least} rows to train on; the longest series has {panel.lengths.max()}")
            self.remarks_ = self._remarks(train, int(short.sum()), least)
            self.model_.fit(**self.inputs_.of_panel(kept).arguments)
        lags = self.model_.extreme_lags
        self.lookback_ = max(-int(lags[i]) for i in (0, 2, 4) if lags[i] is not None)

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, of a model that samples paths by points in time; windows with a shorter history fail."""
        long = np.flatnonzero(contexts.lengths >= self.lookback_)
        if not len(long):
            raise Unsupported(self._too_short(int(contexts.lengths.max())))
        some = contexts if len(long) == len(contexts) else contexts.take(long)
        draws = self.samples and not self._direct_levels(contexts.gap + contexts.horizon)
        with quiet():
            forecast = forecast_by_time(some, self._predict) if draws else self._predict(some)
        if len(long) == len(contexts):
            return forecast
        failures = {
            int(i): Failure(Unsupported(self._too_short(int(contexts.lengths[i]))))
            for i in np.setdiff1d(np.arange(len(contexts)), long)
        }
        raise PartialFailure(forecast.among(len(contexts), long), failures, self)

    @property
    def samples(self) -> int:
        """The number of sampled paths; 0 if the model gives quantiles or points."""
        return 0

    def _predict(self, contexts: Contexts) -> Forecast:
        """The forecasts of windows with long histories, in batches that fit into memory."""
        channels = len(contexts.channels) * (self.lookback_ + contexts.gap + contexts.horizon)
        parts = contexts.batches(max(1, BATCH // channels))
        return Forecast.concatenate([self._forecast(part) for part in parts])

    def _forecast(self, contexts: Contexts) -> Forecast:
        series = self.inputs_.of_windows(contexts, self.lookback_)
        levels = self._direct_levels(contexts.gap + contexts.horizon)
        options: dict[str, Any] = {"num_samples": self.samples or 1}
        if levels:
            options = {"predict_likelihood_parameters": True}
        if self.samples:
            options["random_state"] = getattr(self, "seed", 0)
        found = self.model_.predict(
            n=contexts.gap + contexts.horizon, **series.arguments, **options, verbose=False, show_warnings=False
        )
        values: Floats = np.stack([ahead.all_values(copy=False)[contexts.gap :] for ahead in found]).astype(np.float64)
        if self.samples and not levels:
            return Forecast.from_samples(values.transpose(0, 3, 1, 2), contexts.quantile_levels)
        if not levels:
            return Forecast.point(values[..., 0])
        shape = len(contexts), contexts.horizon, len(contexts.targets), len(levels)
        return Forecast.quantiles_only(levels, values[..., 0].reshape(shape))

    def _direct_levels(self, ahead: int) -> list[float]:
        """The levels of the quantiles that the model gives without sampling; none if it gives none."""
        likelihood = getattr(self.model_, "likelihood", None)
        levels = getattr(likelihood, "quantiles", None)
        return list(levels) if levels is not None and ahead <= self.model_.output_chunk_length else []

    def _too_short(self, length: int) -> str:
        return f"it needs {self.lookback_} rows before the cutoff, and there are {length}"

    def _remarks(self, train: TrainingData, short: int, least: int) -> list[str]:
        texts = sorted(set(train.panel.static) - set(numeric_static(train.panel.static)))
        remarks = [f"{short} series with fewer than {least} rows are not trained on"] if short else []
        if texts and self.model_.supports_static_covariates:
            remarks.append(f"static covariates that are texts or missing are not used: {', '.join(texts)}")
        return remarks


@dataclass
class DartsRegression(DartsGlobalModel):
    """A regression on lags of Darts, trained once on all series. Its hyperparameters are the parameters of the model.

    `lags` None, and None of the lags of covariates, is the larger of two seasons, two horizons and 24 steps, but at
    most half of the longest series. `output_chunk_length` None is the gap and the horizon.
    With `likelihood` "quantile", the quantile levels are those of the task.
    """

    def library_model(self, train: TrainingData) -> Any:
        """The regression, with lags of the covariates that there are."""
        parameters = given_hyperparameters(self, self.library_class.__init__)
        lookback, ahead = automatic_lookback(train), train.gap + train.horizon
        parameters["lags"] = parameters.get("lags") or lookback
        if train.panel.channels_of("past covariate"):
            parameters["lags_past_covariates"] = parameters.get("lags_past_covariates") or lookback
        if train.panel.channels_of("known covariate"):
            parameters["lags_future_covariates"] = parameters.get("lags_future_covariates") or (lookback, ahead)
        parameters["output_chunk_length"] = parameters.get("output_chunk_length") or ahead
        if parameters.get("likelihood") == "quantile":
            parameters["quantiles"] = symmetric(train.quantile_levels)
        seed = {"random_state": self.seed} if hasattr(self, "seed") else {}
        return self.library_class(**parameters, **seed)


@dataclass
class DartsNetwork(DartsGlobalModel):
    """A network of Darts, trained once on all series in single precision. Its hyperparameters are its parameters.

    `input_chunk_length` None is the larger of two seasons, two horizons and 24 steps, but at most half of the longest
    series; `output_chunk_length` None is the gap and the horizon. Darts scales nothing: `use_reversible_instance_norm`
    scales each window. `likelihood` None is quantile regression at the quantile levels of the task; else it is the
    name of a likelihood of Darts, or a table with `name` and parameters. A likelihood without quantiles, and a network
    that forecasts step by step, gives those of `num_samples` sampled paths. `loss_fn` is the name of a loss of
    `torch.nn`, used where there is no likelihood. `device` is "cpu", "cuda", or "auto" for a GPU if there
    is one.
    """

    dtype: ClassVar[type] = np.float32

    def __post_init__(self) -> None:
        likelihood_of(getattr(self, "likelihood", None), (0.5,))
        loss_of(getattr(self, "loss_fn", None))

    def library_model(self, train: TrainingData) -> Any:
        """The network."""
        lookback, ahead = automatic_lookback(train), train.gap + train.horizon
        values = vars(self)
        own = {"seed", "device", "num_samples", "likelihood", "loss_fn"}
        fields = {field.name for field in dataclasses.fields(self)}
        parameters = {name: values[name] for name in fields if name not in own and values[name] is not None}
        parameters.setdefault("input_chunk_length", lookback)
        if "output_chunk_length" in fields:
            parameters.setdefault("output_chunk_length", ahead)
        if "training_length" in fields:
            parameters.setdefault("training_length", parameters["input_chunk_length"] + ahead)
        if "likelihood" in fields:
            if "add_relative_index" in fields and not (
                train.panel.channels_of("known covariate") or values["add_relative_index"] or values["add_encoders"]
            ):
                raise Unsupported("it needs known covariates, add_encoders, or add_relative_index set to true")
            likelihood, loss = likelihood_of(values["likelihood"], train.quantile_levels), loss_of(values["loss_fn"])
            parameters |= {"likelihood": likelihood} | ({"loss_fn": loss} if loss and not likelihood else {})
            parameters["random_state"] = values["seed"]
        trainer = {
            "accelerator": torch_device(values["device"]),
            "devices": 1,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
        return self.library_class(**parameters, pl_trainer_kwargs=trainer, save_checkpoints=False)

    @property
    def samples(self) -> int:
        """The number of sampled paths; 0 if there is no likelihood."""
        return int(getattr(self, "num_samples", 0)) if getattr(self.model_, "likelihood", None) is not None else 0

    @property
    def parameter_count(self) -> int:
        """The number of weights."""
        return sum(weights.numel() for weights in self.model_.model.parameters())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of the weights."""
        return sum(weights.numel() * weights.element_size() for weights in self.model_.model.parameters())
