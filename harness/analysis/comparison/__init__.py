"""Comparison of two runs or boards on the same windows, with conditions under which it fails."""
