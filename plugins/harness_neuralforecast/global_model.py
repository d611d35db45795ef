"""NeuralForecastModel: a network of neuralforecast, trained once on all series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from neuralforecast import NeuralForecast

from harness import (
    Contexts,
    Floats,
    Forecast,
    Panel,
    TrainingData,
    Unsupported,
    automatic_lookback,
    forecast_by_time,
    given_hyperparameters,
    quiet,
    torch_device,
)
from harness_neuralforecast.frames import Covariates, future_frame, static_frame, training_frame, window_frame
from harness_neuralforecast.losses import default_loss, forecast_of, loss_of, with_median
from harness_neuralforecast.names import WITHOUT_QUANTILES

BATCH = 4_000_000  # numbers in the frame of one call of the library


@dataclass
class NeuralForecastModel:
    """A network of neuralforecast, trained once on all series. Its hyperparameters are the parameters of the network.

    `input_size` None is the larger of two seasons, two horizons and 24 steps, but at most half of the longest series.
    `loss` is the name of a loss of neuralforecast, such as "MAE", or a table with `name` and parameters, such as
    {"name": "DistributionLoss", "distribution": "Normal"}. None is the quantile loss (MQLoss) at the quantile levels
    of the task, or the distribution of a network that learns one (DeepAR). If the task has no levels, it is the default
    of the network.

    Each target is a series of its own. Past and known covariates and static ones that are numbers are passed to
    networks that take them; static covariates that are texts are not. `device` is "cpu", "cuda", or
    "auto" for a GPU if there is one.
    With `early_stop_patience_steps`, the last horizon of each series is for validation.
    """

    library_class: ClassVar[Any]
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        loss_of(getattr(self, "loss", None), (0.5,))

    def fit(self, train: TrainingData) -> None:
        """Trains the network on all series."""
        panel, levels = train.panel, with_median(train.quantile_levels)
        self.covariates_, self.remarks_ = self._covariates(panel)
        with quiet():
            network = self.network(train, levels)
            validation = network.h if network.early_stop_patience_steps > 0 else 0
            panel = self._long_enough(panel, 1 if network.start_padding_enabled else network.input_size + validation)
            self.library_ = NeuralForecast(models=[network], freq=1)
            self.library_.fit(
                training_frame(panel, self.covariates_),
                static_df=static_frame(dict(panel.static), len(panel.targets), self.covariates_),
                val_size=validation,
            )
        (self.network_,) = self.library_.models
        self.curves_ = {"loss/steps": tuple(float(loss) for _, loss in self.network_.train_trajectories)}

    def network(self, train: TrainingData, levels: tuple[float, ...]) -> Any:
        """The untrained network."""
        parameters = given_hyperparameters(self, self.library_class)
        parameters["input_size"] = parameters.get("input_size") or automatic_lookback(train)
        loss = loss_of(
            parameters.pop("loss", None) or default_loss(self.library_class), () if self.gives_points else levels
        )
        return self.library_class(
            h=train.gap + train.horizon,
            **parameters,
            **({} if loss is None else {"loss": loss}),
            **{f"{kind}_exog_list": names or None for kind, names in self._columns().items()},
            random_seed=self.seed,
            accelerator=torch_device(self.device),
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    @property
    def gives_points(self) -> bool:
        """Whether the network takes losses of one output only."""
        return str(self.library_class.__name__) in WITHOUT_QUANTILES

    @property
    def parameter_count(self) -> int:
        """The number of weights."""
        return sum(weights.numel() for weights in self.network_.parameters() if weights.requires_grad)

    @property
    def parameter_bytes(self) -> int:
        """The bytes of the weights."""
        weights = [weights for weights in self.network_.parameters() if weights.requires_grad]
        return sum(matrix.numel() * matrix.element_size() for matrix in weights)

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, of a network whose loss is that of samples by points in time."""
        draws = getattr(self.network_.loss, "is_distribution_output", False)
        return forecast_by_time(contexts, self._predict) if draws else self._predict(contexts)

    def _predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, in batches that fit into memory."""
        lookback = max(self.network_.input_size, getattr(self.network_, "inference_input_size", 0) or 0)
        if contexts.max_context is not None:
            lookback = min(lookback, contexts.max_context)
        columns = 3 + len(self.covariates_.known) + len(self.covariates_.past)
        size = max(1, BATCH // (lookback * columns * len(contexts.targets)))
        with quiet():
            return Forecast.concatenate([self._forecast(some, lookback) for some in contexts.batches(size)])

    def _forecast(self, contexts: Contexts, lookback: int) -> Forecast:
        targets = len(contexts.targets)
        found = self.library_.predict(
            window_frame(contexts, lookback, self.covariates_),
            static_df=static_frame(contexts.static, targets, self.covariates_),
            futr_df=future_frame(contexts, lookback, self.covariates_) if self.covariates_.known else None,
        )
        columns = [name for name in found.columns if name not in ("unique_id", "ds")]
        values: Floats = found[columns].to_numpy(dtype=np.float64)
        shape = len(contexts), targets, contexts.gap + contexts.horizon, len(columns)
        outputs = values.reshape(shape)[:, :, contexts.gap :].transpose(0, 2, 1, 3)
        return forecast_of(outputs, self.network_.loss)

    def _covariates(self, panel: Panel) -> tuple[Covariates, list[str]]:
        """The covariates of the panel that the network takes, and remarks about those that are left out."""
        numeric = [name for name, values in panel.static.items() if not any(isinstance(fact, str) for fact in values)]
        takes = self.library_class
        covariates = Covariates(
            panel.channels_of("known covariate") if takes.EXOGENOUS_FUTR else (),
            panel.channels_of("past covariate") if takes.EXOGENOUS_HIST else (),
            tuple(numeric) if takes.EXOGENOUS_STAT else (),
        )
        texts = [name for name in panel.static if name not in numeric]
        left_out = bool(texts) and takes.EXOGENOUS_STAT
        return covariates, [f"static covariates that are texts are not used: {', '.join(texts)}"] if left_out else []

    def _long_enough(self, panel: Panel, length: int) -> Panel:
        """The series with at least so many rows, which the library needs to train on them."""
        short = panel.lengths < length
        kept = panel.between(np.zeros_like(panel.lengths), np.where(short, 0, panel.lengths)) if short.any() else panel
        if kept is None:
            raise Unsupported(f"it needs {length} rows to train on; the longest series has {panel.lengths.max()}")
        if short.any():
            self.remarks_.append(f"{short.sum()} series with fewer than {length} rows are not trained on")
        return kept

    def _columns(self) -> dict[str, list[str]]:
        covariates = self.covariates_
        return {"futr": covariates.known_names, "hist": covariates.past_names, "stat": covariates.static_names}
