"""harness_timesfm: the pretrained models TimesFM 2.5 and 3.0 as forecasters, such as `timesfm:TimesFM-2.5`."""

from __future__ import annotations

from harness import ForecasterSpec, Resources, hookimpl
from harness_timesfm.checkpoints import CARD_2_5, CARD_3_0, WEIGHTS_2_5, WEIGHTS_3_0


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The models of the library, which is imported when one of them is made."""
    return [
        ForecasterSpec(
            "timesfm:TimesFM-2.5",
            "harness_timesfm.timesfm_2_5:TimesFM25",
            description="pretrained transformer on patches, each target by itself (TimesFM 2.5)",
            draws=False,
            imports=("timesfm", "torch"),
            requires="forecast-harness[timesfm]",
            resources=Resources(device="auto"),
            reusable=True,
            depends=("timesfm", "torch"),
            card=CARD_2_5,
            weights=WEIGHTS_2_5,
            paths=("checkpoint",),
            pool="zero-shot",
            covariates=(),
            quantiles=True,
            multivariate=False,
        ),
        ForecasterSpec(
            "timesfm:TimesFM-3.0",
            "harness_timesfm.timesfm_3_0:TimesFM3",
            description="pretrained transformer on patches of targets and covariates together (TimesFM 3.0)",
            draws=False,
            imports=("timesfm", "torch"),
            requires="forecast-harness[timesfm]",
            resources=Resources(device="auto"),
            reusable=True,
            depends=("timesfm", "torch"),
            card=CARD_3_0,
            weights=WEIGHTS_3_0,
            paths=("checkpoint",),
            pool="zero-shot",
            covariates=("past covariate", "known covariate"),
            quantiles=True,
            multivariate=True,
        ),
    ]
