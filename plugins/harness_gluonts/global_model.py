"""GluonTSModel: a network of GluonTS, trained once on all series."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import lightning.pytorch as lightning
import numpy as np
import torch
from gluonts.model.forecast import Forecast as LibraryForecast
from gluonts.model.forecast import QuantileForecast
from gluonts.torch import distributions

from harness import (
    Contexts,
    Floats,
    Forecast,
    Panel,
    TrainingData,
    automatic_lookback,
    forecast_by_time,
    given_hyperparameters,
    quiet,
    torch_device,
)
from harness_gluonts.entries import Inputs, numeric_static, offset_alias
from harness_gluonts.names import SAMPLED, WITH_COVARIATES

BATCH = 20_000_000  # numbers of the entries of one call of the library


@dataclass
class GluonTSModel:
    """A network of GluonTS, trained once on all series. Its hyperparameters are the parameters of the estimator.

    `context_length` None is the larger of two seasons, two horizons and 24 steps, but at most half of the longest
    series. `distr_output` is the name of a distribution of `gluonts.torch.distributions`, such as "NormalOutput", or a
    table with `name` and parameters; None is the default of the estimator, mostly a Student t distribution.
    `max_epochs` is the number of epochs of `num_batches_per_epoch` batches.

    Quantiles are those of the distribution, or those of `num_parallel_samples` sampled paths; those of the
    `TemporalFusionTransformer` are learned at the levels of the task.

    Each target is a series of its own. Past and known covariates, and static ones that are numbers, are passed to
    estimators that take them. The calendar of the task gives the time features; without a calendar there are none, and
    the lags are 1 to 7 and those around one to three seasons. GluonTS would go on with its last checkpoint if training
    fails: here, the fit fails. `device` is "cpu", "cuda", or "auto" for a
    GPU if there is one.
    """

    library_class: ClassVar[Any]
    seed: int = 0
    device: str = "auto"
    max_epochs: int = 100

    def __post_init__(self) -> None:
        distribution_of(getattr(self, "distr_output", None))

    def fit(self, train: TrainingData) -> None:
        """Trains the network on all series."""
        panel, failures = train.panel, _Failures()
        self.inputs_ = self._inputs(panel)
        texts = sorted(set(panel.static) - set(numeric_static(panel.static)))
        takes_static = "static" in self._kinds
        remark = f"static covariates that are texts or missing are not used: {', '.join(texts)}"
        self.remarks_ = [remark] if texts and takes_static else []
        with quiet("gluonts"), seeded(self.seed), tempfile.TemporaryDirectory() as folder:
            estimator = self.library_class(**self._parameters(train), trainer_kwargs=self._trainer(folder, failures))
            self.predictor_ = estimator.train(self.inputs_.of_panel(panel))
            self.predictor_.to(torch_device(self.device))
        if failures.error is not None:
            raise failures.error

    @property
    def parameter_count(self) -> int:
        """The number of weights."""
        return sum(weights.numel() for weights in self.predictor_.network.parameters())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of the weights."""
        return sum(weights.numel() * weights.element_size() for weights in self.predictor_.network.parameters())

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, of a network that samples paths by points in time."""
        return forecast_by_time(contexts, self._predict) if self._name in SAMPLED else self._predict(contexts)

    def _predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, in batches that fit into memory."""
        size = max(1, BATCH // (int(contexts.lengths.max()) * len(contexts.channels)))
        with quiet("gluonts"), seeded(self.seed):
            return Forecast.concatenate([self._forecast(some) for some in contexts.batches(size)])

    def _forecast(self, contexts: Contexts) -> Forecast:
        found = list(self.predictor_.predict(self.inputs_.of_windows(contexts)))
        shape = len(contexts), len(contexts.targets), contexts.gap + contexts.horizon

        def arranged(rows: list[Floats]) -> Floats:
            return np.stack(rows).astype(np.float64).reshape(shape)[:, :, contexts.gap :].transpose(0, 2, 1)

        levels = sorted({*contexts.quantile_levels, 0.5})
        by_window = [_quantiles(window, levels) for window in found]
        quantiles = np.stack([arranged(list(rows)) for rows in zip(*by_window, strict=True)], axis=-1)
        if isinstance(found[0], QuantileForecast):
            return Forecast.quantiles_only(levels, quantiles)
        return Forecast(arranged([_mean(window) for window in found]), levels, quantiles)

    @property
    def _name(self) -> str:
        return str(self.library_class.__name__).removesuffix("Estimator")

    @property
    def _kinds(self) -> Sequence[str]:
        """The kinds of covariates that the estimator takes."""
        return WITH_COVARIATES.get(self._name, ())

    def _inputs(self, panel: Panel) -> Inputs:
        kinds = self._kinds
        return Inputs(
            panel.targets,
            panel.channels_of("past covariate") if "past covariate" in kinds else (),
            panel.channels_of("known covariate") if "known covariate" in kinds else (),
            numeric_static(panel.static) if "static" in kinds else (),
        )

    def _parameters(self, train: TrainingData) -> dict[str, Any]:
        """The parameters of the estimator: the hyperparameters, and what the task and the data tell."""
        parameters = given_hyperparameters(self, self.library_class)
        takes = self.library_class.__init__.__annotations__
        given: dict[str, Any] = {
            "prediction_length": train.gap + train.horizon,
            "freq": offset_alias(train.panel.freq),
            "context_length": automatic_lookback(train),
            "num_feat_dynamic_real": len(self.inputs_.known),
            "num_feat_static_real": len(self.inputs_.static),
            "dynamic_dims": [len(self.inputs_.known)] if self.inputs_.known else None,
            "past_dynamic_dims": [len(self.inputs_.past)] if self.inputs_.past else None,
            "static_dims": [len(self.inputs_.static)] if self.inputs_.static else None,
            "quantiles": sorted({*train.quantile_levels, 0.5}) if train.quantile_levels else None,
            "lags_seq": season_lags(train.season_length) if train.panel.freq is None else None,
            "seasonality": train.season_length if train.panel.freq is None else None,
            "patch_len": max(1, min(16, automatic_lookback(train) // 2)),
        }
        distribution = distribution_of(parameters.pop("distr_output", None))
        if distribution is not None:
            parameters["distr_output"] = distribution
            given["quantiles"] = None
        given = {name: value for name, value in given.items() if name in takes and value is not None}
        return given | {name: value for name, value in parameters.items() if value is not None or name not in given}

    def _trainer(self, folder: str, failures: _Failures) -> dict[str, Any]:
        return {
            "max_epochs": self.max_epochs,
            "accelerator": torch_device(self.device),
            "devices": 1,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": folder,
            "callbacks": [failures],
        }


class _Failures(lightning.Callback):  # type: ignore[misc]
    """Keeps the exception of a training, after which GluonTS goes on with the last checkpoint."""

    error: BaseException | None = None

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Called by Lightning."""
        self.error = exception


def distribution_of(given: str | Mapping[str, Any] | None) -> Any:
    """A distribution of GluonTS by its name, or a table with `name` and parameters; None is the estimator's own.

    Raises ValueError for other names.
    """
    if given is None:
        return None
    parameters: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
    name = str(parameters.pop("name", ""))
    known = sorted(key for key in vars(distributions) if key.endswith("Output"))
    if name not in known:
        raise ValueError(f"distr_output is one of {', '.join(known)}, not {name!r}")
    return getattr(distributions, name)(**parameters)


def season_lags(season_length: int) -> list[int]:
    """The lags of a task without calendar: 1 to 7, and those around one to three seasons."""
    seasons = (
        {season_length * count + shift for count in (1, 2, 3) for shift in (-1, 0, 1)} if season_length > 1 else ()
    )
    return sorted({*range(1, 8), *(lag for lag in seasons if lag > 0)})


def _quantiles(found: LibraryForecast, levels: list[float]) -> list[Floats]:
    """The quantiles of the forecast of a window, one array a level.

    Those of Student's t take long, and as long for one level as for all.
    """
    distribution: Any = getattr(found, "distribution", None)
    if isinstance(getattr(distribution, "base_dist", None), torch.distributions.StudentT):
        probabilities = torch.tensor(levels, device=distribution.mean.device)[:, None]
        return list(distribution.icdf(probabilities).cpu().numpy())
    return [found.quantile(level) for level in levels]


def _mean(found: LibraryForecast) -> Floats:
    return np.asarray(found.mean)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The global random generators of Python, NumPy and PyTorch start with the seed, and are restored."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  # GluonTS samples from these
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
