"""`harness run --data`, `harness new board FILE` and `harness forecast`, on files as users have them."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness import Journal
from harness.cli.main import main
from harness.data.tables import files
from harness.data.tables.files import read_file
from harness.plugins import table_datasets

pytestmark = pytest.mark.long_file

POINTS = """
import numpy as np

from harness import ForecasterSpec, LocalForecaster, hookimpl


class Points(LocalForecaster):
    def predict_series(self, context):
        return np.full((context.horizon, context.target.shape[1]), context.target[-1, 0])


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("points", "points:Points")]
"""


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command in a folder, which ended; one process is enough for the cells of `harness run`."""
    jobs = ["--jobs", "1"] if arguments[0] == "run" and "--jobs" not in arguments else []
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, arguments), *jobs],
        cwd=folder,
        env={**os.environ, "HARNESS_HOME": str(folder / "home"), "HARNESS_MLFLOW": "off", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def harness(folder: Path, *arguments: object, code: int = 0) -> str:
    """The output of a command in a folder."""
    done = run(folder, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def standings(folder: Path) -> list[dict[str, str]]:
    """The rows of the standings of the board `sales`."""
    return list(csv.DictReader(harness(folder, "show", "sales", "--csv").splitlines()))


def seasonal(days: int = 70) -> pd.DataFrame:
    """Daily sales of two stores with a weekly season, without noise, and promotions that are known a week ahead."""
    times = pd.date_range("2024-01-01", periods=days + 7, freq="D")
    frames = []
    for level, name in ((100, "north"), (50, "south")):
        values = level + 10.0 * (np.arange(days + 7) % 7)
        values[days:] = np.nan
        frames.append(pd.DataFrame({"date": times, "store": name, "sales": values, "promo": np.arange(days + 7) % 2}))
    return pd.concat(frames)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file, which was run."""
    folder = tmp_path_factory.mktemp("own")
    seasonal().to_csv(folder / "sales.csv", index=False)
    harness(folder, "run", "--data", "sales.csv", "--horizon", 7, "--known", "promo", "--only", "theta,naive")
    return folder


def test_a_file_is_run_as_a_board_of_its_name(folder: Path) -> None:
    output = harness(folder, "run", "--data", "sales.csv", "--horizon", 7, "--known", "promo", "--only", "theta,naive")

    assert "sales.csv" in output
    assert "frequency D" in output
    assert "Nothing to do" in output
    assert {row["forecaster"] for row in standings(folder)} >= {"theta", "naive", "seasonal-naive"}


def test_any_forecaster_can_be_named_and_stays_on_the_board(folder: Path) -> None:
    run = ("run", "--data", "sales.csv", "--horizon", 7, "--known", "promo", "--only")
    harness(folder, *run, "croston")

    assert "croston" in {row["forecaster"] for row in standings(folder)}
    harness(folder, *run, "theta")
    assert "croston" in {row["forecaster"] for row in standings(folder)}


def test_a_forecast_is_made_after_the_last_actual(folder: Path) -> None:
    output = harness(
        folder,
        "forecast",
        "sales.csv",
        "--with",
        "seasonal-naive",
        "--horizon",
        7,
        "--known",
        "promo",
        "--plot",
        "p.html",
    )

    table = pd.read_csv(folder / "forecast.csv", parse_dates=["time"])
    assert list(table.columns) == ["series", "time", "mean", "q0.1", "q0.5", "q0.9"]
    assert table["time"].min() == pd.Timestamp("2024-03-11")  # the last actual is of 10 March
    north = table[table["series"] == "north"]["mean"].to_numpy()
    np.testing.assert_allclose(north, 100 + 10.0 * (np.arange(70, 77) % 7))
    assert "should have 80%" in output
    assert "<svg" in (folder / "p.html").read_text(encoding="utf-8")


def test_the_best_forecaster_is_taken_by_default(folder: Path) -> None:
    output = harness(
        folder, "forecast", "./home/boards/sales/leaderboard.toml", "--horizon", 3, "--out", "three.parquet"
    )

    table = pq.read_table(folder / "three.parquet")
    assert table.num_rows == 6
    assert f"{standings(folder)[0]['forecaster']} was fitted to 140 observed values of 2 series" in output


def test_missing_values_are_not_counted_and_the_fit_is_announced(tmp_path: Path) -> None:
    frame = seasonal(70).drop(columns="promo").dropna()
    frame.loc[frame.index[3:5], "sales"] = np.nan  # of both stores
    frame = frame[~((frame["store"] == "south") & (frame["date"].dt.day == 20))]  # in three months
    frame.to_csv(tmp_path / "sales.csv", index=False)

    done = run(tmp_path, "forecast", "sales.csv", "--with", "naive", "--horizon", 7)

    assert done.stderr.splitlines()[-1] == "fitting naive to 134 observed values of 2 series"
    assert "forecaster naive was fitted to 134 observed values of 2 series" in done.stdout


def test_a_forecaster_without_quantiles_has_no_coverage(tmp_path: Path) -> None:
    seasonal().drop(columns="promo").dropna().to_csv(tmp_path / "sales.csv", index=False)
    (tmp_path / "points.py").write_text(POINTS)
    plugin = ("--plugin-file", "points.py")
    harness(tmp_path, *plugin, "run", "--data", "sales.csv", "--horizon", 7, "--only", "points")

    output = harness(tmp_path, *plugin, "forecast", "sales", "--with", "points", "--plot", "p.html")

    assert list(pd.read_csv(tmp_path / "forecast.csv").columns) == ["series", "time", "mean"]
    assert "points gives no quantiles: its forecasts have no intervals" in output
    assert "points gives no quantiles" in (tmp_path / "p.html").read_text(encoding="utf-8").lower()
    assert "of the actuals" not in output


def test_the_board_of_a_file_can_be_kept(folder: Path) -> None:
    harness(folder, "new", "board", "sales.csv", "--horizon", 7, "--known", "promo", "--into", "boards")

    output = harness(folder, "run", "./boards/sales", "--only", "naive", "--home", "other")

    assert "seasonal-naive" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "sals.csv", "--horizon", 7), "there is no file sals.csv; did you mean 'sales.csv'?"),
        (("--data", "sales.csv"), "how many steps of sales.csv are to be forecast? add --horizon"),
        (
            ("--data", "sales.csv", "--horizon", 7, "--target", "sale"),
            "there is no column 'sale'; did you mean 'sales'?",
        ),
        (("--data", "sales.csv", "--horizon", 900), "a horizon of 900 steps needs series of at least 908 observations"),
        (
            ("--data", "sales.csv", "--horizon", 7, "--metric", "rmsse"),
            "no metric called 'rmsse'; did you mean 'RMSSE'?",
        ),
        (
            ("--data", "sales.csv", "--horizon", 7, "--only", "sbaa"),
            "no forecaster called 'sbaa'; did you mean 'sba'?",
        ),
        (("classics", "--target", "x"), "--target is an option of files; add --data FILE"),
        (("--data", "sales.csv", "classics", "--horizon", 7), "name the boards to run, or else say --all, or --data"),
    ],
)
def test_bad_input_is_one_sentence(folder: Path, arguments: tuple[object, ...], message: str) -> None:
    output = harness(folder, "run", *arguments, code=2)

    assert message in output
    assert "Traceback" not in output


def test_known_covariates_must_reach_over_the_horizon(folder: Path) -> None:
    output = harness(
        folder, "forecast", "sales.csv", "--with", "ridge", "--horizon", 8, "--known", "promo", "--out", "o.csv", code=2
    )

    problem = (
        "the known covariate 'promo' of series 'north' has no value at 2024-03-18, step 8 of 8 after the last actual"
    )
    assert f"{problem}, and ridge needs it; add rows with its values and an empty target" in output
    assert "name the column by --past instead of --known" in output


def test_known_covariates_ahead_are_checked_before_the_evaluation(folder: Path) -> None:
    output = harness(
        folder, "forecast", "sales.csv", "--horizon", 8, "--known", "promo", "--home", "new", "--jobs", 1, code=2
    )

    assert "step 8 of 8 after the last actual, and ridge, gradient-boosting, dense, lstm need it" in output
    assert not list(Journal(folder / "new").keys())


def hourly() -> pd.DataFrame:
    """Ten days of hours in Berlin up to the evening before the clocks change."""
    times = pd.date_range("2024-10-17", "2024-10-26 23:00", freq="h", tz="Europe/Berlin")
    return pd.DataFrame({"time": times, "sales": 10.0 + np.arange(len(times)) % 24})


def test_calendar_covariates_need_no_rows_ahead(tmp_path: Path) -> None:
    times = pd.date_range("2024-09-09", periods=168 * 7, freq="h")  # up to the day on which the clocks of Berlin change
    sales = np.where(times.dayofweek == 6, 0, 20.0 + times.hour)
    pd.DataFrame({"time": times, "sales": sales}).to_csv(tmp_path / "hours.csv", index=False)

    board = harness(tmp_path, "new", "board", "hours.csv", "--horizon", 24)
    output = harness(tmp_path, "forecast", "./hours", "--horizon", 48, "--with", "ridge")

    assert "the time of day and of the week are known covariates" in board
    assert "calendar = true" in (tmp_path / "hours" / "leaderboard.toml").read_text()
    assert "wrote 48 steps of each series" in output
    assert pd.read_csv(tmp_path / "forecast.csv")["mean"].notna().all()


def test_calendar_covariates_of_weeks_are_refused(tmp_path: Path) -> None:
    times = pd.date_range("2020-01-06", periods=150, freq="W-MON")
    pd.DataFrame({"time": times, "sales": np.arange(150.0)}).to_csv(tmp_path / "weeks.csv", index=False)

    output = harness(tmp_path, "run", "--data", "weeks.csv", "--horizon", 4, "--calendar", code=2)

    problem = "calendar covariates are for steps shorter than half a week, and the frequency is 'W-MON'"
    assert output.startswith(f"error: {problem}")
    assert "leave out --calendar" in output


def test_forecasts_have_the_zone_that_is_named(tmp_path: Path) -> None:
    frame = hourly()
    frame.assign(time=frame["time"].dt.tz_localize(None)).to_csv(tmp_path / "hours.csv", index=False)
    options = ("--with", "seasonal-naive", "--time-zone", "Europe/Berlin", "--plot", "p.html")

    harness(tmp_path, "forecast", "hours.csv", "--horizon", 4, *options)

    hours = ["00:00:00+02:00", "01:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00"]
    assert pd.read_csv(tmp_path / "forecast.csv")["time"].tolist() == [f"2024-10-27T{hour}" for hour in hours]
    assert "Times are those of Europe/Berlin." in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_parquet_has_timestamps_with_a_zone(tmp_path: Path) -> None:
    hourly().to_parquet(tmp_path / "hours.parquet")

    harness(tmp_path, "forecast", "hours.parquet", "--horizon", 4, "--with", "seasonal-naive", "--out", "o.parquet")

    times = pq.read_table(tmp_path / "o.parquet")["time"].to_pandas()
    assert times.tolist() == pd.date_range("2024-10-27", periods=4, freq="h", tz="Europe/Berlin").tolist()
    assert str(times.dt.tz) == "Europe/Berlin"


def test_forecasts_are_numbered_like_the_steps_of_the_data(tmp_path: Path) -> None:
    numbers = {"a": np.arange(100, 300, 5), "b": np.arange(2, 102, 5)}
    parts = [pd.DataFrame({"step": each, "id": name, "sales": 1.0 * each % 7}) for name, each in numbers.items()]
    frame = pd.concat(parts).assign(promo=1.0)
    frame.to_csv(tmp_path / "steps.csv", index=False)
    options = ("--horizon", 2, "--id", "id", "--target", "sales", "--season", 1)

    harness(tmp_path, "forecast", "steps.csv", *options, "--with", "naive", "--past", "promo", "--plot", "p.html")
    refused = harness(tmp_path, "forecast", "steps.csv", *options, "--with", "ridge", "--known", "promo", code=2)

    assert pd.read_csv(tmp_path / "forecast.csv")["time"].tolist() == [300, 305, 102, 107]
    assert "300 to 305" in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "the known covariate 'promo' of series 'a' has no value at 300, step 1 of 2" in refused


def test_a_board_that_only_the_home_knows_is_found_by_its_name(folder: Path) -> None:
    output = harness(folder, "forecast", "sales", "--with", "theta", "--out", "by_name.csv")
    replayed = harness(folder, "replay", "sales", "theta", "sales")
    again = harness(folder, "run", "sales", "--only", "theta")

    assert "sales (sales)" in again
    assert "steps of each series to by_name.csv" in output
    assert "equal" in replayed


def test_a_file_that_cannot_be_written_is_refused_before_the_evaluation(folder: Path) -> None:
    output = harness(folder, "forecast", "sales.csv", "--horizon", 7, "--home", "new", "--out", "o.xlsx", code=2)

    assert output == "error: forecasts are written to a file whose name ends in .csv, .parquet, .arrow, not o.xlsx\n"


def test_a_misspelled_board_of_the_home_has_a_hint(folder: Path) -> None:
    assert "no board called 'saels'; did you mean 'sales'?" in harness(folder, "forecast", "saels", code=2)


def test_a_wide_file_is_described_by_its_columns_and_the_season_by_its_reason(tmp_path: Path) -> None:
    steps = np.arange(120)
    wave = 50 + 9 * np.sin(2 * np.pi * steps / 20) + np.random.default_rng(0).normal(size=120)
    pd.DataFrame({"step": steps, "a": wave, "b": wave[::-1]}).to_csv(tmp_path / "wide.csv", index=False)

    output = harness(tmp_path, "new", "board", "wide.csv", "--wide", "--horizon", 5)

    assert "wide.csv: time step; series the columns 'a', 'b'" in output
    assert "2 series of 120 observations, no calendar, season length 20 (found in 2 of 2 series that were" in output
    assert "if another one is right, state it by --season" in output
    assert "season_length = 20" in (tmp_path / "wide" / "leaderboard.toml").read_text()


def test_a_file_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seasonal().to_csv(tmp_path / "sales.csv", index=False)
    read: list[Path] = []
    monkeypatch.setattr(files, "read_file", lambda path, options: read.append(path) or read_file(path, options))
    monkeypatch.setenv(table_datasets.VARIABLE, "{}")
    monkeypatch.setenv("HARNESS_MLFLOW", "off")
    command = ["run", "--data", str(tmp_path / "sales.csv"), "--horizon", "7", "--only", "naive", "--jobs", "1"]
    monkeypatch.setattr(sys, "argv", ["harness", *command, "--home", str(tmp_path / "home")])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0, capsys.readouterr()
    assert len(read) == 1


def test_data_that_must_be_mended_is_not_run(tmp_path: Path) -> None:
    frame = seasonal()
    pd.concat([frame, frame.assign(sales=1.0).iloc[:3]]).to_csv(tmp_path / "sales.csv", index=False)

    output = harness(tmp_path, "run", "--data", "sales.csv", "--horizon", 7, code=2)

    assert output.count("two rows for 2024-01-01") == 1
    assert "--aggregate" in output


def test_a_board_that_is_kept_takes_the_place_of_that_of_the_file(tmp_path: Path) -> None:
    seasonal().to_csv(tmp_path / "sales.csv", index=False)
    options = ("--horizon", 7, "--known", "promo")
    harness(tmp_path, "run", "--data", "sales.csv", *options, "--only", "naive")
    harness(tmp_path, "new", "board", "sales.csv", *options)

    harness(tmp_path, "run", "./sales", "--only", "drift")

    assert {row["forecaster"] for row in standings(tmp_path) if row["completed"] == "1"} >= {"drift", "seasonal-naive"}
    before = (tmp_path / "home" / "boards" / "sales" / "leaderboard.toml").read_bytes()
    output = harness(tmp_path, "run", "--data", "sales.csv", *options, "--only", "naive", code=2)
    assert f"error: the board of sales.csv is kept as {tmp_path.resolve()}/sales/leaderboard.toml" in output
    assert "name the board instead of the file, as in `harness run ./sales`, and edit it for other options" in output
    assert (tmp_path / "home" / "boards" / "sales" / "leaderboard.toml").read_bytes() == before


def test_a_board_of_the_home_is_found_where_a_folder_of_data_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "sales").mkdir()  # a folder with a file for each series
    for name, frame in seasonal().drop(columns="promo").dropna().groupby("store"):
        frame.drop(columns="store").to_csv(tmp_path / "sales" / f"{name}.csv", index=False)
    harness(tmp_path, "run", "--data", "sales", "--horizon", 7, "--only", "naive")

    assert "Nothing to do" in harness(tmp_path, "run", "sales", "--only", "naive")


def test_standings_say_that_the_board_file_was_changed_since(tmp_path: Path) -> None:
    seasonal().drop(columns="promo").dropna().to_csv(tmp_path / "sales.csv", index=False)
    harness(tmp_path, "new", "board", "sales.csv", "--horizon", 7, "--into", "kept")
    file = tmp_path / "kept" / "sales" / "leaderboard.toml"
    text = file.read_text()
    head, _, _ = text.partition("[[forecasters]]")
    board = head + "".join(f'[[forecasters]]\nname = "{name}"\n' for name in ("seasonal-naive", "naive", "drift"))
    file.write_text(board)
    harness(tmp_path, "run", "./kept/sales")
    show = ("show", "./kept/sales")

    file.write_text(f"# a comment\n{board}")
    assert "was changed" not in harness(tmp_path, *show)
    file.write_text(board.replace("windows = 8", "windows = 4"))
    shown, as_csv, page = (run(tmp_path, *show, *more) for more in ((), ("--csv",), ("--html", "p.html")))
    by_name, slices = harness(tmp_path, "show", "sales"), harness(tmp_path, *show, "--by", "step")
    slices_as_csv = run(tmp_path, *show, "--by", "step", "--csv")

    change = "sales/leaderboard.toml was changed since the last run: 3 of 3 cells are pending; run the board again"
    assert all(
        f"the board file kept/{change}" in output
        for output in (shown.stdout, as_csv.stderr, slices, slices_as_csv.stderr)
    )
    assert f"the board file {tmp_path.resolve()}/kept/{change}" in by_name
    assert len(list(csv.DictReader(as_csv.stdout.splitlines()))) == 3
    assert page.returncode == 0
    assert "3 of 3 cells are pending" in (tmp_path / "p.html").read_text(encoding="utf-8")
    file.write_text(f'{board}[[forecasters]]\nname = "mean"\n')
    assert "the last run: 1 of 4 cells is pending" in harness(tmp_path, *show)
    harness(tmp_path, "run", "./kept/sales")
    assert "was changed" not in harness(tmp_path, *show)
