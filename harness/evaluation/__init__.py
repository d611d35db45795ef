"""Evaluation of a forecaster on a task: forecasts, metrics, scores, the leakage audit, the run."""
