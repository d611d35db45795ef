"""Numbers that others published, from the raw data to the last digit that they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.data import load
from harness.evaluation import evaluate
from harness.metrics import METRICS, Aggregation, Metric
from harness.panel import Panel
from harness.plugins import load_catalog
from harness.protocols import RollingOrigin, TimeSplit
from harness.run import Run, Status
from harness.task import Task

TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
M4 = RollingOrigin(48, windows=1)

Dataset = Callable[[str], Panel]


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.fixture
def dataset(catalog, real_file: Callable[[str], Path], tmp_path: Path) -> Dataset:
    """The panel of a dataset by its name, from real files."""

    def panel_of(name: str) -> Panel:
        spec = catalog.datasets[name].spec
        for file in spec.files:
            real_file(file.name)
        return load(spec, tmp_path)

    return panel_of


@pytest.fixture
def run_of(catalog) -> Callable[..., Run]:
    """What comes of a naive forecaster, by its name, on a task."""

    def run(name: str, task: Task, panel: Panel, metrics: Iterable[Metric] = METRICS) -> Run:
        done = evaluate(catalog.forecasters[name].spec.make({}), task, panel, metrics=metrics)
        assert done.status is Status.COMPLETED, done.reason
        assert not done.window_failures
        return done

    return run


def to_digits(digits: int, **scores: float) -> dict[str, object]:
    """These scores, each to be met within half a unit of that decimal place."""
    return {name: pytest.approx(score, abs=0.5000001 * 10**-digits, rel=0) for name, score in scores.items()}


def only(run: Run, names: Iterable[str]) -> dict[str, float]:
    """Some of a run's scores."""
    return {name: run.scores[name] for name in names}


def pooled_as(aggregation: Aggregation) -> list[Metric]:
    """All metrics with another aggregation."""
    return [replace(metric, aggregation=aggregation) for metric in METRICS]


@pytest.mark.parametrize(
    ("name", "smape", "mase"),
    [("naive", 43.002987, 11.607687), ("seasonal-naive", 13.912273, 1.193210)],
)
def test_m4_hourly_gives_the_published_smape_and_mase(dataset: Dataset, run_of, name, smape, mase):
    task = Task("m4-hourly", M4)

    run = run_of(name, task, dataset("m4-hourly"))

    print(f"M4 Hourly, {name}: sMAPE {run.scores['sMAPE']:.6f}, MASE {run.scores['MASE']:.6f}")  # noqa: T201
    assert run.windows == 414
    assert only(run, ("sMAPE", "MASE")) == to_digits(6, sMAPE=smape, MASE=mase)


def test_m4_hourly_gives_the_published_interval_score_and_coverage_of_naive(dataset: Dataset, run_of):
    task = Task("m4-hourly", M4, quantile_levels=(0.025, 0.975))

    run = run_of("naive", task, dataset("m4-hourly"))

    print(f"M4 Hourly, naive: MSIS {run.scores['MSIS']:.5f}, coverage {run.scores['coverage']:.5f}")  # noqa: T201
    assert only(run, ("MSIS", "coverage")) == to_digits(5, MSIS=71.24497, coverage=0.93851)


@pytest.mark.parametrize("aggregation", ["pooled", "series", "cutoff", "window"])
def test_m4_hourly_scores_the_same_however_it_is_aggregated(dataset: Dataset, run_of, aggregation: Aggregation):
    """One window a series, all of one length: means of means are the mean."""
    run = run_of("naive", Task("m4-hourly", M4), dataset("m4-hourly"), pooled_as(aggregation))

    assert only(run, ("sMAPE", "MASE")) == to_digits(6, sMAPE=43.002987, MASE=11.607687)


@pytest.mark.parametrize(
    ("name", "sql", "mase", "wape", "wql"),
    [
        ("naive", 2.313658912, 1.718414182, 0.338907016, 0.490342447),
        ("seasonal-naive", 1.206889929, 1.322715890, 0.286422459, 0.259709018),
        ("drift", 2.422186261, 1.782332336, 0.351743820, 0.513664494),
    ],
)
def test_fev_bench_ett_1h_gives_the_published_scores(dataset: Dataset, run_of, name, sql, mase, wape, wql):
    protocol = RollingOrigin(168, windows=20, stride=168, max_context=1000)
    task = Task("ett-1h", protocol, quantile_levels=TENTHS)

    run = run_of(name, task, dataset("ett-1h"), pooled_as("cutoff"))

    assert run.windows == 2 * 20
    assert only(run, ("SQL", "MASE", "WAPE", "WQL")) == to_digits(9, SQL=sql, MASE=mase, WAPE=wape, WQL=wql)


def test_gift_eval_m4_hourly_gives_the_published_scores_of_seasonal_naive(dataset: Dataset, run_of):
    task = Task("m4-hourly", M4, quantile_levels=TENTHS)

    run = run_of("seasonal-naive", task, dataset("m4-hourly"))

    assert only(run, ("MASE", "WAPE", "MAPE", "WQL")) == to_digits(
        6, MASE=1.193210, WAPE=0.048309, MAPE=0.156120, WQL=0.037573
    )
    assert run.scores["sMAPE"] / 100 == pytest.approx(0.139123, abs=5e-7)  # there it goes from 0 to 2
    assert run.scores["MAE"] == pytest.approx(353.85625, abs=5e-6)
    assert run.scores["RMSE"] == pytest.approx(1901.1459, abs=5e-5)


def test_gift_eval_m4_hourly_gives_the_published_scores_of_naive(dataset: Dataset, run_of):
    task = Task("m4-hourly", M4, quantile_levels=TENTHS)

    run = run_of("naive", task, dataset("m4-hourly"))

    assert only(run, ("MASE", "WQL")) == to_digits(6, MASE=11.607687, WQL=0.136489)


@pytest.mark.parametrize(
    ("horizon", "windows", "name", "mse", "mae"),
    [
        (96, 2785, "naive", 1.294371, 0.713181),
        (96, 2785, "seasonal-naive", 0.512225, 0.433303),
        (192, 2689, "naive", 1.324880, 0.733101),
        (192, 2689, "seasonal-naive", 0.580781, 0.469160),
        (336, 2545, "naive", 1.329927, 0.745972),
        (336, 2545, "seasonal-naive", 0.649914, 0.500762),
    ],
)
def test_long_horizons_on_etth1_give_the_published_errors(dataset: Dataset, run_of, horizon, windows, name, mse, mae):
    protocol, split = RollingOrigin(horizon, stride=1), TimeSplit(8640, 2880, 2880)
    task = Task("etth1", protocol, split, standardise=True)

    run = run_of(name, task, dataset("etth1"), METRICS[:2])

    assert run.windows == windows
    assert run.scores == to_digits(6, MSE=mse, MAE=mae)
