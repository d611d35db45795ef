"""All published numbers that we verify, and how ours are computed."""

from __future__ import annotations

from functools import partial

from harness.verification import published
from harness.verification.boards import board_score
from harness.verification.comparison import Case, cases_of
from harness.verification.fev import aggregate
from harness.verification.scores import etth1, fev_bench_ett_1h, gift_eval_m4_hourly, m4_hourly
from harness.verification.significance import diebold_mariano_result, harvey_correction, rank_statistic


def cases() -> tuple[Case, ...]:
    """All cases, source by source; nothing is computed yet."""
    return (
        *cases_of(published.M4_HOURLY, m4_hourly),
        *cases_of(published.GIFT_EVAL_M4_HOURLY, gift_eval_m4_hourly),
        *cases_of(published.FEV_BENCH_ETT_1H, fev_bench_ett_1h),
        *(
            case
            for horizon, source in published.ETTH1.items()
            for case in cases_of(source, partial(etth1, horizon=horizon))
        ),
        *cases_of(published.WEATHER_NAIVE, partial(board_score, board="weather")),
        *cases_of(published.WEATHER_NETWORKS, partial(board_score, board="weather")),
        *cases_of(published.FEV_BENCH, aggregate),
        *cases_of(published.DIEBOLD_MARIANO, diebold_mariano_result),
        *cases_of(published.HARVEY, harvey_correction),
        *cases_of(published.DEMSAR, rank_statistic),
    )
