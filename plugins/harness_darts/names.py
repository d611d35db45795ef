"""The models of `darts.models`, and what each can do; the library is not imported."""

from __future__ import annotations

from typing import Literal

CovariateKinds = tuple[Literal["past covariate", "known covariate", "static"], ...]

LOCAL = {  # fitted to each series
    "ARIMA": "ARIMA of a given order, by statsmodels",
    "ExponentialSmoothing": "Holt-Winters exponential smoothing, by statsmodels",
    "FFT": "frequencies of a discrete Fourier transform, continued",
    "FourTheta": "4Theta method",
    "KalmanForecaster": "linear state space model by subspace identification",
    "NaiveDrift": "the last value and the drift of the history",
    "NaiveMean": "mean of the history",
    "NaiveMovingAverage": "moving average of the last values",
    "NaiveSeasonal": "the last observed value of the same season",
    "Theta": "theta method",
    "VARIMA": "vector ARIMA of a given order, by statsmodels",
}
GLOBAL = {  # one regression on lags for all series
    "LinearRegressionModel": "linear regression on lags",
    "RandomForestModel": "random forest on lags",
}
NETWORKS = {  # one network for all series
    "BlockRNNModel": "recurrent encoder and dense decoder",
    "DLinearModel": "linear layers on trend and remainder (DLinear)",
    "GlobalNaiveAggregate": "aggregate of the last values",
    "GlobalNaiveDrift": "the last value and the drift of the last values",
    "GlobalNaiveSeasonal": "the value of the first of the last steps, by default",
    "NBEATSModel": "N-BEATS: dense blocks with a basis expansion",
    "NHiTSModel": "N-HiTS: dense blocks with hierarchical interpolation",
    "NLinearModel": "one linear layer after subtraction of the last value (NLinear)",
    "RNNModel": "recurrent network that forecasts step by step (DeepAR with a likelihood)",
    "TCNModel": "temporal convolutional network (TCN)",
    "TFTModel": "temporal fusion transformer (TFT)",
    "TSMixerModel": "dense layers that mix time and channels (TSMixer)",
    "TiDEModel": "dense encoder and decoder (TiDE)",
    "TransformerModel": "transformer",
}
_ESTIMATOR = "its model is no JSON value; sklearn:… are regressors of scikit-learn on lags"
_CLASSES = "it forecasts classes"
_COMBINATION = "it combines other models"
_PRETRAINED = "it downloads a pretrained model"
_STATSFORECAST = "it is a model of another library; statsforecast:… are its models"
LEFT_OUT = {  # of the library's models, and why
    **dict.fromkeys(("SKLearnModel", "RegressionModel"), _ESTIMATOR),
    "SKLearnClassifierModel": _CLASSES,
    **dict.fromkeys(("CatBoostClassifierModel", "LightGBMClassifierModel", "XGBClassifierModel"), _CLASSES),
    **dict.fromkeys(("CatBoostModel", "LightGBMModel", "Prophet", "XGBModel"), "it needs another library"),
    **dict.fromkeys(("ConformalNaiveModel", "ConformalQRModel", "EnsembleModel", "MultivariateModel"), _COMBINATION),
    **dict.fromkeys(("NaiveEnsembleModel", "RegressionEnsembleModel"), _COMBINATION),
    **dict.fromkeys(("Chronos2Model", "PatchTSTFMModel", "TimesFM2p5Model", "TimesFM3Model"), _PRETRAINED),
    **dict.fromkeys(("TiRex2Model", "TiRexModel", "T0Model"), _PRETRAINED),
    **dict.fromkeys(("AutoARIMA", "AutoCES", "AutoETS", "AutoMFLES", "AutoTBATS", "AutoTheta"), _STATSFORECAST),
    **dict.fromkeys(("Croston", "StatsForecastModel", "TBATS"), _STATSFORECAST),
    "NeuralForecastModel": "it is a model of another library; neuralforecast:… are its models",
    "RandomForest": "it is the former name of RandomForestModel",
    **dict.fromkeys(("GaussianProcessFilter", "KalmanFilter", "MovingAverageFilter"), "it filters"),
}
JOINT = {"KalmanForecaster", "VARIMA", *GLOBAL, *NETWORKS} - {  # forecast all targets of a series together
    "DLinearModel",
    "GlobalNaiveAggregate",
    "GlobalNaiveDrift",
    "GlobalNaiveSeasonal",
    "NLinearModel",
}
SAMPLED = {"ARIMA", "ExponentialSmoothing", "KalmanForecaster", "VARIMA"}  # whose quantiles are those of samples
UNTRAINED = {"GlobalNaiveAggregate", "GlobalNaiveDrift", "GlobalNaiveSeasonal"}
STOCHASTIC = SAMPLED | {"RandomForestModel"} | (set(NETWORKS) - UNTRAINED)
NEEDS_SEASON: set[str] = set()
WITHOUT_QUANTILES = (set(LOCAL) - SAMPLED) | set(GLOBAL) | UNTRAINED
_ALL: CovariateKinds = ("past covariate", "known covariate", "static")
_PAST: CovariateKinds = ("past covariate",)
_KNOWN: CovariateKinds = ("known covariate",)
WITH_COVARIATES: dict[str, CovariateKinds] = {
    **dict.fromkeys(("ARIMA", "KalmanForecaster", "RNNModel", "VARIMA"), _KNOWN),
    **dict.fromkeys(("NBEATSModel", "NHiTSModel", "TCNModel", "TransformerModel"), _PAST),
    **dict.fromkeys(("BlockRNNModel", "DLinearModel", "NLinearModel", "TFTModel", "TSMixerModel", "TiDEModel"), _ALL),
    **dict.fromkeys(("LinearRegressionModel", "RandomForestModel"), _ALL),
}
