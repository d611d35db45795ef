"""Comparison: two runs or boards on the same windows, as a gate."""
