"""The contract of stores, for each kind of store."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from machines import wait_for
from servers import Server, servers

from harness.data import damage
from harness.errors import BadInput
from harness.results.remote import fsspec_store, s3_store
from harness.results.remote.fsspec_store import FsspecStore
from harness.results.remote.opening import open_store
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.store import Store, StoreUnavailable


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert store.names() == {}
    assert store.names("cells") == {}
    assert store.read(["cells/a/1"]) == {}
    assert store.read_start("cells/a/1", 10) == b""
    store.remove(["cells/a/1"])


def test_what_is_written_is_listed_and_read(store: Store) -> None:
    store.write("cells/a/1", b"abc")
    store.write("cells/b/1", b"")
    store.write("packs/c", b"abcdef")

    assert store.names() == {"cells/a/1": 3, "cells/b/1": 0, "packs/c": 6}
    assert store.names("cells") == {"cells/a/1": 3, "cells/b/1": 0}
    assert store.names("cells/a") == {"cells/a/1": 3}
    assert store.read(["cells/a/1", "cells/b/1", "cells/c/1"]) == {"cells/a/1": b"abc", "cells/b/1": b""}
    assert store.read_start("packs/c", 4) == b"abcd"
    assert store.read_start("packs/c", 100) == b"abcdef"


def test_a_name_is_created_once(store: Store) -> None:
    assert store.create("cells/a/1", b"first")
    assert not store.create("cells/a/1", b"second")

    assert store.read(["cells/a/1"]) == {"cells/a/1": b"first"}
    assert store.is_exclusive


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # of aiohttp, about its callers
def test_a_large_object_is_created_once(store: Store) -> None:
    content = bytes(range(256)) * 450_000  # 115 MB, which is sent in parts

    assert store.create("cells/a/1", content)
    assert store.read(["cells/a/1"])["cells/a/1"] == content
    if store.url.startswith("gs:"):
        pytest.skip("fake-gcs-server does not know the condition of an upload in parts")
    assert not store.create("cells/a/1", content[:-1])
    assert store.read(["cells/a/1"])["cells/a/1"] == content


def test_what_is_written_again_is_replaced(store: Store) -> None:
    store.write("leases/a", b"1")
    store.write("leases/a", b"2")

    assert store.read(["leases/a"]) == {"leases/a": b"2"}


def test_what_is_removed_is_gone_and_may_be_created_again(store: Store) -> None:
    for name in ("locks/a/1", "locks/b/1"):
        store.create(name, b"1")

    store.remove(["locks/a/1", "locks/none/1", "locks/b/1"])

    assert store.names() == {}
    assert store.create("locks/a/1", b"2")


def test_a_listing_tells_an_object_from_another_one_of_its_name(store: Store) -> None:
    store.create("cells/a/1", b"first")
    first, again = store.entries("cells"), store.entries("cells")
    store.remove(["cells/a/1"])
    store.create("cells/a/1", b"other")
    other = store.entries("cells")

    assert first == again
    assert (first["cells/a/1"].size, other["cells/a/1"].size) == (5, 5)
    assert first["cells/a/1"].version != other["cells/a/1"].version


def test_a_file_that_is_replaced_during_a_listing_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"file://{tmp_path}/store")
    store.create("cells/a/1", b"")
    store.create("cells/b/1", b"")
    status = os.stat

    def late(path: Any, **options: Any) -> os.stat_result:
        if str(path).endswith("cells/a/1"):
            monkeypatch.setattr(os, "stat", status)
            store.create("cells/a/2", b"")
            store.remove(["cells/a/1"])
        return status(path, **options)

    monkeypatch.setattr(os, "stat", late)

    assert store.names() == {"cells/a/2": 0, "cells/b/1": 0}


def test_a_name_is_no_pattern(store: Store) -> None:
    boards = ("b1", "b[1]", "b*", "b?", "b#1", "b%31", "{b1,b2}", "b 1")
    names = [f"boards/{board}/1" for board in boards]
    for name in names:
        assert store.create(name, name.encode())

    assert store.names("boards") == {name: len(name) for name in names}
    assert store.names("boards/b[1]") == {"boards/b[1]/1": len("boards/b[1]/1")}
    assert store.read(names) == {name: name.encode() for name in names}
    assert store.read_start("boards/b*/1", 100) == b"boards/b*/1"
    for name in names[1:]:
        store.remove([name])
        assert name not in store.names()

    assert store.names().keys() == {"boards/b1/1"}


def test_a_folder_whose_name_looks_like_a_pattern_is_a_store_of_its_own(url: str) -> None:
    mine, other = open_store(f"{url}/exp[1]"), open_store(f"{url}/exp1")
    for store in (mine, other):
        store.create("locks/a/1", b"")

    mine.remove(["locks/a/1"])

    assert (mine.names(), other.names()) == ({}, {"locks/a/1": 0})


def test_more_objects_than_a_request_removes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_store, "MOST", 2)
    names = [f"locks/{i}/1" for i in range(5)]
    for name in names:
        store.create(name, b"")

    store.remove(names)

    assert store.names() == {}


@pytest.mark.parametrize("server", servers("s3"), indirect=True)
def test_an_object_that_may_not_be_removed(bucket: str) -> None:
    store, name = open_store(bucket), bucket.split("/")[2]
    assert isinstance(store, FsspecStore)
    store.create("cells/a/1", b"")
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    store._files.call_s3("put_bucket_policy", Bucket=name, Policy=policy)

    with pytest.raises(StoreUnavailable, match="Access Denied") as raised:
        store.remove(["cells/a/1"])

    assert not raised.value.may_pass


def test_many_objects_are_read_at_once(store: Store) -> None:
    names = [f"cells/{i:04}/1" for i in range(60)]
    for name in names:
        store.write(name, name.encode())

    assert store.read(names) == {name: name.encode() for name in names}


def test_of_many_objects_those_are_read_again_that_were_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    store = open_store("memory://bucket/run")
    assert isinstance(store, FsspecStore)
    names = [f"cells/{i}/1" for i in range(4)]
    for name in names:
        store.write(name, b"1")
    monkeypatch.setattr(fsspec_store, "PAUSES", ())
    asked, read = list[str](), store._files.cat_file

    def every_second_time(path: str) -> bytes:
        asked.append(path)
        if len(asked) % 2 == 0:
            raise TimeoutError
        return bytes(read(path))

    monkeypatch.setattr(store._files, "cat_file", every_second_time)

    assert store.read(names) == dict.fromkeys(names, b"1")
    assert len(asked) == 7


def test_of_many_threads_one_creates_a_name(store: Store) -> None:
    if store.url.startswith(("memory:", "s3:")):
        pytest.skip("fsspec's memory and moto first look whether there is one, and then write it")
    created = list[bytes]()
    barrier = threading.Barrier(8)

    def create(content: bytes) -> None:
        barrier.wait()
        for i in range(20):
            if store.create(f"cells/{i}/1", content):
                created.append(b"%d %s" % (i, content))

    threads = [threading.Thread(target=create, args=(b"%d" % i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(created) == sorted(b"%d %s" % (i, store.read([f"cells/{i}/1"])[f"cells/{i}/1"]) for i in range(20))


def test_an_object_takes_one_request(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import aiohttp

    store, sent = open_store(bucket), list[str]()
    store.create("cells/a/1", b"a")  # with which the library learns about the server
    request = aiohttp.ClientSession._request

    async def noted(session: aiohttp.ClientSession, method: str, *arguments: Any, **options: Any) -> Any:
        sent.append(method)
        return await request(session, method, *arguments, **options)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", noted)

    def requests(action: Callable[[], object]) -> int:
        sent.clear()
        action()
        return len(sent)

    assert requests(lambda: store.create("cells/b/1", b"b")) == 1
    assert requests(lambda: store.create("cells/b/1", b"c")) == 1
    assert requests(lambda: store.write("leases/a", b"1")) == 1
    assert requests(lambda: store.names("cells")) == 1
    assert requests(lambda: store.names("parts")) == 1
    assert requests(lambda: store.read(["cells/a/1", "cells/b/1", "cells/c/1"])) == 3
    assert requests(lambda: store.read_start("cells/a/1", 10)) == 1
    assert requests(lambda: store.remove(["cells/a/1", "cells/b/1"])) <= 2


@pytest.mark.parametrize("server", servers("azure"), indirect=True)
def test_urls_of_azure(bucket: str) -> None:
    container = bucket.split("/")[2]
    open_store(bucket).create("cells/a/1", b"a")

    for url in (f"abfss://{container}@account.dfs.core.windows.net/run", f"az://{container}/run"):
        assert open_store(url).names() == {"cells/a/1": 1}


def test_another_file_system_of_fsspec(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = open_store(f"local://{tmp_path}/store")

    RemoteHome(tmp_path / "home", store).prepare()
    store.create("cells/a/1", b"a")
    assert not store.create("cells/a/1", b"b")
    store.remove(["cells/b/1"])

    assert store.names() == {"home.json": len(store.read(["home.json"])["home.json"]), "cells/a/1": 1}
    assert caplog.messages == [
        f"{store.url}: of two machines that finish a cell at the same time, one can replace the other's"
    ]


class TestProblems:
    @pytest.mark.parametrize("url", ["file://", "file://elsewhere/folder", "nonsense://bucket/run", "memory://"])
    def test_a_url_that_names_nothing(self, url: str) -> None:
        if not url.startswith("file"):
            pytest.importorskip("fsspec")

        with pytest.raises(BadInput, match=r"URL|names no"):
            open_store(url)

    @pytest.mark.parametrize("url", ["s3://", "s3:", "s3:/"])
    def test_a_url_without_a_bucket(self, url: str) -> None:
        with pytest.raises(BadInput, match=r"'s3://' names no bucket; write s3://bucket/folder"):
            open_store(url)

    @pytest.mark.parametrize(
        ("url", "module", "extra"),
        [("s3://b/run", "s3fs", "s3"), ("gs://b/run", "gcsfs", "gcs"), ("abfs://b/run", "adlfs", "azure")],
    )
    def test_a_library_that_is_not_installed(
        self, monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
    ) -> None:
        for name in ("fsspec", "fsspec.core", module, f"{module}.core"):
            monkeypatch.setitem(sys.modules, name, None)

        with pytest.raises(BadInput) as raised:
            open_store(url)

        assert f"needs a library that is not installed; run `pip install 'forecast-harness[{extra}]'`" in str(
            raised.value
        )

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "store").write_text("a file")
        store = open_store(f"file://{tmp_path}/store")

        with pytest.raises(StoreUnavailable, match="cannot be used"):
            store.create("cells/a/1", b"")

    def test_a_bucket_that_does_not_exist(self, server: Server) -> None:
        url = f"{server.protocol}://no-such-one/run"
        store = open_store(url)

        with pytest.raises(StoreUnavailable, match=rf"{url} cannot be listed .*bucket") as raised:
            store.names()
        assert not raised.value.may_pass
        with pytest.raises(StoreUnavailable, match=rf"{url} cannot be written .*(bucket|container)"):
            store.create("cells/a/1", b"")

    def test_a_server_that_does_not_answer(
        self, server: Server, bucket: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        for name, value in server.variables(port=9).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("harness.results.remote.fsspec_store.PAUSES", (0.0,))

        with pytest.raises(StoreUnavailable, match=r"cannot be reached \(.*connect to .*127\.0\.0\.1:9") as raised:
            open_store(bucket).create("cells/a/1", b"")

        assert raised.value.may_pass
        assert "Traceback" not in capfd.readouterr().err

    @pytest.mark.parametrize("server", servers("s3"), indirect=True)
    def test_an_address_that_can_never_work_is_not_waited_for(
        self, bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "127.0.0.1:5555")

        with pytest.raises(StoreUnavailable) as raised:
            open_store(bucket).names()

        assert not raised.value.may_pass
        assert str(raised.value).endswith(
            "write the address of the server as http://127.0.0.1:5555 or https://127.0.0.1:5555"
        )

    @pytest.mark.parametrize("server", servers("azure"), indirect=True)
    def test_no_account(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")

        with pytest.raises(BadInput, match=r"needs an account .*AZURE_STORAGE_ACCOUNT_NAME"):
            open_store("abfs://bucket/run")

    @pytest.mark.parametrize("server", servers("s3"), indirect=True)
    def test_the_user_is_told_of_a_server_that_is_silent(self, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(damage, "_listeners", [told.append])
        monkeypatch.setattr(fsspec_store, "SILENCE", 0.1)
        monkeypatch.setattr(fsspec_store, "PAUSES", ())
        with socket.create_server(("127.0.0.1", 0)) as server:  # which accepts connections and says nothing
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
            store = open_store(bucket)
            with ThreadPoolExecutor(1) as thread:
                reading = thread.submit(store.names)
                wait_for(lambda: told)
                server.close()
            assert isinstance(reading.exception(), StoreUnavailable)

        assert told == [f"the store {bucket} does not answer; waiting for it"]

    @pytest.mark.parametrize("server", servers("s3"), indirect=True)
    @pytest.mark.parametrize(("objects", "most"), [(1, 2), (96, 3 * fsspec_store.AT_ONCE)])
    def test_many_objects_are_not_asked_for_one_after_the_other_where_a_server_is_silent(
        self, bucket: str, monkeypatch: pytest.MonkeyPatch, objects: int, most: int
    ) -> None:
        import fsspec

        connections = list[socket.socket]()
        monkeypatch.setattr(fsspec_store, "PAUSES", (0.0,))
        monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": {"read_timeout": 0.3}})

        def accept(server: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while True:
                    connections.append(server.accept()[0])

        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=accept, args=(server,), daemon=True).start()
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
            store = open_store(bucket)

            with pytest.raises(StoreUnavailable, match="cannot be reached") as raised:
                store.read([f"cells/{i}/1" for i in range(objects)])

            server.shutdown(socket.SHUT_RDWR)
        for each in connections:
            each.close()
        assert raised.value.may_pass
        assert 1 < len(connections) <= most

    @pytest.mark.parametrize("server", servers("s3"), indirect=True)
    def test_no_credentials(self, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

        with pytest.raises(StoreUnavailable, match="check its name, the credentials"):
            open_store(bucket).create("cells/a/1", b"")
