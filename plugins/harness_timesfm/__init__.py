"""harness_timesfm: the pretrained models TimesFM 2.5 and 3.0 as forecasters, such as `timesfm:TimesFM-2.5`."""

from __future__ import annotations

from harness import Card, ForecasterSpec, Resources, Weights, hookimpl
from harness_timesfm.checkpoints import CARD_2_5, CARD_3_0, WEIGHTS_2_5, WEIGHTS_3_0


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The models of the library, which is imported when one of them is made."""
    return [
        _spec(
            "timesfm:TimesFM-2.5",
            "harness_timesfm.timesfm_2_5:TimesFM25",
            "pretrained transformer on patches, each target by itself (TimesFM 2.5)",
            CARD_2_5,
            WEIGHTS_2_5,
        ),
        _spec(
            "timesfm:TimesFM-3.0",
            "harness_timesfm.timesfm_3_0:TimesFM3",
            "pretrained transformer on patches of targets and covariates together (TimesFM 3.0)",
            CARD_3_0,
            WEIGHTS_3_0,
        ),
    ]


def _spec(name: str, factory: str, description: str, card: Card, weights: Weights) -> ForecasterSpec:
    return ForecasterSpec(
        name,
        factory,
        description=description,
        draws=False,
        imports=("timesfm", "torch"),
        requires="forecast-harness[timesfm]",
        resources=Resources(device="auto"),
        reusable=True,
        depends=("timesfm", "torch"),
        card=card,
        weights=weights,
        paths=("checkpoint",),
        pool="zero-shot",
        covariates=card.covariates,
        quantiles=True,
        multivariate=bool(card.covariates),
    )
