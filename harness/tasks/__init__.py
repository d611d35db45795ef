"""Tasks: splits, protocols, windows, and the data that a forecaster is given."""
