"""A home in a store: what one machine stores, others read, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from machines import KEY, TASK, Machine, MakeMachine, actuals, run_of, wait_for

from harness import Run, StoredCell, StoredPlan, stored_plans
from harness.data.storage import checked_content, checked_fields, write_checked_json
from harness.errors import InfrastructureFault
from harness.results.remote import local_lock, packs
from harness.results.remote.folder_store import FolderStore
from harness.results.remote.items import read_item
from harness.results.remote.packing import pack, unpack
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.store import Entry, Store, StoreUnavailable
from harness.results.selections import BoardSelection, selections_of
from harness.results.standings import standings_path


def means(run: Run | None) -> list[float]:
    assert run is not None
    assert run.results is not None
    return run.results.forecast.mean.ravel().tolist()


class TestOneMachineStoresAndAnotherReads:
    def test_a_cell(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")

        a.store_run(run_of())

        found = b.pulled()
        assert found is not None
        assert found.scores == {"MAE": 1.0}
        assert means(found) == means(run_of())
        assert a.store.names().keys() == {f"cells/{KEY}/1"}

    def test_what_two_machines_select_of_a_board_at_the_same_time(self, machine: MakeMachine) -> None:
        a, b, c = machine("a"), machine("b"), machine("c")
        BoardSelection("--only a", ("a",)).save(a.home, "board")
        BoardSelection("--only b", ("b",)).save(b.home, "board")

        for each in (a, b):
            each.remote.push_pending()
        c.remote.pull()

        plan = StoredPlan("board", "", "", "MAE", "a", tuple(StoredCell(key, key, "t", "f") for key in ("a", "b", "c")))
        assert [each.options for each in selections_of(c.home, plan)] == ["--only a", "--only b"]
        assert len(c.store.names("selections/board")) == 2

    def test_no_plan_is_read_without_what_was_selected(
        self, folder_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a, kinds = folder_machine("a"), list[str]()
        create = FolderStore.create

        def noted(store: FolderStore, name: str, content: bytes) -> bool:
            kinds.append(name.partition("/")[0])
            return create(store, name, content)

        monkeypatch.setattr(FolderStore, "create", noted)
        StoredPlan("board", "", "", "MAE", "a", (StoredCell(KEY, "a", "t", "f"),)).save(a.home)
        BoardSelection("--only a", ("a",)).save(a.home, "board")
        a.journal.write(run_of())

        a.remote.push_pending()

        assert kinds == ["selections", "boards", "cells"]

    def test_nothing(self, machine: MakeMachine) -> None:
        assert machine("a").pulled() is None

    def test_actuals_plans_and_measurements(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        plan = StoredPlan("toys", "Toys", "", "MAE", "naive", (StoredCell(KEY, "naive", "toy", "aa"),), ("naive",))
        a.journal.write_actuals("aa", TASK, actuals())
        plan.save(a.home)
        write_checked_json(a.home / "bench" / "m1" / "aa.json", {"repetitions": []}, 3)

        a.remote.push_pending()
        b.remote.pull()

        assert stored_plans(b.home) == [plan]
        read = b.journal.read_actuals("aa", TASK)
        assert read is not None
        assert read.values.tolist() == actuals().values.tolist()
        assert (b.home / "bench/m1/aa.json").read_bytes() == (a.home / "bench/m1/aa.json").read_bytes()

    def test_a_cell_that_was_run_again(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        a.store_run(run_of())
        b.remote.pull()

        b.store_run(run_of(shift=1.0))

        assert means(a.pulled()) == means(run_of(shift=1.0))
        assert a.store.names().keys() == {f"cells/{KEY}/2"}
        assert len([*(a.journal.cells / KEY).glob("*.npy")]) == len([*(b.journal.cells / KEY).glob("*.npy")])

    def test_a_plan_that_was_changed_on_both(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        plan = StoredPlan("toys", "Toys", "", "MAE", "naive", (), ("naive",))
        for each, title in ((a, "first"), (b, "second")):
            replace(plan, title=title).save(each.home)
            each.remote.push_pending()

        a.remote.pull()

        assert [plan.title for plan in stored_plans(a.home)] == ["second"]

    def test_standings_are_computed_again(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        plan = StoredPlan("toys", "Toys", "", "MAE", "naive", (StoredCell(KEY, "naive", "toy", "aa"),), ("naive",))
        plan.save(a.home)
        a.remote.push_pending()
        b.remote.pull()
        path = standings_path(b.home, "toys")
        path.write_text("computed without the cell")
        b.remote.pull()
        assert path.exists()

        a.store_run(run_of())
        b.remote.pull()

        assert not path.exists()

    def test_a_second_time_nothing_is_read(self, machine: MakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
        a, b = machine("a"), machine("b")
        a.store_run(run_of())
        b.remote.pull()

        monkeypatch.setattr(type(b.store), "read", lambda *_: pytest.fail("read"))
        again = Machine(b.home, b.store)
        again.remote.pull()
        again.remote.push_pending()

        assert again.journal.read(KEY) is not None


class TestTwoWriters:
    def test_equal_results_count_once(self, machine: MakeMachine, caplog: pytest.LogCaptureFixture) -> None:
        a, b = machine("a"), machine("b")

        a.store_run(run_of(seconds=1.0))
        b.store_run(run_of(seconds=2.0))

        for each in (a, b):
            run = each.journal.read(KEY)
            assert run is not None
            assert run.costs.fit_seconds == 1.0
        assert a.store.names().keys() == {f"cells/{KEY}/1"}
        assert caplog.messages == []
        b.remote.push_pending()
        assert b.pulled() is not None

    def test_different_results_are_told_and_kept(self, machine: MakeMachine, caplog: pytest.LogCaptureFixture) -> None:
        a, b = machine("a"), machine("b")

        a.store_run(run_of())
        b.store_run(run_of(shift=1.0))

        assert means(b.journal.read_with_results(KEY)) == means(run_of())
        (message,) = caplog.messages
        assert f"two machines ran cell {KEY} and have different results" in message
        names = [name for name in a.store.names() if name.startswith("conflicts/")]
        ((_, content),) = a.store.read(names).items()
        assert b'"MAE": 2.0' in unpack(content, names[0])["record.json"]

    def test_a_result_that_comes_after_a_second_run_is_told_and_kept(
        self, machine: MakeMachine, caplog: pytest.LogCaptureFixture
    ) -> None:
        a, b = machine("a"), machine("b")
        b.journal.write(run_of(shift=1.0))  # in an outage
        a.store_run(run_of())
        a.store_run(run_of(shift=2.0))

        b.remote.pull()
        b.remote.push_pending()

        assert means(b.journal.read_with_results(KEY)) == means(run_of(shift=2.0))
        assert a.store.names("cells").keys() == {f"cells/{KEY}/2"}
        assert len(a.store.names(f"conflicts/{KEY}")) == 1
        assert "have different results" in caplog.text

    def test_both_run_a_cell_again(self, machine: MakeMachine, caplog: pytest.LogCaptureFixture) -> None:
        a, b = machine("a"), machine("b")
        a.store_run(run_of())
        b.remote.pull()

        a.store_run(run_of(shift=1.0, seconds=3.0))
        b.store_run(run_of(shift=1.0, seconds=4.0))

        assert a.store.names().keys() == {f"cells/{KEY}/2"}
        run = b.journal.read(KEY)
        assert run is not None
        assert run.costs.fit_seconds == 3.0
        assert caplog.messages == []

    def test_a_process_of_the_same_machine_stores_the_same(self, machine: MakeMachine) -> None:
        a = machine("a")
        again = machine("a")
        a.journal.write(run_of())

        a.remote.push_pending()
        again.remote.copies._copies.clear()
        (a.home / "copies.jsonl").unlink()
        again.remote.push_pending()

        assert a.store.names().keys() == {f"cells/{KEY}/1"}
        assert not again.remote._is_pending(f"cells/{KEY}")


class TestDamage:
    @pytest.mark.parametrize("damage", ["truncated", "changed", "empty", "another cell's"])
    def test_a_damaged_object_is_not_used_and_its_cell_is_run_again(
        self, machine: MakeMachine, caplog: pytest.LogCaptureFixture, damage: str
    ) -> None:
        a, b, c = machine("a"), machine("b"), machine("c")
        a.store_run(run_of())
        name = f"cells/{KEY}/1"
        content = a.store.read([name])[name]
        half = len(content) // 2
        a.store.write(
            name,
            {
                "truncated": content[:half],
                "changed": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
                "empty": b"",
                "another cell's": pack({"plan.json": b"{}"}),
            }[damage],
        )

        assert b.pulled() is None
        assert "is damaged" in caplog.text
        b.store_run(run_of())

        assert c.pulled() is not None
        assert a.pulled() is not None
        assert f"cells/{KEY}/2" in a.store.names()

    def test_files_that_lead_out_of_the_home_are_not_written(self, folder_machine: MakeMachine, tmp_path: Path) -> None:
        a = folder_machine("a")
        a.journal.write(run_of())
        files = read_item(a.home, f"cells/{KEY}")
        record = files["record.json"]
        a.store.write(f"cells/{KEY}/1", pack({"record.json": record, "../../escaped.npy": b"x"}))
        a.store.write("cells/../../escaped/1", pack({"record.json": record}))

        assert folder_machine("b").pulled() is None
        assert not [*tmp_path.rglob("escaped.npy")]

    def test_a_damaged_local_copy_is_read_again(self, folder_machine: MakeMachine) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        a.store_run(run_of())
        b.remote.pull()
        (b.journal.cells / KEY / "record.json").write_text("x")
        assert b.journal.read(KEY) is None  # moved away

        assert b.pulled() is not None

    def test_a_damaged_local_copy_is_not_stored(self, folder_machine: MakeMachine) -> None:
        a = folder_machine("a")
        a.journal.write(run_of())
        next((a.journal.cells / KEY).glob("*-mean.npy")).write_bytes(b"x")

        a.remote.push_pending()

        assert a.store.names() == {}

    def test_an_object_of_a_later_version_is_left_out(
        self, folder_machine: MakeMachine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        with monkeypatch.context() as patched:
            patched.setattr("harness.results.remote.packing.SCHEMA", 2)
            a.store_run(run_of())

        assert b.pulled() is None
        assert "was written by a later version of harness" in caplog.text

    @pytest.mark.parametrize("schema", ["packing.SCHEMA", "items.SCHEMA"])
    def test_an_object_of_a_later_version_stays(
        self,
        folder_machine: MakeMachine,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
        schema: str,
    ) -> None:
        a, b, c = folder_machine("a"), folder_machine("b"), folder_machine("c")
        a.journal.write(run_of())
        files = read_item(a.home, f"cells/{KEY}")
        record = checked_fields(files["record.json"], "record.json", 2)
        if schema == "items.SCHEMA":
            files["record.json"] = checked_content(json.dumps({**record, "schema": 3}))
        with monkeypatch.context() as patched:
            patched.setattr("harness.results.remote.packing.SCHEMA", 2 if schema == "packing.SCHEMA" else 1)
            later = pack(files)
        b.store.create(f"cells/{KEY}/1", later)

        b.remote.pull()
        b.store_run(run_of(shift=1.0))
        b.remote.pull()
        c.store_run(run_of(shift=2.0))  # which has not read it

        assert b.store.read(b.store.names()) == {f"cells/{KEY}/1": later}
        assert [means(each.journal.read_with_results(KEY))[0] for each in (b, c)] == [1.0, 2.0]
        assert b.remote.pending_items() == [f"cells/{KEY}"]
        kept = [message for message in caplog.messages if f"stays in {b.home} and is not stored" in message]
        assert len(kept) == 1

    def test_a_result_waits_for_the_later_version(
        self, folder_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        monkeypatch.setattr("harness.results.remote.packing.SCHEMA", 2)
        a.store_run(run_of())
        with monkeypatch.context() as patched:
            patched.setattr("harness.results.remote.packing.SCHEMA", 1)
            b.store_run(run_of(shift=1.0))

        folder_machine("b").remote.push_pending()

        assert means(b.journal.read_with_results(KEY)) == means(run_of())
        assert len(b.store.names(f"conflicts/{KEY}")) == 1


class TestLost:
    def test_the_list_of_copies_may_be_lost(
        self, folder_machine: MakeMachine, caplog: pytest.LogCaptureFixture
    ) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        a.store_run(run_of())
        b.remote.pull()
        (b.home / "copies.jsonl").unlink()

        again = folder_machine("b")
        again.remote.pull()
        again.remote.push_pending()

        assert not again.remote._is_pending(f"cells/{KEY}")
        assert a.store.names().keys() == {f"cells/{KEY}/1"}
        assert caplog.messages == []

    def test_a_copy_of_the_folder_with_other_times_is_the_same(
        self, folder_machine: MakeMachine, tmp_path: Path
    ) -> None:
        a = folder_machine("a")
        a.store_run(run_of())
        shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)

        b = folder_machine("b")
        b.remote.pull()
        b.remote.push_pending()

        assert a.store.names().keys() == {f"cells/{KEY}/1"}

    def test_a_cell_that_was_removed_from_the_store_is_moved_away(
        self, folder_machine: MakeMachine, caplog: pytest.LogCaptureFixture
    ) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        a.store_run(run_of())
        a.store_run(run_of("f" * 32))
        b.remote.pull()
        a.store.remove([f"cells/{KEY}/1"])

        assert b.pulled() is None
        assert b.pulled("f" * 32) is not None
        assert "a result was removed from" in caplog.text
        assert len([*b.home.glob("removed/*/journal/cells/*/record.json")]) == 1
        b.store_run(run_of())
        assert f"cells/{KEY}/2" in b.store.names()  # so that nobody takes it for the one that was removed

    def test_a_cell_that_was_removed_and_run_elsewhere_is_read_again(self, machine: MakeMachine) -> None:
        a, b, c = machine("a"), machine("b"), machine("c")
        a.store_run(run_of())
        for each in (a, b):
            each.remote.pull()
        a.store.remove([f"cells/{KEY}/1"])

        c.store_run(run_of(shift=1.0))

        assert c.store.names().keys() == {f"cells/{KEY}/1"}
        assert [means(each.pulled()) for each in (a, b, c)] == [means(run_of(shift=1.0))] * 3

    def test_until_a_machine_has_listed_what_it_stored_the_size_tells(self, folder_machine: MakeMachine) -> None:
        a, c = folder_machine("a"), folder_machine("c")
        a.store_run(run_of())
        a.store.remove([f"cells/{KEY}/1"])

        c.store_run(run_of(shift=123.25))  # whose scores have more digits

        assert means(a.pulled()) == means(run_of(shift=123.25))

    def test_a_lower_number_counts_where_the_higher_one_was_removed(self, folder_machine: MakeMachine) -> None:
        a, c = folder_machine("a"), folder_machine("c")
        a.store_run(run_of())
        a.store_run(run_of(shift=1.0))
        a.store.remove([f"cells/{KEY}/2"])

        c.store_run(run_of(shift=2.0))

        assert c.store.names().keys() == {f"cells/{KEY}/1"}
        assert means(a.pulled()) == means(run_of(shift=2.0))

    def test_an_object_that_was_written_anew_with_its_content_changes_nothing(
        self, folder_machine: MakeMachine, tmp_path: Path
    ) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        a.store_run(run_of())
        b.remote.pull()
        before = b.journal.modified(KEY)

        os.utime(tmp_path / "store" / "cells" / KEY / "1", (1, 1))  # as a copy of the store does
        b.remote.pull()

        assert b.journal.modified(KEY) == before
        assert b.remote.pending_items() == []

    def test_another_home_at_the_same_url(
        self, folder_machine: MakeMachine, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        a.remote.prepare()
        a.store_run(run_of())
        b.remote.pull()
        b.journal.write(run_of("f" * 32))  # in an outage
        shutil.rmtree(tmp_path / "store")
        a, b, c = (folder_machine(name) for name in "abc")
        c.remote.prepare()

        assert b.pulled() is None
        ((place, *_),) = {record.parents[3:] for record in b.home.glob("removed/*/journal/cells/*/record.json")}
        assert caplog.messages == [
            f"{b.store.url} is another home than before; what was read of the former one is now in {place}, with a "
            "result that was made here and never stored; to store its results again, run `harness merge "
            f"{place} {b.store.url}`"
        ]
        b.store_run(run_of(shift=1.0))
        assert means(a.pulled()) == means(run_of(shift=1.0))


class TestEmptied:
    @pytest.fixture
    def kept(self, folder_machine: MakeMachine) -> str:
        """The key of a cell that machine "a" could not store; it has read another one from the store."""
        a, key = folder_machine("a"), "f" * 32
        a.remote.prepare()
        a.store_run(run_of())
        a.journal.write(run_of(key))
        return key

    @pytest.mark.parametrize("is_mount_point", [True, False])
    def test_a_folder_that_is_not_mounted_is_not_another_home(
        self, folder_machine: MakeMachine, tmp_path: Path, kept: str, *, is_mount_point: bool
    ) -> None:
        (tmp_path / "store").rename(tmp_path / "unmounted")
        if is_mount_point:
            (tmp_path / "store").mkdir()

        with pytest.raises(StoreUnavailable, match="is empty, but this machine has read a home from it; "):
            folder_machine("a").remote.pull()

        assert list(folder_machine("a").journal.keys()) == [KEY, kept]
        assert not (tmp_path / "a" / "removed").exists()
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        (tmp_path / "unmounted").rename(tmp_path / "store")
        again = folder_machine("a")
        again.remote.pull()
        again.remote.push_pending()
        assert list(again.store.names("cells")) == [f"cells/{KEY}/1", f"cells/{kept}/1"]

    def test_nothing_is_written_in_the_place_of_a_folder_that_was_there(
        self, folder_machine: MakeMachine, tmp_path: Path, kept: str
    ) -> None:
        a = folder_machine("a")
        (tmp_path / "store").rename(tmp_path / "unmounted")
        (tmp_path / "store").mkdir()

        with pytest.raises(StoreUnavailable, match="is not there any more; make") as raised:
            a.remote.push(f"cells/{kept}")

        assert raised.value.may_pass
        assert [*(tmp_path / "store").iterdir()] == []

    def test_a_store_that_was_emptied_on_purpose_is_used_as_the_error_says(
        self, folder_machine: MakeMachine, tmp_path: Path, kept: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        shutil.rmtree(tmp_path / "store")
        with pytest.raises(StoreUnavailable) as raised:
            folder_machine("a").remote.pull()

        Path(str(raised.value).rpartition("on purpose, delete ")[2]).unlink()
        a = folder_machine("a")
        a.remote.pull()
        a.remote.prepare()
        a.remote.push_pending()

        assert a.store.names("cells").keys() == {f"cells/{kept}/1"}
        assert "a result was removed from" in caplog.text


class Faulty:
    """A store that fails from a request on."""

    def __init__(self, store: Store, requests: int) -> None:
        self._store, self._left = store, requests
        self.url, self.is_exclusive = store.url, True

    def _request(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailable("the store does not answer")

    def names(self, prefix: str = "") -> Mapping[str, int]:
        self._request()
        return self._store.names(prefix)

    def entries(self, prefix: str = "") -> Mapping[str, Entry]:
        self._request()
        return self._store.entries(prefix)

    def read(self, names: Iterable[str]) -> Mapping[str, bytes]:
        self._request()
        return self._store.read(names)

    def read_start(self, name: str, size: int) -> bytes:
        self._request()
        return self._store.read_start(name, size)

    def create(self, name: str, content: bytes) -> bool:
        self._request()
        return self._store.create(name, content)

    def write(self, name: str, content: bytes) -> None:
        self._request()
        self._store.write(name, content)

    def remove(self, names: Iterable[str]) -> None:
        self._request()
        self._store.remove(names)


class TestUnavailable:
    @pytest.mark.parametrize("requests", range(5))
    def test_what_was_not_stored_is_stored_later(self, folder_machine: MakeMachine, requests: int) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        a.store_run(run_of())
        b.remote.pull()
        b.journal.write(run_of(shift=1.0))
        b.journal.write(run_of("f" * 32))

        with contextlib.suppress(StoreUnavailable):
            RemoteHome(b.home, Faulty(b.store, requests)).push_pending()
        folder_machine("b").remote.push_pending()

        assert means(a.pulled()) == means(run_of(shift=1.0))
        assert a.pulled("f" * 32) is not None

    @pytest.mark.parametrize("requests", range(4))
    def test_what_was_not_read_is_read_later(self, folder_machine: MakeMachine, requests: int) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        for i in range(3):
            a.store_run(run_of(f"{i:032x}"))

        with contextlib.suppress(StoreUnavailable):
            RemoteHome(b.home, Faulty(b.store, requests)).pull()

        assert [means(b.pulled(f"{i:032x}")) for i in range(3)] == [means(run_of())] * 3

    def test_a_store_that_replaces_what_is_there_is_refused(self, folder_machine: MakeMachine) -> None:
        a = folder_machine("a")

        class Replacing(Faulty):
            def create(self, name: str, content: bytes) -> bool:
                self._store.write(name, content)
                return True

        with pytest.raises(StoreUnavailable, match="does not know conditional writes"):
            RemoteHome(a.home, Replacing(a.store, 100)).prepare()

    def test_a_local_copy_that_cannot_be_written(self, folder_machine: MakeMachine) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        a.store_run(run_of())
        b.home.mkdir()
        (b.home / "journal").write_text("in the way")

        with pytest.raises(InfrastructureFault, match="HARNESS_CACHE_DIR"):
            b.remote.pull()


HOLDER = """
import sys
from pathlib import Path
from harness.results.remote.local_lock import locked

