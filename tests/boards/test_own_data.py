"""Boards of files: what they state, that they are boards, and that a file cannot be mistaken for another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.boards import own_calendar
from harness.boards.leaderboard import load_board, read_leaderboard
from harness.boards.own_data import own_board
from harness.boards.own_protocol import BoardRequest, own_protocol
from harness.boards.workspace import Workspace
from harness.data.panel import Channel, Panel
from harness.data.table_dataset import TableDataset, load_table_dataset, read_table_dataset
from harness.errors import BadBoard, BadTask, DataUnavailable
from harness.plugins import table_datasets
from harness.plugins.catalog import load_catalog


@pytest.fixture(autouse=True)
def nothing_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(table_datasets.VARIABLE, "{}")


def sales(days: int = 60, seed: int = 0) -> pd.DataFrame:
    """Daily sales of two stores, with a promotion."""
    rng = np.random.default_rng(seed)
    times = pd.date_range("2024-01-01", periods=days, freq="D")
    frames = [
        pd.DataFrame(
            {"date": times, "store": name, "sales": rng.normal(100, 9, days), "promo": rng.integers(0, 2, days)}
        )
        for name in ("north", "south")
    ]
    return pd.concat(frames)


def hourly(weeks: int = 6, closed: int | None = 6) -> pd.DataFrame:
    """Hourly sales of two stores, which one weekday is closed."""
    times = pd.date_range("2024-01-01", periods=168 * weeks, freq="h")
    sales = 20.0 + 5 * np.sin(2 * np.pi * times.hour / 24) + np.random.default_rng(0).normal(size=len(times))
    frame = pd.DataFrame({"time": times, "sales": np.where(times.dayofweek == closed, 0, sales)})
    return pd.concat([frame.assign(store="north"), frame.assign(store="south", sales=frame["sales"] * 2)])


def with_weather(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with a level of each day that is like that of the day before, so that days resemble their neighbours."""
    weather = np.zeros(len(frame) // 24)
    shocks = np.random.default_rng(0).normal(size=len(weather))
    for i in range(1, len(weather)):
        weather[i] = 0.9 * weather[i - 1] + 4 * shocks[i]
    return frame.assign(sales=frame["sales"] + np.repeat(weather, 24))


def written(folder: Path, frame: pd.DataFrame, name: str = "sales.csv") -> Path:
    frame.to_csv(folder / name, index=False)
    return folder / name


def board_of(path: Path, request: BoardRequest, **options: object) -> str:
    dataset = TableDataset(file=str(path), **options)
    return own_board(dataset, read_table_dataset(dataset), request, load_catalog()).text


class TestOwnBoard:
    def test_its_board_file_is_a_board_of_the_same_data(self, tmp_path: Path) -> None:
        path = written(tmp_path, sales())
        (tmp_path / "own").mkdir()
        file = tmp_path / "own" / "leaderboard.toml"
        file.write_text(board_of(path, BoardRequest(7), known="promo"))

        board = load_board(str(file), load_catalog())

        (task,) = board.tasks
        lags = {entry.name: entry.parameters.get("known_lags") for entry in board.forecasters}
        assert (lags["ridge"], lags["gradient-boosting"], lags["dense"]) == (24, 24, None)
        assert (task.dataset, task.label, task.horizon, board.baseline) == ("sales.csv", "sales", 7, "seasonal-naive")
        own, stated = load_table_dataset(TableDataset(file=str(path), known="promo")), board.datasets[0]
        assert load_table_dataset(stated).fingerprint() == own.fingerprint()
        assert (stated.time, stated.id, stated.target, stated.known) == ("date", ("store",), ("sales",), ("promo",))

    def test_a_wide_file_keeps_its_layout(self, tmp_path: Path) -> None:
        wide = sales().pivot(index="date", columns="store", values="sales").reset_index()
        path = written(tmp_path, wide)
        (tmp_path / "leaderboard.toml").write_text(board_of(path, BoardRequest(7), layout="wide"))

        (stated,) = read_leaderboard(tmp_path / "leaderboard.toml").datasets

        assert load_table_dataset(stated).ids == ("north", "south")

    def test_paths_are_relative_to_the_board(self, tmp_path: Path) -> None:
        written(tmp_path, sales())
        (tmp_path / "own").mkdir()
        file = tmp_path / "own" / "leaderboard.toml"
        file.write_text(
            'title = "x"\nmetric = "MASE"\nbaseline = "naive"\nforecasters = [{ name = "naive" }]\n[[tasks]]\n'
            'dataset = { file = "../sales.csv", target = "sales" }\n'
            'protocol = { kind = "rolling-origin", horizon = 7, windows = 2 }\n'
        )

        (stated,) = read_leaderboard(file).datasets

        assert stated.file == str((tmp_path / "sales.csv").resolve())

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ('{ fle = "a.csv" }', "line 6.*unknown key 'fle'.*did you mean 'file'"),
            ('{ file = "a.csv", freq = 3 }', "line 6.*freq must be a text"),
            ('{ file = "a.csv", target = "x", past = "x" }', "column 'x' is named as target and as past"),
        ],
    )
    def test_a_wrong_table_is_told_with_its_line(self, tmp_path: Path, table: str, message: str) -> None:
        file = tmp_path / "leaderboard.toml"
        file.write_text(
            'title = "x"\nmetric = "MASE"\nbaseline = "naive"\nforecasters = [{ name = "naive" }]\n[[tasks]]\n'
            f'dataset = {table}\nprotocol = {{ kind = "rolling-origin", horizon = 7, windows = 2 }}\n'
        )

        with pytest.raises(BadBoard, match=message):
            read_leaderboard(file)

    def test_two_datasets_of_one_name_are_refused(self, tmp_path: Path) -> None:
        table_datasets.declare(TableDataset(file=str(tmp_path / "a" / "sales.csv")))

        with pytest.raises(BadBoard, match=r"two datasets of this command are called 'sales\.csv'.*name = …"):
            table_datasets.declare(TableDataset(file=str(tmp_path / "b" / "sales.csv")))

    def test_the_name_of_a_dataset_of_a_plugin_is_refused(self, tmp_path: Path) -> None:
        table_datasets.declare(TableDataset(file=str(written(tmp_path, sales())), name="nile"))

        with pytest.raises(BadBoard, match=r"sales\.csv is a dataset called 'nile', and so is one of plugin datasets"):
            load_catalog().datasets["nile"]

    def test_a_changed_file_has_another_fingerprint(self, tmp_path: Path) -> None:
        path = written(tmp_path, sales())
        table_datasets.declare(TableDataset(file=str(path), target="sales"))
        workspace = Workspace(tmp_path / "home")
        (tmp_path / "home").mkdir()
        before = workspace.fingerprints.of(workspace.catalog.datasets["sales.csv"])

        written(tmp_path, sales(seed=1))

        assert workspace.fingerprints.of(workspace.catalog.datasets["sales.csv"]) != before

    def test_a_file_that_is_gone_is_unavailable(self, tmp_path: Path) -> None:
        table_datasets.declare(TableDataset(file=str(tmp_path / "gone.csv")))
        workspace = Workspace(tmp_path / "home")

        with pytest.raises(DataUnavailable, match=r"gone\.csv of dataset 'gone\.csv' cannot be read"):
            workspace.fingerprints.of(workspace.catalog.datasets["gone.csv"])


