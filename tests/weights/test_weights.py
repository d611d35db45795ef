"""Weights are fetched, verified and locked; nothing is used that is not what was fetched."""

from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness import BadInput, DataUnavailable, ForecasterSpec, Weights, weights_folder
from harness.forecasters.described import DescribedFactory, FactoryDescription
from harness.forecasters.spec import spec_problem
from harness.forecasters.spec_fields import dump_spec, load_spec
from harness.forecasters.weights import fetching as weights_fetching
from harness.forecasters.weights.fetching import fetch_weights, remove_weights, take_weights
from harness.forecasters.weights.store import damage, read_lock, weights_digest, weights_problem

REPOSITORY = "org/tiny"
WEIGHTS = Weights(REPOSITORY, files=("config.json", "model.safetensors"))
FILES = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 200, "README.md": b"text"}


def silent(text: str) -> None:
    """Nothing is printed."""


class TestFetching:
    def test_the_declared_files_are_downloaded(self, hub: Any) -> None:
        commit = hub.add(REPOSITORY, FILES)

        fetch_weights(WEIGHTS, silent)

        folder = weights_folder(WEIGHTS)
        assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
        assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
        assert folder.name == commit

    def test_the_lock_has_the_commit_and_the_hash_of_every_file(self, hub: Any) -> None:
        commit = hub.add(REPOSITORY, FILES)

        lock = fetch_weights(WEIGHTS, silent)

        assert lock == read_lock(WEIGHTS)
        assert (lock.commit, lock.revision, lock.source) == (commit, "main", hub.url)
        assert {name: file.sha256 for name, file in lock.files.items()} == {
            name: sha256(FILES[name]).hexdigest() for name in WEIGHTS.files
        }

    def test_weights_that_are_fetched_need_no_hub(self, hub: Any) -> None:
        hub.add(REPOSITORY, FILES)
        fetch_weights(WEIGHTS, silent)
        hub.asked.clear()
        hub.add(REPOSITORY, {**FILES, "config.json": b"new"})

        fetch_weights(WEIGHTS, silent)

        assert hub.asked == []

    def test_another_revision_replaces_them(self, hub: Any) -> None:
        hub.add(REPOSITORY, FILES)
        hub.add(REPOSITORY, {**FILES, "config.json": b"older"}, "v1")
        before = fetch_weights(WEIGHTS, silent)
        digest = weights_digest(WEIGHTS)

        lock = fetch_weights(WEIGHTS, silent, "v1")

        assert lock.revision == "v1"
        assert (weights_folder(WEIGHTS) / "config.json").read_bytes() == b"older"
        assert weights_digest(WEIGHTS) != digest
        assert not (weights_folder(WEIGHTS).parent / before.folder).exists()

    def test_a_missing_file_is_fetched_from_the_same_commit(self, hub: Any) -> None:
        hub.add(REPOSITORY, FILES)
        fetch_weights(WEIGHTS, silent)
        digest = weights_digest(WEIGHTS)
        (weights_folder(WEIGHTS) / "config.json").unlink()
        hub.add(REPOSITORY, {**FILES, "config.json": b"new"})

        fetch_weights(WEIGHTS, silent)

        assert weights_digest(WEIGHTS) == digest
        assert (weights_folder(WEIGHTS) / "config.json").read_bytes() == b"{}"

    def test_an_interrupted_download_continues(self, hub: Any) -> None:
        hub.add(REPOSITORY, FILES)
        hub.cut_after = 20_000
        with pytest.raises(DataUnavailable, match=r"the connection was cut after \d+ bytes; run the command again"):
            fetch_weights(WEIGHTS, silent)
        assert weights_problem(WEIGHTS) == "the weights org/tiny are not fetched"
        hub.cut_after = None

        fetch_weights(WEIGHTS, silent)

        assert any("model.safetensors bytes=" in asked for asked in hub.asked)
        assert (weights_folder(WEIGHTS) / "model.safetensors").read_bytes() == FILES["model.safetensors"]

    @pytest.mark.parametrize("name", WEIGHTS.files)
    def test_a_download_with_another_hash_than_the_hub_tells_is_refused(self, hub: Any, name: str) -> None:
        hub.add(REPOSITORY, {**FILES, "config.json": b"{12}"})
        hub.damaged = True
        weights = Weights(REPOSITORY, files=(name,))

        with pytest.raises(DataUnavailable, match=r"the sha256 of the download is|has another hash than the hub tells"):
            fetch_weights(weights, silent)

        assert weights_problem(weights)

    def test_a_declared_hash_is_binding(self, hub: Any) -> None:
        hub.add(REPOSITORY, FILES)
        weights = Weights(
            REPOSITORY, files=("config.json", "model.safetensors"), sha256={"model.safetensors": 64 * "a"}
        )

        with pytest.raises(DataUnavailable, match=r"and a{64} is declared; fetch another revision by --revision"):
            fetch_weights(weights, silent)

    def test_a_declared_hash_is_binding_for_weights_that_are_fetched(self, hub: Any) -> None:
        hub.add(REPOSITORY, FILES)
        fetch_weights(WEIGHTS, silent)

        other = Weights(REPOSITORY, files=WEIGHTS.files, sha256={"config.json": 64 * "a"})

        assert "is declared" in weights_problem(other)

    def test_a_file_that_the_repository_lacks_is_named(self, hub: Any) -> None:
        hub.add(REPOSITORY, {"config.json": b"{}", "pytorch_model.bin": b"x"})

        with pytest.raises(DataUnavailable, match=r"no file 'model.safetensors' .*; it has config.json, pytorch_model"):
            fetch_weights(WEIGHTS, silent)

    def test_an_unknown_repository_is_named(self, hub: Any) -> None:
        with pytest.raises(DataUnavailable, match=r"does not give 'org/tiny' at revision 'main' \(404"):
            fetch_weights(WEIGHTS, silent)

    def test_a_token_is_sent_where_it_is_set(self, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.add(REPOSITORY, FILES)
        hub.needs_token = "secret"
        with pytest.raises(DataUnavailable, match="HF_TOKEN"):
            fetch_weights(WEIGHTS, silent)
        monkeypatch.setenv("HF_TOKEN", "secret")

        fetch_weights(WEIGHTS, silent)

        assert weights_problem(WEIGHTS) == ""

    def test_without_a_network_the_remedy_is_said(self, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

        with pytest.raises(DataUnavailable, match=r"no connection to http://127.0.0.1:9 .*--from FOLDER") as raised:
            fetch_weights(WEIGHTS, silent)

        files = " and ".join(WEIGHTS.files)
        assert f"download {files} from http://127.0.0.1:9/{REPOSITORY}/tree/main on a machine" in str(raised.value)

    def test_offline_nothing_is_asked(self, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.add(REPOSITORY, FILES)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")

        with pytest.raises(DataUnavailable, match="HF_HUB_OFFLINE is set"):
            fetch_weights(WEIGHTS, silent)

        assert hub.asked == []

    def test_a_full_disk_is_noticed_before_the_download(self, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.add(REPOSITORY, FILES)
        usage = shutil.disk_usage("/")._replace(free=1000)
        monkeypatch.setattr(weights_fetching.shutil, "disk_usage", lambda folder: usage)

        with pytest.raises(DataUnavailable, match=r"the weights need 51.2 kB, and .* has 1 kB left"):
            fetch_weights(WEIGHTS, silent)

        assert not any("resolve" in asked for asked in hub.asked)

    def test_forecasters_may_declare_different_files_of_a_repository(self, hub: Any) -> None:
        hub.add(REPOSITORY, FILES)
        fetch_weights(WEIGHTS, silent)
        hub.add(REPOSITORY, {**FILES, "README.md": b"new"})

        fetch_weights(Weights(REPOSITORY, files=("README.md",)), silent)

        assert weights_problem(WEIGHTS) == ""
        assert (weights_folder(WEIGHTS) / "README.md").read_bytes() == b"text"


class TestFolders:
    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        folder = tmp_path / "source"
        folder.mkdir()
        for name, content in FILES.items():
            (folder / name).write_bytes(content)
        return folder

    def test_files_are_taken_from_a_folder_without_a_hub(self, hub: Any, source: Path) -> None:
        lock = take_weights(WEIGHTS, source, silent)

        assert (weights_folder(WEIGHTS) / "model.safetensors").read_bytes() == FILES["model.safetensors"]
        assert (lock.commit, lock.source) == (None, str(source))
        assert hub.asked == []

    def test_the_same_files_are_the_same_weights_wherever_they_are_from(self, hub: Any, source: Path) -> None:
        hub.add(REPOSITORY, FILES)
        fetch_weights(WEIGHTS, silent)
        digest = weights_digest(WEIGHTS)

        take_weights(WEIGHTS, source, silent)

        assert weights_digest(WEIGHTS) == digest

    def test_a_folder_of_the_cache_of_the_hub_tells_its_commit(self, hub: Any, source: Path) -> None:
        snapshot = source.with_name(40 * "a")
        snapshot.mkdir()
        for name in FILES:  # as the cache of the hub has them
            (snapshot / name).symlink_to(source / name)

        lock = take_weights(WEIGHTS, snapshot, silent)

        assert lock.commit == 40 * "a"
        assert not (weights_folder(WEIGHTS) / "config.json").is_symlink()

    def test_a_folder_without_a_file_is_refused(self, hub: Any, source: Path) -> None:
        (source / "config.json").unlink()

        with pytest.raises(BadInput, match=rf"the folder {source} lacks config.json of the weights org/tiny"):
            take_weights(WEIGHTS, source, silent)

    def test_a_file_with_another_hash_than_declared_is_refused(self, hub: Any, source: Path) -> None:
        weights = Weights(REPOSITORY, files=WEIGHTS.files, sha256={"config.json": 64 * "a"})

        with pytest.raises(DataUnavailable, match=r"and a{64} is declared"):
            take_weights(weights, source, silent)


class TestVerification:
    @pytest.fixture
    def folder(self, hub: Any) -> Path:
        hub.add(REPOSITORY, FILES)
        fetch_weights(WEIGHTS, silent)
        return weights_folder(WEIGHTS)

    def test_weights_that_are_not_fetched_are_told_with_the_command(self, hub: Any) -> None:
        with pytest.raises(DataUnavailable, match="org/tiny are not fetched; run `harness weights fetch`"):
            weights_folder(WEIGHTS)

    def test_a_file_of_another_size_is_noticed(self, folder: Path) -> None:
        (folder / "config.json").write_bytes(b"{ }")

        with pytest.raises(DataUnavailable, match=r"config.json has 3 bytes instead of 2"):
            weights_folder(WEIGHTS)

    def test_a_file_that_was_changed_is_noticed(self, folder: Path) -> None:
        (folder / "config.json").write_bytes(b"[]")

        with pytest.raises(DataUnavailable, match=r"the sha256 of .*config.json is \w+ instead of"):
            weights_folder(WEIGHTS)

    def test_a_file_that_was_only_touched_is_hashed_once(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.utime(folder / "config.json", ns=(1, 1))
        weights_folder(WEIGHTS)

        lock = read_lock(WEIGHTS)

        assert lock is not None
        assert lock.files["config.json"].modified == 1

    def test_changes_that_keep_size_and_time_are_found_by_the_check(self, folder: Path) -> None:
        state = (folder / "config.json").stat()
        (folder / "config.json").write_bytes(b"[]")
        os.utime(folder / "config.json", ns=(state.st_atime_ns, state.st_mtime_ns))
        assert weights_problem(WEIGHTS) == ""

        (problem,) = damage(WEIGHTS)

        assert "config.json is 4f53cda18c2baa0c" in problem
        fetch_weights(WEIGHTS, silent)
        assert damage(WEIGHTS) == []

    def test_a_damaged_file_is_fetched_again(self, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"damaged")

        fetch_weights(WEIGHTS, silent)

        assert damage(WEIGHTS) == []

    def test_a_damaged_lock_is_told_and_fetched_again(self, folder: Path) -> None:
        lock = folder.parent / "main.json"
        lock.write_text(lock.read_text(encoding="utf-8").replace("config", "cinfog"), encoding="utf-8")
        assert "main.json" in weights_problem(WEIGHTS)

        fetch_weights(WEIGHTS, silent)

        assert damage(WEIGHTS) == []

    def test_removed_weights_leave_nothing(self, folder: Path) -> None:
        assert remove_weights(WEIGHTS, silent)

        assert not folder.parent.exists()
        assert not remove_weights(WEIGHTS, silent)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"repository": "tiny"}, "repository must be as organisation/name, not 'tiny'"),
        ({"repository": "../tiny"}, "repository must be as"),
        ({"files": ()}, "files must name at least one file"),
        ({"files": ("../config.json",)}, r"files has '\.\./config.json'"),
        ({"files": ("/etc/passwd",)}, "files has '/etc/passwd'"),
        ({"revision": "../main"}, "revision has"),
        ({"sha256": {"other": 64 * "a"}}, "sha256 must map names of files"),
        ({"files": "config.json"}, "files"),
    ],
)
def test_bad_weights_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Weights(**{"repository": REPOSITORY, **fields})


def test_a_spec_with_weights_survives_the_way_through_a_process_of_an_environment() -> None:
    weights = Weights(REPOSITORY, "v1", ("a.bin",), {"a.bin": 64 * "a"}, "MIT")
    spec = ForecasterSpec("small", "module:Small", weights=weights, paths=("checkpoint",))

    told = json.loads(json.dumps(dump_spec(spec)))

    read = load_spec(told, DescribedFactory("env", FactoryDescription(), {}))
    assert (read.weights, read.paths) == (weights, ("checkpoint",))


def test_weights_of_another_type_are_refused() -> None:
    spec = ForecasterSpec("small", "module:Small", weights="org/small")  # type: ignore[arg-type]

    assert spec_problem(spec) == "weights of forecaster 'small' must be Weights, not 'org/small'"
