"""Every number that we hold ours against, and how ours is computed."""

from __future__ import annotations

from functools import partial

from harness.verification import published
from harness.verification.comparison import Case, cases_of
from harness.verification.fev import aggregated
from harness.verification.scores import etth1, fev_bench_ett_1h, gift_eval_m4_hourly, m4_hourly
from harness.verification.significance import corrected, ranked, tested


def cases() -> tuple[Case, ...]:
    """All claims, source by source; nothing is computed yet."""
    return (
        *cases_of(published.M4_HOURLY, m4_hourly),
        *cases_of(published.GIFT_EVAL_M4_HOURLY, gift_eval_m4_hourly),
        *cases_of(published.FEV_BENCH_ETT_1H, fev_bench_ett_1h),
        *(
            claim
            for horizon, source in published.ETTH1.items()
            for claim in cases_of(source, partial(etth1, horizon=horizon))
        ),
        *cases_of(published.FEV_BENCH, aggregated),
        *cases_of(published.DIEBOLD_MARIANO, tested),
        *cases_of(published.HARVEY, corrected),
        *cases_of(published.DEMSAR, ranked),
    )
