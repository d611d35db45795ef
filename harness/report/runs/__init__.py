"""Cells and their runs as text: results, failures, forecasts, and what they were computed with."""
