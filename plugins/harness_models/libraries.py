"""Modules that forecasters use, for the `imports` of their specs, and the requirement that installs them.

Modules that libraries import lazily are among them.
"""

from __future__ import annotations

STATSMODELS = ("statsmodels.tsa.api",)
SKLEARN = ("sklearn.linear_model", "sklearn.ensemble", "sklearn.multioutput")
TORCH = ("torch", "torch._dynamo")  # the second is imported by the first optimiser, which takes a second
MODELS = "forecast-harness[models]"
