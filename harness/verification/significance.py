"""Test statistics and critical values, as printed by their authors and by other programs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.analysis.statistics.diebold_mariano import diebold_mariano, harvey_factor
from harness.analysis.statistics.ranks import critical_difference, friedman_from_mean_ranks
from harness.arrays import Floats
from harness.verification.context import VerificationContext

# fmt: off
ETS = np.array([
    0.002241270, -0.000661906, -1.200002613, -4.000218178, 3.799373533, 3.401005111, -1.199692125,
    -0.800490048, -1.200048999, 3.399847229, 7.000708948, 2.200989241, -4.800165569, -1.201043375,
    3.400167556, 3.000709085, 0.400267950, -6.800169207, -2.401259050, 1.200112198,
])
ARIMA = np.array([
    0.1209998, 8.0622269, -0.9189429, -1.7952436, 5.3431277, 2.0459823, -0.6073261,
    0.5516816, -0.7633238, 4.1229472, 5.8785333, 1.2828331, -3.4854233, 1.1971370,
    3.1709314, 2.3408457, 0.4962286, -5.9841362, 0.1537114, 0.4207951,
])
# fmt: on
LOSSES: dict[str, tuple[Callable[[Floats], Floats], int]] = {  # and the horizon
    "squared errors, horizon 1": (np.square, 1),
    "squared errors, horizon 10": (np.square, 10),
    "absolute errors, horizon 1": (np.abs, 1),
}
SAMPLES = {  # units and horizon
    "50 units, horizon 1": (50, 1),
    "100 units, horizon 4": (100, 4),
    "100 units, horizon 12": (100, 12),
}
MEAN_RANKS = np.array([3.143, 2.000, 2.893, 1.964])  # (forecaster,)
DATA_SETS = 14


def diebold_mariano_result(_: VerificationContext, test: str, quantity: str) -> float:
    """The Diebold–Mariano test of ETS and ARIMA."""
    loss, horizon = LOSSES[test]
    result = diebold_mariano((loss(ETS) - loss(ARIMA))[:, None], horizon)
    return float((result.statistic if quantity == "statistic" else result.p_value)[0])


def harvey_correction(_: VerificationContext, sample: str, _quantity: str) -> float:
    """The factor of Harvey, Leybourne and Newbold."""
    return harvey_factor(*SAMPLES[sample])


def rank_statistic(_: VerificationContext, _of: str, quantity: str) -> float:
    """Friedman's χ² and Nemenyi's critical difference of Demšar's example."""
    if quantity == "critical difference":
        return critical_difference(len(MEAN_RANKS), DATA_SETS)
    return friedman_from_mean_ranks(MEAN_RANKS, DATA_SETS).statistic
