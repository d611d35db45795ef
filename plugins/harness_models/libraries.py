"""Modules that forecasters use, for the `imports` of their specs, the requirement that installs them, and resources.

Modules that libraries import lazily are among them.
"""

from __future__ import annotations

from harness import Resources

STATSMODELS = ("statsmodels.tsa.api",)
SKLEARN = ("sklearn.linear_model", "sklearn.ensemble", "sklearn.multioutput")
TORCH = ("torch", "torch._dynamo")  # the second is imported by the first optimiser, which takes a second
MODELS = "forecast-harness[models]"
SMALL_NETWORK = Resources(device="auto", device_share=0.25)
