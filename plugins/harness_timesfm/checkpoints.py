"""The published checkpoints of TimesFM: their files, and what their model cards state."""

from __future__ import annotations

from harness import Card, TrainedOn, Weights

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
PAGEVIEWS = TrainedOn("Wikimedia Pageviews", until="2023-11")
TRENDS = TrainedOn("Google Trends", aliases=("Google Trends top queries",), until="2022")

WEIGHTS_2_5 = Weights(
    "google/timesfm-2.5-200m-pytorch",
    revision="1d952420fba87f3c6dee4f240de0f1a0fbc790e3",
    files=("model.safetensors",),
    licence="Apache-2.0",
)
CARD_2_5 = Card(
    checkpoint=WEIGHTS_2_5.repository,
    revision=WEIGHTS_2_5.revision,
    licence=WEIGHTS_2_5.licence,
    parameters=231_289_280,  # with the quantile head
    trained_on=("GIFT-Eval Pretrain", PAGEVIEWS, TRENDS),  # and synthetic and augmented data; its model card
    quantile_levels=LEVELS,
    horizon=1024,  # of the quantile head
    context=16_384,  # with the horizon
    dtype="float32",
)

WEIGHTS_3_0 = Weights(
    "google/timesfm-3.0-pytorch",
    revision="43046b85ec22d584a13f8098c2ed39c889e129c2",
    files=("config.json", "model.safetensors"),
    sha256={"model.safetensors": "a7592b0a8432baee54483254e5647856911ce69e09d09a9bb65904b2d98f17da"},
    licence="TimesFM Non-Commercial License v1.0",
)
CARD_3_0 = Card(
    checkpoint=WEIGHTS_3_0.repository,
    revision=WEIGHTS_3_0.revision,
    licence=WEIGHTS_3_0.licence,
    parameters=330_710_976,
    trained_on=(  # and synthetic and augmented data; its model card
        "GIFT-Eval Pretrain without the datasets of fev-bench",
        PAGEVIEWS,
        TRENDS,
    ),
    quantile_levels=LEVELS,
    context=15_360,
    covariates=("past covariate", "known covariate"),
    dtype="float32",
)
