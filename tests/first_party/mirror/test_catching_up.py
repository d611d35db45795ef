"""The mirror catches up after it was killed, and where its index or its home was changed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow_boards import CELL_NAMES, HILLS, client_of, fill, keys_of, runs_of
from mlflow_homes import mirror

from harness import Journal, read_checked_json, stored_plans, write_checked_json
from harness.boards.leaderboard import Entry
from harness_mlflow.companion import Companion
from harness_mlflow.index import SCHEMA, backlog
from harness_mlflow.mirror import Mirror
from harness_mlflow.orders import Orders
from harness_mlflow.place import Place
from harness_mlflow.progress import Reported

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector

MIRROR = [sys.executable, "-P", "-m", "harness_mlflow.mirror", "--home"]


class TestCatchingUp:
    def test_a_second_pass_does_not_even_open_the_store(self, sent: Path) -> None:
        again = mirror(sent)

        assert again.progress.sent == 0
        assert again._store is None
        assert not backlog(Place(sent))

    def test_a_lost_index_is_rebuilt_and_nothing_sent_twice(self, sent: Path) -> None:
        before = {run.info.run_id for run in runs_of(sent, "hills · cells").values()}
        (sent / "mlflow" / "mirrored.json").unlink()

        mirror(sent)

        assert {run.info.run_id for run in runs_of(sent, "hills · cells").values()} == before
        assert keys_of(sent) == sorted(Journal(sent).keys())
        assert len(client_of(sent).get_metric_history(runs_of(sent, "hills")["last"].info.run_id, "rank")) == 1

    def test_an_index_of_another_store_is_not_believed(self, sent: Path) -> None:
        path = sent / "mlflow" / "mirrored.json"
        fields = read_checked_json(path, SCHEMA)
        assert fields is not None
        for board in fields["stores"]["own"].values():
            board["cells_experiment"] = "77"
        write_checked_json(path, {name: fields[name] for name in ("stores", "versions")}, SCHEMA)
        last = sent / "journal" / "cells" / stored_plans(sent)[0].cells[-1].key / "record.json"
        last.touch()

        again = mirror(sent)

        assert again.progress.sent > 1
        assert keys_of(sent) == sorted(Journal(sent).keys())
        assert not backlog(Place(sent))

    @pytest.mark.parametrize("content", ["", "{", "[1]", '{"schema": 2, "stores": 7}', "flipped", "[" * 100_000])
    def test_a_damaged_index_is_moved_aside_and_made_again(self, sent: Path, content: str) -> None:
        before = {run.info.run_id for run in runs_of(sent, "hills · cells").values()}
        path = sent / "mlflow" / "mirrored.json"
        text = path.read_text()
        path.write_text(
            text.replace('"cells_experiment": "', '"cells_experiment": "7') if content == "flipped" else content
        )

        mirror(sent)

        assert {run.info.run_id for run in runs_of(sent, "hills · cells").values()} == before
        assert not backlog(Place(sent)).work

    def test_an_index_of_a_later_version_is_left_and_told(self, sent: Path) -> None:
        path = sent / "mlflow" / "mirrored.json"
        write_checked_json(path, {"stores": {}}, SCHEMA + 1)

        (sentence,) = Companion(sent).finish()

        assert "was written by a later version of harness" in sentence
        assert read_checked_json(path, SCHEMA + 1) is not None

    def test_a_record_that_cannot_be_read_stops_no_other(self, home: Path) -> None:
        for key in list(Journal(home).keys())[:4]:
            (home / "journal" / "cells" / key / "record.json").write_text('{"schema": 1, "status": "completed"}')
        orders = Orders()
        orders.finish.set()

        made = Mirror(Place(home), orders)
        made.follow()

        assert made.progress.problem == ""
        assert len(keys_of(home)) == 2

    def test_a_forecaster_that_was_given_another_name_takes_its_cells_along(self, sent: Path) -> None:
        entries = (Entry("last"), Entry("drawn"), Entry("last", "last of all", {"spread": 3.0}), Entry("unfit"))
        fill(sent, "hills", replace(HILLS, forecasters=entries))

        mirror(sent)

        assert set(runs_of(sent, "hills")) == {"last", "drawn", "last of all", "unfit"}
        names = set(runs_of(sent, "hills · cells"))
        assert names == {name.replace("last (wide)", "last of all") for name in CELL_NAMES}
        assert not backlog(Place(sent))

    def test_a_cell_that_was_run_again_replaces_its_run(self, sent: Path) -> None:
        journal = Journal(sent)
        key = runs_of(sent, "hills · cells")["last · hills"].data.tags["harness.key"]
        run = journal.read_with_results(key)
        assert run is not None
        journal.write(replace(run, scores={"MASE": 7.0}))

        mirror(sent)

        metrics = runs_of(sent, "hills · cells")["last · hills"].data.metrics
        assert metrics["MASE"] == 7.0
        assert "MAE" not in metrics

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
    def test_a_mirror_that_is_killed_again_and_again_leaves_one_run_a_key(self, home: Path) -> None:
        cells = home / "mlflow" / "artifacts"
        for wanted in (1, 3):
            process = subprocess.Popen([*MIRROR, str(home)], stderr=subprocess.DEVNULL)
            while len(list(cells.glob("*/*/artifacts/record.json"))) < wanted and process.poll() is None:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert backlog(Place(home))

        subprocess.run([*MIRROR, str(home)], check=True, stderr=subprocess.DEVNULL)

        assert keys_of(home) == sorted(Journal(home).keys())
        for board in ("hills", "waves"):
            assert all(run.info.status != "RUNNING" for run in runs_of(home, f"{board} · cells").values())
        assert not backlog(Place(home))

    def test_a_run_that_was_left_unfinished_is_made_anew(self, home: Path) -> None:
        first = mirror(home)
        run = runs_of(home, "hills · cells")["last · hills"]
        client_of(home).update_run(run.info.run_id, "RUNNING")
        (home / "mlflow" / "mirrored.json").unlink()

        mirror(home)

        again = runs_of(home, "hills · cells")["last · hills"]
        assert first.progress.sent
        assert again.info.status == "FINISHED"

    def test_a_home_that_was_moved_takes_its_artifacts_along(self, sent: Path, tmp_path: Path) -> None:
        moved = tmp_path / "elsewhere"
        sent.rename(moved)
        (moved / "mlflow" / "mirrored.json").unlink()

        mirror(moved)

        run = runs_of(moved, "hills · cells")["last · hills"]
        assert run.info.artifact_uri.startswith((moved / "mlflow" / "artifacts").as_uri())

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
    def test_a_store_is_made_whole_or_not_at_all(self, home: Path) -> None:
        database = home / "mlflow" / "mlflow.db"
        database.unlink()
        process = subprocess.Popen([*MIRROR, str(home)], stderr=subprocess.DEVNULL)
        while not list((home / "mlflow").glob(".*.draft")) and process.poll() is None:
            time.sleep(0.002)
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not database.exists()

        subprocess.run([*MIRROR, str(home)], check=True, stderr=subprocess.DEVNULL)

        assert keys_of(home) == sorted(Journal(home).keys())

    def test_only_one_mirror_is_at_work(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        place.folder.mkdir()

        with FileLock(place.folder / "mirror.lock"):
            ended = subprocess.run([*MIRROR, str(tmp_path)], stderr=subprocess.DEVNULL)

        assert ended.returncode == 1
        assert Reported.of(place).problem == "another harness command is sending this home's runs"
