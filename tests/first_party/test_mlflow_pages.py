"""The pages of `harness ui`: which exist, and what they say where there is little or faulty data."""

from __future__ import annotations

import os
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow_homes import client_of, copy_home, fill, mirror
from starlette.requests import Request
from starlette.responses import Response

from harness import write_checked_json
from harness_mlflow import server
from harness_mlflow.index import Index
from harness_mlflow.mlflow_page import MlflowPage
from harness_mlflow.pages import Pages, Served
from harness_mlflow.place import Place
from harness_mlflow.runs import Runs
from harness_mlflow.views import BOARD, SHARED

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector


def request(**parameters: str) -> Request:
    return Request({"type": "http", "method": "GET", "headers": [], "path_params": parameters})


def text_of(response: Response) -> str:
    return bytes(response.body).decode()


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a board that is in MLflow."""
    home = tmp_path_factory.mktemp("sent") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        fill(home, "hills")
        mirror(home)
    return home


@pytest.fixture
def mirrored(sent: Path, tmp_path: Path) -> Path:
    """A copy of that home."""
    return copy_home(sent, tmp_path / "home")


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    fill(tmp_path, "hills")
    return Pages(Served(tmp_path, "own", "/mlflow"))


def test_a_board_without_a_name_does_not_exist_and_leaves_the_list_of_boards(pages: Pages) -> None:
    assert pages.show_board(request(name="")).status_code == 404

    listed = pages.show_home(request())

    assert listed.status_code == 200
    assert 'href="/boards/hills"' in text_of(listed)


def test_a_home_without_boards_says_so(tmp_path: Path) -> None:
    answer = Pages(Served(tmp_path, "own", "/mlflow")).show_home(request())

    assert (answer.status_code, "No board was run yet." in text_of(answer)) == (200, True)


class TestServer:
    def test_settings_of_a_server_elsewhere_are_left_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for name in server.FOREIGN:
            monkeypatch.setenv(name, "/elsewhere")
        monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", "ERROR")

        made = server._environment(Place(tmp_path))

        assert not set(server.FOREIGN) & set(made)
        assert (made["MLFLOW_LOGGING_LEVEL"], made["PATH"]) == ("ERROR", os.environ["PATH"])

    @pytest.mark.slow
    def test_a_prefix_of_a_server_elsewhere_does_not_move_the_pages(
        self, mirrored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_STATIC_PREFIX", "/elsewhere")

        with server.serve(Place(mirrored), None) as address, urllib.request.urlopen(f"{address}/mlflow") as answer:
            text = answer.read().decode()
        assert "/elsewhere" not in text
        assert "MLflow" in text


class TestMlflowPage:
    def text(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", Place(home).uri)
        answer = MlflowPage(Served(home, Place(home).store, "/mlflow")).show(request())
        assert answer.status_code == 200
        return text_of(answer)

    def test_a_view_that_someone_else_made_unreadable_is_left_out(
        self, mirrored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        boards = Served(mirrored, Place(mirrored).store, "/mlflow").boards()
        client_of(mirrored).set_experiment_tag(boards["hills"].experiment, SHARED + BOARD, "no JSON")

        text = self.text(mirrored, monkeypatch)

        assert f'{{"{boards["hills"].cells_experiment}": {{"digest"' in text

    def test_it_is_shown_without_views_where_the_index_is_of_a_later_version(
        self, mirrored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = Index(Place(mirrored)).path
        write_checked_json(path, {}, 999)

        assert "<script" in self.text(mirrored, monkeypatch)


class TestDeletedRuns:
    @pytest.mark.parametrize("outside", ["", "..", "../../elsewhere/run/artifacts"])
    def test_files_outside_of_the_folders_of_experiments_stay(self, mirrored: Path, outside: str) -> None:
        place = Place(mirrored)
        kept = mirrored / "elsewhere" / "run" / "artifacts" / "file"
        kept.parent.mkdir(parents=True)
        kept.write_text("kept")
        runs = Runs(client_of(mirrored), place, lambda: None)
        experiment = Served(mirrored, place.store, "/mlflow").boards()["hills"].experiment
        run = next(runs.find(experiment))

        runs.delete(replace(run, artifacts=f"{place.artifacts.as_uri()}/{outside}"))

        assert kept.exists()
        assert place.artifacts.exists()
        assert (mirrored / "mlflow" / "mlflow.db").exists()


def test_a_page_is_made_once_until_results_change(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.show_board(request(name="hills"))
    made: list[Any] = []
    monkeypatch.setattr("harness.board_page", lambda *arguments: made.append(arguments) or "page")

    assert pages.show_board(request(name="hills")).status_code == 200
    assert made == []
