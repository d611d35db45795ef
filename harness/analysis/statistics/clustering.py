"""Variances of means over series and cutoffs, both of which are sampled: two-way clustering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.analysis.statistics.resampling import Stratum
from harness.arrays import Floats, Ints
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
        return combined(*(None if matrix is None else np.diag(matrix) for matrix in self._matrices))

    @property
    def variances_of_differences(self) -> Floats:
        """The variance of the difference of each two statistics, (statistic, statistic)."""
        matrices = (None if matrix is None else variances_of_differences(matrix) for matrix in self._matrices)
        return combined(*matrices)

    @property
    def _matrices(self) -> tuple[Floats | None, Floats | None, Floats | None]:
        return self.series, self.cutoffs, self.cells


@dataclass(frozen=True, eq=False)
class TwoWaySums:
    """Sums of deviations over series, over blocks of cutoffs, and in cells of both, each (sum, statistic).

    Variances follow from them, of any statistics and without those of all pairs. Where only series or only cutoffs
    are sampled, the other two are None.
    """

    series: Floats | None
    cutoffs: Floats | None
    cells: Floats | None = None
    corrections: tuple[float, float] = (1.0, 1.0)  # of variances by series, and by cutoff

    @classmethod
    def of(cls, deviations: Floats, series: Stratum | None, cutoffs: Stratum | None, *, corrected: bool) -> TwoWaySums:
        """The sums of (series, cutoff, statistic) deviations, as in `two_way_covariance`."""
        deviations = np.asarray(deviations, dtype=np.float64)
        for axis, stratum in ((0, series), (1, cutoffs)):
            if deviations.ndim != 3 or (stratum is not None and deviations.shape[axis] != stratum.units):
                shape = deviations.shape
                raise BadInput(f"deviations {shape} must be (series, cutoff, statistic), of {series}, {cutoffs}")
        if series is None and cutoffs is None:
            raise BadInput("a variance needs series or cutoffs that are sampled")
        by_series = None if series is None else deviations.sum(axis=1)
        by_cutoff = cells = None
        if cutoffs is not None:
            by_cutoff = block_sums(deviations.sum(axis=0), cutoffs.block) / np.sqrt(cutoffs.block)
            if series is not None:
                cells = block_sums(deviations.swapaxes(0, 1), cutoffs.block) / np.sqrt(cutoffs.block)
                cells = cells.reshape(-1, cells.shape[-1])
        return cls(by_series, by_cutoff, cells, (_correction(series, corrected), _correction(cutoffs, corrected)))

    @property
    def covariance(self) -> TwoWayCovariance:
        """The covariances of all statistics."""
        matrices = [
            None if sums is None else correction * (sums.T @ sums)
            for sums, correction in zip(self._sums, (*self.corrections, 1.0), strict=True)
        ]
        return TwoWayCovariance(*matrices)

    def of_statistics(self, statistics: Ints) -> TwoWaySums:
        """The sums of some statistics."""
        return self._map(lambda sums: sums[:, statistics])

    def variances_from(self, statistic: int | None) -> Floats:
        """The variance of the difference of each from one of them, or from the mean of all, (statistic,)."""
        others = self._map(lambda sums: _subtracted(sums, statistic))
        squares = [
            None if sums is None else correction * np.einsum("us,us->s", sums, sums)
            for sums, correction in zip(others._sums, (*self.corrections, 1.0), strict=True)
        ]
        return combined(*squares)

    @property
    def _sums(self) -> tuple[Floats | None, Floats | None, Floats | None]:
        return self.series, self.cutoffs, self.cells

    def _map(self, change: Callable[[Floats], Floats]) -> TwoWaySums:
        series, cutoffs, cells = (None if sums is None else change(sums) for sums in self._sums)
        return TwoWaySums(series, cutoffs, cells, self.corrections)


def two_way_covariance(
    deviations: Floats, series: Stratum | None, cutoffs: Stratum | None, *, corrected: bool = True
) -> TwoWayCovariance:
    """The covariance of sums over series and cutoffs; Cameron, Gelbach & Miller (2011), eq. 2.11; Thompson (2011).

    `deviations` is (series, cutoff, statistic): what each adds to the deviation of the statistic from its expectation.
    Their sum over the first two axes is zero; where a series has no window at a cutoff they are zero. Cutoffs are in
    time order and form circular blocks of the length of their stratum. A stratum that is None is not sampled.
    `corrected` multiplies by n / (n − 1) for n series or blocks. Raises BadInput for a shape that does not fit.
    """
    return TwoWaySums.of(deviations, series, cutoffs, corrected=corrected).covariance


def combined(series: Floats | None, cutoffs: Floats | None, cells: Floats | None) -> Floats:
    """V = V_series + V_cutoffs − V_cells, and no less than either of the first two."""
    if series is None or cutoffs is None:
        known = cutoffs if series is None else series
        assert known is not None
        return known
    assert cells is not None
    return np.maximum(np.maximum(series, cutoffs), series + cutoffs - cells)


def _subtracted(sums: Floats, statistic: int | None) -> Floats:
    return sums - (sums.mean(axis=1, keepdims=True) if statistic is None else sums[:, [statistic]])


def block_sums(values: Floats, block: int) -> Floats:
    """Sums over circular blocks of consecutive rows, one that begins at each row."""
    block = min(block, len(values))
    if block == 1:
        return values
    totals = np.cumsum(np.concatenate([np.zeros_like(values[:1]), values, values[: block - 1]]), axis=0)
    return np.asarray(totals[block:] - totals[:-block])


def _correction(stratum: Stratum | None, corrected: bool) -> float:
    if stratum is None or not corrected or stratum.blocks <= 1:
        return 1.0
    return stratum.blocks / (stratum.blocks - 1)


def variances_of_differences(covariance: Floats) -> Floats:
    """The variance of the difference of each two statistics, from their (statistic, statistic) covariance."""
    variances = np.diag(covariance)
    return np.maximum(variances[:, None] + variances[None, :] - 2 * covariance, 0.0)