with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


class TestLocalLock:
    def test_for_which_command_it_waits_is_told(
        self, folder_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(local_lock, "SOON", 0.05)
        a = folder_machine("a")
        a.remote.prepare()
        other = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(a.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"

        with ThreadPoolExecutor(1) as thread:
            reading = thread.submit(a.remote.pull)
            wait_for(lambda: caplog.messages or reading.done())
            assert not reading.done()
            other.communicate()
            reading.result()

        assert caplog.messages == [
            f"another command on this machine reads the store into the local copy {a.home}; waiting for it (if it was "
            "suspended, let it go on)"
        ]

    def test_a_thread_of_the_same_command_is_awaited_silently(
        self, folder_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(local_lock, "SOON", 0.0)
        a = folder_machine("a")
        a.remote.prepare()

        with ThreadPoolExecutor(1) as thread:
            with local_lock.locked(a.home):
                reading = thread.submit(a.remote.pull)
                time.sleep(0.1)  # in which a message would be told
            reading.result()

        assert caplog.messages == []


class TestPacks:
    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packs, "FEWEST", 4)
        monkeypatch.setattr(packs, "MOST", 5)
        monkeypatch.setattr(packs, "MANY", 4)

    @staticmethod
    def keys(count: int) -> list[str]:
        return [f"{i:032x}" for i in range(count)]

    def test_cells_are_read_from_packs(self, machine: MakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
        a, b = machine("a"), machine("b")
        for key in self.keys(12):
            a.store_run(run_of(key))
        a.remote.write_packs()
        assert len(a.store.names("packs")) == 2  # of 5 cells each; 2 are too few

        read, whole = list[str](), type(b.store).read

        def noted(store: Store, names: Iterable[str]) -> Mapping[str, bytes]:
            names = list(names)
            read.extend(names)
            return whole(store, names)

        monkeypatch.setattr(type(b.store), "read", noted)
        b.remote.pull()

        assert list(b.journal.keys()) == self.keys(12)
        assert len([name for name in read if name.startswith("packs/")]) == 2
        assert len([name for name in read if name.startswith("cells/")]) == 2
        b.remote.push_pending()
        assert len(b.store.names("cells")) == 12

    def test_a_replaced_cell_is_not_read_from_a_pack(self, folder_machine: MakeMachine) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        for key in self.keys(5):
            a.store_run(run_of(key))
        a.remote.write_packs()
        a.store_run(run_of(self.keys(1)[0], shift=1.0))

        b.remote.pull()

        found = [means(b.journal.read_with_results(key))[0] for key in self.keys(5)]
        assert found == [1.0, 0.0, 0.0, 0.0, 0.0]

    def test_a_cell_that_was_removed_is_not_read_from_a_pack(self, machine: MakeMachine) -> None:
        a, b, c = machine("a"), machine("b"), machine("c")
        for key in self.keys(5):
            a.store_run(run_of(key))
        a.remote.write_packs()
        a.store.remove([f"cells/{self.keys(1)[0]}/1"])

        b.store_run(run_of(self.keys(1)[0], shift=1.0))
        c.remote.pull()

        found = [means(c.journal.read_with_results(key))[0] for key in self.keys(5)]
        assert found == [1.0, 0.0, 0.0, 0.0, 0.0]

    def test_a_pack_of_a_later_version_stays_and_is_not_used(
        self, folder_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        for key in self.keys(5):
            a.store_run(run_of(key))
        with monkeypatch.context() as patched:
            patched.setattr("harness.results.remote.packing.SCHEMA", 2)
            a.remote.write_packs()

        b.remote.pull()
        b.remote.write_packs()

        assert list(b.journal.keys()) == self.keys(5)
        assert len(b.store.names("packs")) == 2

    def test_a_pack_of_which_most_was_replaced_is_removed(self, folder_machine: MakeMachine) -> None:
        a = folder_machine("a")
        for key in self.keys(5):
            a.store_run(run_of(key))
        a.remote.write_packs()
        (first,) = a.store.names("packs")
        for key in self.keys(3):
            a.store_run(run_of(key, shift=1.0))

        a.remote.write_packs()

        (second,) = a.store.names("packs")
        assert second != first
        assert folder_machine("b").pulled(self.keys(1)[0]) is not None

    def test_a_damaged_pack_costs_nothing_but_time(
        self, folder_machine: MakeMachine, caplog: pytest.LogCaptureFixture
    ) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        for key in self.keys(5):
            a.store_run(run_of(key))
        a.remote.write_packs()
        ((name, content),) = a.store.read(a.store.names("packs")).items()
        a.store.write(name, content[:-1])

        b.remote.pull()

        assert list(b.journal.keys()) == self.keys(5)
        assert "its objects are read one by one" in caplog.text

    def test_an_empty_pack_is_left_out(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        for key in self.keys(5):
            a.store_run(run_of(key))
        a.remote.write_packs()
        (name,) = a.store.names("packs")
        a.store.write(name, b"")

        b.remote.pull()

        assert list(b.journal.keys()) == self.keys(5)


def test_others_replace_what_is_read(folder_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = folder_machine("a"), folder_machine("b")
    a.store_run(run_of())
    take = RemoteHome._take

    def late(remote: RemoteHome, *arguments: object) -> bool:
        monkeypatch.setattr(RemoteHome, "_take", take)
        a.store_run(run_of(shift=1.0))  # after the listing
        return take(remote, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(RemoteHome, "_take", late)

    assert means(b.pulled()) == means(run_of(shift=1.0))
