"""harness_neuralforecast: networks of neuralforecast as forecasters, each named as `neuralforecast:NHITS`."""

from __future__ import annotations

from harness import ForecasterSpec, Resources, hookimpl
from harness_neuralforecast.names import MODELS, TOGETHER, WITH_COVARIATES, WITHOUT_QUANTILES


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The networks of neuralforecast; the library is imported when one of them is made."""
    return [
        ForecasterSpec(
            f"neuralforecast:{name}",
            f"harness_neuralforecast.models:{name}",
            description=description,
            missing="interpolate",
            draws=True,
            imports=("neuralforecast", "neuralforecast.models", "neuralforecast.losses.pytorch"),
            requires="forecast-harness[neuralforecast]",
            resources=Resources(device="auto"),
            depends=("neuralforecast", "torch"),
            batches="cutoff" if name in TOGETHER else "any",
            pool="trained",
            covariates=WITH_COVARIATES.get(name, ()),
            quantiles=name not in WITHOUT_QUANTILES,
            multivariate=False,
        )
        for name, description in MODELS.items()
    ]
