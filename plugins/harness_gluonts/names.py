"""The PyTorch estimators of GluonTS, by their names without `Estimator`; the library is not imported."""

from __future__ import annotations

from typing import Literal

CovariateKinds = tuple[Literal["past covariate", "known covariate", "static"], ...]

MODELS = {
    "DLinear": "linear layers on trend and remainder (DLinear), of a distribution",
    "DeepAR": "recurrent network with sampled paths (DeepAR)",
    "LagTST": "transformer on lags, of a distribution",
    "PatchTST": "transformer on patches of the history (PatchTST), of a distribution",
    "SimpleFeedForward": "dense network, of a distribution",
    "TemporalFusionTransformer": "temporal fusion transformer (TFT), of quantiles",
    "TiDE": "dense encoder and decoder (TiDE), of a distribution",
    "WaveNet": "dilated causal convolutions with sampled paths (WaveNet)",
}
LEFT_OUT = {  # of the estimators in gluonts.torch, and why
    "DeepNPTS": "its training is not one of Lightning: it shows its progress, and chooses the device by itself",
    "PyTorchLightning": "it is the base class",
}
SAMPLED = {"DeepAR", "WaveNet"}  # whose forecasts are sampled paths
_KNOWN: CovariateKinds = ("known covariate",)
_KNOWN_AND_STATIC: CovariateKinds = ("known covariate", "static")
WITH_COVARIATES: dict[str, CovariateKinds] = {
    "PatchTST": _KNOWN,
    **dict.fromkeys(("DeepAR", "TiDE", "WaveNet"), _KNOWN_AND_STATIC),
    "TemporalFusionTransformer": ("past covariate", *_KNOWN_AND_STATIC),
}
