"""harness_statsforecast: the models of statsforecast as forecasters, each named as `statsforecast:AutoARIMA`."""

from __future__ import annotations

from harness import ForecasterSpec, hookimpl
from harness_statsforecast.names import MODELS, NEEDS_SEASON, SAMPLED, WITH_COVARIATES, WITHOUT_INTERVALS


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The models of statsforecast; the library is imported when one of them is made."""
    return [
        ForecasterSpec(
            f"statsforecast:{name}",
            f"harness_statsforecast.models:{name}",
            description=description,
            missing="interpolate",
            draws=name in SAMPLED,
            imports=("statsforecast.models",),
            requires="statsforecast>=2.1",
            depends=("statsforecast",),
            pool="local",
            covariates=("known covariate",) if name in WITH_COVARIATES else (),
            quantiles=name not in WITHOUT_INTERVALS,
            multivariate=False,
            needs_season=name in NEEDS_SEASON,
        )
        for name, description in MODELS.items()
    ]
