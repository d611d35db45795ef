"""The included metrics of numeric targets."""

from __future__ import annotations

from harness.evaluation import metrics

METRICS = tuple(metric for metric in metrics.METRICS if not metric.scores_classes)
