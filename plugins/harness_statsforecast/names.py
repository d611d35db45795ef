"""The models of `statsforecast.models`, and what each can do; the library is not imported."""

from __future__ import annotations

MODELS = {
    "ADIDA": "aggregate-disaggregate intermittent demand approach (ADIDA)",
    "ARCH": "autoregressive conditional heteroskedasticity (ARCH)",
    "ARIMA": "ARIMA of a given order",
    "AutoARIMA": "ARIMA with orders by an information criterion",
    "AutoCES": "complex exponential smoothing (CES) with components by an information criterion",
    "AutoETS": "exponential smoothing (ETS) with components by an information criterion",
    "AutoMFLES": "MFLES with hyperparameters by validation; test_size is required",
    "AutoRegressive": "autoregression; lags is required",
    "AutoTBATS": "TBATS with components by an information criterion",
    "AutoTheta": "theta method with a variant by validation errors",
    "ConformalSeasonalPool": "seasonal naive with quantiles of a pool of seasons and residuals",
    "ConstantModel": "a constant; constant is required",
    "CrostonClassic": "Croston's method with smoothing parameter 0.1",
    "CrostonOptimized": "Croston's method with optimised smoothing parameters",
    "CrostonSBA": "Croston's method with the correction by Syntetos and Boylan",
    "DynamicOptimizedTheta": "dynamic optimised theta method",
    "DynamicTheta": "dynamic standard theta method",
    "GARCH": "generalised autoregressive conditional heteroskedasticity (GARCH)",
    "HistoricAverage": "mean of the history",
    "Holt": "Holt's exponential smoothing with trend",
    "HoltWinters": "Holt-Winters exponential smoothing with trend and season",
    "IMAPA": "intermittent multiple aggregation prediction algorithm (IMAPA)",
    "MFLES": "gradient boosting of Fourier terms, trend and exponential smoothing (MFLES)",
    "MSTL": "multiple seasonal-trend decomposition by LOESS, with a forecaster of the trend",
    "Naive": "the last observed value",
    "OptimizedTheta": "optimised theta method",
    "RandomWalkWithDrift": "random walk with drift",
    "SeasonalExponentialSmoothing": "exponential smoothing of each season; alpha is required",
    "SeasonalExponentialSmoothingOptimized": "exponential smoothing of each season with optimised parameter",
    "SeasonalNaive": "the last observed value of the same season",
    "SeasonalWindowAverage": "mean of the last values of the same season; window_size is required",
    "SimpleExponentialSmoothing": "simple exponential smoothing; alpha is required",
    "SimpleExponentialSmoothingOptimized": "simple exponential smoothing with optimised parameter",
    "TBATS": "TBATS with given components",
    "TSB": "Teunter-Syntetos-Babai method of intermittent demand; alpha_d and alpha_p are required",
    "Theta": "standard theta method",
    "UCM": "unobserved components model",
    "WindowAverage": "mean of the last values; window_size is required",
    "ZeroModel": "zero",
}
LEFT_OUT = {  # of the library's models, and why
    "NaNModel": "its forecasts are missing values",
    "SklearnModel": "its model is no JSON value; sklearn:… are regressors of scikit-learn on lags",
}
WITH_COVARIATES = {"ARIMA", "AutoARIMA", "AutoRegressive", "MFLES", "UCM"}
NEEDS_SEASON = {"HoltWinters", "MSTL"}
SAMPLED = {"ConformalSeasonalPool"}  # whose intervals are quantiles of random samples
WITHOUT_INTERVALS = {  # unless prediction_intervals are given
    "ADIDA",
    "AutoMFLES",
    "CrostonClassic",
    "CrostonOptimized",
    "CrostonSBA",
    "IMAPA",
    "MFLES",
    "SeasonalExponentialSmoothing",
    "SeasonalExponentialSmoothingOptimized",
    "SeasonalWindowAverage",
    "SimpleExponentialSmoothing",
    "SimpleExponentialSmoothingOptimized",
    "TSB",
    "WindowAverage",
}
