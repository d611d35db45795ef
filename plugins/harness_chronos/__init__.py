"""harness_chronos: Chronos-2 and Chronos-Bolt as forecasters, each named as `chronos:Chronos-2`."""

from __future__ import annotations

from harness import Card, ForecasterSpec, Resources, hookimpl
from harness_chronos.names import BOLT_LEVELS, CHRONOS_2, LEVELS, LICENCE, MODELS, TRAINED_ON, WEIGHTS


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The models of Chronos; the library is imported when one of them is used, and its weights are fetched before."""
    return [
        ForecasterSpec(
            f"chronos:{name}",
            f"harness_chronos.models:{name.replace('-', '')}",
            description=model.description,
            missing="native",
            draws=False,
            imports=("chronos",),
            requires="forecast-harness[chronos]",
            resources=Resources(device="auto"),
            reusable=True,
            depends=("chronos-forecasting", "transformers", "torch"),
            card=Card(
                checkpoint=model.repository,
                licence=LICENCE,
                parameters=model.parameters,
                trained_on=TRAINED_ON[name == CHRONOS_2],
                quantile_levels=LEVELS if name == CHRONOS_2 else BOLT_LEVELS,
                context=model.context,
                covariates=("past covariate", "known covariate") if name == CHRONOS_2 else (),
            ),
            pool="zero-shot",
            covariates=("past covariate", "known covariate") if name == CHRONOS_2 else (),
            quantiles=True,
            multivariate=name == CHRONOS_2,
            weights=WEIGHTS[name],
            paths=("checkpoint",),
        )
        for name, model in MODELS.items()
    ]
