"""Contracts of forecasters, datasets and metrics, tested by `harness check` and by pytest."""
