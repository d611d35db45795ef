"""harness_tirex: the pretrained model TiRex as forecasters, such as `tirex:TiRex`."""

from __future__ import annotations

from harness import ForecasterSpec, Resources, hookimpl
from harness_tirex.checkpoints import CARDS, DESCRIPTIONS, WEIGHTS


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The checkpoints of TiRex; the library is imported when one of them is made."""
    return [
        ForecasterSpec(
            f"tirex:{name}",
            f"harness_tirex.models:{attribute}",
            description=DESCRIPTIONS[name],
            draws=False,
            imports=("tirex",),
            requires="forecast-harness[tirex]",
            resources=Resources(device="auto"),
            reusable=True,
            depends=("tirex-ts", "torch"),
            card=CARDS[name],
            weights=WEIGHTS[name],
            paths=("checkpoint",),
            pool="zero-shot",
            covariates=(),
            quantiles=True,
            multivariate=False,
        )
        for name, attribute in (("TiRex", "TiRex"), ("TiRex-1.1-gifteval", "TiRex11GiftEval"))
    ]
