"""Forecasters that are models of other libraries have names such as `sktime:ThetaForecaster`."""

from __future__ import annotations


def library_of(name: str) -> str:
    """The library in the name of a forecaster; empty for one that is no model of another library."""
    library, separator, _ = name.partition(":")
    return library if separator else ""
