"""What is asked: splits, protocols, windows, and what a forecaster is shown."""
