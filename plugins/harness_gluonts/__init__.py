"""harness_gluonts: networks of GluonTS as forecasters, each named as `gluonts:DeepAR`."""

from __future__ import annotations

from harness import ForecasterSpec, Resources, hookimpl
from harness_gluonts.names import MODELS, WITH_COVARIATES


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The PyTorch estimators of GluonTS; the library is imported when one of them is made."""
    return [
        ForecasterSpec(
            f"gluonts:{name}",
            f"harness_gluonts.models:{name}",
            description=description,
            missing="interpolate",
            draws=True,
            imports=("gluonts", "gluonts.torch"),
            requires="forecast-harness[gluonts]",
            resources=Resources(device="auto"),
            depends=("gluonts", "torch"),
            pool="trained",
            covariates=WITH_COVARIATES.get(name, ()),
            quantiles=True,
            multivariate=False,
        )
        for name, description in MODELS.items()
    ]
