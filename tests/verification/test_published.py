"""Numbers that others published or computed, from the raw data to the last digit given."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from harness.evaluation.metrics import METRICS, Aggregation
from harness.plugins.catalog import load_catalog
from harness.tasks.task import Task
from harness.verification.cases import cases
from harness.verification.comparison import Case, CaseResult
from harness.verification.context import VerificationContext
from harness.verification.published import M4_HOURLY, WEATHER_NAIVE, WEATHER_NETWORKS
from harness.verification.scores import M4


@pytest.fixture(scope="module")
def materials(tmp_path_factory: pytest.TempPathFactory) -> VerificationContext:
    """The catalog beside an empty home: data is only in HARNESS_DATA_DIR."""
    return VerificationContext(load_catalog(), tmp_path_factory.mktemp("home"))


def found(case: Case, materials: VerificationContext) -> CaseResult:
    """What comes of a case; as with `real_file`, where data is not here the test is skipped, or fails."""
    finding = case.compare(materials)
    if finding.verdict == "skipped":
        if os.environ.get("HARNESS_REQUIRE_DATA") == "1":
            pytest.fail(finding.reason)
        pytest.skip(finding.reason)
    return finding


# whose numbers are in the results of the board weather: see test_weather_numbers.py
COMPUTED = [case for case in cases() if case.source not in (WEATHER_NAIVE, WEATHER_NETWORKS)]


@pytest.mark.parametrize("case", COMPUTED, ids=str)
def test_published_number_holds(case: Case, materials: VerificationContext) -> None:
    finding = found(case, materials)

    if case.source is M4_HOURLY:
        print(f"{case}: {finding.ours:.{finding.digits}f}")  # noqa: T201
    assert finding.verdict == "holds", finding


@pytest.mark.parametrize("aggregation", ["pooled", "series", "cutoff", "window"])
def test_m4_hourly_scores_the_same_however_it_is_aggregated(
    materials: VerificationContext, real_file, aggregation: Aggregation
) -> None:
    """One window a series, all of one length: means of means are the mean."""
    for name in ("Hourly-train.csv", "Hourly-test.csv"):
        real_file(name)
    metrics = tuple(replace(metric, aggregation=aggregation) for metric in METRICS)

    scores = materials.run("naive", Task("m4-hourly", M4), metrics).scores

    for name in ("sMAPE", "MASE"):
        assert f"{scores[name]:.6f}" == M4_HOURLY.numbers["naive"][name]
