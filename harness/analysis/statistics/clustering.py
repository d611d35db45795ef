"""Variances of means over series and cutoffs, both of which are sampled: two-way clustering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.statistics.resampling import Stratum
from harness.arrays import Floats
from harness.errors import BadInput


@dataclass(frozen=True, eq=False)
class TwoWayCovariance:
    """Covariances of statistics, (statistic, statistic), clustered by series, by cutoff, and by both at once.

    Where only series or only cutoffs are sampled, the other two are None.
    """

    series: Floats | None
    cutoffs: Floats | None
    cells: Floats | None = None

    @property
    def variances(self) -> Floats:
        """The variance of each statistic, (statistic,)."""
        return self._combined(*(None if matrix is None else np.diag(matrix) for matrix in self._matrices))

    @property
    def variances_of_differences(self) -> Floats:
        """The variance of the difference of each two statistics, (statistic, statistic)."""
        matrices = (None if matrix is None else variances_of_differences(matrix) for matrix in self._matrices)
        return self._combined(*matrices)

    @property
    def _matrices(self) -> tuple[Floats | None, Floats | None, Floats | None]:
        return self.series, self.cutoffs, self.cells

    def _combined(self, series: Floats | None, cutoffs: Floats | None, cells: Floats | None) -> Floats:
        """V = V_series + V_cutoffs − V_cells, and no less than either of the first two."""
        if series is None or cutoffs is None:
            known = cutoffs if series is None else series
            assert known is not None
            return known
        assert cells is not None
        return np.maximum(np.maximum(series, cutoffs), series + cutoffs - cells)


def two_way_covariance(
    deviations: Floats, series: Stratum | None, cutoffs: Stratum | None, *, corrected: bool = True
) -> TwoWayCovariance:
    """The covariance of sums over series and cutoffs; Cameron, Gelbach & Miller (2011), eq. 2.11; Thompson (2011).

    `deviations` is (series, cutoff, statistic): what each adds to the deviation of the statistic from its expectation.
    Their sum over the first two axes is zero; where a series has no window at a cutoff they are zero. Cutoffs are in
    time order and form circular blocks of the length of their stratum. A stratum that is None is not sampled.
    `corrected` multiplies by n / (n − 1) for n series or blocks. Raises BadInput for a shape that does not fit.
    """
    deviations = np.asarray(deviations, dtype=np.float64)
    for axis, stratum in ((0, series), (1, cutoffs)):
        if deviations.ndim != 3 or (stratum is not None and deviations.shape[axis] != stratum.units):
            raise BadInput(f"deviations {deviations.shape} must be (series, cutoff, statistic), of {series}, {cutoffs}")
    if series is None and cutoffs is None:
        raise BadInput("a variance needs series or cutoffs that are sampled")
    by_series = None if series is None else _covariance(deviations.sum(axis=1), _correction(series, corrected))
    if cutoffs is None:
        return TwoWayCovariance(by_series, None)
    blocks = block_sums(deviations.sum(axis=0), cutoffs.block) / np.sqrt(cutoffs.block)
    by_cutoff = _covariance(blocks, _correction(cutoffs, corrected))
    if series is None:
        return TwoWayCovariance(None, by_cutoff)
    cells = block_sums(deviations.swapaxes(0, 1), cutoffs.block) / np.sqrt(cutoffs.block)
    return TwoWayCovariance(by_series, by_cutoff, _covariance(cells.reshape(-1, cells.shape[-1]), 1.0))


def block_sums(values: Floats, block: int) -> Floats:
    """Sums over circular blocks of consecutive rows, one that begins at each row."""
    block = min(block, len(values))
    if block == 1:
        return values
    totals = np.cumsum(np.concatenate([np.zeros_like(values[:1]), values, values[: block - 1]]), axis=0)
    return np.asarray(totals[block:] - totals[:-block])


def _covariance(sums: Floats, correction: float) -> Floats:
    covariance: Floats = correction * (sums.T @ sums)
    return covariance


def _correction(stratum: Stratum, corrected: bool) -> float:
    return stratum.blocks / (stratum.blocks - 1) if corrected and stratum.blocks > 1 else 1.0


def variances_of_differences(covariance: Floats) -> Floats:
    """The variance of the difference of each two statistics, from their (statistic, statistic) covariance."""
    variances = np.diag(covariance)
    return np.maximum(variances[:, None] + variances[None, :] - 2 * covariance, 0.0)
