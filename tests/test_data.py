"""Data files: looked up, checked, and downloaded only when asked to."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from harness import data
from harness.errors import BadData, DataUnavailable, HomeUnusable
from harness.panel import Panel
from harness.specs import DataFile, DatasetSpec

TEXT = b"1\n2\n3\n"
SUM = hashlib.sha256(TEXT).hexdigest()
WRONG = "0" * 64


def lines(*paths: Path) -> Panel:
    return Panel.of([np.loadtxt(path) for path in paths])


def dataset(*files: DataFile) -> DatasetSpec:
    return DatasetSpec("toy", lines, files=files)


def known(sha256: str | None = SUM, url: str = "http://unreachable.invalid/toy.csv") -> DatasetSpec:
    return dataset(DataFile("toy.csv", url, sha256))


def put(folder: Path, text: bytes = TEXT, name: str = "toy.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text)
    return folder / name


@pytest.fixture(autouse=True)
def _no_data_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


class _Server(ThreadingHTTPServer):
    asked: list[str]


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        assert isinstance(self.server, _Server)
        self.server.asked.append(self.path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[_Server]:
    folder = tmp_path / "served"
    put(folder)
    with _Server(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as made:
        made.asked = []
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def url(server: _Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/toy.csv"


class TestLooking:
    def test_a_dataset_without_files_is_always_here(self, tmp_path: Path) -> None:
        assert data.data_paths(dataset(), tmp_path) == ()
        assert data.available(dataset(), tmp_path)

    def test_a_file_is_found_in_the_home(self, tmp_path: Path) -> None:
        path = put(tmp_path / "data")

        assert data.data_paths(known(), tmp_path) == (path,)

    def test_the_data_folder_comes_before_the_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(tmp_path / "data")
        mine = put(tmp_path / "mine")
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "mine"))

        assert data.data_paths(known(), tmp_path) == (mine,)

    def test_what_the_data_folder_lacks_is_taken_from_the_home(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = put(tmp_path / "data")
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "nowhere"))

        assert data.data_paths(known(), tmp_path) == (path,)

    def test_paths_come_in_the_order_of_the_spec(self, tmp_path: Path) -> None:
        names = ["b.csv", "a.csv", "c.csv"]
        for name in names:
            put(tmp_path / "data", name=name)

        paths = data.data_paths(dataset(*(DataFile(name, "") for name in names)), tmp_path)

        assert [path.name for path in paths] == names

    def test_a_missing_file_is_named_with_where_it_was_looked_for_and_what_helps(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "mine"))

        with pytest.raises(DataUnavailable) as raised:
            data.data_paths(known(), tmp_path)

        assert str(raised.value) == (
            f"file 'toy.csv' of dataset 'toy' is missing, looked for in {tmp_path / 'mine'} and {tmp_path / 'data'}; "
            "run `harness data fetch toy`"
        )
        assert not data.available(known(), tmp_path)

    def test_looking_makes_no_folder(self, tmp_path: Path) -> None:
        data.available(known(), tmp_path / "home")

        assert not (tmp_path / "home").exists()


class TestChecking:
    def test_a_wrong_sum_names_both_sums_and_the_path_and_deletes_nothing(self, tmp_path: Path) -> None:
        path = put(tmp_path / "data")

        with pytest.raises(DataUnavailable) as raised:
            data.data_paths(known(WRONG), tmp_path)

        assert all(part in str(raised.value) for part in (str(path), SUM, WRONG))
        assert path.read_bytes() == TEXT
        assert not data.available(known(WRONG), tmp_path)

    def test_sums_may_be_written_in_capitals(self, tmp_path: Path) -> None:
        put(tmp_path / "data")

        assert data.available(known(SUM.upper()), tmp_path)

    def test_a_file_without_a_known_sum_is_taken_as_it_is(self, tmp_path: Path) -> None:
        put(tmp_path / "data", b"anything")

        assert data.available(known(None), tmp_path)

    def test_a_file_is_summed_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(tmp_path / "data")
        data.data_paths(known(), tmp_path)

        monkeypatch.setattr(hashlib, "file_digest", None)

        assert data.available(known(), tmp_path)

    def test_a_file_that_changed_is_summed_again(self, tmp_path: Path) -> None:
        put(tmp_path / "data")
        assert data.available(known(), tmp_path)

        put(tmp_path / "data", TEXT + b"4\n")

        assert not data.available(known(), tmp_path)

    def test_an_unreadable_file_is_unavailable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = put(tmp_path / "data", TEXT + b"5\n")

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(hashlib, "file_digest", refuse)

        with pytest.raises(DataUnavailable, match=f"{path} of dataset 'toy' cannot be read: Permission denied"):
            data.data_paths(known(), tmp_path)


class TestLoading:
    def test_the_loader_is_given_the_paths(self, tmp_path: Path) -> None:
        put(tmp_path / "data")

        panel = data.load(known(), tmp_path)

        assert panel.values.ravel().tolist() == [1, 2, 3]

    def test_a_panel_of_nothing_but_missing_values_is_refused(self, tmp_path: Path) -> None:
        spec = DatasetSpec("empty", lambda: Panel.of([[np.nan, np.nan]], ids=["gone"]))

        with pytest.raises(BadData, match="'gone' has no value"):
            data.load(spec, tmp_path)

    def test_loading_never_downloads(self, tmp_path: Path, server: _Server, url: str) -> None:
        with pytest.raises(DataUnavailable):
            data.load(known(url=url), tmp_path)

        assert server.asked == []


class TestFetching:
    def test_a_missing_file_is_downloaded_into_the_home(self, tmp_path: Path, url: str) -> None:
        paths = data.fetch(known(url=url), tmp_path)

        assert paths == (tmp_path / "data" / "toy.csv",)
        assert paths[0].read_bytes() == TEXT
        assert data.available(known(), tmp_path)

    def test_nothing_is_downloaded_twice(self, tmp_path: Path, server: _Server, url: str) -> None:
        data.fetch(known(url=url), tmp_path)
        data.fetch(known(url=url), tmp_path)

        assert len(server.asked) == 1

    def test_what_the_data_folder_holds_is_not_downloaded(
        self, tmp_path: Path, server: _Server, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mine = put(tmp_path / "mine")
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "mine"))

        assert data.fetch(known(url=url), tmp_path) == (mine,)
        assert server.asked == []
        assert not (tmp_path / "data").exists()

    def test_the_data_folder_is_never_written_to(
        self, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "mine").mkdir()
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "mine"))

        data.fetch(known(None, url), tmp_path)

        assert list((tmp_path / "mine").iterdir()) == []

    def test_a_download_with_a_wrong_sum_is_refused_and_not_kept(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(DataUnavailable) as raised:
            data.fetch(known(WRONG, url), tmp_path)

        assert all(part in str(raised.value) for part in (url, SUM, WRONG))
        assert list((tmp_path / "data").iterdir()) == []

    def test_a_wrong_file_in_the_home_is_not_overwritten(self, tmp_path: Path, server: _Server, url: str) -> None:
        path = put(tmp_path / "data", b"precious")

        with pytest.raises(DataUnavailable, match="move it away"):
            data.fetch(known(url=url), tmp_path)

        assert path.read_bytes() == b"precious"
        assert server.asked == []

    def test_a_sum_that_is_not_known_is_recorded(self, tmp_path: Path, url: str) -> None:
        data.fetch(known(None, url), tmp_path)

        assert json.loads((tmp_path / "data" / "checksums.json").read_text()) == {"toy.csv": SUM}

    def test_records_of_other_files_are_kept(self, tmp_path: Path, url: str) -> None:
        put(tmp_path / "data", json.dumps({"other.csv": WRONG}).encode(), "checksums.json")

        data.fetch(known(None, url), tmp_path)

        assert json.loads((tmp_path / "data" / "checksums.json").read_text()) == {"other.csv": WRONG, "toy.csv": SUM}

    def test_a_file_must_stay_what_it_was_on_first_use(self, tmp_path: Path, url: str) -> None:
        (path,) = data.fetch(known(None, url), tmp_path)

        path.write_bytes(b"changed")

        with pytest.raises(DataUnavailable, match=SUM):
            data.data_paths(known(None, url), tmp_path)

    def test_a_second_download_must_be_like_the_first(self, tmp_path: Path, url: str) -> None:
        (path,) = data.fetch(known(None, url), tmp_path)
        path.unlink()
        put(tmp_path / "served", b"changed upstream")

        with pytest.raises(DataUnavailable, match=SUM):
            data.fetch(known(None, url), tmp_path)

    def test_damaged_records_are_named(self, tmp_path: Path) -> None:
        put(tmp_path / "data")
        path = put(tmp_path / "data", b"{", "checksums.json")

        with pytest.raises(HomeUnusable, match=str(path)):
            data.data_paths(known(None), tmp_path)

    def test_a_server_that_does_not_have_the_file_is_quoted(self, tmp_path: Path, url: str) -> None:
        gone = url.replace("toy.csv", "gone.csv")

        with pytest.raises(DataUnavailable) as raised:
            data.fetch(known(url=gone), tmp_path)

        assert str(raised.value) == (
            f"cannot download file 'toy.csv' of dataset 'toy' from {gone}: the server answered 404 File not found"
        )

    def test_no_connection_is_one_sentence_with_the_url(self, tmp_path: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            dead = f"http://127.0.0.1:{free.getsockname()[1]}/toy.csv"

            with pytest.raises(DataUnavailable) as raised:
                data.fetch(known(url=dead), tmp_path)

        assert str(raised.value) == (
            f"cannot download file 'toy.csv' of dataset 'toy' from {dead}: no connection (ConnectionError)"
        )

    @pytest.mark.skipif(os.name == "nt", reason="a file in the place of a folder fails otherwise there")
    def test_a_home_that_cannot_be_written_is_named(self, tmp_path: Path, url: str) -> None:
        home = put(tmp_path, name="file")

        with pytest.raises(HomeUnusable, match=f"cannot make the folder {home / 'data'}"):
            data.fetch(known(url=url), home)

    def test_fetching_prints_nothing(
        self, tmp_path: Path, url: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO):
            data.fetch(known(None, url), tmp_path)

        assert capfd.readouterr() == ("", "")
        assert caplog.records == []
