"""harness_darts: models of Darts as forecasters, each named as `darts:NBEATSModel`."""

from __future__ import annotations

from harness import ForecasterSpec, Resources, hookimpl
from harness_darts.names import (
    GLOBAL,
    JOINT,
    LOCAL,
    NEEDS_SEASON,
    NETWORKS,
    STOCHASTIC,
    WITH_COVARIATES,
    WITHOUT_QUANTILES,
)


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The models of Darts; the library is imported when one of them is made."""
    return [
        ForecasterSpec(
            f"darts:{name}",
            f"harness_darts.models:{name}",
            description=description,
            missing="interpolate",
            draws=name in STOCHASTIC,
            imports=("darts", "darts.models", *(("pytorch_lightning",) if name in NETWORKS else ())),
            requires="forecast-harness[darts]",
            resources=Resources(device="auto" if name in NETWORKS else "cpu"),
            depends=("darts", *(("torch", "pytorch-lightning") if name in NETWORKS else ())),
            pool="local" if name in LOCAL else "trained",
            covariates=WITH_COVARIATES.get(name, ()),
            quantiles=name not in WITHOUT_QUANTILES,
            multivariate=name in JOINT,
            needs_season=name in NEEDS_SEASON,
        )
        for name, description in sorted((LOCAL | GLOBAL | NETWORKS).items())
    ]