class TestCalendar:
    """Boards of files of hours have calendar covariates, if their values differ by the weekday."""

    @pytest.mark.parametrize("frame", [hourly(), with_weather(hourly(weeks=10))])
    def test_a_board_of_hours_states_them(self, tmp_path: Path, frame: pd.DataFrame) -> None:
        path = written(tmp_path, frame)
        dataset = TableDataset(file=str(path))
        board = own_board(dataset, read_table_dataset(dataset), BoardRequest(24), load_catalog())
        (tmp_path / "leaderboard.toml").write_text(board.text)

        (stated,) = read_leaderboard(tmp_path / "leaderboard.toml").datasets

        assert stated.calendar is True
        assert load_table_dataset(stated).fingerprint() == Panel(**board.reading.panel_fields()).fingerprint()
        assert len(load_table_dataset(stated).channels) == 9
        assert "known_lags" not in board.text
        assert any("--no-calendar leaves them out" in reason for reason in board.reasons)

    @pytest.mark.parametrize(
        ("frame", "options"),
        [
            (hourly(), {"calendar": False}),
            (hourly(weeks=10, closed=None), {}),
            (hourly(weeks=3), {}),  # eleven days before the first cutoff
            (hourly(weeks=10), {"season_length": 168}),
            (sales(), {"target": "sales"}),
            (hourly().assign(**{"time of day sin 1": 1.0}), {"known": "time of day sin 1"}),
        ],
    )
    def test_other_boards_have_none(self, tmp_path: Path, frame: pd.DataFrame, options: dict[str, object]) -> None:
        text = board_of(written(tmp_path, frame), BoardRequest(24 if "time" in frame else 7), **options)

        assert "calendar" not in text

    def test_large_data_have_none_and_a_reason(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(own_calendar, "MOST_ROWS", 1000)
        dataset = TableDataset(file=str(written(tmp_path, hourly())))

        board = own_board(dataset, read_table_dataset(dataset), BoardRequest(24), load_catalog())

        assert "calendar" not in board.text
        assert any("--calendar adds them" in reason for reason in board.reasons)

    def test_those_that_are_asked_for_are_stated_for_days_too(self, tmp_path: Path) -> None:
        assert "calendar = true" in board_of(written(tmp_path, sales()), BoardRequest(7), target="sales", calendar=True)

    def test_lags_are_those_of_the_covariates_of_the_file(self, tmp_path: Path) -> None:
        path = written(tmp_path, hourly().assign(promo=1.0))

        assert "known_lags = 26" in board_of(path, BoardRequest(24), target="sales", known="promo")  # of 240 columns
        assert "known_lags = 48" in board_of(path, BoardRequest(24), target="sales", known="promo", calendar=False)


class TestOwnProtocol:
    def test_windows_leave_two_seasons_before_them(self) -> None:
        panel = Panel.of([np.arange(100.0)] * 3, season_length=12)

        found = own_protocol(panel, BoardRequest(10))

        assert found.windows == (100 - 24) // 10

    def test_there_are_at_most_ten_windows(self) -> None:
        assert own_protocol(Panel.of([np.arange(1000.0)]), BoardRequest(5)).windows == 10

    def test_short_series_have_one_window_after_a_season(self) -> None:
        found = own_protocol(Panel.of([np.arange(30.0)], season_length=12), BoardRequest(12))

        assert found.windows == 1

    def test_too_short_series_are_refused_with_the_length_that_is_needed(self) -> None:
        with pytest.raises(BadTask, match="at least 25 observations, 13 of them before the first cutoff"):
            own_protocol(Panel.of([np.arange(24.0)], season_length=12), BoardRequest(12))

    def test_intermittent_series_are_scored_by_rmsse(self) -> None:
        rare = np.zeros(60)
        rare[::4] = 3

        assert own_protocol(Panel.of([rare, rare, np.arange(1, 61.0)]), BoardRequest(5)).metric == "RMSSE"
        assert own_protocol(Panel.of([rare, np.arange(1, 61.0)]), BoardRequest(5)).metric == "MASE"

    def test_closed_nights_are_not_intermittent(self) -> None:
        hours = np.arange(240.0)
        shop = np.where(hours % 24 < 14, 0, hours)

        hourly = Panel.of([shop], freq="h", start="2024-01-01", season_length=24)

        assert own_protocol(hourly, BoardRequest(5)).metric == "MASE"
        assert own_protocol(Panel.of([shop]), BoardRequest(5)).metric == "RMSSE"

    def test_intermittent_series_have_forecasters_of_their_own(self, tmp_path: Path) -> None:
        frame = sales()
        path = written(tmp_path, frame.assign(sales=np.where(np.arange(len(frame)) % 4, 0, frame["sales"])))

        assert '"sba"' in board_of(path, BoardRequest(7))
        assert '"sba"' not in board_of(written(tmp_path, frame, "often.csv"), BoardRequest(7))
        assert board_of(path, BoardRequest(7, forecasters=("autoreg", "sba"))).count('"sba"') == 1

    def test_classes_are_scored_by_log_loss(self) -> None:
        panel = Panel.of([np.arange(60.0) % 2], channels=[Channel("state", categories=("a", "b"))])

        found = own_protocol(panel, BoardRequest(5))

        assert (found.metric, found.baseline, found.quantile_levels) == ("log loss", "majority-class", ())
