"""The models of `neuralforecast.models`, and what each can do; the library is not imported."""

from __future__ import annotations

from typing import Literal

CovariateKinds = tuple[Literal["past covariate", "known covariate", "static"], ...]

MODELS = {
    "Autoformer": "transformer with decomposition and auto-correlation (Autoformer)",
    "BiTCN": "two temporal convolutional networks, of the past and of known covariates (BiTCN)",
    "DLinear": "linear layers on trend and remainder (DLinear)",
    "DeepAR": "recurrent network with sampled paths (DeepAR)",
    "DeepNPTS": "learned weights of past values (DeepNPTS)",
    "DilatedRNN": "recurrent network with dilated connections",
    "FEDformer": "transformer in the frequency domain (FEDformer)",
    "GRU": "recurrent network of gated units (GRU) with a decoder",
    "Informer": "transformer with sparse attention (Informer)",
    "KAN": "Kolmogorov-Arnold network (KAN)",
    "LSTM": "recurrent network of LSTM units with a decoder",
    "MLP": "dense network",
    "NBEATS": "N-BEATS: dense blocks with a basis expansion",
    "NBEATSx": "N-BEATSx: N-BEATS with covariates",
    "NHITS": "N-HiTS: dense blocks with hierarchical interpolation",
    "NLinear": "one linear layer after subtraction of the last value (NLinear)",
    "PatchTST": "transformer on patches of the history (PatchTST)",
    "RNN": "simple recurrent network with a decoder",
    "TCN": "temporal convolutional network (TCN) with a decoder",
    "TFT": "temporal fusion transformer (TFT)",
    "TiDE": "dense encoder and decoder (TiDE)",
    "TimesNet": "convolutions on the history folded by its periods (TimesNet)",
    "VanillaTransformer": "transformer with full attention",
}
_SEVERAL = "it forecasts all series of a panel together, at one cutoff"
LEFT_OUT = {  # of the library's models, and why
    "HINT": "it reconciles the forecasts of another model along a hierarchy",
    "MLPMultivariate": _SEVERAL,
    "RMoK": _SEVERAL,
    "SOFTS": _SEVERAL,
    "SOFTSSharp": _SEVERAL,
    "StemGNN": _SEVERAL,
    "TSMixer": _SEVERAL,
    "TSMixerx": _SEVERAL,
    "TimeLLM": "it downloads a language model",
    "TimeMixer": _SEVERAL,
    "TimeXer": _SEVERAL,
    "XLinear": _SEVERAL,
    "iTransformer": _SEVERAL,
    "xLSTM": "it needs the library xlstm",
}
_ALL: CovariateKinds = ("past covariate", "known covariate", "static")
_KNOWN: CovariateKinds = ("known covariate",)
WITH_COVARIATES: dict[str, CovariateKinds] = {
    **dict.fromkeys(("Autoformer", "FEDformer", "Informer", "TimesNet", "VanillaTransformer"), _KNOWN),
    **dict.fromkeys(("BiTCN", "DeepAR", "DeepNPTS", "DilatedRNN", "GRU", "KAN", "LSTM", "MLP", "NBEATSx"), _ALL),
    **dict.fromkeys(("NHITS", "RNN", "TCN", "TFT", "TiDE"), _ALL),
}
TOGETHER = {"TimesNet"}  # whose forecasts depend on the other windows of a call: the periods are those of all
WITHOUT_QUANTILES = {"DeepNPTS"}  # which takes losses of one output only
