"""The published checkpoints of TiRex: their files, and what their model cards and their paper state."""

from __future__ import annotations

from harness import Card, Weights

LICENCE = "NXAI Community License"
DESCRIPTIONS = {
    "TiRex": "pretrained xLSTM on patches, each target by itself (TiRex)",
    "TiRex-1.1-gifteval": "TiRex 1.1, trained without the datasets of GIFT-Eval",
}
WEIGHTS = {
    "TiRex": Weights(
        "NX-AI/TiRex",
        revision="63c740922493f5fbe60b277609ec62babfba2762",
        files=("model.ckpt",),
        sha256={"model.ckpt": "b8c3f5a036c63272ce4b91c00187e26922a394cb6cb49d4e16db070ad0422314"},
        licence=LICENCE,
    ),
    "TiRex-1.1-gifteval": Weights(
        "NX-AI/TiRex-1.1-gifteval",
        revision="01b1ebc83a87e82b119f907fe7e43d015db23e9d",
        files=("model.ckpt",),
        licence=LICENCE,
    ),
}
# By the model cards, and synthetic data, too. The card of TiRex names the collection autogluon/chronos_datasets without
# the data of its zero-shot benchmark, of which M4 Daily, Hourly, Monthly and Weekly are no part (table 3 of
# arXiv:2403.07815). TiRex 1.1 was trained without the datasets of GIFT-Eval (arXiv:2505.23719v2).
TRAINED_ON: dict[str, tuple[str, ...]] = {
    "TiRex": ("Chronos training datasets", "M4 Daily", "M4 Hourly", "M4 Monthly", "M4 Weekly", "GIFT-Eval Pretrain"),
    "TiRex-1.1-gifteval": ("Chronos training datasets without those of GIFT-Eval", "GIFT-Eval Pretrain"),
}
CARDS = {
    name: Card(
        checkpoint=weights.repository,
        revision=weights.revision,
        licence=weights.licence,
        parameters=35_291_200,
        trained_on=TRAINED_ON[name],
        quantile_levels=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        context=2048,
        dtype="float32",  # its recurrent cells compute in bfloat16
    )
    for name, weights in WEIGHTS.items()
}
