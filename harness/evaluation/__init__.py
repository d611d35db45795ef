"""One forecaster through one task: metrics, scores, the audit, the run."""
