"""`harness.compare` and `harness.evaluate` on data frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import harness
from harness import BadInput, Context, Floats, LocalForecaster, Panel, RollingOrigin, Task


@dataclass
class Best(LocalForecaster):
    """Continues the cycle of seven days, exactly."""

    def predict_series(self, context: Context) -> Floats:
        return context.target[-7:][np.arange(context.horizon) % 7]


def frame(days: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-01-01", periods=days, freq="D")
    noise = rng.normal(0, 1, days)
    return pd.DataFrame({"date": times, "sales": 100 + 10.0 * (np.arange(days) % 7) + noise})


def test_forecasters_by_name_and_objects_are_ranked_on_a_frame() -> None:
    result = harness.compare(["naive", "theta", Best()], frame(), horizon=7)

    assert set(result.runs) == {"seasonal-naive", "naive", "theta", "Best"}
    table = result.table()
    assert table.index[0] == result.best
    assert result.best in ("Best", "seasonal-naive")
    assert table.loc["Best", "skill"] == pytest.approx(0)  # it is the baseline
    assert list(table["rank"]) == sorted(table["rank"])


def test_covariates_that_a_forecaster_cannot_use_are_marked() -> None:
    data = frame().assign(promotion=np.arange(90) % 2)

    result = harness.compare(["theta", "ridge", Best()], data, horizon=7, target="sales", known="promotion")

    assert result.runs["theta"].ignored_covariates == ("promotion",)
    ignored = result.table()["ignored_covariates"]
    assert ignored[ignored != ""].to_dict() == dict.fromkeys(["seasonal-naive", "theta"], "data: promotion")
    page = result.page()
    assert "<dt>¶</dt><dd>cannot use covariates that a task offers" in page
    assert "seasonal-naive, theta: cannot use covariates of data: promotion" in page
    assert "ignored_covariates" not in harness.compare(["theta"], frame(), horizon=7).table()


def test_hours_with_a_week_have_calendar_covariates() -> None:
    times = pd.date_range("2024-01-01", periods=168 * 5, freq="h")
    noise = np.random.default_rng(0).normal(size=len(times))
    data = pd.DataFrame({"time": times, "sales": np.where(times.dayofweek == 6, 0, 20 + times.hour + noise)})

    result = harness.compare(["naive", "ridge"], data, horizon=24)
    without = harness.compare(["naive", "ridge"], data, horizon=24, calendar=False)

    assert result.reasons[-1].endswith("`calendar=False` leaves them out")
    assert result.runs["naive"].ignored_covariates[0] == "time of day sin 1"
    assert result.runs["naive"].scores == without.runs["naive"].scores
    assert result.runs["ridge"].scores["RMSSE"] < 0.9 * without.runs["ridge"].scores["RMSSE"]
    assert without.reasons == result.reasons[:-1]


def test_a_forecaster_that_fails_is_ranked_last_with_a_warning() -> None:
    class Flat(LocalForecaster):
        def predict_series(self, context: Context) -> Floats:
            return np.zeros(context.horizon)

    with pytest.warns(UserWarning, match=r"^Flat: invalid: every window: predict_series must return a Forecast, or"):
        result = harness.compare(["naive", Flat()], frame(), horizon=7)

    assert result.table().index[-1] == "Flat"
    assert result.table().loc["Flat", ["skill", "data"]].isna().all()
    assert result.table().loc["Flat", "failed_results"] == 1


def test_windows_that_fail_are_warned_of() -> None:
    class Sometimes(LocalForecaster):
        def predict_series(self, context: Context) -> Floats:
            if len(context.target) % 2:
                raise RuntimeError("an odd length")
            return np.zeros((context.horizon, 1))

    with pytest.warns(UserWarning, match=r"^Sometimes: 2 of 4 windows failed .*: an odd length"):
        harness.compare([Sometimes()], frame(), horizon=7, windows=4)


def test_scores_are_those_of_an_evaluation() -> None:
    result = harness.compare({"mine": Best()}, frame(), horizon=7, windows=4, quantile_levels=())

    task = Task("data", RollingOrigin(7, windows=4))
    run = harness.evaluate(Best(), task, Panel.from_frame(frame()))

    assert result.runs["mine"].scores["MASE"] == run.scores["MASE"]


def test_a_notebook_shows_the_page() -> None:
    result = harness.compare(["naive"], frame(), horizon=7)

    html = result._repr_html_()

    assert html.startswith("<iframe srcdoc=")
    assert "seasonal-naive" in result.page()
    assert repr(result).startswith("<Comparison of 2 forecasters by MASE: 1. seasonal-naive")


def test_frames_of_other_libraries_and_panels_are_the_same() -> None:
    scores = [
        harness.compare(["naive"], data, horizon=7).runs["naive"].scores["MASE"]
        for data in (frame(), pa.Table.from_pandas(frame()), Panel.from_frame(frame()))
    ]

    assert len(set(scores)) == 1


def test_evaluate_takes_a_frame() -> None:
    task = Task("sales", RollingOrigin(7, windows=3))

    assert (
        harness.evaluate("naive", task, frame()).scores
        == harness.evaluate("naive", task, Panel.from_frame(frame())).scores
    )


@pytest.mark.parametrize(
    ("forecasters", "message"),
    [
        ("naive", r"forecasters must be a list such as"),
        ([Best(), Best()], "two forecasters are called 'Best'; name them"),
        (["niave"], "did you mean 'naive'"),
    ],
)
def test_bad_forecasters_are_refused(forecasters: object, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        harness.compare(forecasters, frame(), horizon=7)
