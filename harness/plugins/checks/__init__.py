"""Checks of the contracts that forecasters, datasets and metrics of plugins must keep."""
