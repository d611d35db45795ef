"""Data files: looked up, checked, and downloaded only when asked to."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from harness.data import download_lock
from harness.data import files as data
from harness.data.dataset import DataFile, DatasetSpec
from harness.data.panel import Panel
from harness.errors import BadData, DataUnavailable, HomeUnusable

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


def visible(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


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
            "run `harness data fetch toy`, or put http://unreachable.invalid/toy.csv there"
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

    def test_a_download_with_a_wrong_sum_is_refused_and_kept_aside(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(DataUnavailable) as raised:
            data.fetch(known(WRONG, url), tmp_path)

        aside = tmp_path / "data" / f"toy.csv.sha256-{SUM[:12]}"
        assert visible(aside.parent) == {aside.name}
        assert all(part in str(raised.value) for part in (url, SUM, WRONG, f"it is kept as {aside};"))
        assert aside.read_bytes() == TEXT

    def test_after_a_wrong_sum_the_next_download_begins_anew(self, tmp_path: Path, server: _Server, url: str) -> None:
        right = hashlib.sha256(b"right").hexdigest()
        for _ in range(2):
            with pytest.raises(DataUnavailable, match=f"{SUM}, not {right}"):
                data.fetch(known(right, url), tmp_path)
        put(tmp_path / "served", b"right")

        (path,) = data.fetch(known(right, url), tmp_path)

        assert path.read_bytes() == b"right"
        assert visible(path.parent) == {"toy.csv", "checksums.json", f"toy.csv.sha256-{SUM[:12]}"}
        assert len(server.asked) == 3

    def test_a_wrong_file_in_the_home_is_not_overwritten(self, tmp_path: Path, server: _Server, url: str) -> None:
        path = put(tmp_path / "data", b"precious")

        with pytest.raises(DataUnavailable, match="move it away"):
            data.fetch(known(url=url), tmp_path)

        assert path.read_bytes() == b"precious"
        assert server.asked == []

    @pytest.mark.parametrize("sha256", [None, SUM])
    def test_where_a_file_came_from_is_recorded_with_its_sum(
        self, tmp_path: Path, url: str, sha256: str | None
    ) -> None:
        data.fetch(known(sha256, url), tmp_path)

        records = json.loads((tmp_path / "data" / "checksums.json").read_text())
        assert records == {"toy.csv": {"sha256": SUM, "url": url}}

    def test_records_of_other_files_are_kept(self, tmp_path: Path, url: str) -> None:
        other = {"sha256": WRONG, "url": "https://example.org/other.csv"}
        put(tmp_path / "data", json.dumps({"other.csv": other}).encode(), "checksums.json")

        data.fetch(known(None, url), tmp_path)

        records = json.loads((tmp_path / "data" / "checksums.json").read_text())
        assert records == {"other.csv": other, "toy.csv": {"sha256": SUM, "url": url}}

    def test_records_of_nothing_but_sums_still_hold(self, tmp_path: Path) -> None:
        put(tmp_path / "data")
        put(tmp_path / "data", json.dumps({"toy.csv": WRONG}).encode(), "checksums.json")

        with pytest.raises(DataUnavailable, match=WRONG):
            data.data_paths(known(None), tmp_path)

    def test_the_download_of_another_dataset_is_not_taken_for_one_s_own(self, tmp_path: Path, url: str) -> None:
        data.fetch(known(None, url), tmp_path)
        elsewhere = "https://example.org/other/toy.csv"

        with pytest.raises(DataUnavailable, match=f"it was downloaded from {url}, not from {elsewhere}; move it"):
            data.data_paths(known(None, elsewhere), tmp_path)

        assert data.available(known(SUM, elsewhere), tmp_path)
        put(tmp_path / "data", b"put there by hand instead")
        assert data.available(known(None, elsewhere), tmp_path)

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

    @pytest.mark.parametrize("text", [b"{", b"[1]", b'{"toy.csv": 7}', b'{"toy.csv": {"md5": "x"}}'])
    def test_damaged_records_are_named(self, tmp_path: Path, text: bytes) -> None:
        put(tmp_path / "data")
        path = put(tmp_path / "data", text, "checksums.json")

        with pytest.raises(HomeUnusable, match=str(path)):
            data.data_paths(known(None), tmp_path)

    def test_a_server_that_does_not_have_the_file_is_quoted(self, tmp_path: Path, url: str) -> None:
        gone = url.replace("toy.csv", "gone.csv")

        with pytest.raises(DataUnavailable) as raised:
            data.fetch(known(url=gone), tmp_path)

        assert str(raised.value) == (
            f"cannot download file 'toy.csv' of dataset 'toy' from {gone}: the server answered 404 File not found; "
            f"run `harness data fetch toy` again, or get the file another way and put it into {tmp_path / 'data'}"
        )
        assert visible(tmp_path / "data") == set()

    def test_no_connection_is_one_sentence_that_says_what_to_do(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "mine"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            dead = f"http://127.0.0.1:{free.getsockname()[1]}/toy.csv"

            with pytest.raises(DataUnavailable) as raised:
                data.fetch(known(url=dead), tmp_path)

        assert str(raised.value) == (
            f"cannot download file 'toy.csv' of dataset 'toy' from {dead}: no connection (ConnectionError); "
            f"run `harness data fetch toy` again, or get the file another way and put it into {tmp_path / 'mine'}"
        )

    @pytest.mark.skipif(os.name == "nt", reason="a file in the place of a folder fails otherwise there")
    def test_a_home_that_cannot_be_written_is_named(self, tmp_path: Path, url: str) -> None:
        home = put(tmp_path, name="file")

        with pytest.raises(HomeUnusable, match=f"cannot write to the folder {home / 'data'}: Not a directory;"):
            data.fetch(known(url=url), home)

    def test_fetching_prints_nothing(
        self, tmp_path: Path, url: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO):
            data.fetch(known(None, url), tmp_path)

        assert capfd.readouterr() == ("", "")
        assert caplog.records == []


@dataclass
class Upstream:
    """What a server has, and how it is to behave."""

    content: bytes = bytes(range(256)) * 2000
    etag: str | None = '"first"'
    ranges: bool = True  # whether it knows parts of files
    conditions: bool = True  # whether it looks at If-Range
    cut_after: int | None = None  # bytes, after which the connection ends
    status: int | None = None  # the error that it answers instead
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)  # Range and If-Range of each request
    url: str = ""

    @property
    def sum(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    told = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            if told.status is not None:
                self.send_error(told.status)
                return
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", told.url)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            asked, condition = self.headers["Range"], self.headers["If-Range"]
            told.asked.append((asked, condition))
            first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            partly = asked is not None and told.ranges and (condition in (None, told.etag) or not told.conditions)
            if partly and first >= len(told.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(told.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = told.content[first:] if partly else told.content
            self.send_response(206 if partly else 200)
            if partly:
                self.send_header("Content-Range", f"bytes {first}-{len(told.content) - 1}/{len(told.content)}")
            if told.etag:
                self.send_header("ETag", told.etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: told.cut_after])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/toy.csv"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield told
        server.shutdown()
        thread.join()


class TestGoingOn:
    """A download that was cut goes on where it ended."""

    def cut(self, upstream: Upstream, home: Path, sha256: str | None, after: int = 36 * 8192) -> DataUnavailable:
        """What is said when the connection ends after so many bytes."""
        upstream.cut_after = after
        with pytest.raises(DataUnavailable) as raised:
            data.fetch(known(sha256, upstream.url), home)
        upstream.cut_after = None
        return raised.value

    @pytest.mark.parametrize("sum_known", [True, False])
    def test_the_rest_is_asked_for(self, tmp_path: Path, upstream: Upstream, sum_known: bool) -> None:
        sha256 = upstream.sum if sum_known else None
        said = self.cut(upstream, tmp_path, sha256)

        (path,) = data.fetch(known(sha256, upstream.url), tmp_path)

        assert "the connection was cut after 294912 bytes; run `harness data fetch toy` again" in str(said)
        assert upstream.asked == [(None, None), ("bytes=294912-", '"first"')]
        assert path.read_bytes() == upstream.content
        assert visible(path.parent) == {"toy.csv", "checksums.json"}

    def test_it_may_be_cut_more_than_once(self, tmp_path: Path, upstream: Upstream) -> None:
        for _ in range(3):
            self.cut(upstream, tmp_path, None, after=98_304)

        (path,) = data.fetch(known(None, upstream.url), tmp_path)

        assert path.read_bytes() == upstream.content
        assert [asked for asked, _ in upstream.asked] == [None, "bytes=98304-", "bytes=196608-", "bytes=294912-"]

    def test_what_is_not_yet_whole_is_not_the_file(self, tmp_path: Path, upstream: Upstream) -> None:
        self.cut(upstream, tmp_path, None)

        assert not data.available(known(None, upstream.url), tmp_path)

    def test_a_file_that_changed_is_not_stitched_to_what_it_was(self, tmp_path: Path, upstream: Upstream) -> None:
        self.cut(upstream, tmp_path, None)
        upstream.content, upstream.etag = b"new" * 150_000, '"second"'

        (path,) = data.fetch(known(None, upstream.url), tmp_path)

        assert upstream.asked[1] == ("bytes=294912-", '"first"')
        assert path.read_bytes() == upstream.content

    def test_nor_by_a_server_that_overlooks_the_condition(self, tmp_path: Path, upstream: Upstream) -> None:
        self.cut(upstream, tmp_path, None)
        upstream.content, upstream.etag, upstream.conditions = b"new" * 150_000, '"second"', False

        (path,) = data.fetch(known(None, upstream.url), tmp_path)

        assert upstream.asked[1:] == [("bytes=294912-", '"first"'), (None, None)]
        assert path.read_bytes() == upstream.content

    def test_a_server_that_knows_no_parts_sends_all_of_it(self, tmp_path: Path, upstream: Upstream) -> None:
        upstream.ranges = False
        self.cut(upstream, tmp_path, None)

        (path,) = data.fetch(known(None, upstream.url), tmp_path)

        assert path.read_bytes() == upstream.content

    @pytest.mark.parametrize("etag", [None, 'W/"weak"'])
    def test_without_means_to_know_it_again_only_a_known_sum_goes_on(
        self, tmp_path: Path, upstream: Upstream, etag: str | None
    ) -> None:
        upstream.etag = etag
        self.cut(upstream, tmp_path / "unknown", None)
        self.cut(upstream, tmp_path / "known", upstream.sum)

        data.fetch(known(None, upstream.url), tmp_path / "unknown")
        data.fetch(known(upstream.sum, upstream.url), tmp_path / "known")

        assert upstream.asked[2:] == [(None, None), ("bytes=294912-", None)]

    def test_a_part_of_another_address_is_not_gone_on_with(self, tmp_path: Path, upstream: Upstream) -> None:
        self.cut(upstream, tmp_path, None)

        (path,) = data.fetch(known(None, upstream.url + "?other"), tmp_path)

        assert upstream.asked[1] == (None, None)
        assert path.read_bytes() == upstream.content

    @pytest.mark.parametrize("extra", [b"", b"more than there is"])
    def test_a_part_without_a_rest_begins_anew(self, tmp_path: Path, upstream: Upstream, extra: bytes) -> None:
        self.cut(upstream, tmp_path, None)
        (tmp_path / "data" / "toy.csv.part").write_bytes(upstream.content + extra)

        (path,) = data.fetch(known(None, upstream.url), tmp_path)

        assert path.read_bytes() == upstream.content

    def test_a_server_that_is_gone_leaves_the_part(self, tmp_path: Path, upstream: Upstream) -> None:
        self.cut(upstream, tmp_path, upstream.sum)
        upstream.status = 503

        with pytest.raises(DataUnavailable, match="the server answered 503"):
            data.fetch(known(upstream.sum, upstream.url), tmp_path)

        upstream.status = None
        data.fetch(known(upstream.sum, upstream.url), tmp_path)
        assert upstream.asked[-1] == ("bytes=294912-", '"first"')

    def test_an_address_that_forwards_is_followed(self, tmp_path: Path, upstream: Upstream) -> None:
        self.cut(upstream, tmp_path, None)
        moved = known(None, upstream.url.replace("toy.csv", "moved"))
        upstream.cut_after = 36 * 8192
        with pytest.raises(DataUnavailable):
            data.fetch(moved, tmp_path)
        upstream.cut_after = None

        (path,) = data.fetch(moved, tmp_path)

        assert upstream.asked[-1] == ("bytes=294912-", '"first"')
        assert path.read_bytes() == upstream.content

    def test_parts_that_do_not_belong_together_are_kept_aside_once(self, tmp_path: Path, upstream: Upstream) -> None:
        upstream.etag = None
        sha256 = hashlib.sha256(b"new" * 150_000).hexdigest()
        self.cut(upstream, tmp_path, sha256)
        upstream.content = b"new" * 150_000
        with pytest.raises(DataUnavailable, match="it is kept as"):
            data.fetch(known(sha256, upstream.url), tmp_path)

        (path,) = data.fetch(known(sha256, upstream.url), tmp_path)

        assert path.read_bytes() == upstream.content

    def test_a_note_that_is_damaged_is_as_none(self, tmp_path: Path, upstream: Upstream) -> None:
        self.cut(upstream, tmp_path, None)
        (tmp_path / "data" / "toy.csv.part.json").write_bytes(b"[")

        (path,) = data.fetch(known(None, upstream.url), tmp_path)

        assert path.read_bytes() == upstream.content

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path, upstream: Upstream) -> None:
        part = tmp_path / "data" / "toy.csv.part"
        part.mkdir(parents=True)

        with pytest.raises(DataUnavailable, match=rf"{part} cannot be written: Is a directory; run"):
            data.fetch(known(None, upstream.url), tmp_path)

    def test_one_process_at_a_time_downloads_into_a_home(
        self, tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(download_lock, "WAIT", 0)
        (tmp_path / "data").mkdir()

        with (
            FileLock(tmp_path / "data" / ".lock"),
            pytest.raises(DataUnavailable, match="another process is downloading into"),
        ):
            data.fetch(known(None, upstream.url), tmp_path)

        data.fetch(known(None, upstream.url), tmp_path)

    def test_for_whom_it_waits_is_said(
        self, tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(download_lock, "PATIENCE", 0.01)
        said: list[str] = []

        with download_lock.download_lock(tmp_path / "data", "choose another --home", said.append):
            owner = (tmp_path / "data" / ".lock-owner").read_text(encoding="utf-8")
            waiting = threading.Thread(target=data.fetch, args=(known(None, upstream.url), tmp_path, said.append))
            waiting.start()
            while not said and waiting.is_alive():
                pass
        waiting.join()

        assert owner == f"process {os.getpid()} on {socket.gethostname()}"
        assert said == [f"waiting for {owner}, which downloads into {tmp_path / 'data'}, for at most 10 minutes"]
        assert (tmp_path / "data" / "toy.csv").read_bytes() == upstream.content

    def test_a_file_that_another_process_downloaded_meanwhile_is_used(self, tmp_path: Path, upstream: Upstream) -> None:
        spec = known(None, upstream.url)
        both = [threading.Thread(target=data.fetch, args=(spec, tmp_path)) for _ in range(2)]

        for fetching in both:
            fetching.start()
        for fetching in both:
            fetching.join()

        assert len(upstream.asked) == 1
        assert data.available(spec, tmp_path)


class TestUnpacking:
    """An archive is given to the loader as the folder of its members."""

    @staticmethod
    def spec(sha256: str | None = None) -> DatasetSpec:
        file = DataFile("toy.zip", "http://unreachable.invalid/toy.zip", sha256, unpack=True)
        return DatasetSpec("toy", lambda folder: Panel.of([np.loadtxt(folder / "in" / "toy.csv")]), files=(file,))

    @staticmethod
    def put(folder: Path, text: bytes = TEXT, member: str = "in/toy.csv") -> Path:
        path = put(folder, b"", "toy.zip")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, text)
        return path

    def test_the_loader_is_given_the_folder(self, tmp_path: Path) -> None:
        self.put(tmp_path / "data")

        panel = data.load(self.spec(), tmp_path)

        assert panel.values.ravel().tolist() == [1, 2, 3]
        assert data.data_paths(self.spec(), tmp_path) == (tmp_path / "data" / "toy.zip.unpacked",)

    def test_what_the_data_folder_holds_is_unpacked_into_the_home(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.put(tmp_path / "mine")
        monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "mine"))

        assert data.data_paths(self.spec(), tmp_path / "home") == (tmp_path / "home" / "data" / "toy.zip.unpacked",)
        assert [path.name for path in (tmp_path / "mine").iterdir()] == ["toy.zip"]

    def test_an_archive_that_changed_is_unpacked_anew(self, tmp_path: Path) -> None:
        self.put(tmp_path / "data")
        data.load(self.spec(), tmp_path)
        self.put(tmp_path / "data", b"7\n8\n9\n10\n")

        assert data.load(self.spec(), tmp_path).values.ravel().tolist() == [7, 8, 9, 10]

    def test_asking_whether_it_is_here_unpacks_nothing(self, tmp_path: Path) -> None:
        self.put(tmp_path / "data")

        assert data.available(self.spec(), tmp_path)
        assert [path.name for path in (tmp_path / "data").iterdir()] == ["toy.zip"]

    def test_an_archive_with_a_wrong_sum_is_not_unpacked(self, tmp_path: Path) -> None:
        self.put(tmp_path / "data")

        with pytest.raises(DataUnavailable, match=WRONG):
            data.load(self.spec(WRONG), tmp_path)

        assert [path.name for path in (tmp_path / "data").iterdir()] == ["toy.zip"]

    def test_a_member_that_would_leave_the_folder_is_refused(self, tmp_path: Path) -> None:
        path = self.put(tmp_path / "data", member="../../evil.csv")

        with pytest.raises(DataUnavailable) as raised:
            data.load(self.spec(), tmp_path)

        assert str(raised.value) == (f"{path} cannot be unpacked: member '../../evil.csv' would be outside the folder")
        assert [path.name for path in (tmp_path / "data").iterdir()] == ["toy.zip"]
        assert not (tmp_path / "evil.csv").exists()
